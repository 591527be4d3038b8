"""Rooms that the control plane takes: only those that no worker has, each by one process, and no successor beside it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from contracts.assistant import AssistantConfig
from sandbox.database import Database
from tests.database.test_races import Waiting

pytestmark = pytest.mark.database

NUMBER, OWNERS = "+33142000001", "+33698765432"
WORKER, OTHER, HERE, THERE = (UUID(int=n) for n in (1, 2, 3, 4))
CLAIM = "select claim_stranded_calls_v1(%s, %s, %s, 90)"
CLAIM_SILENT = "select claim_stranded_calls_v1(%s, '{}', 6, 90)"
BEAT = "select beat_v1(%s, %s, 1.8)"
MINE = Jsonb([{"room": "call-1", "epoch": 1, "job_id": "a"}])
NONE = Jsonb([])


@pytest.fixture
def one(database: Database) -> Iterator[psycopg.Connection]:
    """A worker has one call; as the service, which is all that calls these. The other worker watches."""
    with psycopg.connect(database.postgres_url, autocommit=True) as connection:
        connection.execute("truncate workers, call_duties")
        connection.execute("set role service_role")
        run(connection, "select enter_call_v1('call-1', 1, 'a')")
        run(connection, BEAT, WORKER, MINE)
        yield connection


def run(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    return row[0] if row else None


def claims(
    connection: psycopg.Connection, who: UUID, *in_hand: str, silent: float | None = 6
) -> list[tuple[int, bool]]:
    """-> epoch and `again` of each room."""
    return [(row["epoch"], row["again"]) for row in run(connection, CLAIM, who, list(in_hand), silent)]


def pass_time(connection: psycopg.Connection, seconds: float) -> None:
    """The past moves back: the database's clock is not ours."""
    by = f"{seconds} seconds"
    connection.execute(
        "update workers set beaten_at = beaten_at - %s::interval, watching_since = watching_since - %s::interval",
        (by, by),
    )
    connection.execute("update call_duties set changed_at = changed_at - %s::interval", (by,))


def the_worker_is_gone_and_another_watches(connection: psycopg.Connection) -> None:
    for _ in range(3):
        run(connection, BEAT, WORKER, MINE)
        run(connection, BEAT, OTHER, NONE)
        pass_time(connection, 1)
    run(connection, BEAT, OTHER, NONE)
    gone = "now() - interval '10 seconds'"
    connection.execute(f"update workers set beaten_at = {gone} where worker_id = %s".encode(), (WORKER,))
    connection.execute(f"update call_duties set changed_at = {gone}".encode())


def test_a_living_workers_call_is_not_taken(one: psycopg.Connection) -> None:
    """However long it lasts; and not before it has been silent for as long as is asked."""
    for _ in range(4):
        pass_time(one, 3)
        run(one, BEAT, WORKER, MINE)
        assert claims(one, HERE) == []
    pass_time(one, 5.5)
    assert claims(one, HERE) == []
    pass_time(one, 1)
    assert claims(one, HERE, silent=None) == [], "who does not trust its own eyes takes nobody's"
    assert claims(one, HERE) == [(2, False)]


def test_a_browsers_room_stays_for_a_worker(one: psycopg.Connection) -> None:
    """There is nobody to send on, and its page says by itself that AVA is gone."""
    one.execute("update call_duties set room = 'test-1'")
    pass_time(one, 60)
    assert claims(one, HERE) == []


def test_a_successor_that_lives_has_it(one: psycopg.Connection) -> None:
    """The other worker claimed it after its 1.8 s and beats: it is not silent."""
    run(one, BEAT, OTHER, NONE)
    pass_time(one, 2)
    run(one, BEAT, OTHER, NONE)
    pass_time(one, 1.9)
    for _ in range(3):
        run(one, BEAT, OTHER, NONE)
        pass_time(one, 1)
    assert run(one, "select worker_id from call_duties") == OTHER
    assert claims(one, HERE) == []


def test_nobody_comes_beside_it(one: psycopg.Connection) -> None:
    """No late successor, no worker that is back, no claim of a caller alone; and the old job's beat changes nothing."""
    pass_time(one, 10)
    assert claims(one, HERE) == [(2, False)]
    for room in ("a", "b"):
        assert run(one, "select enter_call_v1('call-1', 1, %s)", room) is False
        assert run(one, "select enter_call_v1('call-1', 2, %s)", room) is False
    assert run(one, "select claim_room_v1(%s, 'call-1', 0, 4)", OTHER) is None
    assert run(one, "select claim_room_v1(%s, 'call-1', 1, 4)", WORKER) is None
    for _ in range(20):
        pass_time(one, 1)
        assert (run(one, BEAT, WORKER, MINE), run(one, BEAT, OTHER, NONE)) == ([], [])
    assert run(one, "select (epoch, job_id)::text from call_duties") == '(2,"control plane")'


def test_what_was_given_back_is_the_living_workers_again(one: psycopg.Connection) -> None:
    """Its job said in the room that it lives."""
    pass_time(one, 10)
    assert claims(one, HERE) == [(2, False)]
    one.execute("select leave_room_v1('call-1', 2)")
    run(one, BEAT, WORKER, MINE)
    assert run(one, "select (epoch, job_id)::text from call_duties") == "(1,a)"


