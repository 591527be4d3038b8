-- People who signed in, invitations to a tenant, and keys for machines. Secrets are kept as hashes only.

create table public.profiles (
  subject text primary key check (subject <> ''),
  email text,
  display_name text not null default '' check (length(display_name) <= 120),
  home_tenant_id uuid references public.tenants (tenant_id),
  created_at timestamptz not null default now()
);
create index profiles_home_tenant_idx on public.profiles (home_tenant_id);

alter table public.tenants
  add column updated_at timestamptz not null default now(),
  add column revision integer not null default 1,
  -- null keeps calls until somebody deletes them
  add column retention_days integer check (retention_days between 1 and 3650),
  -- a month's numbers may cost this much before the owner is told; null: no alert
  add column number_cost_alert numeric(10, 2) check (number_cost_alert >= 0);

create table public.invitations (
  invitation_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  email text not null check (email like '%_@_%' and length(email) <= 254),
  role text not null check (role in ('owner', 'admin', 'viewer')),
  token_hash text not null,
  invited_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by text,
  revoked_at timestamptz,
  constraint invitations_token_hash_key unique (token_hash)
);
create index invitations_tenant_idx on public.invitations (tenant_id, created_at desc);

create table public.api_keys (
  key_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  name text not null check (length(name) between 1 and 120),
  preview text not null,
  key_hash text not null,
  scopes text[] not null check (cardinality(scopes) > 0),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint api_keys_hash_key unique (key_hash)
);
create index api_keys_tenant_idx on public.api_keys (tenant_id, created_at desc);

alter table public.profiles enable row level security;
alter table public.invitations enable row level security;
alter table public.api_keys enable row level security;

create policy profiles_select_own on public.profiles for select to authenticated
  using (subject = (select auth.jwt() ->> 'sub'));
create policy invitations_select_as_member on public.invitations for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));
create policy api_keys_select_as_member on public.api_keys for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.profiles, public.invitations, public.api_keys from public, anon, authenticated;
grant select on public.profiles to authenticated;
grant select (invitation_id, tenant_id, email, role, invited_by, created_at, expires_at, accepted_at, revoked_at)
  on public.invitations to authenticated;
grant select (key_id, tenant_id, name, preview, scopes, created_by, created_at, expires_at, last_used_at, revoked_at)
  on public.api_keys to authenticated;
grant all on public.profiles, public.invitations, public.api_keys to service_role;
