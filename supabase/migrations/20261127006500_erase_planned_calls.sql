-- Whoever is to be forgotten is not rung either: what is planned to them is taken back, and every plan forgets whom it was for. A
-- telephone that rings already rings on; its call is erased like any other.

create function public.erase_planned_calls() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.planned_calls as planned set
    state = case
      when planned.state = 'planned' or (planned.state = 'dialing' and planned.rung_at is null) then 'cancelled'
      else planned.state
    end,
    ended_at = case
      when planned.state = 'planned' or (planned.state = 'dialing' and planned.rung_at is null) then now()
      else planned.ended_at
    end,
    callee = null, callee_name = '', about = '', redacted_at = now(), updated_at = now()
  where planned.tenant_id = new.tenant_id and planned.callee is not null
    and public.caller_digest_v1(planned.tenant_id, planned.callee) = new.caller_digest;
  return null;
end
$$;
create trigger caller_erasures_take_plans_back
  after insert or update on public.caller_erasures
  for each row execute function public.erase_planned_calls();

-- Plans that are over, as long as their tenant keeps calls. -> how many went, at most p_limit
create function public.purge_planned_calls_v1(p_limit integer default 200) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_gone integer;
begin
  delete from public.planned_calls as gone
  where gone.planned_call_id in (
    select planned.planned_call_id from public.planned_calls as planned
    join public.tenants on tenants.tenant_id = planned.tenant_id
    where planned.state in ('done', 'given_up', 'cancelled', 'refused')
      and planned.updated_at < now() - make_interval(days => tenants.retention_days)
    limit p_limit
    for update of planned skip locked
  );
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;

revoke all on function public.erase_planned_calls() from public, anon, authenticated;
revoke all on function public.purge_planned_calls_v1(integer) from public, anon, authenticated;
grant execute on function public.purge_planned_calls_v1(integer) to service_role;
