-- Whether a tenant has credit: what its new calls get depends on it. Who counts credits sets it by the one function; the service's
-- key alone can't write a tenant's row past its functions.

alter table public.tenants
  -- null: it has credit
  add column out_of_credit_since timestamptz;
revoke update on public.tenants from service_role;

-- Told again, the first time stands. Null says nothing, and changes nothing.
create function public.set_tenant_credit_v1(p_tenant_id uuid, p_out_of_credit boolean) returns jsonb
language plpgsql volatile strict security definer set search_path = '' as $$
declare
  v_tenant public.tenants;
begin
  update public.tenants
  set out_of_credit_since = case when p_out_of_credit then coalesce(tenants.out_of_credit_since, now()) end
  where tenants.tenant_id = p_tenant_id
  returning * into v_tenant;
  if not found then
    raise exception 'there is no such tenant' using errcode = 'AVA03', hint = 'tenant_not_found';
  end if;
  return jsonb_build_object('tenant_id', v_tenant.tenant_id, 'out_of_credit_since', v_tenant.out_of_credit_since);
end
$$;

revoke all on function public.set_tenant_credit_v1(uuid, boolean) from public, anon, authenticated;
grant execute on function public.set_tenant_credit_v1(uuid, boolean) to service_role;
