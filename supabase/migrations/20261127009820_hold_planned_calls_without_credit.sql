-- claim_planned_call_v1 as before, but that who is out of credit rings nobody: the call waits in its plan, and goes when there is credit
-- again, unless that is too late for it. Replaced, not versioned: a dispatcher of before must not ring either.

-- The earliest that is due, in the hands of p_attempt_id for p_seconds; null: nothing is, or p_at_most calls are under way. One claim
-- at a time, so that nobody is rung by two at once. Who came to the list meanwhile is refused here, who can't be rung in time any
-- more is given up. `hours` is the assistant's as published.
create or replace function public.claim_planned_call_v1(p_attempt_id uuid, p_seconds integer, p_at_most integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
  v_from text;
  v_hours jsonb;
  v_language text;
  v_without_credit boolean;
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
    select tenants.out_of_credit_since is not null into v_without_credit from public.tenants
    where tenants.tenant_id = v_planned.tenant_id;
    if public.is_do_not_call_v1(v_planned.tenant_id, v_planned.callee) then
      update public.planned_calls as planned set
        state = 'refused', outcome = 'do_not_call', ended_at = now(), updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id;
    elsif v_planned.not_after <= now() then
      update public.planned_calls as planned set
        state = 'given_up', outcome = coalesce(planned.outcome, 'too_late'), ended_at = now(), updated_at = now()
      where planned.planned_call_id = v_planned.planned_call_id;
    elsif v_hours is null or v_from is null or v_without_credit then
      update public.planned_calls as planned set
        state = 'planned', due_at = now() + interval '15 minutes', attempt_id = null, claimed_until = null,
        put_off_because = case
          when v_without_credit then 'no_credit' when v_from is null then 'assistant_has_no_number' else 'assistant_not_live'
        end,
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
