-- Carrier accounts: an owner connects and removes their own; the service opens the managed one.

-- What users may see of a carrier account.
create function public.carrier_row_v1(p_carrier_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(carriers) - array['sealed_secret', 'claimed_by', 'claimed_until']
  from public.carrier_accounts as carriers where carriers.carrier_id = p_carrier_id
$$;

-- The owner's Twilio account, or its new token. p_carrier_id is the caller's choice, so that asking twice makes one.
create function public.save_own_carrier_v1(
  p_tenant_id uuid, p_carrier_id uuid, p_account_sid text, p_sealed_secret text, p_preview text, p_name text default '',
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_carrier_id uuid;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  perform from public.tenants where tenants.tenant_id = p_tenant_id for no key update;
  update public.carrier_accounts as carriers set
    sealed_secret = p_sealed_secret, preview = p_preview, updated_at = now(),
    name = coalesce(nullif(p_name, ''), carriers.name)
  where carriers.tenant_id = p_tenant_id and carriers.kind = 'own_twilio' and carriers.removed_at is null
    and carriers.account_sid = p_account_sid
  returning carriers.carrier_id into v_carrier_id;
  if found then
    -- what waited for a token that works
    update public.number_purchases as purchases set next_attempt_at = now()
    where purchases.carrier_id = v_carrier_id and purchases.state in ('requested', 'bought', 'routed', 'releasing');
    return public.carrier_row_v1(v_carrier_id);
  end if;
  if (
    select count(*) from public.carrier_accounts as carriers
    where carriers.tenant_id = p_tenant_id and carriers.kind = 'own_twilio' and carriers.removed_at is null
  ) >= 5 then
    raise exception '5 Twilio accounts are connected: remove one first'
      using errcode = 'AVA05', hint = 'too_many_carriers';
  end if;
  insert into public.carrier_accounts (
    carrier_id, tenant_id, kind, name, account_sid, sealed_secret, preview, created_by
  ) values (
    p_carrier_id, p_tenant_id, 'own_twilio', coalesce(p_name, ''), p_account_sid, p_sealed_secret, p_preview,
    public.actor_v1(p_on_behalf_of)
  )
  on conflict (carrier_id) do nothing;
  if not found then
    raise exception 'there is no such carrier account' using errcode = 'AVA03', hint = 'carrier_not_found';
  end if;
  return public.carrier_row_v1(p_carrier_id);
end
$$;

-- Its secret is forgotten; the row stays for the numbers that came through it.
create function public.remove_carrier_v1(p_tenant_id uuid, p_carrier_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_kind text;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  -- as a claim does: no number may come through it meanwhile
  perform from public.tenants where tenants.tenant_id = p_tenant_id for no key update;
  select carriers.kind into v_kind from public.carrier_accounts as carriers
  where carriers.carrier_id = p_carrier_id and carriers.tenant_id = p_tenant_id and carriers.removed_at is null
  for update;
  if not found then
    raise exception 'there is no such carrier account' using errcode = 'AVA03', hint = 'carrier_not_found';
  end if;
  if v_kind = 'managed' then
    raise exception 'this account is run for you: release its numbers, and it costs nothing'
      using errcode = 'AVA05', hint = 'carrier_managed';
  end if;
  if exists (
    select from public.number_purchases as purchases
    where purchases.carrier_id = p_carrier_id and purchases.state not in ('failed', 'released')
  ) then
    raise exception 'numbers still come through this account: release them first'
      using errcode = 'AVA05', hint = 'carrier_in_use';
  end if;
  update public.carrier_accounts as carriers
  set removed_at = now(), updated_at = now(), sealed_secret = null, preview = '', sip_username = null
  where carriers.carrier_id = p_carrier_id;
end
$$;

-- outcome: ready | open (this purchase opens it at the carrier now) | wait (another one does). p_carrier_id counts only if
-- there is none yet. A purchase that died while opening finds the place still its own.
create function public.hold_managed_account_v1(
  p_tenant_id uuid, p_carrier_id uuid, p_purchase_id uuid, p_seconds integer
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_carrier public.carrier_accounts;
  v_outcome text;
begin
  insert into public.carrier_accounts (carrier_id, tenant_id, kind, created_by)
  values (p_carrier_id, p_tenant_id, 'managed', 'service')
  on conflict do nothing;
  select * into strict v_carrier from public.carrier_accounts as carriers
  where carriers.tenant_id = p_tenant_id and carriers.kind = 'managed'
  for update;
  v_outcome := case
    when v_carrier.account_sid is not null then 'ready'
    when v_carrier.claimed_by is distinct from p_purchase_id and v_carrier.claimed_until > now() then 'wait'
    else 'open'
  end;
  if v_outcome = 'open' then
    update public.carrier_accounts as carriers
    set claimed_by = p_purchase_id, claimed_until = now() + make_interval(secs => p_seconds)
    where carriers.carrier_id = v_carrier.carrier_id;
  end if;
  return jsonb_build_object('outcome', v_outcome, 'carrier', to_jsonb(v_carrier));
end
$$;

-- The first account stays, whoever comes second.
create function public.managed_account_opened_v1(
  p_carrier_id uuid, p_account_sid text, p_sealed_secret text, p_preview text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.carrier_accounts as carriers set
    account_sid = p_account_sid, sealed_secret = p_sealed_secret, preview = p_preview, claimed_by = null,
    claimed_until = null, updated_at = now()
  where carriers.carrier_id = p_carrier_id and carriers.kind = 'managed' and carriers.account_sid is null;
  return (select to_jsonb(carriers) from public.carrier_accounts as carriers where carriers.carrier_id = p_carrier_id);
end
$$;

revoke all on function public.carrier_row_v1(uuid) from public, anon, authenticated;
revoke all on function public.save_own_carrier_v1(uuid, uuid, text, text, text, text, text) from public, anon;
revoke all on function public.remove_carrier_v1(uuid, uuid) from public, anon;
revoke all on function public.hold_managed_account_v1(uuid, uuid, uuid, integer) from public, anon, authenticated;
revoke all on function public.managed_account_opened_v1(uuid, text, text, text) from public, anon, authenticated;
grant execute on function public.carrier_row_v1(uuid) to service_role;
grant execute on function public.save_own_carrier_v1(uuid, uuid, text, text, text, text, text)
  to authenticated, service_role;
grant execute on function public.remove_carrier_v1(uuid, uuid) to authenticated, service_role;
grant execute on function public.hold_managed_account_v1(uuid, uuid, uuid, integer) to service_role;
grant execute on function public.managed_account_opened_v1(uuid, text, text, text) to service_role;
