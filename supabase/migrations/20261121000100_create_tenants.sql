-- Tenants and who belongs to them. `subject` is the `sub` of the user's token: text, since not every issuer gives uuids.
-- A row of `members` is what every other table's policies ask for.

create table public.tenants (
  tenant_id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 120),
  created_at timestamptz not null default now()
);

create table public.members (
  tenant_id uuid not null references public.tenants (tenant_id),
  subject text not null check (subject <> ''),
  role text not null default 'viewer' check (role in ('owner', 'admin', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, subject)
);
create index members_subject_idx on public.members (subject, tenant_id);

alter table public.tenants enable row level security;
alter table public.members enable row level security;

-- Only one's own memberships: a policy that read other members' rows would call itself.
create policy members_select_own on public.members for select to authenticated
  using (subject = (select auth.jwt() ->> 'sub'));

create policy tenants_select_as_member on public.tenants for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.tenants, public.members from public, anon, authenticated;
grant select on public.tenants, public.members to authenticated;
grant all on public.tenants, public.members to service_role;
