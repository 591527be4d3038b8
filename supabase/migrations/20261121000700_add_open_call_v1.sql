-- One call, from its dialed number to the snapshot it runs on, and its row; unique on the SIP call id.
-- A second opening gives the row of the first, with the version that row was opened with.
-- p_ran_on_…: the call was answered while this database was away, on a version its worker knew. That version counts.

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

-- Whose call it is: what it ran on, if that is known here, whoever has the number now; else the number's published
-- version, with a refusal if that may not speak. No row: nobody's.
create function public.find_answering_version_v1(
  p_dialed text, p_ran_on_assistant_id uuid, p_ran_on_version integer,
  out tenant_id uuid, out assistant_id uuid, out version integer, out refusal text
) returns setof record
language sql stable security definer set search_path = '' as $$
  with ran_on as (
    select versions.tenant_id, versions.assistant_id, versions.version
    from public.assistant_versions as versions
    where versions.assistant_id = p_ran_on_assistant_id and versions.version = p_ran_on_version
  )
  select ran_on.tenant_id, ran_on.assistant_id, ran_on.version, null
  from ran_on
  union all
  select
    assistants.tenant_id, assistants.assistant_id, assistants.published_version,
    case when assistants.status <> 'active' or assistants.published_version is null then 'assistant_paused' end
  from public.phone_numbers
  join public.assistants on assistants.assistant_id = phone_numbers.assistant_id
  where phone_numbers.e164 = p_dialed and not exists (select from ran_on)
$$;

-- A late answer to the worker's first opening made a row for a call that runs on something else. It is put right while
-- nothing is recorded in it; a call that was answered is no refused one.
create function public.correct_call_v1(
  p_call_id uuid, p_ran_on_assistant_id uuid, p_ran_on_version integer
) returns public.calls
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
begin
  -- the lock first: the statement after it sees the events of whoever held it
  select * into strict v_call from public.calls where calls.call_id = p_call_id for update;
  if v_call.source = 'last_known_good'
    or exists (select from public.call_events where call_events.call_id = p_call_id)
  then
    return v_call;
  end if;
  update public.calls set source = 'last_known_good' where calls.call_id = p_call_id returning * into v_call;
  update public.calls
  set
    tenant_id = versions.tenant_id,
    assistant_id = versions.assistant_id,
    version = versions.version,
    refusal = null,
    outcome = case when calls.closed_at is not null then calls.outcome end,
    ended_at = case when calls.closed_at is not null then calls.ended_at end
  from public.assistant_versions as versions
  where calls.call_id = p_call_id
    and versions.assistant_id = p_ran_on_assistant_id and versions.version = p_ran_on_version;
  select * into strict v_call from public.calls where calls.call_id = p_call_id;
  return v_call;
end
$$;

-- status: ok | number_unknown (no row is written: the call belongs to no tenant) | assistant_paused (a refused row is)
create function public.open_call_v1(
  p_call_id uuid, p_sip_call_id text, p_dialed text, p_caller text, p_received_at timestamptz,
  p_ran_on_assistant_id uuid default null, p_ran_on_version integer default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
  v_answering record;
begin
  select * into v_call from public.calls where calls.sip_call_id = p_sip_call_id;
  if not found then
    select * into v_answering
    from public.find_answering_version_v1(p_dialed, p_ran_on_assistant_id, p_ran_on_version);
    if not found then
      return jsonb_build_object('status', 'number_unknown');
    end if;

    insert into public.calls (
      call_id, tenant_id, assistant_id, version, source, sip_call_id, dialed, caller, started_at, ended_at, outcome,
      refusal
    )
    values (
      p_call_id, v_answering.tenant_id, v_answering.assistant_id, v_answering.version,
      case when p_ran_on_version is null then 'database' else 'last_known_good' end,
      p_sip_call_id, p_dialed, p_caller, p_received_at,
      case when v_answering.refusal is not null then p_received_at end,
      case when v_answering.refusal is not null then 'refused' end,
      v_answering.refusal
    )
    on conflict on constraint calls_sip_call_id_key do nothing
    returning * into v_call;
    if not found then
      -- another opening of the same call was first, and has committed: this statement sees its row
      select * into strict v_call from public.calls where calls.sip_call_id = p_sip_call_id;
    end if;
  end if;
  if p_ran_on_version is not null and v_call.source = 'database' then
    v_call := public.correct_call_v1(v_call.call_id, p_ran_on_assistant_id, p_ran_on_version);
  end if;

  if v_call.refusal = 'assistant_paused' then
    return jsonb_build_object('status', 'assistant_paused', 'call_id', v_call.call_id);
  end if;
  return public.call_snapshot_v1(v_call);
end
$$;

-- The worker could not use the snapshot. Stands until the call's closing, if there is one. Not said of a call that was
-- answered on what its worker knew.
create function public.refuse_call_v1(p_call_id uuid, p_refusal text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.calls
  set outcome = 'refused', refusal = p_refusal, ended_at = coalesce(calls.ended_at, now())
  where calls.call_id = p_call_id and calls.closed_at is null and calls.source = 'database';
  return found;
end
$$;

revoke all on function public.call_snapshot_v1(public.calls) from public, anon, authenticated;
revoke all on function public.find_answering_version_v1(text, uuid, integer) from public, anon, authenticated;
revoke all on function public.correct_call_v1(uuid, uuid, integer) from public, anon, authenticated;
revoke all on function public.open_call_v1(uuid, text, text, text, timestamptz, uuid, integer)
  from public, anon, authenticated;
revoke all on function public.refuse_call_v1(uuid, text) from public, anon, authenticated;
grant execute on function public.call_snapshot_v1(public.calls) to service_role;
grant execute on function public.find_answering_version_v1(text, uuid, integer) to service_role;
grant execute on function public.correct_call_v1(uuid, uuid, integer) to service_role;
grant execute on function public.open_call_v1(uuid, text, text, text, timestamptz, uuid, integer) to service_role;
grant execute on function public.refuse_call_v1(uuid, text) to service_role;
