-- Planning a call, and taking it back. The list of who must not be called, consent and what is planned already are looked at where
-- the row is made, so that two requests can't both find nothing.

-- Rang us and left a message from, or for, that number.
create function public.left_message_v1(p_tenant_id uuid, p_e164 text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.call_events as events
    where events.tenant_id = p_tenant_id and events.kind = 'message_taken'
      and events.body ->> 'callback_number' = p_e164
  ) or exists (
    select from public.calls join public.messages on messages.call_id = calls.call_id
    where calls.tenant_id = p_tenant_id and calls.caller = p_e164
  )
$$;

create function public.plan_call_v1(
  p_tenant_id uuid, p_planned_call_id uuid, p_assistant_id uuid, p_callee text, p_plan jsonb,
  p_message_id uuid default null, p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
  v_consent text;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_planned from public.planned_calls as planned where planned.planned_call_id = p_planned_call_id;
  if found then
    if v_planned.tenant_id <> p_tenant_id then
      raise exception 'another planned call has this id: choose another'
        using errcode = 'AVA05', hint = 'planned_call_exists';
    end if;
    return to_jsonb(v_planned);
  end if;
  perform 1 from public.assistants
  where assistants.assistant_id = p_assistant_id and assistants.tenant_id = p_tenant_id
    and assistants.status <> 'archived'
  for share;
  if not found then
    raise exception 'there is no such assistant' using errcode = 'AVA03', hint = 'assistant_not_found';
  end if;
  if not exists (
    select from public.phone_numbers
    where phone_numbers.assistant_id = p_assistant_id and phone_numbers.tenant_id = p_tenant_id
  ) then
    raise exception 'this assistant has no number to call from: give it one first'
      using errcode = 'AVA05', hint = 'assistant_has_no_number';
  end if;
  if public.is_do_not_call_v1(p_tenant_id, p_callee) then
    raise exception 'this number is on the do-not-call list: whoever has it asked not to be called'
      using errcode = 'AVA05', hint = 'do_not_call';
  end if;
  v_consent := case
    when p_plan ->> 'kind' = 'call_back' and public.left_message_v1(p_tenant_id, p_callee) then 'message_left'
    when (p_plan ->> 'consent')::boolean then 'stated'
  end;
  if v_consent is null then
    raise exception 'whoever has this number left no message: say with consent that they agreed to be called'
      using errcode = 'AVA07', hint = 'consent_missing';
  end if;
  if (
    select count(*) from public.planned_calls as planned
    where planned.tenant_id = p_tenant_id and planned.state in ('planned', 'dialing', 'answered')
  ) >= 2000 then
    raise exception '2000 calls are planned already: wait until some are over, or cancel some'
      using errcode = 'AVA05', hint = 'too_many_planned';
  end if;
  insert into public.planned_calls (
    planned_call_id, tenant_id, assistant_id, kind, callee, callee_name, about, message_id, consent, due_at, not_after,
    attempts_allowed, spacing_minutes, retry_on, on_machine, created_by
  )
  values (
    p_planned_call_id, p_tenant_id, p_assistant_id, p_plan ->> 'kind', p_callee, p_plan ->> 'callee_name',
    p_plan ->> 'about', p_message_id, v_consent, (p_plan ->> 'due_at')::timestamptz,
    (p_plan ->> 'not_after')::timestamptz, (p_plan ->> 'attempts')::integer, (p_plan ->> 'spacing_minutes')::integer,
    array(select jsonb_array_elements_text(p_plan -> 'retry_on')), p_plan ->> 'on_machine',
    public.actor_v1(p_on_behalf_of)
  )
  on conflict do nothing
  returning * into v_planned;
  if not found then
    raise exception 'a call back for this message is planned already: cancel it first'
      using errcode = 'AVA05', hint = 'already_planned';
  end if;
  return to_jsonb(v_planned);
exception when not_null_violation or check_violation or data_exception then
  raise exception 'a planned call needs kind, callee_name, about, due_at, not_after, attempts, spacing_minutes, retry_on and on_machine'
    using errcode = 'AVA07', hint = 'plan_invalid';
end
$$;

-- Once it rings it can't be taken back. Cancelled already: that is what was wanted.
create function public.cancel_planned_call_v1(p_tenant_id uuid, p_planned_call_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_planned public.planned_calls;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_planned from public.planned_calls as planned
  where planned.planned_call_id = p_planned_call_id and planned.tenant_id = p_tenant_id
  for update;
  if not found then
    raise exception 'there is no such planned call' using errcode = 'AVA03', hint = 'planned_call_not_found';
  end if;
  if v_planned.state = 'cancelled' then
    return to_jsonb(v_planned);
  end if;
  if v_planned.state <> 'planned' and not (v_planned.state = 'dialing' and v_planned.rung_at is null) then
    raise exception 'this call is % by now: it can''t be cancelled any more', v_planned.state
      using errcode = 'AVA05', hint = 'not_planned_any_more';
  end if;
  update public.planned_calls as planned set state = 'cancelled', ended_at = now(), updated_at = now()
  where planned.planned_call_id = p_planned_call_id
  returning * into v_planned;
  return to_jsonb(v_planned);
end
$$;

revoke all on function public.left_message_v1(uuid, text) from public, anon, authenticated;
revoke all on function public.plan_call_v1(uuid, uuid, uuid, text, jsonb, uuid, text) from public, anon;
revoke all on function public.cancel_planned_call_v1(uuid, uuid) from public, anon;
grant execute on function public.left_message_v1(uuid, text) to service_role;
grant execute on function public.plan_call_v1(uuid, uuid, uuid, text, jsonb, uuid, text) to authenticated, service_role;
grant execute on function public.cancel_planned_call_v1(uuid, uuid) to authenticated, service_role;
