-- A call that comes in while its tenant is out of credit. Its row says so from the first opening on, and what it says stands: a call
-- that began with credit is never cut, whoever opens it again, and however late it is heard of. A call on its worker's last known
-- good is not asked: unreachable is not out of credit. Nor is one that we placed: that was asked before it rang.

alter table public.calls drop constraint calls_refusal_check;
alter table public.calls add constraint calls_refusal_check
  check (refusal in ('assistant_paused', 'config_unreadable', 'no_credit'));

-- Where the caller is put through to: as where no worker takes the call (find_unanswered_v1), the number that its owner chose, else
-- the one that the assistant transfers to. Null: nowhere, or to whoever rings, or back to here.
create function public.find_transfer_without_credit_v1(p_call public.calls) returns text
language sql stable security definer set search_path = '' as $$
  select target.e164
  from public.assistant_versions as versions
  left join public.number_purchases as purchases
    on purchases.e164 = p_call.dialed and purchases.tenant_id = p_call.tenant_id
    and purchases.state not in ('failed', 'released')
  cross join lateral (
    select case
      when purchases.fallback is not null then purchases.fallback ->> 'number'
      when coalesce(versions.config #>> '{transfer,mode}', 'off') <> 'off' then versions.config #>> '{transfer,number}'
    end as e164
  ) as target
  where versions.assistant_id = p_call.assistant_id and versions.version = p_call.version
    and target.e164 <> p_call.dialed and target.e164 is distinct from p_call.caller
    and not public.leads_here_v1(target.e164)
$$;

-- As open_call_v2, and status no_credit: the snapshot, with `transfer_to`. Such a call is open until its worker closes it.
create function public.open_call_v3(
  p_call_id uuid, p_sip_call_id text, p_dialed text, p_caller text, p_received_at timestamptz,
  p_ran_on_assistant_id uuid default null, p_ran_on_version integer default null, p_planned_call_id uuid default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_is_new constant boolean := not exists (select from public.calls where calls.sip_call_id = p_sip_call_id);
  v_opened constant jsonb := public.open_call_v2(
    p_call_id, p_sip_call_id, p_dialed, p_caller, p_received_at, p_ran_on_assistant_id, p_ran_on_version,
    p_planned_call_id
  );
  v_call public.calls;
begin
  if v_opened ->> 'status' <> 'ok' then
    return v_opened;
  end if;
  if v_is_new and p_planned_call_id is null then
    -- another opening may have been quicker, with what its worker knew: `source` tells
    update public.calls set refusal = 'no_credit'
    from public.tenants
    where calls.call_id = (v_opened ->> 'call_id')::uuid and calls.source = 'database'
      and tenants.tenant_id = calls.tenant_id and tenants.out_of_credit_since <= p_received_at;
  end if;
  select * into v_call from public.calls
  where calls.call_id = (v_opened ->> 'call_id')::uuid and calls.refusal = 'no_credit';
  if not found then
    return v_opened;
  end if;
  return v_opened || jsonb_build_object(
    'status', 'no_credit', 'transfer_to', public.find_transfer_without_credit_v1(v_call)
  );
end
$$;

revoke all on function public.find_transfer_without_credit_v1(public.calls) from public, anon, authenticated;
revoke all on function public.open_call_v3(uuid, text, text, text, timestamptz, uuid, integer, uuid)
  from public, anon, authenticated;
grant execute on function public.find_transfer_without_credit_v1(public.calls) to service_role;
grant execute on function public.open_call_v3(uuid, text, text, text, timestamptz, uuid, integer, uuid) to service_role;
