-- What an owner asks for: a number bought, imported, brought on a trunk, given to an assistant, given back. Nothing here makes
-- a number answer: that is the service's doing, once a carrier said whose it is.

-- The number is the tenant's to get, or AVA05. Asking again with the same id is asking once.
create function public.claim_number_v1(
  p_tenant_id uuid, p_purchase_id uuid, p_source text, p_wanted jsonb, p_by text
) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_limit integer;
  v_assistant_id uuid := (p_wanted ->> 'assistant_id')::uuid;
  v_e164 text := p_wanted ->> 'e164';
  v_holder uuid;
begin
  -- one claim at a time per tenant: two must not both see the last free place
  select tenants.number_limit into v_limit from public.tenants where tenants.tenant_id = p_tenant_id
  for no key update;
  if not found then
    raise exception 'there is no such tenant' using errcode = 'AVA03', hint = 'tenant_not_found';
  end if;
  if exists (
    select from public.number_purchases as purchases
    where purchases.purchase_id = p_purchase_id and purchases.tenant_id = p_tenant_id
  ) then
    return;
  end if;
  if v_e164 is null or v_e164 !~ '^\+[1-9][0-9]{6,14}$' then
    raise exception 'a number is written in E.164, as in +33123456789' using errcode = 'AVA07', hint = 'number_invalid';
  end if;
  if (
    select count(*) from public.number_purchases as purchases
    where purchases.tenant_id = p_tenant_id and purchases.state not in ('failed', 'released')
  ) >= v_limit then
    raise exception 'you have % numbers or are getting them, which is your limit: release one first, or have it raised', v_limit
      using errcode = 'AVA05', hint = 'too_many_numbers', detail = v_limit::text;
  end if;
  if v_assistant_id is not null then
    perform public.require_assignable_v1(p_tenant_id, v_assistant_id);
  end if;
  select numbers.tenant_id into v_holder from public.numbers where numbers.e164 = v_e164;
  if not found then
    insert into public.number_purchases (
      purchase_id, tenant_id, source, e164, country, kind, carrier_id, assistant_id, address_sid, bundle_sid,
      takeover_confirmed, monthly_price, currency, created_by
    ) values (
      p_purchase_id, p_tenant_id, p_source, v_e164, p_wanted ->> 'country', p_wanted ->> 'kind',
      (p_wanted ->> 'carrier_id')::uuid, v_assistant_id, p_wanted ->> 'address_sid', p_wanted ->> 'bundle_sid',
      coalesce((p_wanted ->> 'takeover_confirmed')::boolean, false), (p_wanted ->> 'monthly_price')::numeric,
      p_wanted ->> 'currency', p_by
    )
    on conflict do nothing;
    if found then
      return;
    end if;
    select purchases.tenant_id into v_holder from public.number_purchases as purchases
    where purchases.e164 = v_e164 and purchases.state not in ('failed', 'released');
  end if;
  if v_holder = p_tenant_id then
    raise exception 'you have this number or are getting it: see GET /v1/numbers'
      using errcode = 'AVA05', hint = 'number_yours_already';
  end if;
  raise exception 'somebody else has this number: choose another' using errcode = 'AVA05', hint = 'number_not_available';
end
$$;

