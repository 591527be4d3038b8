-- Calls in which somebody of the business tries a version of an assistant, from a browser. On record like any other, and told
-- from them by `test`: they were dialled by nobody ("web"), run on the version that was asked for, paused assistant or not,
-- and write nothing into the calendar (what is booked in them was rehearsed).

alter table public.calls add column test boolean not null default false;
create index calls_page_test_idx on public.calls (tenant_id, started_at desc, call_id desc) where test;

-- status: ok | version_unknown (no row is written) | call_over (its token was used again after the end)
-- A second opening gives the row of the first, as long as that call is not over; the same opening sent again always does.
create function public.open_test_call_v1(
  p_call_id uuid, p_sip_call_id text, p_assistant_id uuid, p_version integer, p_received_at timestamptz
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
begin
  insert into public.calls (call_id, tenant_id, assistant_id, version, sip_call_id, dialed, started_at, test)
  select
    p_call_id, versions.tenant_id, versions.assistant_id, versions.version, p_sip_call_id, 'web', p_received_at, true
  from public.assistant_versions as versions
  where versions.assistant_id = p_assistant_id and versions.version = p_version
  on conflict on constraint calls_sip_call_id_key do nothing;
  select * into v_call from public.calls where calls.sip_call_id = p_sip_call_id;
  if not found then
    return jsonb_build_object('status', 'version_unknown');
  end if;
  if v_call.closed_at is not null and v_call.started_at <> p_received_at then
    return jsonb_build_object('status', 'call_over', 'call_id', v_call.call_id);
  end if;
  return public.call_snapshot_v1(v_call) || jsonb_build_object('test', v_call.test);
end
$$;

revoke all on function public.open_test_call_v1(uuid, text, uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function public.open_test_call_v1(uuid, text, uuid, integer, timestamptz) to service_role;
