-- Calls in progress that no worker is left for: the control plane takes the duty, by the same compare-and-set as a successor,
-- and sends the caller on where the number says. While it has a room nobody else may come there: `changed_at` lies ahead, so
-- that the room is silent for nobody before that moment; `job_id` says whose it is, so that no job and no claim of a caller alone
-- gets in. If the moment passes (the process at it has died), a worker that beats may succeed to it as to anybody.

comment on column public.call_duties.changed_at is 'ahead: nobody is to look for a successor before then';
comment on column public.call_duties.job_id is
  'null: claimed, nobody has come yet; `handed over`: no worker can, the control plane may at once; `control plane`: it has it';

-- A worker found nobody who could go on. False: somebody else has that room meanwhile.
create function public.hand_over_call_v1(p_room text, p_epoch integer, p_hold double precision) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.call_duties as d
  set worker_id = null, job_id = 'handed over', changed_at = now() + make_interval(secs => p_hold)
  where d.room = p_room and d.epoch = p_epoch;
  return found;
end
$$;

-- For the control plane: rooms whose worker has been silent for p_silent seconds (null: none of these) and that no worker took,
-- those that were handed over, and those that this process claimed before and does not name in p_in_hand, because it never read
-- the answer or could not see to them -> [{room, epoch, again}], at most p_limit, for p_hold seconds. `again`: another process of
-- the control plane was at it, and what it did is not known. Browsers' rooms stay as they are: there is nobody to send on, their page
-- says that AVA is gone, and a worker that starts meanwhile goes on with them.
create function public.claim_stranded_calls_v1(
  p_claimant uuid, p_in_hand text[], p_silent double precision, p_hold double precision, p_limit integer default 20
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_claimed jsonb;
begin
  with stranded as (
    select
      d.room, d.job_id is not distinct from 'control plane' as is_ours,
      d.job_id is not distinct from 'control plane' and d.worker_id is not distinct from p_claimant as is_mine
    from public.call_duties as d
    left join public.workers as w on w.worker_id = d.worker_id
    where d.room not like 'test-%' and case
      when d.job_id = 'control plane' and d.worker_id = p_claimant then d.room <> all (p_in_hand)
      when d.job_id = 'handed over' then true
      else greatest(coalesce(w.beaten_at, d.changed_at), d.changed_at) < now() - make_interval(secs => p_silent)
    end
    order by d.room limit p_limit
    for update of d skip locked
  ), claimed as (
    update public.call_duties as d
    set
      worker_id = p_claimant, job_id = 'control plane', changed_at = now() + make_interval(secs => p_hold),
      epoch = case when stranded.is_mine then d.epoch else d.epoch + 1 end
    from stranded where d.room = stranded.room
    returning d.room, d.epoch, stranded.is_ours and not stranded.is_mine as again
  )
  select coalesce(
    jsonb_agg(jsonb_build_object('room', claimed.room, 'epoch', claimed.epoch, 'again', claimed.again)), '[]'::jsonb
  ) into v_claimed from claimed;
  return v_claimed;
end
$$;

revoke all on function public.hand_over_call_v1(text, integer, double precision) from public, anon, authenticated;
revoke all on function public.claim_stranded_calls_v1(uuid, text[], double precision, double precision, integer)
  from public, anon, authenticated;
grant execute on function public.hand_over_call_v1(text, integer, double precision) to service_role;
grant execute on function public.claim_stranded_calls_v1(uuid, text[], double precision, double precision, integer)
  to service_role;
