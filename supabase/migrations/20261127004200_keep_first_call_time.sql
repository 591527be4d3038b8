-- When a call is forgotten (retention, or long enough after it was deleted), the time of a tenant's first answered call stays
-- known: a moment, and nothing of who rang. Else the figure would move on to whichever call is the oldest by then.

create function public.keep_first_call_time() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_first record;
begin
  for v_first in
    select forgotten.tenant_id, min(forgotten.started_at) as at
    from forgotten where public.is_answered_v1(forgotten.outcome)
    group by forgotten.tenant_id order by forgotten.tenant_id
  loop
    perform public.ensure_onboarding_v1(v_first.tenant_id);
    update public.onboarding set first_call_at = v_first.at
    where onboarding.tenant_id = v_first.tenant_id
      and (onboarding.first_call_at is null or onboarding.first_call_at > v_first.at);
  end loop;
  return null;
end
$$;

create trigger calls_first_call_kept
  after delete on public.calls
  referencing old table as forgotten
  for each statement execute function public.keep_first_call_time();

revoke all on function public.keep_first_call_time() from public, anon, authenticated;
