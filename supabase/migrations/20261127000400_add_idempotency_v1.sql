-- What a creating request answered, so that sending it again gives the same answer and not a second thing. Answers are sealed
-- before they arrive here (one may hold a key that is shown once). No user reads the table. A key is of whoever sent it: somebody
-- else's, in the same tenant too, is another one.

create table public.idempotency_keys (
  tenant_id uuid not null references public.tenants (tenant_id),
  subject text not null,
  key text not null check (length(key) between 1 and 255),
  -- what was asked for: operation, and a hash of the body
  operation text not null,
  fingerprint text not null,
  -- the claim of whoever works on it now; a crashed one's claim can be taken over once it is past
  claimed_until timestamptz,
  status integer,
  sealed_answer text,
  created_at timestamptz not null default now(),
  constraint idempotency_keys_pkey primary key (tenant_id, subject, key)
);
create index idempotency_keys_age_idx on public.idempotency_keys (created_at);

alter table public.idempotency_keys enable row level security;
revoke all on public.idempotency_keys from public, anon, authenticated;
grant all on public.idempotency_keys to service_role;

-- outcome: claimed (do the work, then complete) | done (with status and answer) | other_request | running (retry_after seconds)
create function public.claim_idempotency_key_v1(
  p_tenant_id uuid, p_key text, p_operation text, p_fingerprint text, p_seconds integer,
  p_on_behalf_of text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_subject text := public.actor_v1(p_on_behalf_of);
  v_row public.idempotency_keys;
begin
  perform public.require_role_v1(p_tenant_id, 'viewer');
  delete from public.idempotency_keys
  where idempotency_keys.tenant_id = p_tenant_id and idempotency_keys.subject = v_subject
    and idempotency_keys.key = p_key and idempotency_keys.created_at < now() - interval '24 hours';
  insert into public.idempotency_keys (tenant_id, subject, key, operation, fingerprint, claimed_until)
  values (p_tenant_id, v_subject, p_key, p_operation, p_fingerprint, now() + make_interval(secs => p_seconds))
  on conflict do nothing;
  if found then
    return jsonb_build_object('outcome', 'claimed');
  end if;
  select * into strict v_row from public.idempotency_keys
  where idempotency_keys.tenant_id = p_tenant_id and idempotency_keys.subject = v_subject
    and idempotency_keys.key = p_key
  for update;
  if v_row.operation <> p_operation or v_row.fingerprint <> p_fingerprint then
    return jsonb_build_object('outcome', 'other_request');
  end if;
  if v_row.status is not null then
    return jsonb_build_object('outcome', 'done', 'status', v_row.status, 'answer', v_row.sealed_answer);
  end if;
  if v_row.claimed_until > now() then
    return jsonb_build_object(
      'outcome', 'running', 'retry_after', ceil(extract(epoch from v_row.claimed_until - now()))
    );
  end if;
  update public.idempotency_keys set claimed_until = now() + make_interval(secs => p_seconds)
  where idempotency_keys.tenant_id = p_tenant_id and idempotency_keys.subject = v_subject
    and idempotency_keys.key = p_key;
  return jsonb_build_object('outcome', 'claimed');
end
$$;

-- p_status null gives the claim back: nothing was done that a second try would repeat.
create function public.complete_idempotency_key_v1(
  p_tenant_id uuid, p_key text, p_status integer, p_answer text, p_on_behalf_of text default null
) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_subject text := public.actor_v1(p_on_behalf_of);
begin
  perform public.require_role_v1(p_tenant_id, 'viewer');
  if p_status is null then
    delete from public.idempotency_keys
    where idempotency_keys.tenant_id = p_tenant_id and idempotency_keys.subject = v_subject
      and idempotency_keys.key = p_key and idempotency_keys.status is null;
  else
    update public.idempotency_keys set status = p_status, sealed_answer = p_answer, claimed_until = null
    where idempotency_keys.tenant_id = p_tenant_id and idempotency_keys.subject = v_subject
      and idempotency_keys.key = p_key and idempotency_keys.status is null;
  end if;
end
$$;

create function public.forget_idempotency_keys_v1() returns integer
language sql volatile security definer set search_path = '' as $$
  with gone as (
    delete from public.idempotency_keys where idempotency_keys.created_at < now() - interval '24 hours' returning 1
  )
  select count(*)::integer from gone
$$;

revoke all on function public.claim_idempotency_key_v1(uuid, text, text, text, integer, text) from public, anon;
revoke all on function public.complete_idempotency_key_v1(uuid, text, integer, text, text) from public, anon;
revoke all on function public.forget_idempotency_keys_v1() from public, anon, authenticated;
grant execute on function public.claim_idempotency_key_v1(uuid, text, text, text, integer, text) to authenticated, service_role;
grant execute on function public.complete_idempotency_key_v1(uuid, text, integer, text, text) to authenticated, service_role;
grant execute on function public.forget_idempotency_keys_v1() to service_role;