-- Of that tenant and not archived; locked, so that it is not archived meanwhile.
create function public.require_assignable_v1(p_tenant_id uuid, p_assistant_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants := public.hold_assistant_v1(p_tenant_id, p_assistant_id, null);
begin
  if v_assistant.status = 'archived' then
    raise exception 'this assistant is archived: restore it first' using errcode = 'AVA05', hint = 'assistant_archived';
  end if;
end
$$;

-- What users may see of a purchase.
create function public.purchase_row_v1(p_purchase_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(purchases) - array['sealed_routing', 'claimed_by']
  from public.number_purchases as purchases where purchases.purchase_id = p_purchase_id
$$;

-- p_source: purchase | import. p_wanted: e164, country, kind, carrier_id, assistant_id, address_sid, bundle_sid,
-- takeover_confirmed, monthly_price, currency. p_purchase_id is the caller's choice, so that asking twice makes one.
create function public.request_number_v1(
  p_tenant_id uuid, p_purchase_id uuid, p_source text, p_wanted jsonb, p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  if p_source is null or p_source not in ('purchase', 'import') then
    raise exception 'a number is bought or imported' using errcode = 'AVA07', hint = 'source_invalid';
  end if;
  if (p_source = 'import') <> exists (
    select from public.carrier_accounts as carriers
    where carriers.carrier_id = (p_wanted ->> 'carrier_id')::uuid and carriers.tenant_id = p_tenant_id
      and carriers.kind = 'own_twilio' and carriers.removed_at is null
  ) then
    raise exception 'there is no such carrier account' using errcode = 'AVA03', hint = 'carrier_not_found';
  end if;
  perform public.claim_number_v1(p_tenant_id, p_purchase_id, p_source, p_wanted, public.actor_v1(p_on_behalf_of));
  return public.purchase_row_v1(p_purchase_id);
end
$$;

-- A carrier of the owner's and its numbers, all or none. p_trunk: name, allowed_addresses, username, sealed_password, preview;
-- p_numbers: purchase_id, e164, country of each.
create function public.request_sip_trunk_v1(
  p_tenant_id uuid, p_carrier_id uuid, p_trunk jsonb, p_numbers jsonb, p_assistant_id uuid default null,
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_number jsonb;
  v_by text;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_by := public.actor_v1(p_on_behalf_of);
  insert into public.carrier_accounts (
    carrier_id, tenant_id, kind, name, allowed_addresses, sip_username, sealed_secret, preview, created_by
  ) values (
    p_carrier_id, p_tenant_id, 'sip_trunk', coalesce(p_trunk ->> 'name', ''),
    array(select jsonb_array_elements_text(p_trunk -> 'allowed_addresses')), p_trunk ->> 'username',
    p_trunk ->> 'sealed_password', coalesce(p_trunk ->> 'preview', ''), v_by
  )
  on conflict (carrier_id) do nothing;
  perform from public.carrier_accounts as carriers
  where carriers.carrier_id = p_carrier_id and carriers.tenant_id = p_tenant_id;
  if not found then
    raise exception 'there is no such carrier account' using errcode = 'AVA03', hint = 'carrier_not_found';
  end if;
  -- in one order for all, so that two tenants who want the same numbers don't wait for each other
  for v_number in select value from jsonb_array_elements(p_numbers) order by value ->> 'e164' loop
    perform public.claim_number_v1(
      p_tenant_id, (v_number ->> 'purchase_id')::uuid, 'sip_trunk',
      v_number || jsonb_build_object('carrier_id', p_carrier_id, 'assistant_id', p_assistant_id), v_by
    );
  end loop;
  return (
    select jsonb_build_object(
      'carrier', public.carrier_row_v1(p_carrier_id),
      'purchases', coalesce(jsonb_agg(public.purchase_row_v1(purchases.purchase_id) order by purchases.e164), '[]')
    )
    from public.number_purchases as purchases
    where purchases.carrier_id = p_carrier_id and purchases.tenant_id = p_tenant_id
  );
end
$$;

-- p_assistant_id null: the number answers to nobody. A number that is still on its way gets its assistant when it arrives.
create function public.assign_number_v1(p_tenant_id uuid, p_e164 text, p_assistant_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_purchase from public.number_purchases as purchases
  where purchases.e164 = p_e164 and purchases.tenant_id = p_tenant_id and purchases.state not in ('failed', 'released')
  for update;
  if not found and not exists (
    select from public.phone_numbers where phone_numbers.e164 = p_e164 and phone_numbers.tenant_id = p_tenant_id
  ) then
    raise exception 'you have no such number' using errcode = 'AVA03', hint = 'number_not_found';
  end if;
  if v_purchase.state = 'releasing' then
    raise exception 'this number is being given back' using errcode = 'AVA05', hint = 'number_releasing';
  end if;
  if p_assistant_id is not null then
    perform public.require_assignable_v1(p_tenant_id, p_assistant_id);
  end if;
  update public.number_purchases as purchases
  set assistant_id = p_assistant_id, revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = v_purchase.purchase_id;
  update public.phone_numbers set assistant_id = p_assistant_id
  where phone_numbers.e164 = p_e164 and phone_numbers.tenant_id = p_tenant_id;
  return (
    select to_jsonb(numbers) from public.numbers where numbers.e164 = p_e164 and numbers.tenant_id = p_tenant_id
  );
end
$$;

create function public.unassign_number_v1(p_tenant_id uuid, p_e164 text) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select public.assign_number_v1(p_tenant_id, p_e164, null)
$$;

-- From here on the number answers nobody; the service gives it back where it came from.
create function public.release_number_v1(p_tenant_id uuid, p_e164 text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_purchase from public.number_purchases as purchases
  where purchases.e164 = p_e164 and purchases.tenant_id = p_tenant_id and purchases.state <> 'failed'
  order by purchases.state = 'released', purchases.released_at desc
  limit 1
  for update;
  if not found then
    if exists (
      select from public.phone_numbers where phone_numbers.e164 = p_e164 and phone_numbers.tenant_id = p_tenant_id
    ) then
      raise exception 'this number was put here by the operator, who alone can take it away'
        using errcode = 'AVA05', hint = 'number_of_operator';
    end if;
    raise exception 'you have no such number' using errcode = 'AVA03', hint = 'number_not_found';
  end if;
  if v_purchase.state in ('releasing', 'released') then
    return public.purchase_row_v1(v_purchase.purchase_id);
  end if;
  if v_purchase.claimed_until > now() then
    raise exception 'this number is being set up right now: try again in a minute'
      using errcode = 'AVA05', hint = 'number_busy';
  end if;
  delete from public.phone_numbers where phone_numbers.e164 = p_e164 and phone_numbers.tenant_id = p_tenant_id;
  update public.number_purchases as purchases set
    state = 'releasing', attempts = 0, last_error = null, last_error_code = null, next_attempt_at = now(),
    revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = v_purchase.purchase_id;
  return public.purchase_row_v1(v_purchase.purchase_id);
end
$$;

revoke all on function public.claim_number_v1(uuid, uuid, text, jsonb, text) from public, anon, authenticated;
revoke all on function public.require_assignable_v1(uuid, uuid) from public, anon, authenticated;
revoke all on function public.purchase_row_v1(uuid) from public, anon, authenticated;
revoke all on function public.request_number_v1(uuid, uuid, text, jsonb, text) from public, anon;
revoke all on function public.request_sip_trunk_v1(uuid, uuid, jsonb, jsonb, uuid, text) from public, anon;
revoke all on function public.assign_number_v1(uuid, text, uuid) from public, anon;
revoke all on function public.unassign_number_v1(uuid, text) from public, anon;
revoke all on function public.release_number_v1(uuid, text) from public, anon;
grant execute on function public.claim_number_v1(uuid, uuid, text, jsonb, text) to service_role;
grant execute on function public.require_assignable_v1(uuid, uuid) to service_role;
grant execute on function public.purchase_row_v1(uuid) to service_role;
grant execute on function public.request_number_v1(uuid, uuid, text, jsonb, text) to authenticated, service_role;
grant execute on function public.request_sip_trunk_v1(uuid, uuid, jsonb, jsonb, uuid, text) to authenticated, service_role;
grant execute on function public.assign_number_v1(uuid, text, uuid) to authenticated, service_role;
grant execute on function public.unassign_number_v1(uuid, text) to authenticated, service_role;
grant execute on function public.release_number_v1(uuid, text) to authenticated, service_role;
