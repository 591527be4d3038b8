-- Signing in, tenants, members, invitations, API keys.

create function public.memberships_of_v1(p_subject text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'tenant_id', tenants.tenant_id, 'name', tenants.name, 'role', members.role, 'created_at', tenants.created_at
    ) order by members.created_at, tenants.tenant_id
  ), '[]'::jsonb)
  from public.members join public.tenants on tenants.tenant_id = members.tenant_id
  where members.subject = p_subject
$$;

-- The person of the token: profile and first tenant are made once, whoever asks first; the other waits for that and finds them.
create function public.ensure_profile_v1(p_display_name text default '') returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_subject text := auth.jwt() ->> 'sub';
  v_profile public.profiles;
  v_tenant_id uuid;
begin
  if coalesce(v_subject, '') = '' or public.is_service_v1() then
    raise exception 'only a signed-in person has a profile' using errcode = 'AVA04', hint = 'not_a_person';
  end if;
  select * into v_profile from public.profiles where profiles.subject = v_subject;
  if not found then
    insert into public.profiles (subject, email, display_name)
    values (v_subject, nullif(left(auth.jwt() ->> 'email', 254), ''), left(coalesce(p_display_name, ''), 120))
    on conflict do nothing;
    if found then
      -- somebody for whom a tenant was made beforehand comes home to it
      select members.tenant_id into v_tenant_id
      from public.members where members.subject = v_subject order by members.created_at, members.tenant_id limit 1;
      if not found then
        insert into public.tenants (name)
        values (coalesce(nullif(left(coalesce(p_display_name, ''), 120), ''), 'My business'))
        returning tenants.tenant_id into v_tenant_id;
        insert into public.members (tenant_id, subject, role) values (v_tenant_id, v_subject, 'owner');
      end if;
      update public.profiles set home_tenant_id = v_tenant_id where profiles.subject = v_subject;
    end if;
    select * into strict v_profile from public.profiles where profiles.subject = v_subject;
  end if;
  return jsonb_build_object(
    'subject', v_profile.subject, 'email', v_profile.email, 'display_name', v_profile.display_name,
    'home_tenant_id', v_profile.home_tenant_id, 'created_at', v_profile.created_at,
    'memberships', public.memberships_of_v1(v_subject)
  );
end
$$;

create function public.update_profile_v1(p_display_name text default null, p_home_tenant_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if p_home_tenant_id is not null then
    perform public.require_role_v1(p_home_tenant_id, 'viewer');
  end if;
  update public.profiles set
    display_name = coalesce(left(p_display_name, 120), profiles.display_name),
    home_tenant_id = coalesce(p_home_tenant_id, profiles.home_tenant_id)
  where profiles.subject = auth.jwt() ->> 'sub';
  return public.ensure_profile_v1();
end
$$;

-- p_tenant_id is the caller's choice, so that asking twice makes one.
create function public.create_tenant_v1(p_tenant_id uuid, p_name text, p_owner text default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_owner text := public.actor_v1(p_owner);
begin
  if v_owner in ('', 'service') then
    raise exception 'a tenant needs an owner: name the subject' using errcode = 'AVA07', hint = 'owner_missing';
  end if;
  insert into public.tenants (tenant_id, name) values (p_tenant_id, p_name) on conflict (tenant_id) do nothing;
  if found then
    insert into public.members (tenant_id, subject, role) values (p_tenant_id, v_owner, 'owner');
  end if;
  if not exists (
    select from public.members where members.tenant_id = p_tenant_id and members.subject = v_owner
  ) then
    raise exception 'there is no such tenant' using errcode = 'AVA03', hint = 'tenant_not_found';
  end if;
  return (select to_jsonb(tenants) from public.tenants where tenants.tenant_id = p_tenant_id);
end
$$;

-- p_changes holds only what is to change: name, retention_days, number_cost_alert.
create function public.update_tenant_v1(p_tenant_id uuid, p_expected_revision integer, p_changes jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_tenant public.tenants;
begin
  perform public.require_role_v1(p_tenant_id, 'owner');
  select * into v_tenant from public.tenants where tenants.tenant_id = p_tenant_id for update;
  if not found then
    raise exception 'there is no such tenant' using errcode = 'AVA03', hint = 'tenant_not_found';
  end if;
  if p_expected_revision is not null and v_tenant.revision <> p_expected_revision then
    raise exception 'somebody changed this meanwhile: read it again' using
      errcode = 'AVA06', hint = 'tenant_changed', detail = v_tenant.revision::text;
  end if;
  update public.tenants set
    name = coalesce(p_changes ->> 'name', tenants.name),
    retention_days = case
      when p_changes ? 'retention_days' then (p_changes ->> 'retention_days')::integer else tenants.retention_days
    end,
    number_cost_alert = case
      when p_changes ? 'number_cost_alert' then (p_changes ->> 'number_cost_alert')::numeric
      else tenants.number_cost_alert
    end,
    revision = tenants.revision + 1,
    updated_at = now()
  where tenants.tenant_id = p_tenant_id
  returning * into v_tenant;
  return to_jsonb(v_tenant);
end
$$;

create function public.list_members_v1(p_tenant_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'viewer');
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'subject', members.subject, 'role', members.role, 'created_at', members.created_at,
        'email', profiles.email, 'display_name', coalesce(profiles.display_name, '')
      ) order by members.created_at, members.subject
    ), '[]'::jsonb)
    from public.members left join public.profiles on profiles.subject = members.subject
    where members.tenant_id = p_tenant_id
  );
