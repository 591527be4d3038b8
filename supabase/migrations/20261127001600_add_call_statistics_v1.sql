-- Figures of the calls that began in [p_from, p_to), by day in one time zone.
-- ended: with an outcome. answered: ended, and neither refused, failed nor lost. Latencies are of every answer a caller waited
-- for: the median, and the 95th percentile by nearest rank, as a call's own are.

-- The wish, if this database knows that zone, else AVA07; without a wish that of the published version of the assistant, or
-- of the tenant's oldest assistant that has one.
create function public.reporting_zone_v1(p_tenant_id uuid, p_assistant_id uuid, p_wish text) returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  v_zone text := p_wish;
begin
  if v_zone is null then
    select versions.config #>> '{hours,time_zone}' into v_zone
    from public.assistants
    join public.assistant_versions as versions
      on versions.assistant_id = assistants.assistant_id and versions.version = assistants.published_version
    where assistants.tenant_id = p_tenant_id
      and (p_assistant_id is null or assistants.assistant_id = p_assistant_id)
    order by assistants.created_at, assistants.assistant_id limit 1;
  end if;
  perform now() at time zone v_zone;
  return coalesce(v_zone, 'UTC');
exception when invalid_parameter_value then
  if p_wish is null then
    return 'UTC';
  end if;
  raise exception 'there is no such time zone: write it as in Europe/Paris'
    using errcode = 'AVA07', hint = 'time_zone_unknown';
end
$$;

create function public.call_figures_v1(
  p_tenant_id uuid, p_from timestamptz, p_to timestamptz, p_assistant_id uuid, p_zone text
) returns jsonb
language sql stable security definer set search_path = '' as $$
  with found as materialized (
    select
      calls.call_id, calls.outcome, calls.duration_seconds, calls.cost_total::numeric as cost, calls.cost_currency,
      (calls.started_at at time zone p_zone)::date as day,
      calls.outcome is not null and calls.outcome not in ('refused', 'failed', 'lost') as answered
    from public.call_summaries as calls
    where calls.tenant_id = p_tenant_id and calls.started_at >= p_from and calls.started_at < p_to
      and (p_assistant_id is null or calls.assistant_id = p_assistant_id)
  ), booked as (
    select found.day, bookings.state from public.bookings join found on found.call_id = bookings.call_id
    where bookings.tenant_id = p_tenant_id
      and (bookings.action, bookings.state) in (('book', 'confirmed'), ('reschedule', 'rescheduled'), ('cancel', 'cancelled'))
  ), left_behind as (
    select found.day, messages.urgent from public.messages join found on found.call_id = messages.call_id
    where messages.tenant_id = p_tenant_id
  ), put_through as (
    select found.day from public.call_events as events join found on found.call_id = events.call_id
    where events.tenant_id = p_tenant_id and events.kind = 'transfer_requested'
      and events.body ->> 'result' = 'transferred'
      and events.at >= p_from - interval '1 day' and events.at < p_to + interval '1 day'
  ), latency as (
    select
      count(*) as turns, percentile_cont(0.5) within group (order by turns.latency_ms) as p50,
      percentile_disc(0.95) within group (order by turns.latency_ms) as p95
    from public.call_turns as turns join found on found.call_id = turns.call_id
    where turns.tenant_id = p_tenant_id
      and turns.at >= p_from - interval '1 day' and turns.at < p_to + interval '1 day'
  ), outcomes as (
    select found.outcome, count(*) as calls from found where found.outcome is not null group by found.outcome
  ), costs as (
    select found.cost_currency as currency, count(*) as calls, sum(found.cost) as total, avg(found.cost) as average
    from found where found.cost is not null and found.cost_currency is not null group by found.cost_currency
  ), happened as (
    select found.day, 1 as calls, found.answered::integer as answered, 0 as bookings, 0 as messages, 0 as transfers
    from found
    union all select booked.day, 0, 0, 1, 0, 0 from booked where booked.state = 'confirmed'
    union all select left_behind.day, 0, 0, 0, 1, 0 from left_behind
    union all select put_through.day, 0, 0, 0, 0, 1 from put_through
  ), days as (
    select
      series.day::date as day, count(happened.day) filter (where happened.calls = 1) as calls,
      coalesce(sum(happened.answered), 0) as answered, coalesce(sum(happened.bookings), 0) as bookings,
      coalesce(sum(happened.messages), 0) as messages, coalesce(sum(happened.transfers), 0) as transfers
    from generate_series(
      (p_from at time zone p_zone)::date, ((p_to - interval '1 microsecond') at time zone p_zone)::date, interval '1 day'
    ) as series (day)
    left join happened on happened.day = series.day::date
    group by series.day
  )
  select jsonb_build_object(
    'calls', (select count(*) from found),
    'ended', (select count(*) from found where found.outcome is not null),
    'answered', (select count(*) from found where found.answered),
    'refused', (select count(*) from found where found.outcome = 'refused'),
    'bookings', (select count(*) from booked where booked.state = 'confirmed'),
    'rescheduled', (select count(*) from booked where booked.state = 'rescheduled'),
    'cancelled', (select count(*) from booked where booked.state = 'cancelled'),
    'messages', (select count(*) from left_behind),
    'urgent_messages', (select count(*) from left_behind where left_behind.urgent),
    'transfers', (select count(*) from put_through),
    'total_seconds', (select coalesce(sum(found.duration_seconds), 0) from found),
    'average_seconds', (select avg(found.duration_seconds) from found where found.answered),
    'outcomes', (select coalesce(jsonb_object_agg(outcomes.outcome, outcomes.calls), '{}'::jsonb) from outcomes),
    'latency', (select jsonb_build_object('turns', latency.turns, 'p50_ms', latency.p50, 'p95_ms', latency.p95) from latency),
    'costs', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'currency', costs.currency, 'calls', costs.calls, 'total', costs.total::text,
        'average', round(costs.average, 6)::text
      ) order by costs.currency), '[]'::jsonb) from costs
    ),
    'days', (select jsonb_agg(to_jsonb(days) order by days.day) from days)
  )
