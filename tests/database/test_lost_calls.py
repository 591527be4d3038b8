"""Calls that nobody closes: which are closed as lost, and that no worker's own closing is lost over it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from contracts.assistant import AssistantConfig, Limits
from contracts.ids import call_id_for
from control_api.calls.service import LONGEST_CALL
from sandbox.database import Database
from tests.database.test_races import Waiting

pytestmark = pytest.mark.database

NUMBER = "+33142000001"
GRACE, LONGEST = 60, 7800
SWEEP = f"select close_lost_calls_v1({GRACE}, {LONGEST})"
CLOSE = "select close_call_v1(%s, %s)"
CALL_ID = call_id_for("SCL")
CLOSING = Jsonb({"ended_at": "2026-11-23T12:05:00Z", "outcome": "booked", "ended_by": "caller"})


@pytest.fixture
def one(database: Database, config: AssistantConfig) -> Iterator[psycopg.Connection]:
    """One call is open."""
    database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    with psycopg.connect(database.postgres_url) as connection:
        run(connection, "select open_call_v1(%s, 'SCL', %s, null, '2026-11-23T12:00:00Z')", CALL_ID, NUMBER)
        connection.commit()
        yield connection


def run(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    return row[0] if row else None


def leg(connection: psycopg.Connection, *, joined: str | None = None, left: str | None = None) -> None:
    """Minutes past noon of that day."""
    run(
        connection, "select note_line_leg_v1('SCL', %s, 'RM', %s, %s)", NUMBER,
        joined and f"2026-11-23T12:{joined}:00Z", left and f"2026-11-23T12:{left}:00Z",
    )  # fmt: skip


def heard_ago(connection: psycopg.Connection, seconds: int) -> None:
    connection.execute("update line_legs set left_heard_at = now() - make_interval(secs => %s)", (seconds,))


def call(database: Database) -> dict[str, Any]:
    [row] = database.select(
        "select outcome, ended_by, to_char(ended_at at time zone 'UTC', 'HH24:MI') as ended, closed_at is not null as closed"
        " from calls"
    )
    return row


OPEN = {"outcome": None, "ended_by": None, "ended": None, "closed": False}


def lost(ended: str) -> dict[str, Any]:
    return {"outcome": "lost", "ended_by": "failure", "ended": ended, "closed": True}


def test_the_worker_is_waited_for(database: Database, one: psycopg.Connection) -> None:
    """For as long as it may take to close its call, counted from when the leaving was heard of, by this clock."""
    leg(one, joined="00", left="04")
    heard_ago(one, GRACE - 5)
    assert run(one, SWEEP) == 0
    heard_ago(one, GRACE + 1)
    assert run(one, SWEEP) == 1
    assert run(one, SWEEP) == 0
    one.commit()
    assert call(database) == lost("12:04")


def test_a_caller_who_is_there_is_no_straggler(database: Database, one: psycopg.Connection) -> None:
    """Joined and never left; or left and joined again later, whichever notice came first."""
    leg(one, joined="00")
    assert run(one, SWEEP) == 0
    leg(one, left="02")
    leg(one, joined="03")
    heard_ago(one, 10 * GRACE)
    assert run(one, SWEEP) == 0
    leg(one, left="01")
    assert run(one, SWEEP) == 0
    one.commit()
    assert call(database) == OPEN


@pytest.mark.parametrize(("left", "ended"), [(None, "12:06"), ("04", "12:04")])
def test_the_end_of_the_room_stands_for_a_leaving_that_nobody_told(
    database: Database, one: psycopg.Connection, left: str | None, ended: str
) -> None:
    """And yields to the leaving if that is told after all."""
    leg(one, joined="00")
    assert run(one, "select note_room_finished_v1('RM', '2026-11-23T12:06:00Z')") == 1
    assert run(one, SWEEP) == 0
    if left:
        leg(one, left=left)
    heard_ago(one, GRACE + 1)
    assert run(one, SWEEP) == 1
    one.commit()
    assert call(database) == lost(ended)


def test_a_call_of_which_something_arrives_is_alive(database: Database, one: psycopg.Connection) -> None:
    """A worker that is delivering will close it itself."""
    leg(one, left="04")
    heard_ago(one, 10 * GRACE)
    event = {"event_id": "00000000-0000-4000-8000-000000000001", "at": "2026-11-23T12:03:00Z", "kind": "caller_said"}
    run(one, "select append_call_events_v1(%s, %s)", CALL_ID, Jsonb([{**event, "text": "x"}]))
    assert run(one, SWEEP) == 0
    one.execute("update call_events set stored_at = now() - interval '2 minutes'")
    assert run(one, SWEEP) == 1
    one.commit()
    assert call(database) == lost("12:04")


@pytest.mark.parametrize(("heard", "ended"), [(None, "12:00"), ("07", "12:07")])
def test_without_any_notice_a_call_ends_when_none_can_last_longer(
    database: Database, one: psycopg.Connection, heard: str | None, ended: str
) -> None:
    """No webhook is set up, or LiveKit died too: the last that was recorded is its end."""
    if heard:
        event = {"event_id": "00000000-0000-4000-8000-000000000001", "kind": "caller_said", "text": "x"}
        at = f"2026-11-23T12:{heard}:00Z"
        run(one, "select append_call_events_v1(%s, %s)", CALL_ID, Jsonb([{**event, "at": at}]))
        one.execute("update call_events set stored_at = now() - interval '2 hours'")
    one.execute("update calls set opened_at = now() - make_interval(secs => %s)", (LONGEST - 60,))
    assert run(one, SWEEP) == 0
    one.execute("update calls set opened_at = now() - make_interval(secs => %s)", (LONGEST + 60,))
    assert run(one, SWEEP) == 1
    one.commit()
    assert call(database) == lost(ended)


def test_the_longest_call_is_longer_than_any_assistant_allows() -> None:
    [longest] = [rule.le for rule in Limits.model_fields["max_call"].metadata if hasattr(rule, "le")]
    assert LONGEST_CALL == LONGEST >= longest + 300


def test_a_refused_and_a_closed_call_stay_as_they_are(database: Database, one: psycopg.Connection) -> None:
    leg(one, left="04")
    heard_ago(one, 10 * GRACE)
    run(one, CLOSE, CALL_ID, CLOSING)
    assert run(one, SWEEP) == 0
    one.commit()
    assert call(database)["outcome"] == "booked"
    one.execute("update calls set closed_at = null, outcome = 'refused', refusal = 'assistant_paused'")
    assert run(one, SWEEP) == 0


def test_a_sweep_passes_over_the_call_that_its_worker_is_closing(database: Database, one: psycopg.Connection) -> None:
    """It neither waits nor says lost of it."""
    leg(one, left="04")
    heard_ago(one, 10 * GRACE)
    one.commit()
    with psycopg.connect(database.postgres_url) as two:
        run(one, CLOSE, CALL_ID, CLOSING)
        sweeping = Waiting(two, SWEEP)
        assert not sweeping.blocked(5)
        assert sweeping.answer() == 0
        one.commit()
    assert call(database) == {"outcome": "booked", "ended_by": "caller", "ended": "12:05", "closed": True}


def test_a_worker_that_comes_a_moment_too_late_still_has_the_last_word(
    database: Database, one: psycopg.Connection
) -> None:
    """Its closing waits for the sweep's transaction, and replaces what that concluded."""
    leg(one, left="04")
    heard_ago(one, 10 * GRACE)
    one.commit()
    with psycopg.connect(database.postgres_url) as two:
        assert run(one, SWEEP) == 1
        closing = Waiting(two, CLOSE, CALL_ID, CLOSING)
        assert closing.blocked()
        one.commit()
        assert closing.answer() is True
    assert call(database) == {"outcome": "booked", "ended_by": "caller", "ended": "12:05", "closed": True}


