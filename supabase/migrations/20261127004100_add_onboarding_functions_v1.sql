-- Onboarding: reading makes the row, saving merges into it. Two pages that type into different fields never lose one another's:
-- each change names its fields, the row is locked while it is merged, and what is not named stays.

-- RFC 7396: members of objects are merged, null removes one, everything else replaces.
create function public.merge_patch_v1(p_target jsonb, p_patch jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_merged jsonb;
  v_member record;
begin
  if jsonb_typeof(p_patch) is distinct from 'object' then
    return p_patch;
  end if;
  v_merged := case when jsonb_typeof(p_target) = 'object' then p_target else '{}'::jsonb end;
  for v_member in select members.key, members.value from jsonb_each(p_patch) as members loop
    if jsonb_typeof(v_member.value) = 'null' then
      v_merged := v_merged - v_member.key;
    else
      v_merged := v_merged
        || jsonb_build_object(v_member.key, public.merge_patch_v1(v_merged -> v_member.key, v_member.value));
    end if;
  end loop;
  return v_merged;
end
$$;

-- A tenant began when its row was asked for first, or with its first assistant if that was before.
create function public.ensure_onboarding_v1(p_tenant_id uuid) returns void
language sql volatile security definer set search_path = '' as $$
  insert into public.onboarding (tenant_id, started_at)
  select
    p_tenant_id,
    least(now(), (select min(assistants.created_at) from public.assistants where assistants.tenant_id = p_tenant_id))
  on conflict (tenant_id) do nothing
$$;

-- Answered as in the figures: it has ended, and was neither refused nor failed nor lost.
create function public.is_answered_v1(p_outcome text) returns boolean
language sql immutable set search_path = '' as $$
  select coalesce(p_outcome not in ('refused', 'failed', 'lost'), false)
$$;

create function public.onboarding_row_v1(p_tenant_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(onboarding) || jsonb_build_object(
    'first_call_at', first_call.at,
    'time_to_first_call_seconds', case
      when first_call.at is not null then greatest(0, extract(epoch from first_call.at - onboarding.started_at))
    end
  )
  from public.onboarding
  cross join lateral (
    select least(onboarding.first_call_at, (
      select calls.started_at from public.calls
      where calls.tenant_id = onboarding.tenant_id and public.is_answered_v1(calls.outcome)
      order by calls.started_at, calls.call_id limit 1
    )) as at
  ) as first_call
  where onboarding.tenant_id = p_tenant_id
$$;

create function public.read_onboarding_v1(p_tenant_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'viewer');
  if not exists (select from public.onboarding where onboarding.tenant_id = p_tenant_id) then
    perform public.ensure_onboarding_v1(p_tenant_id);
  end if;
  return public.onboarding_row_v1(p_tenant_id);
end
$$;

-- {"hours": "done"} onto what is there: a step keeps the time at which it came into its state; todo takes it out.
create function public.step_changes_v1(p_steps jsonb, p_wanted jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_steps jsonb := p_steps;
  v_step record;
begin
  for v_step in select wanted.key, wanted.value from jsonb_each_text(p_wanted) as wanted loop
    if v_step.key !~ '^[a-z_]{1,40}$' or v_step.value is null or v_step.value not in ('todo', 'done', 'skipped') then
      raise exception 'a step is todo, done or skipped' using errcode = 'AVA07', hint = 'step_invalid';
    end if;
    if v_step.value = 'todo' then
      v_steps := v_steps - v_step.key;
    elsif v_steps #>> array[v_step.key, 'state'] is distinct from v_step.value then
      v_steps := v_steps || jsonb_build_object(v_step.key, jsonb_build_object('state', v_step.value, 'at', now()));
    end if;
  end loop;
  return v_steps;
end
$$;

-- p_changes: profile and studio are merge patches, steps is step -> state, completed true sets the time of completion once.
-- p_expected_revision null: whatever it is now. A change that is made already is no change, at whatever revision: whoever
-- sends it again because the answer was lost is answered.
create function public.save_onboarding_v1(p_tenant_id uuid, p_expected_revision integer, p_changes jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.onboarding;
  v_after public.onboarding;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  if octet_length(p_changes::text) > 131072 or exists (
    select from jsonb_each(p_changes) as changes
    where changes.key not in ('profile', 'studio', 'steps', 'completed')
      or jsonb_typeof(changes.value) <> case changes.key when 'completed' then 'boolean' else 'object' end
  ) then
    raise exception 'changes are profile, studio, steps and completed, of at most 128 KiB'
      using errcode = 'AVA07', hint = 'changes_invalid';
  end if;
  perform public.ensure_onboarding_v1(p_tenant_id);
  select * into strict v_before from public.onboarding where onboarding.tenant_id = p_tenant_id for update;
  v_after := v_before;
  v_after.profile := public.merge_patch_v1(v_before.profile, coalesce(p_changes -> 'profile', '{}'::jsonb));
  v_after.studio := public.merge_patch_v1(v_before.studio, coalesce(p_changes -> 'studio', '{}'::jsonb));
  v_after.steps := public.step_changes_v1(v_before.steps, coalesce(p_changes -> 'steps', '{}'::jsonb));
  if (p_changes ->> 'completed')::boolean then
    v_after.completed_at := coalesce(v_before.completed_at, now());
  end if;
  if v_after is not distinct from v_before then
    return public.onboarding_row_v1(p_tenant_id);
  end if;
  if p_expected_revision is not null and v_before.revision <> p_expected_revision then
    raise exception 'somebody changed the onboarding meanwhile: read it again and repeat your change'
      using errcode = 'AVA06', hint = 'onboarding_changed', detail = v_before.revision::text;
  end if;
  if octet_length(v_after.profile::text) > 16384 or octet_length(v_after.studio::text) > 131072
    or octet_length(v_after.steps::text) > 4096
  then
    raise exception 'that is more than is kept of an onboarding: shorten it'
      using errcode = 'AVA07', hint = 'onboarding_too_large';
  end if;
  update public.onboarding set
    profile = v_after.profile, studio = v_after.studio, steps = v_after.steps, completed_at = v_after.completed_at,
    revision = onboarding.revision + 1, updated_at = now()
  where onboarding.tenant_id = p_tenant_id;
  return public.onboarding_row_v1(p_tenant_id);
end
$$;

revoke all on function public.merge_patch_v1(jsonb, jsonb) from public, anon, authenticated;
revoke all on function public.ensure_onboarding_v1(uuid) from public, anon, authenticated;
revoke all on function public.is_answered_v1(text) from public, anon, authenticated;
revoke all on function public.onboarding_row_v1(uuid) from public, anon, authenticated;
revoke all on function public.read_onboarding_v1(uuid) from public, anon;
revoke all on function public.step_changes_v1(jsonb, jsonb) from public, anon, authenticated;
revoke all on function public.save_onboarding_v1(uuid, integer, jsonb) from public, anon;
grant execute on function public.merge_patch_v1(jsonb, jsonb) to service_role;
grant execute on function public.ensure_onboarding_v1(uuid) to service_role;
grant execute on function public.is_answered_v1(text) to service_role;
grant execute on function public.onboarding_row_v1(uuid) to service_role;
grant execute on function public.read_onboarding_v1(uuid) to authenticated, service_role;
grant execute on function public.step_changes_v1(jsonb, jsonb) to service_role;
grant execute on function public.save_onboarding_v1(uuid, integer, jsonb) to authenticated, service_role;