end
$$;

-- p_role null removes. Only an owner makes or unmakes an owner; the last one stays.
create function public.set_member_v1(p_tenant_id uuid, p_subject text, p_role text)
returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before text;
  v_is_self boolean := p_subject = coalesce(auth.jwt() ->> 'sub', '');
begin
  perform public.require_role_v1(p_tenant_id, case when p_role is null and v_is_self then 'viewer' else 'admin' end);
  -- one change of members at a time per tenant: two owners must not both leave
  perform 1 from public.tenants where tenants.tenant_id = p_tenant_id for update;
  select members.role into v_before
  from public.members where members.tenant_id = p_tenant_id and members.subject = p_subject;
  if not found then
    raise exception 'there is no such member' using errcode = 'AVA03', hint = 'member_not_found';
  end if;
  if 'owner' in (v_before, coalesce(p_role, '')) and not (v_is_self and p_role is null) then
    perform public.require_role_v1(p_tenant_id, 'owner');
  end if;
  if v_before = 'owner' and coalesce(p_role, '') <> 'owner' and not exists (
    select from public.members
    where members.tenant_id = p_tenant_id and members.role = 'owner' and members.subject <> p_subject
  ) then
    raise exception 'the last owner stays: make somebody else owner first'
      using errcode = 'AVA05', hint = 'last_owner';
  end if;
  if p_role is null then
    delete from public.members where members.tenant_id = p_tenant_id and members.subject = p_subject;
    update public.profiles set home_tenant_id = (
      select others.tenant_id from public.members as others
      where others.subject = p_subject order by others.created_at limit 1
    ) where profiles.subject = p_subject and profiles.home_tenant_id = p_tenant_id;
  else
    update public.members set role = p_role
    where members.tenant_id = p_tenant_id and members.subject = p_subject;
  end if;
end
$$;