def test_two_sweeps_at_once_close_a_call_once(database: Database, one: psycopg.Connection) -> None:
    leg(one, left="04")
    heard_ago(one, 10 * GRACE)
    one.commit()
    with psycopg.connect(database.postgres_url) as two:
        assert run(one, SWEEP) == 1
        other = Waiting(two, SWEEP)
        assert not other.blocked(5)
        assert other.answer() == 0
        one.commit()
    assert call(database) == lost("12:04")


def test_calls_that_were_deleted_while_they_ran_stand_in_nobodys_way(
    database: Database, one: psycopg.Connection
) -> None:
    """They can't be closed, and leave by themselves: a sweep of limited size gets to the others."""
    run(one, "select open_call_v1(%s, 'SCL3', %s, null, '2026-11-23T12:00:00Z')", call_id_for("SCL3"), NUMBER)
    one.execute("update calls set opened_at = now() - interval '1 day'")
    one.execute(
        "update calls set opened_at = now() - interval '2 days', redacted_at = now(), deleted_at = now()"
        " where sip_call_id = 'SCL3'"
    )
    assert run(one, f"select close_lost_calls_v1({GRACE}, {LONGEST}, 1)") == 1
    one.commit()
    assert database.select("select sip_call_id from calls where outcome = 'lost'") == [{"sip_call_id": "SCL"}]


def test_legs_are_forgotten_after_a_day(database: Database, one: psycopg.Connection) -> None:
    """And nothing is kept of calls to numbers of nobody."""
    leg(one, joined="00")
    assert run(one, "select note_line_leg_v1('SCL2', '+33142009999', 'RM', now(), null)") is False
    one.execute("update line_legs set heard_at = now() - interval '23 hours'")
    run(one, SWEEP)
    one.commit()
    assert database.select("select sip_call_id from line_legs") == [{"sip_call_id": "SCL"}]
    one.execute("update line_legs set heard_at = now() - interval '25 hours'")
    run(one, SWEEP)
    one.commit()
    assert database.select("select sip_call_id from line_legs") == []
