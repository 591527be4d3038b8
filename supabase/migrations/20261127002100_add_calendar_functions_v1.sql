-- Calendars: each change is one function, one transaction, and answers with the connection without its key.
-- p_expected_revision null: whatever it is now.
-- Connecting is for the service only. It writes an address that workers send requests to, and a key: both must have been tested
-- by the control plane, which asks for the person's role first. Changing the mapping and disconnecting do no such thing.

create function public.calendar_row_v1(p_tenant_id uuid, p_assistant_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(connections) - 'sealed_key'
  from public.calendar_connections as connections
  where connections.tenant_id = p_tenant_id and connections.assistant_id = p_assistant_id
$$;

-- {"checkup": 101}: services as the configuration names them, Cal.com's numbers of event types
create function public.is_event_type_map_v1(p_event_types jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select case when jsonb_typeof(p_event_types) = 'object' then not exists (
    select from jsonb_each(p_event_types) as entries
    where entries.key !~ '^[a-z][a-z0-9_]{0,39}$' or case
      when jsonb_typeof(entries.value) = 'number' and entries.value::text ~ '^[1-9][0-9]{0,9}$'
      then entries.value::text::bigint > 2147483647
      else true
    end
  ) and (select count(*) from jsonb_object_keys(p_event_types)) <= 200 else false end
$$;

-- The assistant locked, and its connection at that revision; else AVA03, AVA06. Null: not connected.
create function public.hold_calendar_v1(p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer)
returns public.calendar_connections
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_calendar public.calendar_connections;
begin
  perform public.hold_assistant_v1(p_tenant_id, p_assistant_id, null);
  select * into v_calendar from public.calendar_connections as connections
  where connections.assistant_id = p_assistant_id and connections.tenant_id = p_tenant_id;
  if p_expected_revision is not null and v_calendar.revision is distinct from p_expected_revision then
    raise exception 'somebody changed this calendar meanwhile: read it again and repeat your change'
      using errcode = 'AVA06', hint = 'calendar_changed', detail = coalesce(v_calendar.revision::text, '');
  end if;
  return v_calendar;
end
$$;

create function public.refuse_archived_v1(p_assistant_id uuid) returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if exists (
    select from public.assistants where assistants.assistant_id = p_assistant_id and assistants.status = 'archived'
  ) then
    raise exception 'this assistant is archived: restore it first' using errcode = 'AVA05', hint = 'assistant_archived';
  end if;
end
$$;

create function public.connect_calendar_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer, p_region text, p_base_url text, p_sealed_key text,
  p_key_preview text, p_account text, p_time_zone text, p_event_types jsonb
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.hold_calendar_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  perform public.refuse_archived_v1(p_assistant_id);
  if public.is_event_type_map_v1(p_event_types) is not true then
    raise exception 'services are mapped to numbers of event types' using errcode = 'AVA07', hint = 'event_types_invalid';
  end if;
  insert into public.calendar_connections as connections (
    tenant_id, assistant_id, provider, region, base_url, sealed_key, key_preview, account, time_zone, event_types, tested_at,
    test_state
  ) values (
    p_tenant_id, p_assistant_id, 'calcom', p_region, p_base_url, p_sealed_key, p_key_preview, p_account, p_time_zone,
    p_event_types, now(), 'ok'
  )
  on conflict (assistant_id) do update set
    region = excluded.region, base_url = excluded.base_url, sealed_key = excluded.sealed_key,
    key_preview = excluded.key_preview, account = excluded.account, time_zone = excluded.time_zone,
    event_types = excluded.event_types, tested_at = excluded.tested_at, test_state = excluded.test_state,
    revision = nextval('public.calendar_revisions'), updated_at = now();
  return public.calendar_row_v1(p_tenant_id, p_assistant_id);
end
$$;

create function public.map_event_types_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer, p_event_types jsonb
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_calendar public.calendar_connections;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_calendar := public.hold_calendar_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  perform public.refuse_archived_v1(p_assistant_id);
  if v_calendar.connection_id is null then
    raise exception 'no calendar is connected' using errcode = 'AVA03', hint = 'calendar_not_connected';
  end if;
  if public.is_event_type_map_v1(p_event_types) is not true then
    raise exception 'services are mapped to numbers of event types' using errcode = 'AVA07', hint = 'event_types_invalid';
  end if;
  update public.calendar_connections as connections
  set event_types = p_event_types, revision = nextval('public.calendar_revisions'), updated_at = now()
  where connections.connection_id = v_calendar.connection_id;
  return public.calendar_row_v1(p_tenant_id, p_assistant_id);
end
$$;

-- The key goes with the row, also where the assistant is archived.
create function public.disconnect_calendar_v1(p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer)
returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  perform public.hold_calendar_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  delete from public.calendar_connections as connections
  where connections.assistant_id = p_assistant_id and connections.tenant_id = p_tenant_id;
  if not found then
    raise exception 'no calendar is connected' using errcode = 'AVA03', hint = 'calendar_not_connected';
  end if;
end
$$;

-- The connection with its sealed key, read at once so that a key is never used with another connection's address.
create function public.find_sealed_calendar_key_v1(p_tenant_id uuid, p_assistant_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(connections) from public.calendar_connections as connections
  where connections.tenant_id = p_tenant_id and connections.assistant_id = p_assistant_id
$$;

-- Nothing where the connection was changed since it was tested: the result would be another's.
create function public.record_calendar_test_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_revision integer, p_state text, p_account text, p_time_zone text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.calendar_connections as connections
  set
    tested_at = now(), test_state = p_state,
    account = coalesce(p_account, connections.account), time_zone = coalesce(p_time_zone, connections.time_zone)
  where connections.tenant_id = p_tenant_id and connections.assistant_id = p_assistant_id
    and connections.revision = p_revision;
  return public.calendar_row_v1(p_tenant_id, p_assistant_id);
end
$$;

revoke all on function public.calendar_row_v1(uuid, uuid) from public, anon, authenticated;
revoke all on function public.is_event_type_map_v1(jsonb) from public, anon, authenticated;
revoke all on function public.hold_calendar_v1(uuid, uuid, integer) from public, anon, authenticated;
revoke all on function public.refuse_archived_v1(uuid) from public, anon, authenticated;
revoke all on function public.connect_calendar_v1(uuid, uuid, integer, text, text, text, text, text, text, jsonb)
  from public, anon, authenticated;
revoke all on function public.map_event_types_v1(uuid, uuid, integer, jsonb) from public, anon;
revoke all on function public.disconnect_calendar_v1(uuid, uuid, integer) from public, anon;
revoke all on function public.find_sealed_calendar_key_v1(uuid, uuid) from public, anon, authenticated;
revoke all on function public.record_calendar_test_v1(uuid, uuid, integer, text, text, text) from public, anon, authenticated;
grant execute on function public.calendar_row_v1(uuid, uuid) to service_role;
grant execute on function public.is_event_type_map_v1(jsonb) to service_role;
grant execute on function public.hold_calendar_v1(uuid, uuid, integer) to service_role;
grant execute on function public.refuse_archived_v1(uuid) to service_role;
grant execute on function public.connect_calendar_v1(uuid, uuid, integer, text, text, text, text, text, text, jsonb) to service_role;
grant execute on function public.map_event_types_v1(uuid, uuid, integer, jsonb) to authenticated, service_role;
grant execute on function public.disconnect_calendar_v1(uuid, uuid, integer) to authenticated, service_role;
grant execute on function public.find_sealed_calendar_key_v1(uuid, uuid) to service_role;
grant execute on function public.record_calendar_test_v1(uuid, uuid, integer, text, text, text) to service_role;
