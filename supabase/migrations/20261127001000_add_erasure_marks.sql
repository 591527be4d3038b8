-- What is remembered of an erasure, so that records which arrive after it don't undo it: a worker keeps a call on its disk
-- while this database is away, and may deliver it days later.
-- A redacted call stays for the figures and names nobody. A deleted one is only the memory that it must not come back;
-- no user sees it, and it leaves for good after 30 days, as the memory of erased callers does.

alter table public.calls
  add column redacted_at timestamptz,
  add column deleted_at timestamptz,
  add constraint calls_deleted_is_redacted check (deleted_at is null or redacted_at is not null),
  add constraint calls_redacted_names_nobody
    check (redacted_at is null or (caller is null and summary = '' and recording is null));
create index calls_deleted_idx on public.calls (deleted_at) where deleted_at is not null;

alter policy calls_select_as_member on public.calls
  using (
    tenant_id = any (array(
      select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
    ))
    and deleted_at is null
  );

-- Calls that began before `requested_at` and arrive later are erased on arrival. A digest, so that the number is not kept in
-- order to forget it; it is no secret to whoever tries all numbers, which is why it is not kept for longer.
create table public.caller_erasures (
  tenant_id uuid not null references public.tenants (tenant_id),
  caller_digest text not null,
  kind text not null check (kind in ('delete', 'redact')),
  requested_at timestamptz not null default now(),
  constraint caller_erasures_pkey primary key (tenant_id, caller_digest, kind)
);
create index caller_erasures_age_idx on public.caller_erasures (requested_at);

alter table public.caller_erasures enable row level security;
revoke all on public.caller_erasures from public, anon, authenticated;
grant all on public.caller_erasures to service_role;

create function public.caller_digest_v1(p_tenant_id uuid, p_caller text) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to(p_tenant_id::text || ' ' || p_caller, 'UTF8')), 'hex')
$$;
revoke all on function public.caller_digest_v1(uuid, text) from public, anon, authenticated;
grant execute on function public.caller_digest_v1(uuid, text) to service_role;
