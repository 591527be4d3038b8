-- The end of a call, written once: the first closing stands. `lost` is not the call's own word but what is concluded
-- when its worker is gone, so a real closing that arrives later replaces it.
-- AVA01: the call has no row yet; open it first.

create function public.close_call_v1(p_call_id uuid, p_closing jsonb) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.calls
  set
    closed_at = now(),
    ended_at = (p_closing ->> 'ended_at')::timestamptz,
    outcome = p_closing ->> 'outcome',
    ended_by = p_closing ->> 'ended_by',
    summary = coalesce(p_closing ->> 'summary', ''),
    usage = coalesce(p_closing -> 'usage', '{}'::jsonb),
    cost = nullif(p_closing -> 'cost', 'null'::jsonb),
    cost_total = (p_closing #>> '{cost,total}')::numeric,
    cost_currency = p_closing #>> '{cost,currency}',
    latency_p50_ms = (p_closing ->> 'latency_p50_ms')::double precision,
    latency_p95_ms = (p_closing ->> 'latency_p95_ms')::double precision,
    recording = p_closing ->> 'recording'
  where calls.call_id = p_call_id
    and (calls.closed_at is null or (calls.outcome = 'lost' and p_closing ->> 'outcome' <> 'lost'));
  if found then
    return true;
  end if;
  if not exists (select from public.calls where calls.call_id = p_call_id) then
    raise exception 'the call is not open' using errcode = 'AVA01';
  end if;
  return false;
end
$$;

revoke all on function public.close_call_v1(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.close_call_v1(uuid, jsonb) to service_role;
