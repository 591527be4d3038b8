-- Choosing a number's fallback, and finding it when the carrier asks.

-- p_fallback: {"kind": "forward", "number"} | {"kind": "message", "text"} | {"kind": "none"}, or null: the default.
-- p_expected_revision null: whatever it is now.
create function public.set_number_fallback_v1(
  p_tenant_id uuid, p_e164 text, p_expected_revision integer, p_fallback jsonb
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_purchase public.number_purchases;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  select * into v_purchase from public.number_purchases as purchases
  where purchases.e164 = p_e164 and purchases.tenant_id = p_tenant_id and purchases.state not in ('failed', 'released')
  for update;
  if not found then
    if exists (
      select from public.phone_numbers where phone_numbers.e164 = p_e164 and phone_numbers.tenant_id = p_tenant_id
    ) then
      raise exception 'this number was put here by the operator, whose carrier decides what it does with calls not taken'
        using errcode = 'AVA05', hint = 'fallback_at_carrier';
    end if;
    raise exception 'you have no such number' using errcode = 'AVA03', hint = 'number_not_found';
  end if;
  if p_expected_revision is not null and v_purchase.revision <> p_expected_revision then
    raise exception 'somebody changed this number meanwhile: read it again and repeat your change'
      using errcode = 'AVA06', hint = 'number_changed', detail = v_purchase.revision::text;
  end if;
  if v_purchase.source = 'sip_trunk' then
    raise exception
      'calls to this number come through a carrier of your own: set there what it does with calls that are not taken'
      using errcode = 'AVA05', hint = 'fallback_at_carrier';
  end if;
  if v_purchase.state = 'releasing' then
    raise exception 'this number is being given back' using errcode = 'AVA05', hint = 'number_releasing';
  end if;
  if p_fallback ->> 'kind' = 'forward' and coalesce(p_fallback ->> 'number', '') !~ '^\+[1-9][0-9]{6,14}$' then
    raise exception 'a number is written in E.164, as in +33123456789' using errcode = 'AVA07', hint = 'number_invalid';
  end if;
  if p_fallback ->> 'kind' = 'forward' and public.leads_here_v1(p_fallback ->> 'number') then
    raise exception 'this number leads to AVA itself, and a call forwarded to it would come back: give one that rings elsewhere'
      using errcode = 'AVA07', hint = 'fallback_leads_here';
  end if;
  update public.number_purchases as purchases
  set fallback = p_fallback, revision = purchases.revision + 1, updated_at = now()
  where purchases.purchase_id = v_purchase.purchase_id and purchases.fallback is distinct from p_fallback;
  return (
    select to_jsonb(numbers) from public.numbers where numbers.e164 = p_e164 and numbers.tenant_id = p_tenant_id
  );
end
$$;

-- Whoever's it is: a call to it ends here.
create function public.leads_here_v1(p_e164 text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.numbers where numbers.e164 = p_e164)
$$;

-- A number rung in vain, and the account it comes through, whose token shows whether it is that account that asks. Null: no such
-- account. `number` null: it is not (any more) a number of that account here. `forward_to`: chosen, or the number that the
-- assistant transfers to; `language`: that of the assistant, as it is published.
create function public.find_unanswered_v1(p_carrier_id uuid, p_e164 text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'account', to_jsonb(carriers),
    'number', (
      select jsonb_build_object(
        'fallback', purchases.fallback,
        'language', versions.config ->> 'language',
        'forward_to', target.e164,
        'leads_here', target.e164 is not null and public.leads_here_v1(target.e164)
      )
      from public.number_purchases as purchases
      left join public.assistants
        on assistants.assistant_id = purchases.assistant_id and assistants.tenant_id = purchases.tenant_id
      left join public.assistant_versions as versions
        on versions.assistant_id = assistants.assistant_id and versions.version = assistants.published_version
      cross join lateral (
        select case
          when purchases.fallback is not null then purchases.fallback ->> 'number'
          when coalesce(versions.config #>> '{transfer,mode}', 'off') <> 'off' then versions.config #>> '{transfer,number}'
        end as e164
      ) as target
      where purchases.e164 = p_e164 and purchases.carrier_id = carriers.carrier_id
        and purchases.state not in ('failed', 'released')
    )
  )
  from public.carrier_accounts as carriers
  where carriers.carrier_id = p_carrier_id and carriers.removed_at is null
$$;

revoke all on function public.set_number_fallback_v1(uuid, text, integer, jsonb) from public, anon;
revoke all on function public.leads_here_v1(text) from public, anon, authenticated;
revoke all on function public.find_unanswered_v1(uuid, text) from public, anon, authenticated;
grant execute on function public.set_number_fallback_v1(uuid, text, integer, jsonb) to authenticated, service_role;
grant execute on function public.leads_here_v1(text) to service_role;
grant execute on function public.find_unanswered_v1(uuid, text) to service_role;
