-- Where an owner's own carrier takes calls that go out from the trunk's numbers: a host, or host:port. Null: it takes none.
-- They sign in as the carrier's calls to us do.

alter table public.carrier_accounts
  add column outgoing_address text
    check (length(outgoing_address) <= 255 and outgoing_address ~ '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$');

grant select (outgoing_address) on public.carrier_accounts to authenticated;

-- As request_sip_trunk_v1; p_trunk may have outgoing_address.
create function public.request_sip_trunk_v2(
  p_tenant_id uuid, p_carrier_id uuid, p_trunk jsonb, p_numbers jsonb, p_assistant_id uuid default null,
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_made jsonb;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_made := public.request_sip_trunk_v1(p_tenant_id, p_carrier_id, p_trunk, p_numbers, p_assistant_id, p_on_behalf_of);
  update public.carrier_accounts as carriers
  set outgoing_address = p_trunk ->> 'outgoing_address'
  where carriers.carrier_id = p_carrier_id and carriers.tenant_id = p_tenant_id and carriers.kind = 'sip_trunk'
    and carriers.removed_at is null;
  return v_made || jsonb_build_object('carrier', public.carrier_row_v1(p_carrier_id));
end
$$;

revoke all on function public.request_sip_trunk_v2(uuid, uuid, jsonb, jsonb, uuid, text) from public, anon;
grant execute on function public.request_sip_trunk_v2(uuid, uuid, jsonb, jsonb, uuid, text) to authenticated, service_role;
