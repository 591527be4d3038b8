-- Erasing: one call, or everything of one caller. Safe to repeat. Work goes in batches of p_limit calls: `more` says that
-- there are others, and to ask again.
-- Of one caller: the calls from that number, and those in which it was left as the number to call back or to book under.

-- Locked, in one order for everybody, so that two erasures wait for one another and a delivery is before or after.
create function public.hold_calls_of_caller_v1(p_tenant_id uuid, p_caller text, p_limit integer) returns uuid[]
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found uuid[];
begin
  select array_agg(found.call_id) into v_found
  from (
    select calls.call_id from public.calls
    where calls.tenant_id = p_tenant_id and calls.caller = p_caller
    union
    select events.call_id from public.call_events as events
    where events.tenant_id = p_tenant_id and events.kind = 'booking_recorded'
      and events.body ->> 'attendee_phone' = p_caller
    union
    select events.call_id from public.call_events as events
    where events.tenant_id = p_tenant_id and events.kind = 'message_taken'
      and events.body ->> 'callback_number' = p_caller
    order by call_id limit p_limit
  ) as found;
  perform 1 from public.calls where calls.call_id = any (v_found) order by calls.call_id for update;
  return coalesce(v_found, array[]::uuid[]);
end
$$;

-- The caller of both holds the calls' rows.
create function public.redact_calls_v1(p_call_ids uuid[]) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.call_events as events
  set body = public.erased_event_body_v1(events.kind, events.body, false)
  where events.call_id = any (p_call_ids);
  update public.bookings
  set
    attendee_name = '', attendee_phone = null, attendee_email = null, detail = '',
    calendar_uid = case when bookings.state in ('intended', 'unconfirmed') then bookings.calendar_uid end,
    replaces_uid = case when bookings.state in ('intended', 'unconfirmed') then bookings.replaces_uid end
  where bookings.call_id = any (p_call_ids);
  update public.messages set caller_name = '', callback_number = null, reason = ''
  where messages.call_id = any (p_call_ids);
  update public.calls set redacted_at = now() where calls.call_id = any (p_call_ids);
end
$$;

create function public.delete_calls_v1(p_call_ids uuid[]) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  delete from public.call_events as events where events.call_id = any (p_call_ids);
  delete from public.messages where messages.call_id = any (p_call_ids);
  delete from public.bookings
  where bookings.call_id = any (p_call_ids) and bookings.state not in ('intended', 'unconfirmed');
  update public.bookings set attendee_name = '', attendee_phone = null, attendee_email = null, detail = ''
  where bookings.call_id = any (p_call_ids);
  update public.calls set redacted_at = now(), deleted_at = now()
  where calls.call_id = any (p_call_ids) and calls.deleted_at is null;
end
$$;

create function public.erase_caller_v1(p_tenant_id uuid, p_caller text, p_kind text, p_limit integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found uuid[];
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  insert into public.caller_erasures as erasures (tenant_id, caller_digest, kind)
  values (p_tenant_id, public.caller_digest_v1(p_tenant_id, p_caller), p_kind)
  on conflict on constraint caller_erasures_pkey do update set requested_at = excluded.requested_at;
  v_found := public.hold_calls_of_caller_v1(p_tenant_id, p_caller, p_limit);
  if p_kind = 'delete' then
    perform public.delete_calls_v1(v_found);
  else
    perform public.redact_calls_v1(v_found);
  end if;
  return jsonb_build_object('calls', cardinality(v_found), 'more', cardinality(v_found) >= p_limit);
end
$$;

create function public.redact_caller_v1(p_tenant_id uuid, p_caller text, p_limit integer default 100) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select public.erase_caller_v1(p_tenant_id, p_caller, 'redact', p_limit)
$$;

create function public.delete_caller_v1(p_tenant_id uuid, p_caller text, p_limit integer default 100) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select public.erase_caller_v1(p_tenant_id, p_caller, 'delete', p_limit)
$$;

-- A call lasts two hours at most: one that is not closed an hour later has lost its worker.
create function public.delete_call_v1(p_tenant_id uuid, p_call_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_call from public.calls
  where calls.call_id = p_call_id and calls.tenant_id = p_tenant_id and calls.deleted_at is null
  for update;
  if not found then
    raise exception 'there is no such call' using errcode = 'AVA03', hint = 'call_not_found';
  end if;
  if v_call.outcome is null and v_call.started_at > now() - interval '3 hours' then
    raise exception 'this call is under way: delete it when it has ended'
      using errcode = 'AVA05', hint = 'call_under_way';
  end if;
  perform public.delete_calls_v1(array[p_call_id]);
end
$$;

revoke all on function public.hold_calls_of_caller_v1(uuid, text, integer) from public, anon, authenticated;
revoke all on function public.redact_calls_v1(uuid[]) from public, anon, authenticated;
revoke all on function public.delete_calls_v1(uuid[]) from public, anon, authenticated;
revoke all on function public.erase_caller_v1(uuid, text, text, integer) from public, anon, authenticated;
revoke all on function public.redact_caller_v1(uuid, text, integer) from public, anon;
revoke all on function public.delete_caller_v1(uuid, text, integer) from public, anon;
revoke all on function public.delete_call_v1(uuid, uuid) from public, anon;
grant execute on function public.hold_calls_of_caller_v1(uuid, text, integer) to service_role;
grant execute on function public.redact_calls_v1(uuid[]) to service_role;
grant execute on function public.delete_calls_v1(uuid[]) to service_role;
grant execute on function public.erase_caller_v1(uuid, text, text, integer) to service_role;
grant execute on function public.redact_caller_v1(uuid, text, integer) to authenticated, service_role;
grant execute on function public.delete_caller_v1(uuid, text, integer) to authenticated, service_role;
grant execute on function public.delete_call_v1(uuid, uuid) to authenticated, service_role;
