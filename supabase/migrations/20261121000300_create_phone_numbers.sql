-- Which assistant answers a number. A number without an assistant is owned but answers to nobody.

create table public.phone_numbers (
  e164 text not null check (e164 ~ '^\+[1-9][0-9]{6,14}$'),
  tenant_id uuid not null references public.tenants (tenant_id),
  assistant_id uuid,
  country text check (country ~ '^[A-Z]{2}$'),
  label text not null default '',
  created_at timestamptz not null default now(),
  constraint phone_numbers_e164_key primary key (e164),
  constraint phone_numbers_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id)
);
create index phone_numbers_tenant_idx on public.phone_numbers (tenant_id);
create index phone_numbers_assistant_idx on public.phone_numbers (assistant_id);

alter table public.phone_numbers enable row level security;

create policy phone_numbers_select_as_member on public.phone_numbers for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.phone_numbers from public, anon, authenticated;
grant select on public.phone_numbers to authenticated;
grant all on public.phone_numbers to service_role;
