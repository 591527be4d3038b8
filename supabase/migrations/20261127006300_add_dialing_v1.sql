-- Placing planned calls, for the service. A try is claimed (dispatcher), begun (the worker, just before the telephone rings) and
-- ended. What can be repeated safely is: claiming, by the same p_attempt_id; a claim that lapsed before anything rang. What can't is
-- ringing: begin_planned_call_v1 lets one worker through, once, and a try whose end nobody reported is never followed by another.

-- Tries that nobody reported the end of, and answered calls whose record is closed or can't be closed any more.
create function public.settle_planned_calls_v1() returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_settled integer;
  v_done integer;
begin
  update public.planned_calls as planned set
    state = 'given_up', outcome = 'unknown', ended_at = now(), updated_at = now(),
    tries = planned.tries || jsonb_build_object('at', planned.rung_at, 'outcome', 'unknown')
  where planned.state = 'dialing' and planned.rung_at is not null and planned.claimed_until <= now();
  get diagnostics v_settled = row_count;
  update public.planned_calls as planned set
    state = 'done', outcome = 'talked', ended_at = now(), updated_at = now(),
    tries = planned.tries || jsonb_build_object('at', planned.rung_at, 'outcome', 'talked')
  where planned.state = 'answered' and planned.claimed_until <= now();
  get diagnostics v_done = row_count;
  return v_settled + v_done;
end
$$;

