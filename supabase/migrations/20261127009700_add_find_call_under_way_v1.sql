-- For the job that takes up a call whose job has died: whom it rang, and why. Null: this try rang nobody, or what came of it was
-- told. A try that was given up because nobody told its end in time, and a call that was closed as lost, may have somebody on the line
-- all the same. Changes nothing.
create function public.find_call_under_way_v1(p_planned_call_id uuid, p_attempt_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'answered', planned.call_id is not null, 'callee', planned.callee, 'callee_name', planned.callee_name,
    'about', planned.about, 'kind', planned.kind, 'from_number', planned.from_number, 'on_machine', planned.on_machine
  )
  from public.planned_calls as planned
  where planned.planned_call_id = p_planned_call_id and planned.attempt_id = p_attempt_id
    and planned.rung_at is not null and planned.callee is not null
    and (
      planned.state in ('dialing', 'answered')
      or (planned.state = 'given_up' and planned.outcome = 'unknown')
      or (planned.state = 'given_up' and planned.outcome = 'failed' and exists (
        select from public.calls where calls.call_id = planned.call_id and calls.outcome = 'lost'
      ))
    )
$$;

revoke all on function public.find_call_under_way_v1(uuid, uuid) from public, anon, authenticated;
grant execute on function public.find_call_under_way_v1(uuid, uuid) to service_role;
