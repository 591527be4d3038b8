-- Whose calendar a connection leads to, as far as its owner must recognise it: the user's name there and a preview of the key,
-- no e-mail address. `region` null: the account of this deployment, connected by its operator.
-- `revision` is another number after every change, and never one that an earlier connection had.

create sequence public.calendar_revisions as integer;
revoke all on sequence public.calendar_revisions from public, anon, authenticated;
grant usage on sequence public.calendar_revisions to service_role;

alter table public.calendar_connections
  add column region text check (region in ('us', 'eu', 'self_hosted')),
  add column key_preview text check (length(key_preview) <= 40),
  add column account text not null default '' check (length(account) <= 100),
  add column time_zone text not null default '' check (length(time_zone) <= 64),
  add column tested_at timestamptz,
  add column test_state text check (test_state in ('ok', 'key_refused', 'unreachable', 'misconfigured')),
  add column revision integer not null default nextval('public.calendar_revisions');

grant select (region, key_preview, account, time_zone, tested_at, test_state, revision)
  on public.calendar_connections to authenticated;
