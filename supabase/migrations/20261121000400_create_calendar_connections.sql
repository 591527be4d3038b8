-- How an assistant reaches its calendar. `sealed_key` is encrypted before it arrives here and is shown to no user;
-- null means the key of the deployment.

create table public.calendar_connections (
  connection_id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  assistant_id uuid not null,
  provider text not null default 'calcom' check (provider in ('calcom')),
  base_url text,
  sealed_key text,
  event_types jsonb not null default '{}'::jsonb check (jsonb_typeof(event_types) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint calendar_connections_assistant_key unique (assistant_id),
  constraint calendar_connections_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id)
);
create index calendar_connections_tenant_idx on public.calendar_connections (tenant_id);

alter table public.calendar_connections enable row level security;

create policy calendar_connections_select_as_member on public.calendar_connections for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.calendar_connections from public, anon, authenticated;
grant select (connection_id, tenant_id, assistant_id, provider, base_url, event_types, created_at, updated_at)
  on public.calendar_connections to authenticated;
grant all on public.calendar_connections to service_role;
