-- What a live assistant pointed at, and when: rolling back is pointing again at what was live before.
-- `revision` counts every change of the assistant's row; it is the entity tag of the API.

alter table public.assistants
  add column revision integer not null default 1,
  add column preset text;

create index assistants_page_idx on public.assistants (tenant_id, created_at desc, assistant_id desc);

create table public.assistant_publications (
  publication_id bigint generated always as identity primary key,
  tenant_id uuid not null,
  assistant_id uuid not null,
  version integer not null,
  previous_version integer,
  kind text not null check (kind in ('publish', 'rollback')),
  published_by text not null,
  published_at timestamptz not null default now(),
  constraint assistant_publications_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id),
  constraint assistant_publications_version_fkey
    foreign key (assistant_id, version) references public.assistant_versions (assistant_id, version)
);
create index assistant_publications_assistant_idx on public.assistant_publications (assistant_id, publication_id desc);
create index assistant_publications_tenant_idx on public.assistant_publications (tenant_id);

alter table public.assistant_publications enable row level security;
create policy assistant_publications_select_as_member on public.assistant_publications for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));
revoke all on public.assistant_publications from public, anon, authenticated;
grant select on public.assistant_publications to authenticated;
grant all on public.assistant_publications to service_role;
