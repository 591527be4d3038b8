-- Who answers in which room. A LiveKit server of one's own neither notices that an agent's process was killed nor sends
-- another, so workers say twice a second that they live, and one that falls silent is succeeded by another, in its rooms.
-- Ids of rooms and processes only: nothing here says who calls whom.

create table public.workers (
  worker_id uuid not null,
  beaten_at timestamptz not null default now(),
  -- since when it has beaten without a gap. After an outage of this database everybody's last beat is old: whoever comes back
  -- first must not succeed those who had no chance to say that they live
  watching_since timestamptz not null default now(),
  constraint workers_pkey primary key (worker_id)
);

create table public.call_duties (
  room text not null check (room <> ''),
  -- grows with each successor; the greatest answers, whoever comes with less stays out
  epoch integer not null check (epoch > 0),
  -- null: entered, and its worker's next beat will say whose it is
  worker_id uuid,
  -- null: claimed for a successor that has not come yet
  job_id text,
  changed_at timestamptz not null default now(),
  constraint call_duties_pkey primary key (room)
);
create index call_duties_worker_idx on public.call_duties (worker_id);

alter table public.workers enable row level security;
alter table public.call_duties enable row level security;
revoke all on public.workers, public.call_duties from public, anon, authenticated;
grant all on public.workers, public.call_duties to service_role;
