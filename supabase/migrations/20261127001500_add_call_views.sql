-- Calls as lists and figures read them, with the reader's own rights. Counts are sub-selects of the select list: a query that
-- does not ask for one does not pay for it, and a page counts for its own rows only. `exists` would not do: the planner may
-- turn it into one look at the whole other table.

create view public.call_summaries with (security_invoker = true) as
select
  calls.call_id, calls.tenant_id, calls.assistant_id, calls.version, calls.source, calls.sip_call_id, calls.dialed,
  calls.caller, calls.started_at, calls.ended_at, calls.duration_seconds, calls.outcome, calls.refusal, calls.ended_by,
  calls.summary, calls.usage, calls.cost, calls.cost_total::text as cost_total, calls.cost_currency,
  calls.latency_p50_ms, calls.latency_p95_ms, calls.recording is not null as has_recording, calls.redacted_at,
  (select assistants.name from public.assistants where assistants.assistant_id = calls.assistant_id) as assistant_name,
  (
    select count(*) from public.call_events as events
    where events.call_id = calls.call_id and events.kind = 'caller_said'
  ) as turns,
  (
    select count(*) from public.call_events as events
    where events.call_id = calls.call_id and events.kind = 'tool_called'
  ) as tool_calls,
  coalesce((
    select true from public.bookings
    where bookings.call_id = calls.call_id and bookings.action = 'book' and bookings.state = 'confirmed' limit 1
  ), false) as booked,
  coalesce((select true from public.messages where messages.call_id = calls.call_id limit 1), false) as message_left
from public.calls
where calls.deleted_at is null;

-- One row per answer that a caller waited for.
create view public.call_turns with (security_invoker = true) as
select events.tenant_id, events.call_id, events.at, events.latency_ms
from public.call_events as events
where events.latency_ms is not null;

revoke all on public.call_summaries, public.call_turns from public, anon, authenticated;
grant select on public.call_summaries, public.call_turns to authenticated, service_role;
