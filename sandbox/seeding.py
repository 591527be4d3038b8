"""Rows for the demo and for tests, written as the database's owner: tenants, members, assistants, numbers, calendars.

Owns: publishing a version as one transaction. Refuses: where configs come from (presets are files of their own), and
keys of calendars: sealing is the control plane's; a demo's calendar key is the deployment's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection

_PUBLISH = """
with next as (
  select a.assistant_id, a.tenant_id, coalesce(max(v.version), 0) + 1 as version
  from public.assistants a left join public.assistant_versions v using (assistant_id)
  where a.assistant_id = %(assistant_id)s
  group by a.assistant_id
)
insert into public.assistant_versions (assistant_id, tenant_id, version, config, note, created_by)
select assistant_id, tenant_id, version, %(config)s, %(note)s, 'sandbox' from next
returning version
"""


@dataclass(frozen=True)
class Seeded:
    tenant_id: UUID
    assistant_id: UUID
    version: int
    number: str


def seed_assistant(
    postgres_url: str,
    *,
    tenant_name: str,
    config: AssistantConfig | Mapping[str, Any],
    number: str,
    calendar: CalComConnection | None = None,
) -> Seeded:
    """A tenant with one active assistant, version 1 published, answering `number` (E.164).

    A mapping is stored as it is, so that a test can publish what no image can read. Raises ValueError for a calendar
    with a key of its own.
    """
    if calendar is not None and calendar.api_key is not None:
        raise ValueError("the sandbox seals no keys: leave api_key out, the deployment's CAL_API_KEY is used")
    with psycopg.connect(postgres_url) as connection:
        tenant_id = _one(connection, "insert into public.tenants (name) values (%s) returning tenant_id", tenant_name)
        assistant_id = _one(
            connection,
            "insert into public.assistants (tenant_id, name) values (%s, %s) returning assistant_id",
            tenant_id,
            tenant_name,
        )
        version = _publish(connection, assistant_id, config, "first version")
        connection.execute(
            "insert into public.phone_numbers (e164, tenant_id, assistant_id) values (%s, %s, %s)",
            (number, tenant_id, assistant_id),
        )
        if calendar is not None:
            base_url = str(calendar.base_url) if calendar.base_url else None
            connection.execute(
                "insert into public.calendar_connections (tenant_id, assistant_id, provider, base_url, event_types)"
                " values (%s, %s, %s, %s, %s)",
                (tenant_id, assistant_id, calendar.provider, base_url, Jsonb(calendar.event_types)),
            )
    return Seeded(tenant_id, assistant_id, version, number)


def publish(
    postgres_url: str, assistant_id: UUID, config: AssistantConfig | Mapping[str, Any], *, note: str = ""
) -> int:
    """A new version, published at once -> its number. Raises LookupError if there is no such assistant."""
    with psycopg.connect(postgres_url) as connection:
        return _publish(connection, assistant_id, config, note)


def set_status(postgres_url: str, assistant_id: UUID, status: str) -> None:
    """`active`, `paused` or `archived`. Raises LookupError if there is no such assistant."""
    with psycopg.connect(postgres_url) as connection:
        done = connection.execute(
            "update public.assistants set status = %s, updated_at = now() where assistant_id = %s",
            (status, assistant_id),
        )
        if done.rowcount == 0:
            raise LookupError("no such assistant")


def add_member(postgres_url: str, tenant_id: UUID, subject: str, role: str = "owner") -> None:
    """`subject` is the `sub` of the user's token; `role` is owner, admin or viewer."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            "insert into public.members (tenant_id, subject, role) values (%s, %s, %s)", (tenant_id, subject, role)
        )


def select(postgres_url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as the owner sees them (no row-level security), for a report or an assertion."""
    with psycopg.connect(postgres_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), values).fetchall()


def _publish(
    connection: psycopg.Connection, assistant_id: UUID, config: AssistantConfig | Mapping[str, Any], note: str
) -> int:
    stored = config.model_dump(mode="json") if isinstance(config, AssistantConfig) else dict(config)
    values = {"assistant_id": assistant_id, "config": Jsonb(stored), "note": note}
    row = connection.execute(_PUBLISH, values).fetchone()
    if row is None:
        raise LookupError("no such assistant")
    connection.execute(
        "update public.assistants set published_version = %s, draft_version = %s, updated_at = now()"
        " where assistant_id = %s",
        (row[0], row[0], assistant_id),
    )
    return int(row[0])


def _one(connection: psycopg.Connection, statement: str, *values: Any) -> UUID:
    row = connection.execute(statement.encode(), values).fetchone()
    if row is None:
        raise LookupError("the insert gave no row")
    found: UUID = row[0]
    return found
