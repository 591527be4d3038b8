-- Recordings of calls: which object in the storage belongs to which call. A row comes before its object and goes before it, so
-- that an object without a row is one that nobody may have any more. A call has several where its worker died on the way.

create table public.call_recordings (
  object_key text not null check (object_key <> ''),
  call_id uuid not null,
  tenant_id uuid not null,
  started_at timestamptz not null,
  seconds double precision check (seconds >= 0),
  bytes bigint check (bytes > 0),
  stored_at timestamptz,
  constraint call_recordings_pkey primary key (object_key),
  constraint call_recordings_call_fkey
    foreign key (call_id, tenant_id) references public.calls (call_id, tenant_id) on delete cascade,
  constraint call_recordings_stored_is_measured
    check (stored_at is null or (seconds is not null and bytes is not null))
);
create index call_recordings_call_idx on public.call_recordings (call_id, started_at);
create index call_recordings_tenant_idx on public.call_recordings (tenant_id);

-- Objects that must go. A row stays until the storage has said that its object is gone.
create table public.recording_removals (
  object_key text not null,
  tenant_id uuid not null references public.tenants (tenant_id),
  asked_at timestamptz not null default now(),
  try_at timestamptz not null default now(),
  tries integer not null default 0,
  constraint recording_removals_pkey primary key (object_key)
);
create index recording_removals_due_idx on public.recording_removals (try_at);
create index recording_removals_tenant_idx on public.recording_removals (tenant_id);

alter table public.call_recordings enable row level security;
alter table public.recording_removals enable row level security;

create policy call_recordings_select_as_member on public.call_recordings for select to authenticated
  using (tenant_id = any (array(
    select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
  )));

revoke all on public.call_recordings, public.recording_removals from public, anon, authenticated;
grant select on public.call_recordings to authenticated;
grant all on public.call_recordings, public.recording_removals to service_role;

-- Triggers, so that every way a call is forgotten (redaction, deletion, retention) takes its recordings along.
create function public.forget_recordings() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.call_recordings as recordings where recordings.call_id = new.call_id;
  return null;
end
$$;

create function public.remove_recording() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.recording_removals as removals (object_key, tenant_id)
  values (old.object_key, old.tenant_id)
  on conflict on constraint recording_removals_pkey do update set try_at = now();
  return null;
end
$$;

-- A call's closing names no recording and may come after it.
create function public.keep_recording_named() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.recording := old.recording;
  return new;
end
$$;

create trigger calls_forget_recordings
  after update on public.calls
  for each row when (old.redacted_at is null and new.redacted_at is not null)
  execute function public.forget_recordings();
create trigger call_recordings_remove
  after delete on public.call_recordings
  for each row execute function public.remove_recording();
create trigger calls_recording_stays
  before update on public.calls
  for each row when (old.recording is not null and new.recording is null and new.redacted_at is null)
  execute function public.keep_recording_named();

revoke all on function public.forget_recordings() from public, anon, authenticated;
revoke all on function public.remove_recording() from public, anon, authenticated;
revoke all on function public.keep_recording_named() from public, anon, authenticated;
