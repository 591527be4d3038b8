-- Projections of call events. `bookings` holds the last step per booking key, `messages` what a caller left.
-- `booking_state` sorts as the declaration says: of two steps at the same moment the later one in this list wins.

create type public.booking_state as enum (
  'intended', 'unconfirmed', 'refused', 'absent', 'confirmed', 'rescheduled', 'cancelled'
);

create table public.bookings (
  tenant_id uuid not null,
  booking_key text not null check (booking_key <> ''),
  call_id uuid not null,
  event_id uuid not null,
  at timestamptz not null,
  state public.booking_state not null,
  action text not null check (action in ('book', 'reschedule', 'cancel')),
  service_id text not null,
  event_type_id integer not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  attendee_name text not null default '',
  attendee_phone text,
  attendee_email text,
  calendar_uid text,
  replaces_uid text,
  detail text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- a key that another tenant happens to use is another booking
  constraint bookings_pkey primary key (tenant_id, booking_key),
  constraint bookings_call_fkey foreign key (call_id, tenant_id) references public.calls (call_id, tenant_id)
);
create index bookings_call_idx on public.bookings (call_id);
create index bookings_doubts_idx on public.bookings (at) where state in ('intended', 'unconfirmed');

create table public.messages (
  message_id uuid not null,
  tenant_id uuid not null,
  call_id uuid not null,
  at timestamptz not null,
  caller_name text not null default '',
  callback_number text,
  reason text not null,
  urgent boolean not null default false,
  follow_up text not null default 'message'
    check (follow_up in ('message', 'booking_doubt', 'calendar_unavailable', 'transfer_failed')),
  delivered_at timestamptz,
  created_at timestamptz not null default now(),
  constraint messages_pkey primary key (message_id),
  constraint messages_call_fkey foreign key (call_id, tenant_id) references public.calls (call_id, tenant_id)
);
create index messages_tenant_idx on public.messages (tenant_id, at desc);
create index messages_call_idx on public.messages (call_id);
create index messages_undelivered_idx on public.messages (at) where delivered_at is null;

alter table public.bookings enable row level security;
alter table public.messages enable row level security;

create policy bookings_select_as_member on public.bookings for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));
create policy messages_select_as_member on public.messages for select to authenticated
  using (tenant_id in (
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  ));

revoke all on public.bookings, public.messages from public, anon, authenticated;
grant select on public.bookings, public.messages to authenticated;
grant all on public.bookings, public.messages to service_role;