-- The earliest that is due, in the hands of p_attempt_id for p_seconds; null: nothing is, or p_at_most calls are under way. One claim
-- at a time, so that nobody is rung by two at once. Who came to the list meanwhile is refused here, who can't be rung in time any
-- more is given up. `hours` is the assistant's as published.
create function public.claim_planned_call_v1(p_attempt_id uuid, p_seconds integer, p_at_most integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
  v_from text;
  v_hours jsonb;
  v_language text;
begin
  perform pg_advisory_xact_lock(hashtextextended('claim_planned_call', 0));
  perform public.settle_planned_calls_v1();
  loop
    if (
      select count(*) from public.planned_calls as live
      where live.state in ('dialing', 'answered') and live.attempt_id is distinct from p_attempt_id
    ) >= p_at_most then
      return null;
    end if;
    select * into v_planned from public.planned_calls as planned
    where (
        (planned.state = 'planned' and planned.due_at <= now())
        or (
          planned.state = 'dialing' and planned.rung_at is null
          and (planned.claimed_until <= now() or planned.attempt_id = p_attempt_id)
        )
      )
      and not exists (
        select from public.planned_calls as other
        where other.tenant_id = planned.tenant_id and other.callee = planned.callee
          and other.state in ('dialing', 'answered') and other.planned_call_id <> planned.planned_call_id
      )
    order by planned.attempt_id is not distinct from p_attempt_id desc, planned.due_at, planned.planned_call_id
    limit 1
    for update skip locked;
    if not found then
      return null;
    end if;
    select versions.config -> 'hours', versions.config ->> 'language' into v_hours, v_language
    from public.assistants
    join public.assistant_versions as versions
      on versions.assistant_id = assistants.assistant_id and versions.version = assistants.published_version
    where assistants.assistant_id = v_planned.assistant_id and assistants.status = 'active';
    select phone_numbers.e164 into v_from from public.phone_numbers
    where phone_numbers.assistant_id = v_planned.assistant_id
    order by phone_numbers.created_at, phone_numbers.e164 limit 1;
    if public.is_do_not_call_v1(v_planned.tenant_id, v_planned.callee) then
      update public.planned_calls as planned set
        state = 'refused', outcome = 'do_not_call', ended_at = now(), updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id;
    elsif v_planned.not_after <= now() then
      update public.planned_calls as planned set
        state = 'given_up', outcome = coalesce(planned.outcome, 'too_late'), ended_at = now(), updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id;
    elsif v_hours is null or v_from is null then
      update public.planned_calls as planned set
        state = 'planned', due_at = now() + interval '15 minutes', attempt_id = null, claimed_until = null,
        put_off_because = case when v_from is null then 'assistant_has_no_number' else 'assistant_not_live' end,
        updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id;
    else
      update public.planned_calls as planned set
        state = 'dialing', attempt_id = p_attempt_id, claimed_until = now() + make_interval(secs => p_seconds),
        rung_at = null, begun_by = null, from_number = v_from, put_off_because = null, updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id
      returning * into v_planned;
      return to_jsonb(v_planned) || jsonb_build_object('hours', v_hours, 'language', v_language);
    end if;
  end loop;
end
$$;

-- Not now: again at p_due_at. No try: nothing has rung. Whoever lost it to another changes nothing.
create function public.put_off_planned_call_v1(
  p_planned_call_id uuid, p_attempt_id uuid, p_due_at timestamptz, p_because text
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.planned_calls as planned set
    state = case when p_due_at >= planned.not_after then 'given_up' else 'planned' end,
    outcome = case when p_due_at >= planned.not_after then coalesce(planned.outcome, 'too_late') else planned.outcome end,
    ended_at = case when p_due_at >= planned.not_after then now() end,
    due_at = p_due_at, attempt_id = null, claimed_until = null, put_off_because = p_because, updated_at = now()
  where planned.planned_call_id = p_planned_call_id and planned.attempt_id = p_attempt_id
    and planned.state = 'dialing' and planned.rung_at is null;
  return found;
end
$$;

-- Just before the telephone rings. status: ring (to one worker, p_begun_by, who may ask again where the answer was lost) |
-- not_yours (cancelled, claimed or begun by another) | refused (on the list by now). p_seconds: how long ringing may take; after
-- that nobody is waited for.
create function public.begin_planned_call_v1(
  p_planned_call_id uuid, p_attempt_id uuid, p_begun_by uuid, p_seconds integer
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
begin
  select * into v_planned from public.planned_calls as planned
  where planned.planned_call_id = p_planned_call_id
  for update;
  if not found or v_planned.state <> 'dialing' or v_planned.attempt_id is distinct from p_attempt_id
    or (v_planned.rung_at is not null and v_planned.begun_by is distinct from p_begun_by) or v_planned.callee is null
  then
    return jsonb_build_object('status', 'not_yours');
  end if;
  if public.is_do_not_call_v1(v_planned.tenant_id, v_planned.callee) then
    update public.planned_calls as planned set
      state = 'refused', outcome = 'do_not_call', ended_at = now(), updated_at = now()
    where planned.planned_call_id = p_planned_call_id;
    return jsonb_build_object('status', 'refused');
  end if;
  update public.planned_calls as planned set
    rung_at = now(), begun_by = p_begun_by, claimed_until = now() + make_interval(secs => p_seconds), updated_at = now(),
    attempts = planned.attempts + case when planned.rung_at is null then 1 else 0 end
  where planned.planned_call_id = p_planned_call_id
  returning * into v_planned;
  return jsonb_build_object(
    'status', 'ring', 'planned_call_id', v_planned.planned_call_id, 'attempt_id', v_planned.attempt_id,
    'tenant_id', v_planned.tenant_id, 'callee', v_planned.callee, 'callee_name', v_planned.callee_name,
    'about', v_planned.about, 'kind', v_planned.kind, 'from_number', v_planned.from_number,
    'on_machine', v_planned.on_machine
  );
end
$$;

-- What became of a try. A report that comes after nobody waited for it any more is kept, and leads to no other try; one that was
-- reported already changes nothing. -> the row's state
create function public.end_planned_call_v1(
  p_planned_call_id uuid, p_attempt_id uuid, p_outcome text, p_sip_status integer default null
) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
  v_due_at timestamptz;
  v_again boolean;
begin
  select * into v_planned from public.planned_calls as planned
  where planned.planned_call_id = p_planned_call_id
  for update;
  if not found or v_planned.attempt_id is distinct from p_attempt_id or v_planned.rung_at is null then
    return coalesce(v_planned.state, 'cancelled');
  end if;
  if v_planned.state = 'given_up' and v_planned.outcome = 'unknown' and p_outcome <> 'unknown' then
    update public.planned_calls as planned set
      outcome = p_outcome, updated_at = now(),
      state = case when p_outcome in ('talked', 'message_left') then 'done' else 'given_up' end,
      tries = (planned.tries - -1) || jsonb_strip_nulls(jsonb_build_object(
        'at', planned.rung_at, 'outcome', p_outcome, 'sip_status', p_sip_status
      ))
    where planned.planned_call_id = p_planned_call_id
    returning * into v_planned;
    return v_planned.state;
  end if;
  if v_planned.state not in ('dialing', 'answered') then
    return v_planned.state;
  end if;
  v_due_at := now() + make_interval(mins => v_planned.spacing_minutes);
  v_again := p_outcome = any (v_planned.retry_on) and v_planned.attempts < v_planned.attempts_allowed
    and v_due_at < v_planned.not_after and v_planned.callee is not null
    and not public.is_do_not_call_v1(v_planned.tenant_id, v_planned.callee);
  update public.planned_calls as planned set
    state = case
      when p_outcome in ('talked', 'message_left') then 'done' when v_again then 'planned' else 'given_up'
    end,
    outcome = p_outcome, due_at = case when v_again then v_due_at else planned.due_at end,
    ended_at = case when not v_again then now() end, claimed_until = null, updated_at = now(),
    tries = planned.tries || jsonb_strip_nulls(jsonb_build_object(
      'at', planned.rung_at, 'outcome', p_outcome, 'sip_status', p_sip_status
    ))
  where planned.planned_call_id = p_planned_call_id
  returning * into v_planned;
  return v_planned.state;
end
$$;

revoke all on function public.settle_planned_calls_v1() from public, anon, authenticated;
revoke all on function public.claim_planned_call_v1(uuid, integer, integer) from public, anon, authenticated;
revoke all on function public.put_off_planned_call_v1(uuid, uuid, timestamptz, text) from public, anon, authenticated;
revoke all on function public.begin_planned_call_v1(uuid, uuid, uuid, integer) from public, anon, authenticated;
revoke all on function public.end_planned_call_v1(uuid, uuid, text, integer) from public, anon, authenticated;
grant execute on function public.settle_planned_calls_v1() to service_role;
grant execute on function public.claim_planned_call_v1(uuid, integer, integer) to service_role;
grant execute on function public.put_off_planned_call_v1(uuid, uuid, timestamptz, text) to service_role;
grant execute on function public.begin_planned_call_v1(uuid, uuid, uuid, integer) to service_role;
grant execute on function public.end_planned_call_v1(uuid, uuid, text, integer) to service_role;
