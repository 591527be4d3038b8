-- The steps of a number's way in and out, for the service. Each moves a row from the state it expects, once: repeated, it
-- changes nothing. AVA05 lease_lost: somebody else works on this number by now; state_changed: it is elsewhere on its way.

-- Work that is due, for a worker who calls itself p_lease; null: none. A given purchase is due whenever nobody holds it.
-- p_repair: one that is active may be taken too. Asked again by the same worker, it gives the same work.
create function public.take_number_work_v1(
  p_lease uuid, p_seconds integer, p_purchase_id uuid default null, p_repair boolean default false
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases;
begin
  select * into v_purchase from public.number_purchases as purchases
  where (
      purchases.state in ('requested', 'bought', 'routed', 'releasing')
      or (p_repair and purchases.purchase_id = p_purchase_id and purchases.state = 'active')
    )
    and (purchases.purchase_id = p_purchase_id or (p_purchase_id is null and purchases.next_attempt_at <= now()))
    and (purchases.claimed_until is null or purchases.claimed_until <= now() or purchases.claimed_by = p_lease)
  order by purchases.claimed_by is not distinct from p_lease desc, purchases.next_attempt_at
  limit 1
  for update skip locked;
  if not found then
    return null;
  end if;
  update public.number_purchases as purchases set
    claimed_by = p_lease, claimed_until = now() + make_interval(secs => p_seconds),
    attempts = purchases.attempts + 1
  where purchases.purchase_id = v_purchase.purchase_id
  returning * into v_purchase;
  return to_jsonb(v_purchase);
end
$$;

-- Locked and in the worker's hands, for as long again. In p_target already, nobody's hands are needed.
create function public.hold_purchase_v1(p_purchase_id uuid, p_lease uuid, p_expected text[], p_target text)
returns public.number_purchases
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases;
begin
  select * into v_purchase from public.number_purchases as purchases
  where purchases.purchase_id = p_purchase_id
  for update;
  if not found then
    raise exception 'there is no such purchase' using errcode = 'AVA03', hint = 'purchase_not_found';
  end if;
  if v_purchase.claimed_by is distinct from p_lease then
    if v_purchase.state is distinct from p_target then
      raise exception 'somebody else works on this number now' using errcode = 'AVA05', hint = 'lease_lost';
    end if;
    return v_purchase;
  end if;
  if v_purchase.state <> all (p_expected) then
    raise exception 'this number is % by now', v_purchase.state using errcode = 'AVA05', hint = 'state_changed';
  end if;
  update public.number_purchases as purchases set claimed_until = now() + interval '2 minutes'
  where purchases.purchase_id = p_purchase_id;
  return v_purchase;
end
$$;

-- Before the carrier is asked to sell it: from here on it may be ours, whatever becomes of this worker.
create function public.number_buying_v1(p_purchase_id uuid, p_lease uuid, p_carrier_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases := public.hold_purchase_v1(p_purchase_id, p_lease, '{requested}', null);
begin
  update public.number_purchases as purchases
  set carrier_id = p_carrier_id, buy_sent_at = now(), updated_at = now()
  where purchases.purchase_id = p_purchase_id
  returning * into v_purchase;
  return to_jsonb(v_purchase);
end
$$;

-- The carrier has it in our account, or in the owner's. p_previous_routing, p_sealed_routing: where an imported one led.
create function public.number_bought_v1(
  p_purchase_id uuid, p_lease uuid, p_carrier_id uuid, p_number_sid text, p_capabilities text[],
  p_previous_routing jsonb default null, p_sealed_routing text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases := public.hold_purchase_v1(p_purchase_id, p_lease, '{requested,bought}', 'bought');
begin
  if v_purchase.state = 'requested' then
    update public.number_purchases as purchases set
      state = 'bought', carrier_id = p_carrier_id, number_sid = p_number_sid, capabilities = p_capabilities,
      previous_routing = p_previous_routing, sealed_routing = p_sealed_routing, attempts = 1, last_error = null,
      last_error_code = null, revision = purchases.revision + 1, updated_at = now()
    where purchases.purchase_id = p_purchase_id
    returning * into v_purchase;
  end if;
  return to_jsonb(v_purchase);
end
$$;

-- Its calls reach us. A number on the owner's own trunk is never bought; an active one is routed anew where that was lost.
create function public.number_routed_v1(
  p_purchase_id uuid, p_lease uuid, p_trunk_sid text, p_line_trunk_id text, p_line_rule_id text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases :=
    public.hold_purchase_v1(p_purchase_id, p_lease, '{requested,bought,routed,active}', 'routed');
begin
  if v_purchase.state = 'requested' and v_purchase.source <> 'sip_trunk' then
    raise exception 'this number is not bought yet' using errcode = 'AVA05', hint = 'state_changed';
  end if;
  update public.number_purchases as purchases set
    state = case when purchases.state = 'active' then 'active' else 'routed' end,
    trunk_sid = p_trunk_sid, line_trunk_id = p_line_trunk_id, line_rule_id = p_line_rule_id, attempts = 1,
    last_error = null, last_error_code = null, revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = p_purchase_id and (
    purchases.state in ('requested', 'bought')
    or (purchases.trunk_sid, purchases.line_trunk_id, purchases.line_rule_id)
      is distinct from (p_trunk_sid, p_line_trunk_id, p_line_rule_id)
  )
  returning * into v_purchase;
  if not found then
    select * into v_purchase from public.number_purchases as purchases where purchases.purchase_id = p_purchase_id;
  end if;
  return to_jsonb(v_purchase);
end
$$;

-- The only place where a number begins to answer. An assistant that was archived meanwhile does not get it.
create function public.number_activated_v1(p_purchase_id uuid, p_lease uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases := public.hold_purchase_v1(p_purchase_id, p_lease, '{routed,active}', 'active');
  v_assistant_id uuid;
begin
  select assistants.assistant_id into v_assistant_id from public.assistants
  where assistants.assistant_id = v_purchase.assistant_id and assistants.status <> 'archived'
  for update;
  insert into public.phone_numbers (e164, tenant_id, assistant_id, country)
  values (v_purchase.e164, v_purchase.tenant_id, v_assistant_id, v_purchase.country)
  on conflict (e164) do nothing;
  if not exists (
    select from public.phone_numbers
    where phone_numbers.e164 = v_purchase.e164 and phone_numbers.tenant_id = v_purchase.tenant_id
  ) then
    raise exception 'this number answers for somebody else: its operator must look'
      using errcode = 'AVA05', hint = 'number_answers_elsewhere';
  end if;
  update public.number_purchases as purchases set
    state = 'active', assistant_id = v_assistant_id, activated_at = coalesce(purchases.activated_at, now()),
    attempts = 0, last_error = null, last_error_code = null, claimed_by = null, claimed_until = null,
    revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = p_purchase_id and (purchases.state <> 'active' or purchases.claimed_by is not null)
  returning * into v_purchase;
  if not found then
    select * into v_purchase from public.number_purchases as purchases where purchases.purchase_id = p_purchase_id;
  end if;
  return to_jsonb(v_purchase);
end
$$;

-- Refused for good, and nothing of it left anywhere.
create function public.number_failed_v1(p_purchase_id uuid, p_lease uuid, p_code text, p_words text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases := public.hold_purchase_v1(p_purchase_id, p_lease, '{requested}', 'failed');
begin
  if v_purchase.state = 'requested' then
    update public.number_purchases as purchases set
      state = 'failed', last_error_code = p_code, last_error = p_words, claimed_by = null, claimed_until = null,
      revision = purchases.revision + 1, updated_at = now()
    where purchases.purchase_id = p_purchase_id
    returning * into v_purchase;
  end if;
  return to_jsonb(v_purchase);
end
$$;

-- Not now: again in p_seconds. Whoever lost the number to another worker changes nothing. p_unsent: the carrier certainly did
-- not sell it this time, so what counts is when it was asked before.
create function public.number_deferred_v1(
  p_purchase_id uuid, p_lease uuid, p_code text, p_words text, p_seconds double precision, p_unsent boolean default false,
  p_sent_before timestamptz default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.number_purchases as purchases set
    last_error_code = p_code, last_error = p_words, claimed_by = null, claimed_until = null, updated_at = now(),
    next_attempt_at = now() + make_interval(secs => p_seconds), revision = purchases.revision + 1,
    buy_sent_at = case when p_unsent then p_sent_before else purchases.buy_sent_at end
  where purchases.purchase_id = p_purchase_id and purchases.claimed_by = p_lease;
  return (
    select to_jsonb(purchases) from public.number_purchases as purchases where purchases.purchase_id = p_purchase_id
  );
end
$$;

create function public.number_released_v1(p_purchase_id uuid, p_lease uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases := public.hold_purchase_v1(p_purchase_id, p_lease, '{releasing}', 'released');
begin
  if v_purchase.state = 'releasing' then
    update public.number_purchases as purchases set
      state = 'released', released_at = now(), sealed_routing = null, last_error = null, last_error_code = null,
      claimed_by = null, claimed_until = null, revision = purchases.revision + 1, updated_at = now()
    where purchases.purchase_id = p_purchase_id
    returning * into v_purchase;
  end if;
  return to_jsonb(v_purchase);
end
$$;

create function public.number_priced_v1(p_purchase_id uuid, p_monthly_price numeric, p_currency text) returns void
language sql volatile security definer set search_path = '' as $$
  update public.number_purchases as purchases
  set monthly_price = p_monthly_price, currency = p_currency, revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = p_purchase_id
    and (purchases.monthly_price, purchases.currency) is distinct from (p_monthly_price, p_currency)
$$;

revoke all on function public.take_number_work_v1(uuid, integer, uuid, boolean) from public, anon, authenticated;
revoke all on function public.hold_purchase_v1(uuid, uuid, text[], text) from public, anon, authenticated;
revoke all on function public.number_buying_v1(uuid, uuid, uuid) from public, anon, authenticated;
revoke all on function public.number_bought_v1(uuid, uuid, uuid, text, text[], jsonb, text)
  from public, anon, authenticated;
revoke all on function public.number_routed_v1(uuid, uuid, text, text, text) from public, anon, authenticated;
revoke all on function public.number_activated_v1(uuid, uuid) from public, anon, authenticated;
revoke all on function public.number_failed_v1(uuid, uuid, text, text) from public, anon, authenticated;
revoke all on function public.number_deferred_v1(uuid, uuid, text, text, double precision, boolean, timestamptz)
  from public, anon, authenticated;
revoke all on function public.number_released_v1(uuid, uuid) from public, anon, authenticated;
revoke all on function public.number_priced_v1(uuid, numeric, text) from public, anon, authenticated;
grant execute on function public.take_number_work_v1(uuid, integer, uuid, boolean) to service_role;
grant execute on function public.hold_purchase_v1(uuid, uuid, text[], text) to service_role;
grant execute on function public.number_buying_v1(uuid, uuid, uuid) to service_role;
grant execute on function public.number_bought_v1(uuid, uuid, uuid, text, text[], jsonb, text) to service_role;
grant execute on function public.number_routed_v1(uuid, uuid, text, text, text) to service_role;
grant execute on function public.number_activated_v1(uuid, uuid) to service_role;
grant execute on function public.number_failed_v1(uuid, uuid, text, text) to service_role;
grant execute on function public.number_deferred_v1(uuid, uuid, text, text, double precision, boolean, timestamptz) to service_role;
grant execute on function public.number_released_v1(uuid, uuid) to service_role;
grant execute on function public.number_priced_v1(uuid, numeric, text) to service_role;
