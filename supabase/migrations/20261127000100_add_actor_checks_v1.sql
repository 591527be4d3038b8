-- Who asks, and may they. Every function that users may call begins with require_role_v1: such a function sees past
-- row-level security, so it must ask for itself. The service is let through: whoever uses its key has asked already.
-- Errors that are told to people: AVA03 not found, AVA04 not allowed, AVA05 conflict, AVA06 stale, AVA07 invalid. The message
-- is a sentence that says what to do, the hint a stable word for machines, the detail a figure where there is one.

create function public.role_rank_v1(p_role text) returns integer
language sql immutable set search_path = '' as $$
  select case p_role when 'owner' then 3 when 'admin' then 2 when 'viewer' then 1 else 0 end
$$;

create function public.is_service_v1() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(auth.jwt() ->> 'role', '') = 'service_role'
$$;

-- The subject that acts; the service says for whom (an API key, a sweep).
create function public.actor_v1(p_on_behalf_of text) returns text
language sql stable set search_path = '' as $$
  select case
    when public.is_service_v1() then coalesce(nullif(p_on_behalf_of, ''), 'service')
    else coalesce(auth.jwt() ->> 'sub', '')
  end
$$;

-- A tenant that one does not belong to does not exist: AVA03, never AVA04.
create function public.require_role_v1(p_tenant_id uuid, p_minimum text) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  v_role text;
begin
  if public.is_service_v1() then
    return;
  end if;
  select members.role into v_role
  from public.members
  where members.tenant_id = p_tenant_id and members.subject = auth.jwt() ->> 'sub';
  if not found then
    raise exception 'there is no such tenant' using errcode = 'AVA03', hint = 'tenant_not_found';
  end if;
  if public.role_rank_v1(v_role) < public.role_rank_v1(p_minimum) then
    raise exception 'this needs the role %; you are %', p_minimum, v_role
      using errcode = 'AVA04', hint = 'role_too_low';
  end if;
end
$$;

revoke all on function public.role_rank_v1(text) from public, anon, authenticated;
revoke all on function public.is_service_v1() from public, anon, authenticated;
revoke all on function public.actor_v1(text) from public, anon, authenticated;
revoke all on function public.require_role_v1(uuid, text) from public, anon, authenticated;
grant execute on function public.role_rank_v1(text) to service_role;
grant execute on function public.is_service_v1() to service_role;
grant execute on function public.actor_v1(text) to service_role;
grant execute on function public.require_role_v1(uuid, text) to service_role;
