-- The way of a recording: claimed by its worker, stored, removed when its call is forgotten. Each may be sent again.
-- AVA01: the call has no row; open it first, or it is forgotten altogether.

-- -> whether the object is wanted. Not of a call that was erased meanwhile.
create function public.claim_recording_v1(p_call_id uuid, p_object_key text, p_started_at timestamptz) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call public.calls;
begin
  select * into v_call from public.calls where calls.call_id = p_call_id for no key update;
  if not found then
    raise exception 'the call is not open' using errcode = 'AVA01';
  end if;
  if v_call.redacted_at is not null then
    return false;
  end if;
  insert into public.call_recordings (object_key, call_id, tenant_id, started_at)
  values (p_object_key, p_call_id, v_call.tenant_id, p_started_at)
  on conflict on constraint call_recordings_pkey do nothing;
  return true;
end
$$;

-- -> whether it may stay. One whose call was forgotten while it was sent is to be removed at once.
create function public.finish_recording_v1(
  p_tenant_id uuid, p_object_key text, p_seconds double precision, p_bytes bigint
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_call_id uuid;
begin
  update public.call_recordings as recordings
  set seconds = p_seconds, bytes = p_bytes, stored_at = coalesce(recordings.stored_at, now())
  where recordings.object_key = p_object_key and recordings.tenant_id = p_tenant_id
  returning recordings.call_id into v_call_id;
  if not found then
    insert into public.recording_removals as removals (object_key, tenant_id) values (p_object_key, p_tenant_id)
    on conflict on constraint recording_removals_pkey do update set try_at = now();
    return false;
  end if;
  update public.calls set recording = p_object_key where calls.call_id = v_call_id and calls.recording is null;
  return true;
end
$$;

-- Objects that are due to be removed, each given to one who asks; given out again later and later while it is not told gone.
create function public.find_recording_removals_v1(p_limit integer default 100) returns text[]
language sql volatile security definer set search_path = '' as $$
  with due as (
    select removals.object_key from public.recording_removals as removals
    where removals.try_at <= now() order by removals.try_at limit p_limit
    for update skip locked
  ), given as (
    update public.recording_removals as removals
    set tries = removals.tries + 1, try_at = now() + interval '1 minute' * power(2, least(removals.tries, 8))
    from due where removals.object_key = due.object_key
    returning removals.object_key
  )
  select coalesce(array_agg(given.object_key), array[]::text[]) from given
$$;

-- -> how many of them were still on the list.
create function public.finish_recording_removals_v1(p_object_keys text[]) returns integer
language sql volatile security definer set search_path = '' as $$
  with gone as (
    delete from public.recording_removals as removals where removals.object_key = any (p_object_keys) returning 1
  )
  select count(*)::integer from gone
$$;

-- Of objects found in the storage, those of tenants of ours that no row knows. Objects of other deployments are not judged.
create function public.find_unknown_recordings_v1(p_object_keys text[]) returns text[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(found.object_key), array[]::text[])
  from unnest(p_object_keys) as found (object_key)
  where exists (
      select from public.tenants where tenants.tenant_id::text = split_part(found.object_key, '/', 1)
    )
    and not exists (
      select from public.call_recordings as recordings where recordings.object_key = found.object_key
    )
$$;

revoke all on function public.claim_recording_v1(uuid, text, timestamptz) from public, anon, authenticated;
revoke all on function public.finish_recording_v1(uuid, text, double precision, bigint) from public, anon, authenticated;
revoke all on function public.find_recording_removals_v1(integer) from public, anon, authenticated;
revoke all on function public.finish_recording_removals_v1(text[]) from public, anon, authenticated;
revoke all on function public.find_unknown_recordings_v1(text[]) from public, anon, authenticated;
grant execute on function public.claim_recording_v1(uuid, text, timestamptz) to service_role;
grant execute on function public.finish_recording_v1(uuid, text, double precision, bigint) to service_role;
grant execute on function public.find_recording_removals_v1(integer) to service_role;
grant execute on function public.finish_recording_removals_v1(text[]) to service_role;
grant execute on function public.find_unknown_recordings_v1(text[]) to service_role;
