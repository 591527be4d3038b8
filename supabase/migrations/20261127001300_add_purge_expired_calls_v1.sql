-- Retention: calls older than their tenant keeps them, and what is remembered of erasures for long enough. For the service;
-- as many processes as like may run it at once: a row that one holds is passed over by the others.
-- A booking whose end is not known keeps its call until it is settled.

create function public.has_open_doubt_v1(p_call_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.bookings
    where bookings.call_id = p_call_id and bookings.state in ('intended', 'unconfirmed')
  )
$$;

-- The caller holds the rows. Doubts are looked for again, now that nothing can be added. -> how many went
create function public.forget_calls_v1(p_call_ids uuid[]) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_ids uuid[];
begin
  select array_agg(held.call_id) into v_ids
  from unnest(p_call_ids) as held (call_id) where not public.has_open_doubt_v1(held.call_id);
  delete from public.messages where messages.call_id = any (v_ids);
  delete from public.bookings where bookings.call_id = any (v_ids);
  delete from public.call_events as events where events.call_id = any (v_ids);
  delete from public.calls where calls.call_id = any (v_ids);
  return coalesce(cardinality(v_ids), 0);
end
$$;

-- -> how many calls went, at most p_limit; ask again while it is that many.
create function public.purge_expired_calls_v1(p_limit integer default 200) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_tenant record;
  v_ids uuid[];
  v_gone integer := 0;
begin
  for v_tenant in
    select tenants.tenant_id, now() - make_interval(days => tenants.retention_days) as kept_since
    from public.tenants where tenants.retention_days is not null
  loop
    exit when v_gone >= p_limit;
    v_ids := array(
      select calls.call_id from public.calls
      where calls.tenant_id = v_tenant.tenant_id and calls.started_at < v_tenant.kept_since
        and calls.deleted_at is null and not public.has_open_doubt_v1(calls.call_id)
      order by calls.started_at limit p_limit - v_gone
      for update skip locked
    );
    v_gone := v_gone + public.forget_calls_v1(v_ids);
  end loop;
  v_ids := array(
    select calls.call_id from public.calls
    where calls.deleted_at < now() - interval '30 days' and not public.has_open_doubt_v1(calls.call_id)
    limit p_limit - v_gone
    for update skip locked
  );
  v_gone := v_gone + public.forget_calls_v1(v_ids);
  delete from public.caller_erasures as erasures where erasures.requested_at < now() - interval '30 days';
  return v_gone;
end
$$;

revoke all on function public.has_open_doubt_v1(uuid) from public, anon, authenticated;
revoke all on function public.forget_calls_v1(uuid[]) from public, anon, authenticated;
revoke all on function public.purge_expired_calls_v1(integer) from public, anon, authenticated;
grant execute on function public.has_open_doubt_v1(uuid) to service_role;
grant execute on function public.forget_calls_v1(uuid[]) to service_role;
grant execute on function public.purge_expired_calls_v1(integer) to service_role;