def test_a_claim_whose_answer_was_lost_is_given_again(one: psycopg.Connection) -> None:
    """In its epoch, to the one who made it, as long as it does not say that it has it in hand."""
    pass_time(one, 10)
    assert claims(one, HERE) == [(2, False)]
    assert claims(one, THERE) == []
    assert claims(one, HERE) == [(2, False)]
    assert claims(one, HERE, "call-1") == []


def test_a_process_that_died_over_it_is_followed_and_the_next_is_told(one: psycopg.Connection) -> None:
    pass_time(one, 10)
    assert claims(one, HERE) == [(2, False)]
    pass_time(one, 94)
    assert claims(one, THERE) == []
    pass_time(one, 5)
    assert claims(one, THERE) == [(3, True)]
    assert claims(one, HERE) == []


def test_a_caller_who_was_handed_over_is_taken_at_once(one: psycopg.Connection) -> None:
    """By one; whoever handed them over can take them back no more."""
    run(one, BEAT, WORKER, MINE)
    assert run(one, "select hand_over_call_v1('call-1', 1, 30)") is True
    assert claims(one, HERE, silent=None) == [(2, False)]
    assert claims(one, THERE, silent=None) == []
    assert run(one, "select claim_room_v1(%s, 'call-1', 1, 0)", WORKER) is None
    assert run(one, "select hand_over_call_v1('call-1', 1, 30)") is False


def test_of_two_processes_at_once_one_has_it(database: Database, one: psycopg.Connection) -> None:
    """The other neither waits nor gets it."""
    pass_time(one, 10)
    one.autocommit = False
    with psycopg.connect(database.postgres_url) as two:
        assert [row["epoch"] for row in run(one, CLAIM_SILENT, HERE)] == [2]
        other = Waiting(two, CLAIM_SILENT, THERE)
        assert not other.blocked(5)
        assert other.answer() == []
        one.commit()


def test_a_worker_that_claims_at_the_same_moment_has_it_alone(database: Database, one: psycopg.Connection) -> None:
    """Its beat holds the row; the control plane passes over it, and afterwards finds it anything but silent."""
    the_worker_is_gone_and_another_watches(one)
    one.autocommit = False
    with psycopg.connect(database.postgres_url) as two:
        assert run(one, BEAT, OTHER, NONE) == [{"room": "call-1", "epoch": 2}]
        api = Waiting(two, CLAIM_SILENT, HERE)
        assert not api.blocked(5)
        assert api.answer() == []
        one.commit()
        assert run(two, CLAIM_SILENT, HERE) == []


def test_the_other_way_round_the_worker_stays_out(database: Database, one: psycopg.Connection) -> None:
    the_worker_is_gone_and_another_watches(one)
    one.autocommit = False
    with psycopg.connect(database.postgres_url) as two:
        assert [row["epoch"] for row in run(one, CLAIM_SILENT, HERE)] == [2]
        worker = Waiting(two, BEAT, OTHER, NONE)
        assert not worker.blocked(5)
        assert worker.answer() == []
        one.commit()
        assert run(two, BEAT, OTHER, NONE) == []


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_it_is_nobodys_but_the_services(database: Database, one: psycopg.Connection, role: str) -> None:
    with psycopg.connect(database.postgres_url, autocommit=True) as other:
        other.execute(f"set role {role}".encode())
        for statement in (
            "select claim_stranded_calls_v1(gen_random_uuid(), '{}', 6, 90)",
            "select hand_over_call_v1('call-1', 1, 30)",
            "select find_number_fallback_v1('+33142000001')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(statement.encode())


@pytest.mark.parametrize(
    ("fallback", "mode", "forward_to", "leads_here"),
    [
        (None, "warm", OWNERS, False),
        (None, "off", None, False),
        ({"kind": "forward", "number": OWNERS}, "off", OWNERS, False),
        ({"kind": "forward", "number": NUMBER}, "off", NUMBER, True),
        ({"kind": "message", "text": "x"}, "warm", None, False),
        ({"kind": "none"}, "warm", None, False),
    ],
)
def test_where_a_number_leads(
    database: Database, config: AssistantConfig, fallback: Any, mode: str, forward_to: str | None, leads_here: bool
) -> None:
    """What its owner chose, else where its assistant transfers to; also a number that an operator put there."""
    transfer = config.transfer.model_copy(update={"mode": mode, "number": OWNERS})
    tenant = database.seed_assistant(
        tenant_name="A", config=config.model_copy(update={"transfer": transfer}), number=NUMBER
    ).tenant_id
    with psycopg.connect(database.postgres_url) as connection:
        if fallback is not None:
            connection.execute(
                "insert into number_purchases (purchase_id, tenant_id, source, state, e164, created_by, fallback)"
                " values (gen_random_uuid(), %s, 'purchase', 'active', %s, '', %s)",
                (tenant, NUMBER, Jsonb(fallback)),
            )
        found = run(connection, "select find_number_fallback_v1(%s)", NUMBER)
        assert (found["fallback"], found["forward_to"], found["leads_here"]) == (fallback, forward_to, leads_here)
        assert found["language"] == config.language
        assert run(connection, "select find_number_fallback_v1('+33142000099')") is None
