-- What an owner answers on the way to the first call: one row per tenant, saved as it is typed, so texts may be half written.
-- `revision` counts every change; it is the entity tag of the API. `steps` holds what is done or skipped, and since when;
-- what it does not name is still to do.

create table public.onboarding (
  tenant_id uuid primary key references public.tenants (tenant_id),
  profile jsonb not null default '{}'::jsonb
    check (jsonb_typeof(profile) = 'object' and octet_length(profile::text) <= 16384),
  studio jsonb not null default '{}'::jsonb
    check (jsonb_typeof(studio) = 'object' and octet_length(studio::text) <= 131072),
  steps jsonb not null default '{}'::jsonb check (jsonb_typeof(steps) = 'object' and octet_length(steps::text) <= 4096),
  revision integer not null default 1,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  -- when the first answered call began, once that call itself is forgotten; while it is there, it says so itself
  first_call_at timestamptz
);

alter table public.onboarding enable row level security;

create policy onboarding_select_as_member on public.onboarding for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.onboarding from public, anon, authenticated;
grant select on public.onboarding to authenticated;
grant all on public.onboarding to service_role;
