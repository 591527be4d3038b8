-- Booking writes whose end is not known, of all tenants, oldest first, with the calendar to look them up in, and with the
-- language and the time zone that the call's version has for telling the business.

create function public.find_open_doubts_v1(p_older_than timestamptz) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(doubts.doubt order by doubts.at), '[]'::jsonb)
  from (
    select
      bookings.at,
      jsonb_build_object(
        'call_id', bookings.call_id,
        'tenant_id', bookings.tenant_id,
        'booking', to_jsonb(bookings) - 'tenant_id' - 'call_id' - 'created_at' - 'updated_at',
        'calendar', (
          select jsonb_build_object(
            'provider', connections.provider, 'base_url', connections.base_url,
            'sealed_key', connections.sealed_key, 'event_types', connections.event_types
          )
          from public.calendar_connections as connections
          where connections.assistant_id = calls.assistant_id
        ),
        'language', versions.config -> 'language',
        'time_zone', versions.config #> '{hours,time_zone}'
      ) as doubt
    from public.bookings
    join public.calls on calls.call_id = bookings.call_id
    left join public.assistant_versions as versions
      on versions.assistant_id = calls.assistant_id and versions.version = calls.version
    where bookings.state in ('intended', 'unconfirmed') and bookings.at < p_older_than
    order by bookings.at
    limit 100
  ) as doubts
$$;

revoke all on function public.find_open_doubts_v1(timestamptz) from public, anon, authenticated;
grant execute on function public.find_open_doubts_v1(timestamptz) to service_role;
