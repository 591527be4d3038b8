-- The sign-in for calls out, for the service. It is here before Twilio is told of it: whoever dies in between finds it, and
-- nobody makes a second.

-- Kept in place of p_instead_of (null: of none yet; a name: of one whose password can't be read any more) -> the account with
-- what counts: another's where somebody was first. Null: there is no such account. An account that was removed gets none.
create function public.hold_termination_v1(
  p_carrier_id uuid, p_instead_of text, p_username text, p_sealed_password text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.carrier_accounts as carriers
  set termination_username = p_username, sealed_termination = p_sealed_password, termination_set_at = null
  where carriers.carrier_id = p_carrier_id and carriers.kind in ('managed', 'own_twilio') and carriers.removed_at is null
    and carriers.termination_username is not distinct from p_instead_of;
  return (select to_jsonb(carriers) from public.carrier_accounts as carriers where carriers.carrier_id = p_carrier_id);
end
$$;

-- Twilio has the password of that name since p_set_at, by its own clock. false: the account has another by now.
create function public.termination_set_v1(p_carrier_id uuid, p_username text, p_set_at timestamptz) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.carrier_accounts as carriers set termination_set_at = p_set_at
  where carriers.carrier_id = p_carrier_id and carriers.termination_username = p_username;
  return found;
end
$$;

revoke all on function public.hold_termination_v1(uuid, text, text, text) from public, anon, authenticated;
revoke all on function public.termination_set_v1(uuid, text, timestamptz) from public, anon, authenticated;
grant execute on function public.hold_termination_v1(uuid, text, text, text) to service_role;
grant execute on function public.termination_set_v1(uuid, text, timestamptz) to service_role;
