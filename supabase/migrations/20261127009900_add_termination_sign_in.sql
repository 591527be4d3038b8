-- With what calls out sign in at the trunk of a Twilio account: a name, its password (encrypted before it arrives here, shown to
-- no user), and when Twilio says that it was last given this password; null: it is not known to have been. An owner's own trunk has
-- its sign-in in sip_username and sealed_secret.

alter table public.carrier_accounts
  add column termination_username text check (termination_username ~ '^[A-Za-z0-9._-]{1,32}$'),
  add column sealed_termination text check (length(sealed_termination) <= 8192),
  add column termination_set_at timestamptz,
  add constraint carrier_accounts_termination check (
    (termination_username is null) = (sealed_termination is null)
    and (termination_set_at is null or termination_username is not null)
    and (termination_username is null or (kind <> 'sip_trunk' and removed_at is null))
  );

-- As before, without what is new either.
create or replace function public.carrier_row_v1(p_carrier_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(carriers) - array[
    'sealed_secret', 'claimed_by', 'claimed_until', 'termination_username', 'sealed_termination', 'termination_set_at'
  ]
  from public.carrier_accounts as carriers where carriers.carrier_id = p_carrier_id
$$;

-- As before; the sign-in for calls out is forgotten with the account's other secret.
create or replace function public.remove_carrier_v1(p_tenant_id uuid, p_carrier_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_kind text;
begin
  perform public.require_role_v1(p_tenant_id, 'admin');
  -- as a claim does: no number may come through it meanwhile
  perform from public.tenants where tenants.tenant_id = p_tenant_id for no key update;
  select carriers.kind into v_kind from public.carrier_accounts as carriers
  where carriers.carrier_id = p_carrier_id and carriers.tenant_id = p_tenant_id and carriers.removed_at is null
  for update;
  if not found then
    raise exception 'there is no such carrier account' using errcode = 'AVA03', hint = 'carrier_not_found';
  end if;
  if v_kind = 'managed' then
    raise exception 'this account is run for you: release its numbers, and it costs nothing'
      using errcode = 'AVA05', hint = 'carrier_managed';
  end if;
  if exists (
    select from public.number_purchases as purchases
    where purchases.carrier_id = p_carrier_id and purchases.state not in ('failed', 'released')
  ) then
    raise exception 'numbers still come through this account: release them first'
      using errcode = 'AVA05', hint = 'carrier_in_use';
  end if;
  update public.carrier_accounts as carriers
  set removed_at = now(), updated_at = now(), sealed_secret = null, preview = '', sip_username = null,
    termination_username = null, sealed_termination = null, termination_set_at = null
  where carriers.carrier_id = p_carrier_id;
end
$$;
