-- Events not seen before, in the given order, and what follows from them. Safe to repeat and to receive out of order:
-- the booking that stands is the greatest of all its steps by (succeeded, at, state), whatever order they came in.

create function public.booking_succeeded(p_state public.booking_state) returns boolean
language sql immutable set search_path = '' as $$
  select p_state in ('confirmed', 'rescheduled', 'cancelled')
$$;

create function public.project_bookings_v1(p_call_id uuid, p_tenant_id uuid, p_event_ids uuid[]) returns void
language sql volatile security definer set search_path = '' as $$
  insert into public.bookings as b (
    tenant_id, booking_key, call_id, event_id, at, state, action, service_id, event_type_id, starts_at, ends_at,
    attendee_name, attendee_phone, attendee_email, calendar_uid, replaces_uid, detail
  )
  select distinct on (e.body ->> 'booking_key')
    p_tenant_id, e.body ->> 'booking_key', p_call_id, e.event_id, e.at, (e.body ->> 'state')::public.booking_state,
    e.body ->> 'action', e.body ->> 'service_id', (e.body ->> 'event_type_id')::integer,
    (e.body ->> 'starts_at')::timestamptz, (e.body ->> 'ends_at')::timestamptz,
    coalesce(e.body ->> 'attendee_name', ''), e.body ->> 'attendee_phone', e.body ->> 'attendee_email',
    e.body ->> 'calendar_uid', e.body ->> 'replaces_uid', coalesce(e.body ->> 'detail', '')
  from public.call_events as e
  where e.event_id = any (p_event_ids) and e.kind = 'booking_recorded'
  order by
    e.body ->> 'booking_key',
    public.booking_succeeded((e.body ->> 'state')::public.booking_state) desc, e.at desc,
    (e.body ->> 'state')::public.booking_state desc
  on conflict on constraint bookings_pkey do update set
    call_id = excluded.call_id, event_id = excluded.event_id, at = excluded.at, state = excluded.state,
    action = excluded.action, service_id = excluded.service_id, event_type_id = excluded.event_type_id,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, attendee_name = excluded.attendee_name,
    attendee_phone = excluded.attendee_phone, attendee_email = excluded.attendee_email,
    calendar_uid = excluded.calendar_uid, replaces_uid = excluded.replaces_uid, detail = excluded.detail,
    updated_at = now()
  where (public.booking_succeeded(excluded.state), excluded.at, excluded.state)
    > (public.booking_succeeded(b.state), b.at, b.state)
$$;

-- A message told again later replaces the earlier wording until it has been passed on.
create function public.project_messages_v1(p_call_id uuid, p_tenant_id uuid, p_event_ids uuid[]) returns void
language sql volatile security definer set search_path = '' as $$
  insert into public.messages as m (
    message_id, tenant_id, call_id, at, caller_name, callback_number, reason, urgent, follow_up
  )
  select distinct on ((e.body ->> 'message_id')::uuid)
    (e.body ->> 'message_id')::uuid, p_tenant_id, p_call_id, e.at, coalesce(e.body ->> 'caller_name', ''),
    e.body ->> 'callback_number', e.body ->> 'reason', coalesce((e.body ->> 'urgent')::boolean, false),
    coalesce(e.body ->> 'follow_up', 'message')
  from public.call_events as e
  where e.event_id = any (p_event_ids) and e.kind = 'message_taken'
  order by (e.body ->> 'message_id')::uuid, e.at desc, e.seq desc
  on conflict on constraint messages_pkey do update set
    at = excluded.at, caller_name = excluded.caller_name, callback_number = excluded.callback_number,
    reason = excluded.reason, urgent = excluded.urgent, follow_up = excluded.follow_up
  where excluded.at > m.at and m.delivered_at is null and m.tenant_id = excluded.tenant_id
$$;

-- p_events: a json array of events with event_id, at, kind and the kind's own fields -> how many were new.
-- AVA01: the call has no row yet; open it first.
create function public.append_call_events_v1(p_call_id uuid, p_events jsonb) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_tenant_id uuid;
  v_new uuid[];
begin
  -- the row lock puts two deliveries for one call in a line
  select calls.tenant_id into v_tenant_id from public.calls where calls.call_id = p_call_id for update;
  if not found then
    raise exception 'the call is not open' using errcode = 'AVA01';
  end if;

  with incoming as (
    select item.value as event, item.ordinality as place
    from jsonb_array_elements(p_events) with ordinality as item
  ), inserted as (
    insert into public.call_events (event_id, call_id, tenant_id, at, kind, body)
    select
      (incoming.event ->> 'event_id')::uuid, p_call_id, v_tenant_id, (incoming.event ->> 'at')::timestamptz,
      incoming.event ->> 'kind', incoming.event - 'event_id' - 'at' - 'kind'
    from incoming
    order by incoming.place
    on conflict on constraint call_events_pkey do nothing
    returning call_events.event_id
  )
  select array_agg(inserted.event_id) into v_new from inserted;

  if v_new is null then
    return 0;
  end if;
  perform public.project_bookings_v1(p_call_id, v_tenant_id, v_new);
  perform public.project_messages_v1(p_call_id, v_tenant_id, v_new);
  return cardinality(v_new);
end
$$;

revoke all on function public.booking_succeeded(public.booking_state) from public, anon, authenticated;
revoke all on function public.project_bookings_v1(uuid, uuid, uuid[]) from public, anon, authenticated;
revoke all on function public.project_messages_v1(uuid, uuid, uuid[]) from public, anon, authenticated;
revoke all on function public.append_call_events_v1(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.booking_succeeded(public.booking_state) to service_role;
grant execute on function public.project_bookings_v1(uuid, uuid, uuid[]) to service_role;
grant execute on function public.project_messages_v1(uuid, uuid, uuid[]) to service_role;
grant execute on function public.append_call_events_v1(uuid, jsonb) to service_role;
