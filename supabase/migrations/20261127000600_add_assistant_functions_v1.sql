-- Assistants: each change is one function, one transaction. All answer with the assistant's row as the API reads it.
-- p_expected_revision null: whatever it is now.

create function public.assistant_row_v1(p_assistant_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(assistants) || jsonb_build_object('config', versions.config)
  from public.assistants
  left join public.assistant_versions as versions
    on versions.assistant_id = assistants.assistant_id and versions.version = assistants.draft_version
  where assistants.assistant_id = p_assistant_id
$$;

-- Locked, of that tenant, at that revision, not archived; else AVA03, AVA06, AVA05.
create function public.hold_assistant_v1(p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer)
returns public.assistants
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants;
begin
  select * into v_assistant from public.assistants
  where assistants.assistant_id = p_assistant_id and assistants.tenant_id = p_tenant_id
  for update;
  if not found then
    raise exception 'there is no such assistant' using errcode = 'AVA03', hint = 'assistant_not_found';
  end if;
  if p_expected_revision is not null and v_assistant.revision <> p_expected_revision then
    raise exception 'somebody changed this assistant meanwhile: read it again and repeat your change'
      using errcode = 'AVA06', hint = 'assistant_changed', detail = v_assistant.revision::text;
  end if;
  return v_assistant;
end
$$;

create function public.add_version_v1(p_assistant public.assistants, p_config jsonb, p_note text, p_by text)
returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_version integer;
begin
  if octet_length(p_config::text) > 262144 then
    raise exception 'the configuration is over 256 KiB: shorten it' using errcode = 'AVA07', hint = 'config_too_large';
  end if;
  select coalesce(max(versions.version), 0) + 1 into v_version
  from public.assistant_versions as versions where versions.assistant_id = p_assistant.assistant_id;
  insert into public.assistant_versions (assistant_id, tenant_id, version, config, note, created_by)
  values (p_assistant.assistant_id, p_assistant.tenant_id, v_version, p_config, p_note, p_by);
  return v_version;
end
$$;

-- p_assistant_id is the caller's choice, so that asking twice makes one.
create function public.create_assistant_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_name text, p_config jsonb, p_preset text default null,
  p_note text default '', p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  if (select count(*) from public.assistants
      where assistants.tenant_id = p_tenant_id and assistants.status <> 'archived') >= 200 then
    raise exception 'a tenant has at most 200 assistants: archive some first'
      using errcode = 'AVA05', hint = 'too_many_assistants';
  end if;
  insert into public.assistants (assistant_id, tenant_id, name, preset)
  values (p_assistant_id, p_tenant_id, p_name, p_preset)
  on conflict (assistant_id) do nothing
  returning * into v_assistant;
  if found then
    perform public.add_version_v1(v_assistant, p_config, p_note, public.actor_v1(p_on_behalf_of));
    update public.assistants set draft_version = 1 where assistants.assistant_id = p_assistant_id;
  else
    perform public.hold_assistant_v1(p_tenant_id, p_assistant_id, null);
  end if;
  return public.assistant_row_v1(p_assistant_id);
end
$$;

-- p_config null: only the name changes.
create function public.save_assistant_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer, p_config jsonb, p_name text default null,
  p_note text default '', p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants;
  v_version integer;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_assistant := public.hold_assistant_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  if v_assistant.status = 'archived' then
    raise exception 'this assistant is archived: restore it first' using errcode = 'AVA05', hint = 'assistant_archived';
  end if;
  v_version := v_assistant.draft_version;
  if p_config is not null then
    v_version := public.add_version_v1(v_assistant, p_config, p_note, public.actor_v1(p_on_behalf_of));
  end if;
  update public.assistants set
    draft_version = v_version, name = coalesce(p_name, assistants.name),
    revision = assistants.revision + 1, updated_at = now()
  where assistants.assistant_id = p_assistant_id;
  return public.assistant_row_v1(p_assistant_id);
end
$$;

-- p_version null: the draft, or for a rollback what was live before the version that is live now.
create function public.publish_assistant_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer, p_version integer, p_kind text,
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants;
  v_version integer := p_version;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_assistant := public.hold_assistant_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  if v_assistant.status = 'archived' then
    raise exception 'this assistant is archived: restore it first' using errcode = 'AVA05', hint = 'assistant_archived';
  end if;
  if v_version is null and p_kind = 'rollback' then
    select publications.previous_version into v_version
    from public.assistant_publications as publications
    where publications.assistant_id = p_assistant_id and publications.version = v_assistant.published_version
      and publications.kind = 'publish'
    order by publications.publication_id desc limit 1;
    if v_version is null then
      raise exception 'there is no earlier published version to go back to: name a version'
        using errcode = 'AVA05', hint = 'nothing_to_roll_back_to';
    end if;
  end if;
  v_version := coalesce(v_version, v_assistant.draft_version);
  if not exists (
    select from public.assistant_versions as versions
    where versions.assistant_id = p_assistant_id and versions.version = v_version
  ) then
    raise exception 'there is no version %', v_version using errcode = 'AVA03', hint = 'version_not_found';
  end if;
  if v_version is distinct from v_assistant.published_version then
    insert into public.assistant_publications (
      tenant_id, assistant_id, version, previous_version, kind, published_by
    ) values (
      p_tenant_id, p_assistant_id, v_version, v_assistant.published_version, p_kind, public.actor_v1(p_on_behalf_of)
    );
    update public.assistants set
      published_version = v_version, revision = assistants.revision + 1, updated_at = now()
    where assistants.assistant_id = p_assistant_id;
  end if;
  return public.assistant_row_v1(p_assistant_id);
end
$$;

create function public.set_assistant_status_v1(
  p_tenant_id uuid, p_assistant_id uuid, p_expected_revision integer, p_status text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_assistant public.assistants;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  v_assistant := public.hold_assistant_v1(p_tenant_id, p_assistant_id, p_expected_revision);
  if v_assistant.status = p_status then
    return public.assistant_row_v1(p_assistant_id);
  end if;
  if p_status = 'archived' and exists (
    select from public.phone_numbers where phone_numbers.assistant_id = p_assistant_id
  ) then
    raise exception 'numbers still lead to this assistant: unassign them first'
      using errcode = 'AVA05', hint = 'assistant_has_numbers';
  end if;
  update public.assistants set status = p_status, revision = assistants.revision + 1, updated_at = now()
  where assistants.assistant_id = p_assistant_id;
  return public.assistant_row_v1(p_assistant_id);
end
$$;

revoke all on function public.assistant_row_v1(uuid) from public, anon, authenticated;
revoke all on function public.hold_assistant_v1(uuid, uuid, integer) from public, anon, authenticated;
revoke all on function public.add_version_v1(public.assistants, jsonb, text, text) from public, anon, authenticated;
revoke all on function public.create_assistant_v1(uuid, uuid, text, jsonb, text, text, text) from public, anon;
revoke all on function public.save_assistant_v1(uuid, uuid, integer, jsonb, text, text, text) from public, anon;
revoke all on function public.publish_assistant_v1(uuid, uuid, integer, integer, text, text) from public, anon;
revoke all on function public.set_assistant_status_v1(uuid, uuid, integer, text) from public, anon;
grant execute on function public.assistant_row_v1(uuid) to service_role;
grant execute on function public.hold_assistant_v1(uuid, uuid, integer) to service_role;
grant execute on function public.add_version_v1(public.assistants, jsonb, text, text) to service_role;
grant execute on function public.create_assistant_v1(uuid, uuid, text, jsonb, text, text, text) to authenticated, service_role;
grant execute on function public.save_assistant_v1(uuid, uuid, integer, jsonb, text, text, text) to authenticated, service_role;
grant execute on function public.publish_assistant_v1(uuid, uuid, integer, integer, text, text) to authenticated, service_role;
grant execute on function public.set_assistant_status_v1(uuid, uuid, integer, text) to authenticated, service_role;
