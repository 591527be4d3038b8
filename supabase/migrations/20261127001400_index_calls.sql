-- What lists, erasures and figures look for. Lists are newest first by (started_at, call_id).

alter table public.calls
  add column duration_seconds double precision
    generated always as (
      case when ended_at is not null then greatest(0, extract(epoch from ended_at - started_at))::double precision end
    ) stored;
alter table public.call_events
  add column latency_ms double precision generated always as (
    case when kind = 'assistant_said' and jsonb_typeof(body #> '{latency,total}') = 'number'
      then (body #>> '{latency,total}')::double precision end
  ) stored;

create index calls_page_idx on public.calls (tenant_id, started_at desc, call_id desc);
create index calls_page_assistant_idx on public.calls (tenant_id, assistant_id, started_at desc, call_id desc);
create index calls_page_dialed_idx on public.calls (tenant_id, dialed, started_at desc, call_id desc);
create index calls_page_outcome_idx on public.calls (tenant_id, outcome, started_at desc, call_id desc);
create index calls_page_caller_idx on public.calls (tenant_id, caller, started_at desc, call_id desc)
  where caller is not null;
create index messages_page_idx on public.messages (tenant_id, at desc, message_id desc);
drop index public.calls_tenant_idx;
drop index public.messages_tenant_idx;

create index call_events_attendee_idx on public.call_events (tenant_id, (body ->> 'attendee_phone'))
  where kind = 'booking_recorded';
create index call_events_callback_idx on public.call_events (tenant_id, (body ->> 'callback_number'))
  where kind = 'message_taken';
create index call_events_latency_idx on public.call_events (tenant_id, at) include (call_id, latency_ms)
  where latency_ms is not null;
create index call_events_transferred_idx on public.call_events (tenant_id, at) include (call_id)
  where kind = 'transfer_requested' and body ->> 'result' = 'transferred';
