"""From a preset to the SQL that puts a business on the line: paste it into Supabase's SQL editor, or pipe it to psql.

    python scripts/first_assistant.py presets/health.fr.yaml --number +33123456789 --event-type detartrage=123456

Checks the preset, the number and the services before it prints anything.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml
from pydantic import ValidationError

from contracts.assistant import AssistantConfig
from contracts.phone import PhoneNumberInvalid, parse_e164

_SQL = """\
-- {name}: one tenant, one assistant with version 1 published, its number and its calendar.
do $ava$
declare
  tenant uuid;
  assistant uuid;
begin
  insert into public.tenants (name) values ({name_sql}) returning tenant_id into tenant;
  insert into public.assistants (tenant_id, name) values (tenant, {name_sql}) returning assistant_id into assistant;
  insert into public.assistant_versions (assistant_id, tenant_id, version, config, note)
    values (assistant, tenant, 1, {config_sql}::jsonb, 'first version');
  update public.assistants set published_version = 1, draft_version = 1 where assistants.assistant_id = assistant;
  insert into public.phone_numbers (e164, tenant_id, assistant_id) values ({number_sql}, tenant, assistant);
  insert into public.calendar_connections (tenant_id, assistant_id, event_types)
    values (tenant, assistant, {events_sql}::jsonb);
end
$ava$;
"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sql_for(config: AssistantConfig, number: str, event_types: dict[str, int]) -> str:
    """Raises ValueError for a service the preset does not have."""
    if unknown := event_types.keys() - {service.service_id for service in config.services}:
        known = ", ".join(service.service_id for service in config.services)
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}; the preset has: {known}")
    return _SQL.format(
        name=config.business.name.replace("\n", " "),
        name_sql=quoted(config.business.name),
        config_sql=quoted(json.dumps(config.model_dump(mode="json"), ensure_ascii=False)),
        number_sql=quoted(number),
        events_sql=quoted(json.dumps(event_types)),
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", type=Path)
    parser.add_argument("--number", required=True, help="the number that callers dial, in E.164")
    parser.add_argument("--event-type", action="append", default=[], metavar="SERVICE=ID", help="Cal.com event type id")
    given = parser.parse_args(arguments)
    try:
        config = AssistantConfig.model_validate(yaml.safe_load(given.preset.read_text()))
        pairs = [pair.partition("=") for pair in given.event_type]
        sql = sql_for(config, parse_e164(given.number), {service: int(number) for service, _, number in pairs})
    except (OSError, ValidationError, PhoneNumberInvalid, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(sql)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
