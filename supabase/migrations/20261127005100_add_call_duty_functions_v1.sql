-- Each is one compare-and-set on a room's row: of two who want to answer in it, one gets it.

-- A job begins to answer. False: somebody else does, or a later successor is on the way.
create function public.enter_call_v1(p_room text, p_epoch integer, p_job_id text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.call_duties as d (room, epoch, job_id) values (p_room, p_epoch, p_job_id)
  on conflict on constraint call_duties_pkey do update
    set epoch = excluded.epoch, job_id = excluded.job_id, changed_at = now(),
      worker_id = case when d.job_id = excluded.job_id then d.worker_id end
    where d.epoch < excluded.epoch
      or (d.epoch = excluded.epoch and coalesce(d.job_id, excluded.job_id) = excluded.job_id);
  return found;
end
$$;

-- A worker lives and answers in these rooms: [{room, epoch, job_id}] -> the rooms it is to find a successor for, because who
-- answered there has been silent for longer than p_silent seconds: [{room, epoch}]. Rooms that it no longer names are over.
create function public.beat_v1(p_worker_id uuid, p_duties jsonb, p_silent double precision) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_silent interval := make_interval(secs => p_silent);
  v_watching_since timestamptz;
  v_found jsonb;
begin
  insert into public.workers as w (worker_id) values (p_worker_id)
  on conflict on constraint workers_pkey do update
    set beaten_at = now(),
      watching_since = case when w.beaten_at < now() - v_silent then now() else w.watching_since end
  returning w.watching_since into v_watching_since;

  delete from public.call_duties as d
  where d.worker_id = p_worker_id
    and (d.job_id is not null or d.changed_at < now() - interval '60 seconds')
    and not exists (
      select from jsonb_array_elements(p_duties) as duty where duty ->> 'room' = d.room and duty ->> 'job_id' = d.job_id
    );

  insert into public.call_duties as d (room, epoch, job_id, worker_id)
  select duty ->> 'room', (duty ->> 'epoch')::integer, duty ->> 'job_id', p_worker_id
  from jsonb_array_elements(p_duties) as duty
  order by duty ->> 'room'
  on conflict on constraint call_duties_pkey do update
    set worker_id = p_worker_id, epoch = excluded.epoch, job_id = excluded.job_id, changed_at = now()
    where (d.worker_id is distinct from p_worker_id or d.epoch < excluded.epoch or d.job_id is null)
      and (d.epoch < excluded.epoch
        or (d.epoch = excluded.epoch and coalesce(d.job_id, excluded.job_id) = excluded.job_id));

  if v_watching_since > now() - v_silent then
    return '[]'::jsonb;
  end if;
  with silent as (
    select d.room
    from public.call_duties as d
    left join public.workers as w on w.worker_id = d.worker_id
    where d.worker_id is distinct from p_worker_id
      and greatest(coalesce(w.beaten_at, d.changed_at), d.changed_at) < now() - v_silent
    order by d.room limit 100
    for update of d skip locked
  ), claimed as (
    update public.call_duties as d
    set worker_id = p_worker_id, job_id = null, epoch = d.epoch + 1, changed_at = now()
    from silent where d.room = silent.room
    returning d.room, d.epoch
  )
  select coalesce(jsonb_agg(jsonb_build_object('room', claimed.room, 'epoch', claimed.epoch)), '[]'::jsonb)
  into v_found from claimed;
  return v_found;
end
$$;

-- A worker knows that nobody answers in a room: its own job there has died (p_epoch: that job's), or a caller waits alone
-- (p_epoch 0: unless a job has it, or one was sent less than p_patience seconds ago) -> the successor's epoch. Null: stay out.
create function public.claim_room_v1(
  p_worker_id uuid, p_room text, p_epoch integer, p_patience double precision
) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_epoch integer;
begin
  insert into public.call_duties as d (room, epoch, worker_id) values (p_room, p_epoch + 1, p_worker_id)
  on conflict on constraint call_duties_pkey do update
    set epoch = d.epoch + 1, worker_id = p_worker_id, job_id = null, changed_at = now()
    where case
      when p_epoch > 0 then d.epoch = p_epoch
      else d.job_id is null and d.changed_at < now() - make_interval(secs => p_patience)
    end
  returning d.epoch into v_epoch;
  return v_epoch;
end
$$;

-- The call is over, or there is nobody in the room any more.
create function public.leave_room_v1(p_room text, p_epoch integer) returns void
language sql volatile security definer set search_path = '' as $$
  delete from public.call_duties where call_duties.room = p_room and call_duties.epoch = p_epoch
$$;

create function public.forget_silent_workers_v1() returns integer
language sql volatile security definer set search_path = '' as $$
  with gone as (
    delete from public.workers as w
    where w.beaten_at < now() - interval '1 day'
      and not exists (select from public.call_duties as d where d.worker_id = w.worker_id)
    returning 1
  )
  select count(*)::integer from gone
$$;

-- What is recorded of a call so far, in its order: for the successor of who wrote it.
create function public.read_call_v1(p_call_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(
    e.body || jsonb_build_object('event_id', e.event_id, 'at', e.at, 'kind', e.kind) order by e.at, e.seq
  ), '[]'::jsonb)
  from public.call_events as e where e.call_id = p_call_id
$$;

revoke all on function public.enter_call_v1(text, integer, text) from public, anon, authenticated;
revoke all on function public.beat_v1(uuid, jsonb, double precision) from public, anon, authenticated;
revoke all on function public.claim_room_v1(uuid, text, integer, double precision) from public, anon, authenticated;
revoke all on function public.leave_room_v1(text, integer) from public, anon, authenticated;
revoke all on function public.forget_silent_workers_v1() from public, anon, authenticated;
revoke all on function public.read_call_v1(uuid) from public, anon, authenticated;
grant execute on function public.enter_call_v1(text, integer, text) to service_role;
grant execute on function public.beat_v1(uuid, jsonb, double precision) to service_role;
grant execute on function public.claim_room_v1(uuid, text, integer, double precision) to service_role;
grant execute on function public.leave_room_v1(text, integer) to service_role;
grant execute on function public.forget_silent_workers_v1() to service_role;
grant execute on function public.read_call_v1(uuid) to service_role;
