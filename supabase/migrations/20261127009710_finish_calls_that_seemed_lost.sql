-- A call that was taken for lost goes on where another job took it up, and its own closing replaces the conclusion
-- (close_call_v1): the plan's end is put right with it. It was no other try, so that its entry is replaced, too.
create or replace function public.finish_planned_call() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_outcome text := case
    when new.outcome in ('lost', 'failed', 'refused') then 'failed' when new.outcome = 'silent' then 'silent' else 'talked'
  end;
begin
  update public.planned_calls as planned set
    state = case v_outcome when 'failed' then 'given_up' else 'done' end, outcome = v_outcome, ended_at = now(),
    claimed_until = null, updated_at = now(),
    tries = case when planned.state = 'answered' then planned.tries else planned.tries - -1 end
      || jsonb_build_object('at', planned.rung_at, 'outcome', v_outcome)
  where planned.planned_call_id = new.planned_call_id and planned.call_id = new.call_id
    and (
      planned.state = 'answered'
      or (planned.state = 'given_up' and planned.outcome = 'failed' and old.outcome = 'lost' and new.outcome <> 'lost')
    );
  return null;
end
$$;
