-- Whom a tenant must not ring. A number that comes to the list takes back what is planned to it, in the same transaction; what is
-- being dialled asks the list once more before it rings.

create function public.is_do_not_call_v1(p_tenant_id uuid, p_e164 text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.do_not_call as listed where listed.tenant_id = p_tenant_id and listed.e164 = p_e164
  )
$$;

-- On the list already: that entry stands.
create function public.list_do_not_call_v1(
  p_tenant_id uuid, p_entry_id uuid, p_e164 text, p_source text, p_note text, p_call_id uuid, p_by text
) returns public.do_not_call
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_entry public.do_not_call;
begin
  insert into public.do_not_call (entry_id, tenant_id, e164, source, note, call_id, created_by)
  values (p_entry_id, p_tenant_id, p_e164, p_source, p_note, p_call_id, p_by)
  on conflict on constraint do_not_call_number_key do nothing;
  select * into strict v_entry from public.do_not_call as listed
  where listed.tenant_id = p_tenant_id and listed.e164 = p_e164;
  update public.planned_calls as planned set
    state = 'refused', outcome = 'do_not_call', ended_at = now(), updated_at = now()
  where planned.tenant_id = p_tenant_id and planned.callee = p_e164
    and (planned.state = 'planned' or (planned.state = 'dialing' and planned.rung_at is null));
  return v_entry;
end
$$;

create function public.add_do_not_call_v1(
  p_tenant_id uuid, p_entry_id uuid, p_callee text, p_note text default '', p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  if exists (
    select from public.do_not_call as listed
    where listed.entry_id = p_entry_id and (listed.tenant_id, listed.e164) is distinct from (p_tenant_id, p_callee)
  ) then
    raise exception 'another entry has this id: choose another' using errcode = 'AVA05', hint = 'entry_exists';
  end if;
  return to_jsonb(
    public.list_do_not_call_v1(
      p_tenant_id, p_entry_id, p_callee, 'added', p_note, null, public.actor_v1(p_on_behalf_of)
    )
  );
end
$$;

create function public.remove_do_not_call_v1(p_tenant_id uuid, p_entry_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  delete from public.do_not_call as listed where listed.tenant_id = p_tenant_id and listed.entry_id = p_entry_id;
  if not found then
    raise exception 'there is no such entry' using errcode = 'AVA03', hint = 'entry_not_found';
  end if;
end
$$;

-- Somebody says in a call that they want no more of them. The entry's id is the call's: said twice, it is one.
create function public.stop_calling_v1(p_call_id uuid, p_tenant_id uuid, p_e164 text) returns void
language sql volatile security definer set search_path = '' as $$
  select public.list_do_not_call_v1(p_tenant_id, p_call_id, p_e164, 'asked', '', p_call_id, 'assistant')
$$;

revoke all on function public.is_do_not_call_v1(uuid, text) from public, anon, authenticated;
revoke all on function public.list_do_not_call_v1(uuid, uuid, text, text, text, uuid, text) from public, anon, authenticated;
revoke all on function public.add_do_not_call_v1(uuid, uuid, text, text, text) from public, anon;
revoke all on function public.remove_do_not_call_v1(uuid, uuid) from public, anon;
revoke all on function public.stop_calling_v1(uuid, uuid, text) from public, anon, authenticated;
grant execute on function public.is_do_not_call_v1(uuid, text) to service_role;
grant execute on function public.list_do_not_call_v1(uuid, uuid, text, text, text, uuid, text) to service_role;
grant execute on function public.add_do_not_call_v1(uuid, uuid, text, text, text) to authenticated, service_role;
grant execute on function public.remove_do_not_call_v1(uuid, uuid) to authenticated, service_role;
grant execute on function public.stop_calling_v1(uuid, uuid, text) to service_role;
