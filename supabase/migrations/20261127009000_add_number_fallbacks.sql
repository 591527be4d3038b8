-- What becomes of a number's calls that no worker takes: null: the number that its assistant transfers to, else an apology.
-- It goes with the purchase: whoever has the number next begins anew.

alter table public.number_purchases
  add column fallback jsonb check (
    fallback is null or (
      jsonb_typeof(fallback) = 'object' and coalesce(fallback ->> 'kind' in ('forward', 'message', 'none'), false)
      and octet_length(fallback::text) <= 4096
    )
  );

grant select (fallback) on public.number_purchases to authenticated;

create or replace view public.numbers with (security_invoker = true) as
select
  phone_numbers.e164, phone_numbers.tenant_id, phone_numbers.assistant_id,
  coalesce(purchases.purchase_id, md5(phone_numbers.e164)::uuid) as number_id,
  purchases.purchase_id, coalesce(purchases.source, 'operator') as source, coalesce(purchases.state, 'active') as state,
  coalesce(purchases.country, phone_numbers.country) as country, purchases.kind,
  coalesce(purchases.capabilities, '{}') as capabilities, purchases.carrier_id, purchases.previous_routing,
  purchases.monthly_price, purchases.currency, purchases.last_error_code, purchases.last_error, true as answers,
  coalesce(purchases.created_at, phone_numbers.created_at) as created_at, purchases.activated_at, purchases.fallback,
  coalesce(purchases.revision, 0) as revision
from public.phone_numbers
left join public.number_purchases as purchases
  on purchases.e164 = phone_numbers.e164 and purchases.tenant_id = phone_numbers.tenant_id
  and purchases.state not in ('failed', 'released')
union all
select
  purchases.e164, purchases.tenant_id, purchases.assistant_id, purchases.purchase_id, purchases.purchase_id,
  purchases.source, purchases.state, purchases.country, purchases.kind, purchases.capabilities, purchases.carrier_id,
  purchases.previous_routing, purchases.monthly_price, purchases.currency, purchases.last_error_code,
  purchases.last_error, false, purchases.created_at, purchases.activated_at, purchases.fallback, purchases.revision
from public.number_purchases as purchases
where purchases.state not in ('failed', 'released') and not exists (
  select from public.phone_numbers
  where phone_numbers.e164 = purchases.e164 and phone_numbers.tenant_id = purchases.tenant_id
);
