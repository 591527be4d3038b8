-- Calls that we place: who is to be rung, why, when, and what became of each try; and whom a tenant must not ring.
-- planned -> dialing -> answered -> done, or given_up, cancelled, refused. `attempt_id` is the try under way, `rung_at` the moment
-- from which the person's telephone may ring: written before it does, so that nobody but the worker that wrote it (`begun_by`)
-- rings.
-- `outcome` is of the last try; `tries` are those that are over, oldest first. A row that names nobody was erased.

create table public.planned_calls (
  planned_call_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  assistant_id uuid not null,
  kind text not null check (kind in ('call_back', 'reminder')),
  callee text check (callee ~ '^\+[1-9][0-9]{6,14}$'),
  callee_name text not null default '' check (length(callee_name) <= 80),
  about text not null check (length(about) <= 200),
  message_id uuid,
  -- message_left: they rang and left a message; stated: whoever planned it says that they agreed
  consent text not null check (consent in ('message_left', 'stated')),
  due_at timestamptz not null,
  not_after timestamptz not null,
  attempts_allowed integer not null check (attempts_allowed between 1 and 5),
  spacing_minutes integer not null check (spacing_minutes between 5 and 1440),
  retry_on text[] not null check (retry_on <@ '{busy,no_answer,machine,failed}'),
  on_machine text not null check (on_machine in ('leave_message', 'hang_up')),
  state text not null default 'planned'
    check (state in ('planned', 'dialing', 'answered', 'done', 'given_up', 'cancelled', 'refused')),
  outcome text check (outcome in (
    'talked', 'silent', 'message_left', 'machine', 'busy', 'no_answer', 'declined', 'failed', 'unknown', 'too_late', 'do_not_call'
  )),
  attempts integer not null default 0,
  tries jsonb not null default '[]'::jsonb check (jsonb_typeof(tries) = 'array'),
  from_number text,
  attempt_id uuid,
  claimed_until timestamptz,
  rung_at timestamptz,
  begun_by uuid,
  answered_at timestamptz,
  call_id uuid,
  -- why the last try did not come to ringing
  put_off_because text,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  redacted_at timestamptz,
  constraint planned_calls_assistant_fkey
    foreign key (assistant_id, tenant_id) references public.assistants (assistant_id, tenant_id),
  constraint planned_calls_names_somebody check (callee is not null or redacted_at is not null)
);
create index planned_calls_page_idx on public.planned_calls (tenant_id, created_at desc, planned_call_id desc);
create index planned_calls_assistant_idx on public.planned_calls (assistant_id);
create index planned_calls_due_idx on public.planned_calls (due_at) where state = 'planned';
create index planned_calls_dialing_idx on public.planned_calls (claimed_until) where state in ('dialing', 'answered');
create index planned_calls_callee_idx on public.planned_calls (tenant_id, callee)
  where state in ('planned', 'dialing', 'answered');
-- one message is called back once at a time
create unique index planned_calls_message_key on public.planned_calls (tenant_id, message_id)
  where state in ('planned', 'dialing', 'answered');

-- In plain and kept when its caller is erased: without the number nobody could be kept from ringing it.
create table public.do_not_call (
  entry_id uuid primary key,
  tenant_id uuid not null references public.tenants (tenant_id),
  e164 text not null check (e164 ~ '^\+[1-9][0-9]{6,14}$'),
  -- asked: said so in a call; added: put here by the tenant
  source text not null check (source in ('asked', 'added')),
  note text not null default '' check (length(note) <= 200),
  call_id uuid,
  created_by text not null,
  created_at timestamptz not null default now(),
  constraint do_not_call_number_key unique (tenant_id, e164)
);
create index do_not_call_page_idx on public.do_not_call (tenant_id, created_at desc, entry_id desc);

alter table public.planned_calls enable row level security;
alter table public.do_not_call enable row level security;

create policy planned_calls_select_as_member on public.planned_calls for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));
create policy do_not_call_select_as_member on public.do_not_call for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.planned_calls, public.do_not_call from public, anon, authenticated;
grant select on public.planned_calls, public.do_not_call to authenticated;
grant all on public.planned_calls, public.do_not_call to service_role;
