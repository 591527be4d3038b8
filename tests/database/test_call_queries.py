"""How Postgres finds calls: by an index, for a page of a big list, whoever asks and whatever is filtered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sandbox.database import Database, Seeded

pytestmark = pytest.mark.database

SUBJECT = "user_of_the_first"
PAGE = "order by started_at desc, call_id desc limit 51"
ADD = """
insert into calls (call_id, tenant_id, assistant_id, version, sip_call_id, dialed, caller, started_at, ended_at, outcome)
select gen_random_uuid(), tenant_id, assistant_id, 1, gen_random_uuid(), e164, '+336' || lpad((n % 400)::text, 8, '0'),
  '2026-03-02T12:00:00Z'::timestamptz - n * interval '7 minutes',
  '2026-03-02T12:00:00Z'::timestamptz - n * interval '7 minutes' + n % 400 * interval '1 second',
  (array['booked', 'answered', 'abandoned', 'lost', 'silent'])[1 + n % 5]
from generate_series(1, 3000) as n cross join phone_numbers
order by n
"""
ADD_ANSWERS = """
insert into call_events (event_id, call_id, tenant_id, at, kind, body)
select gen_random_uuid(), call_id, tenant_id, started_at, 'assistant_said',
  '{"text": "an answer of many words", "latency": {"total": 600}}'
from calls order by started_at
"""


@dataclass
class Asked:
    connection: psycopg.Connection
    tenant_id: UUID

    def plan(self, where: str, *values: Any, table: str = "call_summaries", order: str = PAGE) -> list[dict[str, Any]]:
        """Every node of the plan."""
        statement = f"explain (format json) select * from {table} where tenant_id = %s {where} {order}"
        row = self.connection.execute(statement.encode(), (self.tenant_id, *values)).fetchone()
        assert row is not None
        return list(nodes((row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


@pytest.fixture(scope="module")
def tenants(database_stack: Database) -> list[Seeded]:
    """Two, with 3,000 calls each, every one with an answer in it."""
    database_stack.reset()
    found = [
        database_stack.seed_assistant(tenant_name=name, config={"greeting": "Bonjour."}, number=number)
        for name, number in (("A", "+33142000001"), ("B", "+33142000002"))
    ]
    database_stack.add_member(found[0].tenant_id, SUBJECT)
    with psycopg.connect(database_stack.postgres_url, autocommit=True) as owner:
        owner.execute(ADD.encode())
        owner.execute(ADD_ANSWERS.encode())
        owner.execute("vacuum analyze calls")
        owner.execute("vacuum analyze call_events")
    return found


@pytest.fixture(params=["authenticated", "service_role"])
def asked(request: pytest.FixtureRequest, database_stack: Database, tenants: list[Seeded]) -> Iterator[Asked]:
    """With a member's rights, and with the service's."""
    with psycopg.connect(database_stack.postgres_url, autocommit=True) as connection:
        claims = json.dumps({"sub": SUBJECT, "role": request.param})
        connection.execute("select set_config('request.jwt.claims', %s, false)", (claims,))
        connection.execute("set random_page_cost = 1.1")  # as on the disks of today; of few rows it makes many
        connection.execute(f"set role {request.param}".encode())
        yield Asked(connection, tenants[0].tenant_id)


def indexes(plan: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in plan if "Index Name" in node}


def scanned(plan: list[dict[str, Any]]) -> set[str]:
    """Tables that are read from end to end."""
    return {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}


def test_a_page_is_read_off_the_index(asked: Asked) -> None:
    """Neither the whole table nor a sort, first page and later ones."""
    place = "2026-03-01T00:00:00Z"
    later = "and started_at <= %s and (started_at < %s or (started_at = %s and call_id < gen_random_uuid()))"
    for plan in (asked.plan(""), asked.plan(later, place, place, place)):
        assert "calls_page_idx" in indexes(plan)
        assert not [node for node in plan if node["Node Type"] in ("Sort", "Incremental Sort")]
        assert not scanned(plan) & {"calls", "call_events", "bookings", "messages"}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("and dialed = %s", "+33142000001"),
        ("and caller = %s", "+33600000007"),
        ("and outcome = %s", "silent"),
        ("and outcome = any (%s)", ["silent", "lost"]),
        ("and started_at >= %s", "2026-02-20T00:00:00Z"),
        ("and duration_seconds >= %s", 390),
    ],
)
def test_no_filter_reads_the_whole_table(asked: Asked, where: str, value: Any) -> None:
    """Each has an index to go by."""
    plan = asked.plan(where, value)
    assert not scanned(plan) & {"calls", "call_events", "bookings", "messages"}
    assert [name for name in indexes(plan) if name.startswith("calls_page")]


def test_a_rare_caller_is_found_at_once(asked: Asked) -> None:
    """By number, not by leafing through all that rang."""
    assert "calls_page_caller_idx" in indexes(asked.plan("and caller = %s", "+33600000007"))


def test_latencies_are_read_off_the_index(asked: Asked) -> None:
    """The figures don't open every transcript."""
    where = "and at >= '2026-03-01T00:00:00Z' and at < '2026-03-02T00:00:00Z'"
    assert "call_events_latency_idx" in indexes(asked.plan(where, table="call_turns", order=""))
