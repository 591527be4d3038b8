-- Triggers, so that open_call_v1, append_call_events_v1 and close_call_v1 mean what they meant and the worker that delivers
-- late is told that all is well: it then removes its own copy.
-- A booking whose end is not known is still looked up in the calendar. That takes its key, its time and the calendar's ids,
-- and no name: these stay until it is settled, and then go too.

-- What may stay of an event. Whatever is not named here goes, fields of later versions included.
create function public.erased_event_body_v1(p_kind text, p_body jsonb, p_keep_links boolean) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(field.key, field.value), '{}'::jsonb)
    || case
      when p_kind in ('caller_said', 'assistant_said', 'speech_held') then '{"text": ""}'::jsonb
      when p_kind = 'message_taken' then '{"reason": ""}'::jsonb
      else '{}'::jsonb
    end
  from jsonb_each(p_body) as field
  where field.key = any (
    case p_kind
      when 'caller_said' then array['language']
      when 'assistant_said' then array['interrupted', 'latency']
      when 'tool_called' then array['tool', 'failed', 'milliseconds']
      when 'speech_held' then array['claim']
      when 'booking_recorded' then array[
        'booking_key', 'action', 'state', 'service_id', 'event_type_id', 'starts_at', 'ends_at'
      ] || case when p_keep_links then array['calendar_uid', 'replaces_uid'] else array[]::text[] end
      when 'message_taken' then array['message_id', 'urgent', 'follow_up']
      when 'transfer_requested' then array['to', 'result']
      when 'problem_seen' then array['part', 'code']
      else array[]::text[]
    end
  )
$$;

-- A call of a caller who was erased after it began.
create function public.erase_arriving_call() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_kind text;
begin
  -- 'delete' comes before 'redact', and weighs more
  select erasures.kind into v_kind
  from public.caller_erasures as erasures
  where erasures.tenant_id = new.tenant_id
    and erasures.caller_digest = public.caller_digest_v1(new.tenant_id, new.caller)
    and erasures.requested_at > new.started_at
  order by erasures.kind limit 1;
  if found then
    new.caller := null;
    new.redacted_at := now();
    new.deleted_at := case when v_kind = 'delete' then now() end;
  end if;
  return new;
end
$$;

create function public.keep_call_erased() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.deleted_at is not null then
    return null;
  end if;
  new.redacted_at := coalesce(old.redacted_at, new.redacted_at);
  new.caller := null;
  new.summary := '';
  new.recording := null;
  if new.deleted_at is not null then
    new.usage := '{}'::jsonb;
    new.cost := null;
    new.cost_total := null;
    new.cost_currency := null;
    new.latency_p50_ms := null;
    new.latency_p95_ms := null;
  end if;
  return new;
end
$$;

create function public.erase_arriving_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_redacted_at timestamptz;
  v_deleted_at timestamptz;
begin
  select calls.redacted_at, calls.deleted_at into v_redacted_at, v_deleted_at
  from public.calls where calls.call_id = new.call_id;
  if v_redacted_at is null then
    return new;
  end if;
  if v_deleted_at is not null and new.kind <> 'booking_recorded' then
    return null;
  end if;
  new.body := public.erased_event_body_v1(
    new.kind, new.body,
    coalesce(new.body ->> 'state' in ('intended', 'unconfirmed'), false) and not exists (
      select from public.bookings
      where bookings.tenant_id = new.tenant_id and bookings.booking_key = new.body ->> 'booking_key'
        and bookings.state not in ('intended', 'unconfirmed')
    )
  );
  return new;
end
$$;

create function public.finish_erased_booking() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_redacted_at timestamptz;
  v_deleted_at timestamptz;
begin
  select calls.redacted_at, calls.deleted_at into v_redacted_at, v_deleted_at
  from public.calls where calls.call_id = new.call_id;
  if v_deleted_at is not null then
    delete from public.call_events as events
    where events.call_id = new.call_id and events.kind = 'booking_recorded'
      and events.body ->> 'booking_key' = new.booking_key;
    delete from public.bookings
    where bookings.tenant_id = new.tenant_id and bookings.booking_key = new.booking_key;
  elsif v_redacted_at is not null then
    update public.call_events as events
    set body = public.erased_event_body_v1(events.kind, events.body, false)
    where events.call_id = new.call_id and events.kind = 'booking_recorded'
      and events.body ->> 'booking_key' = new.booking_key and events.body ?| array['calendar_uid', 'replaces_uid'];
  end if;
  return null;
end
$$;

create trigger calls_arriving_erased
  before insert or update of tenant_id on public.calls
  for each row when (new.caller is not null)
  execute function public.erase_arriving_call();
create trigger calls_kept_erased
  before update on public.calls
  for each row when (old.redacted_at is not null or new.redacted_at is not null)
  execute function public.keep_call_erased();
create trigger call_events_arriving_erased
  before insert on public.call_events
  for each row execute function public.erase_arriving_event();
create trigger bookings_erased_when_settled
  after insert or update on public.bookings
  for each row when (new.state not in ('intended', 'unconfirmed'))
  execute function public.finish_erased_booking();

revoke all on function public.erased_event_body_v1(text, jsonb, boolean) from public, anon, authenticated;
revoke all on function public.erase_arriving_call() from public, anon, authenticated;
revoke all on function public.keep_call_erased() from public, anon, authenticated;
revoke all on function public.erase_arriving_event() from public, anon, authenticated;
revoke all on function public.finish_erased_booking() from public, anon, authenticated;
grant execute on function public.erased_event_body_v1(text, jsonb, boolean) to service_role;
