-- A call and everything that was recorded of it. `opened_at`, `closed_at` and `stored_at` are this database's clock and
-- say when it heard of something; `started_at`, `ended_at` and `at` are the worker's and say when it happened.
-- `source` says whether the version the call ran on came from here or was the last one its worker knew.

create table public.calls (
  call_id uuid not null,
  tenant_id uuid not null references public.tenants (tenant_id),
  assistant_id uuid not null,
  version integer,
  source text not null default 'database' check (source in ('database', 'last_known_good')),
  sip_call_id text not null check (sip_call_id <> ''),
  dialed text not null,
  caller text,
  started_at timestamptz not null,
  opened_at timestamptz not null default now(),
  ended_at timestamptz,
  closed_at timestamptz,
  outcome text check (outcome in (
    'booked', 'rescheduled', 'cancelled', 'message_taken', 'transferred', 'answered', 'abandoned', 'silent', 'refused',
    'failed', 'lost'
  )),
  refusal text check (refusal in ('assistant_paused', 'config_unreadable')),
  ended_by text check (ended_by in ('caller', 'assistant', 'limit', 'failure')),
  summary text not null default '',
  usage jsonb not null default '{}'::jsonb,
  cost jsonb,
  cost_total numeric,
  cost_currency text,
  latency_p50_ms double precision,
  latency_p95_ms double precision,
  recording text,
  constraint calls_pkey primary key (call_id),
  constraint calls_sip_call_id_key unique (sip_call_id),
  constraint calls_tenant_key unique (call_id, tenant_id),
  constraint calls_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id),
  constraint calls_version_fkey
    foreign key (assistant_id, version) references public.assistant_versions (assistant_id, version)
);
create index calls_tenant_idx on public.calls (tenant_id, started_at desc);
create index calls_assistant_idx on public.calls (assistant_id, version);

create table public.call_events (
  event_id uuid not null,
  call_id uuid not null,
  tenant_id uuid not null,
  seq bigint generated always as identity,
  at timestamptz not null,
  kind text not null,
  body jsonb not null,
  stored_at timestamptz not null default now(),
  constraint call_events_pkey primary key (event_id),
  constraint call_events_call_fkey foreign key (call_id, tenant_id) references public.calls (call_id, tenant_id)
);
create index call_events_call_idx on public.call_events (call_id, seq);
create index call_events_tenant_idx on public.call_events (tenant_id);

alter table public.calls enable row level security;
alter table public.call_events enable row level security;

create policy calls_select_as_member on public.calls for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));
create policy call_events_select_as_member on public.call_events for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.calls, public.call_events from public, anon, authenticated;
grant select on public.calls, public.call_events to authenticated;
grant all on public.calls, public.call_events to service_role;
