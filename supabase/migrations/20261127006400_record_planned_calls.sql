-- A call that we placed is a call like any other, with a word about which plan it comes of. `dialed` stays the business's number and
-- `caller` the person's, whoever rang: what is found, shown and erased by the person's number is found in these calls too.

alter table public.calls add column planned_call_id uuid;
alter table public.calls add column direction text not null
  generated always as (case when planned_call_id is null then 'inbound' else 'outbound' end) stored;

-- As open_call_v1. p_planned_call_id: it was answered, and is the plan's call from here on.
create function public.open_call_v2(
  p_call_id uuid, p_sip_call_id text, p_dialed text, p_caller text, p_received_at timestamptz,
  p_ran_on_assistant_id uuid default null, p_ran_on_version integer default null, p_planned_call_id uuid default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_opened jsonb := public.open_call_v1(
    p_call_id, p_sip_call_id, p_dialed, p_caller, p_received_at, p_ran_on_assistant_id, p_ran_on_version
  );
  v_call public.calls;
begin
  if p_planned_call_id is null then
    return v_opened;
  end if;
  update public.calls set planned_call_id = p_planned_call_id
  where calls.call_id = (v_opened ->> 'call_id')::uuid and calls.planned_call_id is null
    and exists (
      select from public.planned_calls as planned
      where planned.planned_call_id = p_planned_call_id and planned.tenant_id = calls.tenant_id
    )
  returning * into v_call;
  if found then
    update public.planned_calls as planned set
      state = 'answered', call_id = v_call.call_id, answered_at = v_call.started_at, updated_at = now(),
      claimed_until = now() + interval '3 hours', ended_at = null,
      outcome = case when planned.state = 'given_up' then null else planned.outcome end,
      tries = case when planned.state = 'given_up' then planned.tries - -1 else planned.tries end
    where planned.planned_call_id = p_planned_call_id and (
      (planned.state = 'dialing' and planned.rung_at is not null)
      or (planned.state = 'given_up' and planned.outcome = 'unknown')
    );
    -- one that can't be answered is over with its opening: told to the trigger, now that the plan knows its call
    update public.calls set outcome = calls.outcome where calls.call_id = v_call.call_id and calls.outcome = 'refused';
  end if;
  return v_opened;
end
$$;

-- The record is closed: the plan is done, unless it was told already what came of it, or the call was lost or failed: then nobody
-- rings them again by itself. silent: they picked up and said nothing.
create function public.finish_planned_call() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_outcome text := case
    when new.outcome in ('lost', 'failed', 'refused') then 'failed' when new.outcome = 'silent' then 'silent' else 'talked'
  end;
begin
  update public.planned_calls as planned set
    state = case v_outcome when 'failed' then 'given_up' else 'done' end, outcome = v_outcome, ended_at = now(),
    claimed_until = null, updated_at = now(),
    tries = planned.tries || jsonb_build_object('at', planned.rung_at, 'outcome', v_outcome)
  where planned.planned_call_id = new.planned_call_id and planned.call_id = new.call_id
    and planned.state = 'answered';
  return null;
end
$$;
create trigger calls_planned_call_finished
  after update of closed_at, planned_call_id, outcome on public.calls
  for each row when (new.planned_call_id is not null and (new.closed_at is not null or new.outcome = 'refused'))
  execute function public.finish_planned_call();

revoke all on function public.open_call_v2(uuid, text, text, text, timestamptz, uuid, integer, uuid)
  from public, anon, authenticated;
revoke all on function public.finish_planned_call() from public, anon, authenticated;
grant execute on function public.open_call_v2(uuid, text, text, text, timestamptz, uuid, integer, uuid) to service_role;
