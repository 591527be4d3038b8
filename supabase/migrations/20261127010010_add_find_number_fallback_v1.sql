-- What becomes of a number's calls that nobody can answer, as find_unanswered_v1 says it to a carrier, for any number that leads
-- to an assistant. Null: it leads to none.
create function public.find_number_fallback_v1(p_e164 text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'fallback', purchases.fallback,
    'language', versions.config ->> 'language',
    'forward_to', target.e164,
    'leads_here', target.e164 is not null and public.leads_here_v1(target.e164)
  )
  from public.phone_numbers
  left join public.number_purchases as purchases
    on purchases.e164 = phone_numbers.e164 and purchases.tenant_id = phone_numbers.tenant_id
    and purchases.state not in ('failed', 'released')
  left join public.assistants
    on assistants.assistant_id = phone_numbers.assistant_id and assistants.tenant_id = phone_numbers.tenant_id
  left join public.assistant_versions as versions
    on versions.assistant_id = assistants.assistant_id and versions.version = assistants.published_version
  cross join lateral (
    select case
      when purchases.fallback is not null then purchases.fallback ->> 'number'
      when coalesce(versions.config #>> '{transfer,mode}', 'off') <> 'off' then versions.config #>> '{transfer,number}'
    end as e164
  ) as target
  where phone_numbers.e164 = p_e164
$$;

revoke all on function public.find_number_fallback_v1(text) from public, anon, authenticated;
grant execute on function public.find_number_fallback_v1(text) to service_role;
