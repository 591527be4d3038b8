-- A caller's leg in a LiveKit room, as LiveKit tells of it: so that a call can be closed whose worker is gone. Notices come late,
-- twice and out of order: what counts is the latest joining and the latest leaving, whichever was heard of first.
-- The end of the room stands for a leaving that was not heard of, and yields to one that is heard of later.
-- `joined_at`, `left_at` and `room_ended_at` are LiveKit's clock, `left_heard_at` and `heard_at` this database's. Rooms by their id: their names
-- hold callers' numbers. A leg is of use until its call is closed, and kept for a day.

create table public.line_legs (
  sip_call_id text not null check (sip_call_id <> ''),
  tenant_id uuid not null references public.tenants (tenant_id),
  room_sid text not null,
  joined_at timestamptz,
  left_at timestamptz,
  room_ended_at timestamptz,
  left_heard_at timestamptz,
  heard_at timestamptz not null default now(),
  constraint line_legs_pkey primary key (sip_call_id)
);
create index line_legs_tenant_idx on public.line_legs (tenant_id);
create index line_legs_room_idx on public.line_legs (room_sid);
create index line_legs_age_idx on public.line_legs (heard_at);
create index calls_open_idx on public.calls (opened_at)
  where closed_at is null and outcome is null and deleted_at is null;

alter table public.line_legs enable row level security;
revoke all on public.line_legs from public, anon, authenticated;
grant all on public.line_legs to service_role;

-- -> false: the dialed number is nobody's here, and nothing is kept.
create function public.note_line_leg_v1(
  p_sip_call_id text, p_dialed text, p_room_sid text, p_joined_at timestamptz, p_left_at timestamptz
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.line_legs as legs (
    sip_call_id, tenant_id, room_sid, joined_at, left_at, left_heard_at
  )
  select
    p_sip_call_id, phone_numbers.tenant_id, p_room_sid, p_joined_at, p_left_at,
    case when p_left_at is not null then now() end
  from public.phone_numbers where phone_numbers.e164 = p_dialed
  on conflict on constraint line_legs_pkey do update set
    room_sid = case when excluded.joined_at > legs.joined_at then excluded.room_sid else legs.room_sid end,
    room_ended_at = case when not coalesce(excluded.joined_at > legs.joined_at, false) then legs.room_ended_at end,
    joined_at = greatest(legs.joined_at, excluded.joined_at),
    left_at = greatest(legs.left_at, excluded.left_at),
    left_heard_at = case
      when excluded.left_at > coalesce(legs.left_at, '-infinity') then excluded.left_heard_at else legs.left_heard_at
    end;
  return found;
end
$$;

-- Everybody in it has left. -> how many legs that ends.
create function public.note_room_finished_v1(p_room_sid text, p_finished_at timestamptz) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_ended integer;
begin
  update public.line_legs as legs
  set
    room_ended_at = p_finished_at,
    left_heard_at = case when legs.left_at >= coalesce(legs.joined_at, '-infinity') then legs.left_heard_at else now() end
  where legs.room_sid = p_room_sid and legs.room_ended_at is null;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

revoke all on function public.note_line_leg_v1(text, text, text, timestamptz, timestamptz)
  from public, anon, authenticated;
revoke all on function public.note_room_finished_v1(text, timestamptz) from public, anon, authenticated;
grant execute on function public.note_line_leg_v1(text, text, text, timestamptz, timestamptz) to service_role;
grant execute on function public.note_room_finished_v1(text, timestamptz) to service_role;
