-- Through whom a tenant has its telephone numbers: `managed` (an account under ours at Twilio, opened with the tenant's first
-- purchase), `own_twilio` (the owner's own account), `sip_trunk` (a carrier of the owner's that sends calls by SIP).
-- `sealed_secret` (an auth token, a SIP password) is encrypted before it arrives here and is shown to no user.

alter table public.tenants
  -- how many numbers a tenant may have or be getting; each of them is on somebody's bill
  add column number_limit integer not null default 20 check (number_limit between 0 and 10000);

create table public.carrier_accounts (
  carrier_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  kind text not null check (kind in ('managed', 'own_twilio', 'sip_trunk')),
  name text not null default '' check (length(name) <= 120),
  -- null on a managed account until it is open
  account_sid text check (account_sid ~ '^AC[0-9a-fA-F]{32}$'),
  sealed_secret text check (length(sealed_secret) <= 8192),
  preview text not null default '' check (length(preview) <= 64),
  -- where a SIP trunk's calls may come from, and the name they sign in with; the password is the sealed secret
  allowed_addresses text[] not null default '{}' check (cardinality(allowed_addresses) <= 50),
  sip_username text check (length(sip_username) between 1 and 120),
  -- the purchase that is opening a managed account now
  claimed_by uuid,
  claimed_until timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  removed_at timestamptz,
  constraint carrier_accounts_tenant_key unique (carrier_id, tenant_id),
  constraint carrier_accounts_complete check (
    removed_at is not null
    or case kind
      when 'managed' then (account_sid is null) = (sealed_secret is null)
      when 'own_twilio' then account_sid is not null and sealed_secret is not null
      else (sip_username is null) = (sealed_secret is null)
        and (sip_username is not null or cardinality(allowed_addresses) > 0)
    end
  )
);
create index carrier_accounts_tenant_idx on public.carrier_accounts (tenant_id, created_at desc);
create unique index carrier_accounts_managed_key on public.carrier_accounts (tenant_id) where kind = 'managed';
create unique index carrier_accounts_own_key on public.carrier_accounts (tenant_id, account_sid)
  where kind = 'own_twilio' and removed_at is null;

alter table public.carrier_accounts enable row level security;

create policy carrier_accounts_select_as_member on public.carrier_accounts for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.carrier_accounts from public, anon, authenticated;
grant select (
  carrier_id, tenant_id, kind, name, account_sid, preview, allowed_addresses, sip_username, created_by, created_at,
  updated_at, removed_at
) on public.carrier_accounts to authenticated;
grant all on public.carrier_accounts to service_role;
