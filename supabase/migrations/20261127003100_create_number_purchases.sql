-- How a number comes to a tenant and leaves it again: one row per purchase, import or own-trunk number.
-- requested -> bought -> routed -> active, or failed; releasing -> released. Each step looks first for what an earlier try of
-- it did outside, by `label`; then acts; then moves the row. `claimed_by`: whoever works on it now, until `claimed_until`.

create table public.number_purchases (
  purchase_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  source text not null check (source in ('purchase', 'import', 'sip_trunk')),
  state text not null default 'requested'
    check (state in ('requested', 'bought', 'routed', 'active', 'failed', 'releasing', 'released')),
  e164 text not null check (e164 ~ '^\+[1-9][0-9]{6,14}$'),
  country text check (country ~ '^[A-Z]{2}$'),
  kind text check (kind in ('local', 'mobile', 'toll_free', 'national')),
  capabilities text[] not null default '{}',
  label text not null generated always as ('ava:' || purchase_id::text) stored,
  carrier_id uuid,
  assistant_id uuid,
  address_sid text check (length(address_sid) <= 64),
  bundle_sid text check (length(bundle_sid) <= 64),
  -- the owner has seen where an imported number leads and wants it taken over
  takeover_confirmed boolean not null default false,
  -- the last time that the carrier was asked to sell it: from then on it may be ours, whatever was answered
  buy_sent_at timestamptz,
  number_sid text,
  trunk_sid text,
  line_trunk_id text,
  line_rule_id text,
  -- where an imported number led: `kind` and `target` to show, the whole of it sealed, as an address may hold a password
  previous_routing jsonb check (jsonb_typeof(previous_routing) = 'object'),
  sealed_routing text check (length(sealed_routing) <= 32768),
  monthly_price numeric(12, 4) check (monthly_price >= 0),
  currency text check (currency ~ '^[A-Z]{3}$'),
  attempts integer not null default 0,
  last_error_code text,
  last_error text,
  next_attempt_at timestamptz not null default now(),
  claimed_by uuid,
  claimed_until timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  activated_at timestamptz,
  released_at timestamptz,
  revision integer not null default 1,
  constraint number_purchases_carrier_fkey
    foreign key (carrier_id, tenant_id) references public.carrier_accounts (carrier_id, tenant_id),
  constraint number_purchases_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id)
);
-- one at a time per number, over all tenants
create unique index number_purchases_live_key on public.number_purchases (e164)
  where state not in ('failed', 'released');
create index number_purchases_page_idx on public.number_purchases (tenant_id, created_at desc, purchase_id desc);
create index number_purchases_carrier_idx on public.number_purchases (carrier_id);
create index number_purchases_assistant_idx on public.number_purchases (assistant_id);
create index number_purchases_due_idx on public.number_purchases (next_attempt_at)
  where state in ('requested', 'bought', 'routed', 'releasing');

alter table public.number_purchases enable row level security;

create policy number_purchases_select_as_member on public.number_purchases for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.number_purchases from public, anon, authenticated;
grant select (
  purchase_id, tenant_id, source, state, e164, country, kind, capabilities, label, carrier_id, assistant_id, address_sid,
  bundle_sid, takeover_confirmed, number_sid, trunk_sid, line_trunk_id, line_rule_id, previous_routing, monthly_price,
  currency, attempts, last_error_code, last_error, next_attempt_at, claimed_until, created_by, created_at, updated_at,
  activated_at, released_at, revision
) on public.number_purchases to authenticated;
grant all on public.number_purchases to service_role;

-- A tenant's numbers as its owner sees them: those that answer calls, and those on their way in or out. `operator`: put
-- there by whoever runs the deployment, without a purchase.
create view public.numbers with (security_invoker = true) as
select
  phone_numbers.e164, phone_numbers.tenant_id, phone_numbers.assistant_id,
  coalesce(purchases.purchase_id, md5(phone_numbers.e164)::uuid) as number_id,
  purchases.purchase_id, coalesce(purchases.source, 'operator') as source, coalesce(purchases.state, 'active') as state,
  coalesce(purchases.country, phone_numbers.country) as country, purchases.kind,
  coalesce(purchases.capabilities, '{}') as capabilities, purchases.carrier_id, purchases.previous_routing,
  purchases.monthly_price, purchases.currency, purchases.last_error_code, purchases.last_error, true as answers,
  coalesce(purchases.created_at, phone_numbers.created_at) as created_at, purchases.activated_at
from public.phone_numbers
left join public.number_purchases as purchases
  on purchases.e164 = phone_numbers.e164 and purchases.tenant_id = phone_numbers.tenant_id
  and purchases.state not in ('failed', 'released')
union all
select
  purchases.e164, purchases.tenant_id, purchases.assistant_id, purchases.purchase_id, purchases.purchase_id,
  purchases.source, purchases.state, purchases.country, purchases.kind, purchases.capabilities, purchases.carrier_id,
  purchases.previous_routing, purchases.monthly_price, purchases.currency, purchases.last_error_code,
  purchases.last_error, false, purchases.created_at, purchases.activated_at
from public.number_purchases as purchases
where purchases.state not in ('failed', 'released') and not exists (
  select from public.phone_numbers
  where phone_numbers.e164 = purchases.e164 and phone_numbers.tenant_id = purchases.tenant_id
);

revoke all on public.numbers from public, anon, authenticated;
grant select on public.numbers to authenticated, service_role;
