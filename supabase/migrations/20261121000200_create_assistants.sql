-- An assistant is a pointer to one of its versions; a version never changes once it is written.

create table public.assistants (
  assistant_id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (tenant_id),
  name text not null check (length(name) between 1 and 120),
  status text not null default 'active' check (status in ('active', 'paused', 'archived')),
  draft_version integer,
  published_version integer,
  fallback_number text check (fallback_number ~ '^\+[1-9][0-9]{6,14}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint assistants_tenant_key unique (assistant_id, tenant_id)
);
create index assistants_tenant_idx on public.assistants (tenant_id);

create table public.assistant_versions (
  assistant_id uuid not null,
  tenant_id uuid not null,
  version integer not null check (version > 0),
  config jsonb not null check (jsonb_typeof(config) = 'object'),
  note text not null default '',
  created_by text not null default '',
  created_at timestamptz not null default now(),
  primary key (assistant_id, version),
  constraint assistant_versions_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id)
);
create index assistant_versions_tenant_idx on public.assistant_versions (tenant_id);

alter table public.assistants
  add constraint assistants_draft_fkey
    foreign key (assistant_id, draft_version) references public.assistant_versions (assistant_id, version),
  add constraint assistants_published_fkey
    foreign key (assistant_id, published_version) references public.assistant_versions (assistant_id, version);

create function public.refuse_version_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'a version of an assistant never changes: write a new one'
    using errcode = 'AVA02', constraint = 'assistant_versions_immutable';
end
$$;
revoke all on function public.refuse_version_change() from public, anon, authenticated;

create trigger assistant_versions_immutable
  before update or delete on public.assistant_versions
  for each row execute function public.refuse_version_change();
create trigger assistant_versions_not_emptied
  before truncate on public.assistant_versions
  for each statement execute function public.refuse_version_change();

alter table public.assistants enable row level security;
alter table public.assistant_versions enable row level security;

create policy assistants_select_as_member on public.assistants for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));
create policy assistant_versions_select_as_member on public.assistant_versions for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.assistants, public.assistant_versions from public, anon, authenticated;
grant select on public.assistants, public.assistant_versions to authenticated;
grant all on public.assistants, public.assistant_versions to service_role;