$$;

create function public.call_statistics_v1(
  p_tenant_id uuid, p_from timestamptz, p_to timestamptz, p_assistant_id uuid default null,
  p_time_zone text default null
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_zone text;
begin
  perform public.require_role_v1(p_tenant_id, 'viewer');
  if p_from >= p_to or p_to - p_from > interval '400 days' then
    raise exception 'the range must end after it begins and be of 400 days at most: choose another'
      using errcode = 'AVA07', hint = 'range_invalid';
  end if;
  if p_assistant_id is not null and not exists (
    select from public.assistants
    where assistants.assistant_id = p_assistant_id and assistants.tenant_id = p_tenant_id
  ) then
    raise exception 'there is no such assistant' using errcode = 'AVA03', hint = 'assistant_not_found';
  end if;
  v_zone := public.reporting_zone_v1(p_tenant_id, p_assistant_id, p_time_zone);
  return public.call_figures_v1(p_tenant_id, p_from, p_to, p_assistant_id, v_zone)
    || jsonb_build_object('time_zone', v_zone);
end
$$;

revoke all on function public.reporting_zone_v1(uuid, uuid, text) from public, anon, authenticated;
revoke all on function public.call_figures_v1(uuid, timestamptz, timestamptz, uuid, text) from public, anon, authenticated;
revoke all on function public.call_statistics_v1(uuid, timestamptz, timestamptz, uuid, text) from public, anon;
grant execute on function public.reporting_zone_v1(uuid, uuid, text) to service_role;
grant execute on function public.call_figures_v1(uuid, timestamptz, timestamptz, uuid, text) to service_role;
grant execute on function public.call_statistics_v1(uuid, timestamptz, timestamptz, uuid, text) to authenticated, service_role;
