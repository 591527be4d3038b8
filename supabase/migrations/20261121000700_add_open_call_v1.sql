-- One call, from its dialed number to the snapshot it runs on, and its row; unique on the SIP call id.
-- A second opening gives the row of the first, with the version that row was opened with.

create function public.call_snapshot_v1(p_call public.calls) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'status', 'ok',
    'call_id', p_call.call_id,
    'sip_call_id', p_call.sip_call_id,
    'dialed', p_call.dialed,
    'caller', p_call.caller,
    'started_at', p_call.started_at,
    'tenant_id', p_call.tenant_id,
    'assistant_id', p_call.assistant_id,
    'version', p_call.version,
    'config', versions.config,
    'calendar', (
      select jsonb_build_object(
        'provider', connections.provider, 'base_url', connections.base_url,
        'sealed_key', connections.sealed_key, 'event_types', connections.event_types
      )
      from public.calendar_connections as connections
      where connections.assistant_id = p_call.assistant_id
    )
  )
  from public.assistant_versions as versions
  where versions.assistant_id = p_call.assistant_id and versions.version = p_call.version
$$;

-- status: ok | number_unknown (no row is written: the call belongs to no tenant) | assistant_paused (a refused row is)
create function public.open_call_v1(
  p_call_id uuid, p_sip_call_id text, p_dialed text, p_caller text, p_received_at timestamptz
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
  v_assistant public.assistants;
  v_answerable boolean;
begin
  select * into v_call from public.calls where calls.sip_call_id = p_sip_call_id;
  if not found then
    select assistants.* into v_assistant
    from public.phone_numbers
    join public.assistants on assistants.assistant_id = phone_numbers.assistant_id
    where phone_numbers.e164 = p_dialed;
    if not found then
      return jsonb_build_object('status', 'number_unknown');
    end if;
    v_answerable := v_assistant.status = 'active' and v_assistant.published_version is not null;

    insert into public.calls (
      call_id, tenant_id, assistant_id, version, sip_call_id, dialed, caller, started_at, ended_at, outcome, refusal
    )
    values (
      p_call_id, v_assistant.tenant_id, v_assistant.assistant_id, v_assistant.published_version, p_sip_call_id,
      p_dialed, p_caller, p_received_at,
      case when not v_answerable then p_received_at end,
      case when not v_answerable then 'refused' end,
      case when not v_answerable then 'assistant_paused' end
    )
    on conflict on constraint calls_sip_call_id_key do nothing
    returning * into v_call;
    if not found then
      -- another opening of the same call was first, and has committed: this statement sees its row
      select * into strict v_call from public.calls where calls.sip_call_id = p_sip_call_id;
    end if;
  end if;

  if v_call.refusal = 'assistant_paused' then
    return jsonb_build_object('status', 'assistant_paused', 'call_id', v_call.call_id);
  end if;
  return public.call_snapshot_v1(v_call);
end
$$;

-- The worker could not use the snapshot. Stands until the call's closing, if there is one.
create function public.refuse_call_v1(p_call_id uuid, p_refusal text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.calls
  set outcome = 'refused', refusal = p_refusal, ended_at = coalesce(calls.ended_at, now())
  where calls.call_id = p_call_id and calls.closed_at is null;
  return found;
end
$$;

revoke all on function public.call_snapshot_v1(public.calls) from public, anon, authenticated;
revoke all on function public.open_call_v1(uuid, text, text, text, timestamptz) from public, anon, authenticated;
revoke all on function public.refuse_call_v1(uuid, text) from public, anon, authenticated;
grant execute on function public.call_snapshot_v1(public.calls) to service_role;
grant execute on function public.open_call_v1(uuid, text, text, text, timestamptz) to service_role;
grant execute on function public.refuse_call_v1(uuid, text) to service_role;
