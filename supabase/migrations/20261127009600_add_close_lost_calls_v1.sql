-- Calls that nobody will close: the caller's leg left p_grace_seconds ago, or the call is open for p_longest_seconds, and
-- nothing was recorded in the last p_grace_seconds. `lost` is a conclusion: close_call_v1 lets the call's own closing replace
-- it, whenever that comes. For the service; as many processes as like may run it at once: a call that one holds, and one that
-- its worker is closing, is passed over.

-- -> how many were closed, at most p_limit. `gone.at`: when the caller left; null while there.
create function public.close_lost_calls_v1(
  p_grace_seconds integer, p_longest_seconds integer, p_limit integer default 100
) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_quiet_since constant timestamptz := now() - make_interval(secs => p_grace_seconds);
  v_closed integer;
begin
  with lost as (
    select calls.call_id, case when gone.at is not null then least(gone.at, now()) end as left_at
    from public.calls
    left join public.line_legs as legs on legs.sip_call_id = calls.sip_call_id
    cross join lateral (
      select case
        when legs.left_at >= coalesce(legs.joined_at, '-infinity') then legs.left_at else legs.room_ended_at
      end as at
    ) as gone
    where calls.closed_at is null and calls.outcome is null and calls.deleted_at is null
      and (
        (gone.at is not null and legs.left_heard_at < v_quiet_since)
        or calls.opened_at < now() - make_interval(secs => p_longest_seconds)
      )
      and not exists (
        select from public.call_events as events
        where events.call_id = calls.call_id and events.stored_at > v_quiet_since
      )
    order by calls.opened_at limit p_limit
    for update of calls skip locked
  )
  update public.calls
  set
    closed_at = now(),
    outcome = 'lost',
    ended_by = 'failure',
    ended_at = greatest(
      calls.started_at,
      coalesce(
        lost.left_at,
        (select max(events.at) from public.call_events as events where events.call_id = calls.call_id)
      )
    )
  from lost
  where calls.call_id = lost.call_id;
  get diagnostics v_closed = row_count;
  delete from public.line_legs as legs where legs.heard_at < now() - interval '1 day';
  return v_closed;
end
$$;

revoke all on function public.close_lost_calls_v1(integer, integer, integer) from public, anon, authenticated;
grant execute on function public.close_lost_calls_v1(integer, integer, integer) to service_role;