create function public.create_invitation_v1(
  p_tenant_id uuid, p_invitation_id uuid, p_email text, p_role text, p_token_hash text, p_expires_at timestamptz,
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_invitation public.invitations;
begin
  perform public.require_role_v1(p_tenant_id, case when p_role = 'owner' then 'owner' else 'admin' end);
  if (
    select count(*) from public.invitations
    where invitations.tenant_id = p_tenant_id and invitations.accepted_at is null and invitations.revoked_at is null
      and invitations.expires_at > now()
  ) >= 100 then
    raise exception '100 invitations are open: revoke some first' using errcode = 'AVA05', hint = 'too_many_invitations';
  end if;
  -- a newer invitation to the same address takes the place of the older one
  update public.invitations set revoked_at = now()
  where invitations.tenant_id = p_tenant_id and lower(invitations.email) = lower(p_email)
    and invitations.accepted_at is null and invitations.revoked_at is null and invitations.invitation_id <> p_invitation_id;
  -- asked for again because the answer was lost: the token nobody ever saw gives way to the one that is shown now
  insert into public.invitations (invitation_id, tenant_id, email, role, token_hash, invited_by, expires_at)
  values (p_invitation_id, p_tenant_id, p_email, p_role, p_token_hash, public.actor_v1(p_on_behalf_of), p_expires_at)
  on conflict (invitation_id) do update set token_hash = excluded.token_hash
    where (invitations.tenant_id, invitations.invited_by, invitations.email, invitations.role)
        = (excluded.tenant_id, excluded.invited_by, excluded.email, excluded.role)
      and invitations.accepted_at is null and invitations.revoked_at is null
  returning * into v_invitation;
  if not found then
    raise exception 'there is no open invitation of that id' using errcode = 'AVA03', hint = 'invitation_not_found';
  end if;
  return to_jsonb(v_invitation) - 'token_hash';
end
$$;

create function public.revoke_invitation_v1(p_tenant_id uuid, p_invitation_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  update public.invitations set revoked_at = coalesce(invitations.revoked_at, now())
  where invitations.invitation_id = p_invitation_id and invitations.tenant_id = p_tenant_id
    and invitations.accepted_at is null;
  if not found then
    raise exception 'there is no open invitation of that id' using errcode = 'AVA03', hint = 'invitation_not_found';
  end if;
end
$$;

-- Whoever holds the token joins: the token, not the address, is the proof. Asking twice is joining once.
create function public.accept_invitation_v1(p_token_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_subject text := auth.jwt() ->> 'sub';
  v_invitation public.invitations;
begin
  perform public.ensure_profile_v1();
  select * into v_invitation from public.invitations where invitations.token_hash = p_token_hash for update;
  if not found or v_invitation.revoked_at is not null
    or (v_invitation.accepted_at is null and v_invitation.expires_at <= now())
    or (v_invitation.accepted_at is not null and v_invitation.accepted_by is distinct from v_subject)
  then
    raise exception 'this invitation is unknown, used, revoked or too old: ask for a new one'
      using errcode = 'AVA03', hint = 'invitation_not_found';
  end if;
  insert into public.members (tenant_id, subject, role) values (v_invitation.tenant_id, v_subject, v_invitation.role)
  on conflict (tenant_id, subject) do update set role = excluded.role
    where public.role_rank_v1(excluded.role) > public.role_rank_v1(members.role) and v_invitation.accepted_at is null;
  update public.invitations set accepted_at = coalesce(invitations.accepted_at, now()), accepted_by = v_subject
  where invitations.invitation_id = v_invitation.invitation_id;
  return public.ensure_profile_v1();
end
$$;

-- A key may do no more than its maker: what only owners may is given by owners only, and keys let nobody in and make no keys.
create function public.create_api_key_v1(
  p_tenant_id uuid, p_key_id uuid, p_name text, p_preview text, p_key_hash text, p_scopes text[],
  p_expires_at timestamptz, p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_key public.api_keys;
begin
  perform public.require_role_v1(p_tenant_id, case when 'tenant:write' = any (p_scopes) then 'owner' else 'admin' end);
  if exists (select from unnest(p_scopes) as wanted (scope) where wanted.scope like 'team:%') then
    raise exception 'a key does not manage people and keys: leave those scopes out'
      using errcode = 'AVA04', hint = 'scope_not_yours';
  end if;
  if (
    select count(*) from public.api_keys where api_keys.tenant_id = p_tenant_id and api_keys.revoked_at is null
  ) >= 100 then
    raise exception '100 keys are in use: revoke some first' using errcode = 'AVA05', hint = 'too_many_api_keys';
  end if;
  insert into public.api_keys (key_id, tenant_id, name, preview, key_hash, scopes, created_by, expires_at)
  values (p_key_id, p_tenant_id, p_name, p_preview, p_key_hash, p_scopes, public.actor_v1(p_on_behalf_of), p_expires_at)
  -- asked for again because the answer was lost: the key nobody ever saw gives way to the one that is shown now
  on conflict (key_id) do update set preview = excluded.preview, key_hash = excluded.key_hash
    where (api_keys.tenant_id, api_keys.created_by, api_keys.name, api_keys.scopes)
        = (excluded.tenant_id, excluded.created_by, excluded.name, excluded.scopes)
      and api_keys.last_used_at is null and api_keys.revoked_at is null
  returning * into v_key;
  if not found then
    raise exception 'there is no such key' using errcode = 'AVA03', hint = 'api_key_not_found';
  end if;
  return to_jsonb(v_key) - 'key_hash';
end
$$;

create function public.revoke_api_key_v1(p_tenant_id uuid, p_key_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  update public.api_keys set revoked_at = coalesce(api_keys.revoked_at, now())
  where api_keys.key_id = p_key_id and api_keys.tenant_id = p_tenant_id;
  if not found then
    raise exception 'there is no such key' using errcode = 'AVA03', hint = 'api_key_not_found';
  end if;
  return (
    select to_jsonb(api_keys) - 'key_hash' from public.api_keys
    where api_keys.key_id = p_key_id and api_keys.tenant_id = p_tenant_id
  );
end
$$;

-- For the service: null unless the key is good now. The time of use is written once a minute at most.
create function public.find_api_key_v1(p_key_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_key public.api_keys;
begin
  select * into v_key from public.api_keys
  where api_keys.key_hash = p_key_hash and api_keys.revoked_at is null
    and (api_keys.expires_at is null or api_keys.expires_at > now());
  if not found then
    return null;
  end if;
  update public.api_keys set last_used_at = now()
  where api_keys.key_id = v_key.key_id
    and (api_keys.last_used_at is null or api_keys.last_used_at < now() - interval '1 minute');
  return to_jsonb(v_key) - 'key_hash';
end
$$;

revoke all on function public.memberships_of_v1(text) from public, anon, authenticated;
revoke all on function public.ensure_profile_v1(text) from public, anon;
revoke all on function public.update_profile_v1(text, uuid) from public, anon;
revoke all on function public.create_tenant_v1(uuid, text, text) from public, anon;
revoke all on function public.update_tenant_v1(uuid, integer, jsonb) from public, anon;
revoke all on function public.list_members_v1(uuid) from public, anon;
revoke all on function public.set_member_v1(uuid, text, text) from public, anon;
revoke all on function public.create_invitation_v1(uuid, uuid, text, text, text, timestamptz, text) from public, anon;
revoke all on function public.revoke_invitation_v1(uuid, uuid) from public, anon;
revoke all on function public.accept_invitation_v1(text) from public, anon;
revoke all on function public.create_api_key_v1(uuid, uuid, text, text, text, text[], timestamptz, text) from public, anon;
revoke all on function public.revoke_api_key_v1(uuid, uuid) from public, anon;
revoke all on function public.find_api_key_v1(text) from public, anon, authenticated;
grant execute on function public.memberships_of_v1(text) to service_role;
grant execute on function public.ensure_profile_v1(text) to authenticated, service_role;
grant execute on function public.update_profile_v1(text, uuid) to authenticated, service_role;
grant execute on function public.create_tenant_v1(uuid, text, text) to authenticated, service_role;
grant execute on function public.update_tenant_v1(uuid, integer, jsonb) to authenticated, service_role;
grant execute on function public.list_members_v1(uuid) to authenticated, service_role;
grant execute on function public.set_member_v1(uuid, text, text) to authenticated, service_role;
grant execute on function public.create_invitation_v1(uuid, uuid, text, text, text, timestamptz, text)
  to authenticated, service_role;
grant execute on function public.revoke_invitation_v1(uuid, uuid) to authenticated, service_role;
grant execute on function public.accept_invitation_v1(text) to authenticated, service_role;
grant execute on function public.create_api_key_v1(uuid, uuid, text, text, text, text[], timestamptz, text)
  to authenticated, service_role;
grant execute on function public.revoke_api_key_v1(uuid, uuid) to authenticated, service_role;
grant execute on function public.find_api_key_v1(text) to service_role;
