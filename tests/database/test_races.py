"""Two workers at one moment, made certain: one transaction is held open while the other begins."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from contracts.assistant import AssistantConfig
from contracts.ids import call_id_for
from sandbox.database import Database

pytestmark = pytest.mark.database

NUMBER = "+33142000001"
OPEN = "select open_call_v1(%s, 'SCL', %s, null, '2026-11-23T12:00:00Z')"
APPEND = "select append_call_events_v1(%s, %s)"
CALL_ID = call_id_for("SCL")


@pytest.fixture
def connections(database: Database, config: AssistantConfig) -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    with psycopg.connect(database.postgres_url) as one, psycopg.connect(database.postgres_url) as two:
        yield one, two


class Waiting:
    """A statement in a thread of its own; `blocked` says whether it still has no answer."""

    def __init__(self, connection: psycopg.Connection, statement: str, *values: Any) -> None:
        self._answer: Any = None
        self._error: psycopg.Error | None = None
        self._thread = threading.Thread(target=self._ask, args=(connection, statement, values))
        self._thread.start()

    def _ask(self, connection: psycopg.Connection, statement: str, values: tuple[Any, ...]) -> None:
        try:
            row = connection.execute(statement.encode(), values).fetchone()
            self._answer = row[0] if row else None
            connection.commit()
        except psycopg.Error as error:
            self._error = error

    def blocked(self, seconds: float = 0.3) -> bool:
        self._thread.join(seconds)
        return self._thread.is_alive()

    def answer(self) -> Any:
        self._thread.join(10)
        if self._error is not None:
            raise self._error
        return self._answer


def test_the_second_opening_waits_and_gets_the_first_ones_row(
    database: Database, connections: tuple[psycopg.Connection, psycopg.Connection]
) -> None:
    """Neither fails, both run on the same snapshot, there is one call."""
    one, two = connections
    row = one.execute(OPEN.encode(), (CALL_ID, NUMBER)).fetchone()
    assert row is not None
    second = Waiting(two, OPEN, CALL_ID, NUMBER)
    assert second.blocked()
    one.commit()
    assert second.answer() == row[0]
    assert database.select("select count(*) as n from calls") == [{"n": 1}]


def test_an_opening_that_is_given_up_leaves_the_way_free(
    database: Database, connections: tuple[psycopg.Connection, psycopg.Connection]
) -> None:
    """The first transaction is rolled back (its worker died): the second opens the call itself."""
    one, two = connections
    one.execute(OPEN.encode(), (CALL_ID, NUMBER))
    second = Waiting(two, OPEN, CALL_ID, NUMBER)
    assert second.blocked()
    one.rollback()
    assert second.answer()["status"] == "ok"


RAN_ON = "select open_call_v1(%s, 'SCL', %s, null, '2026-11-23T12:00:00Z', %s, 1)"


def test_a_late_opening_and_the_delivery_of_its_call(database: Database, config: AssistantConfig) -> None:
    """The delivery comes while the late opening is not committed: it waits, and puts the row right."""
    seeded = database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    database.publish(seeded.assistant_id, config)
    with psycopg.connect(database.postgres_url) as late, psycopg.connect(database.postgres_url) as delivery:
        late.execute(OPEN.encode(), (CALL_ID, NUMBER))
        delivered = Waiting(delivery, RAN_ON, CALL_ID, NUMBER, seeded.assistant_id)
        assert delivered.blocked()
        late.commit()
        assert delivered.answer()["version"] == 1
    assert database.select("select version, source from calls") == [{"version": 1, "source": "last_known_good"}]


def test_an_event_on_its_way_keeps_the_row_as_it_is(database: Database, config: AssistantConfig) -> None:
    """Two jobs of one call: what the first is just recording decides, though the second does not see it yet."""
    seeded = database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    database.publish(seeded.assistant_id, config)
    with psycopg.connect(database.postgres_url) as first, psycopg.connect(database.postgres_url) as second:
        first.execute(OPEN.encode(), (CALL_ID, NUMBER))
        first.commit()
        first.execute(APPEND.encode(), (CALL_ID, Jsonb([booking(uuid4(), "intended", 0)])))
        delivered = Waiting(second, RAN_ON, CALL_ID, NUMBER, seeded.assistant_id)
        assert delivered.blocked()
        first.commit()
        assert delivered.answer()["version"] == 2
    assert database.select("select version, source from calls") == [{"version": 2, "source": "database"}]


def booking(event_id: UUID, state: str, second: int) -> dict[str, Any]:
    at = f"2026-11-23T12:00:{second:02}Z"
    return {
        "event_id": str(event_id),
        "at": at,
        "kind": "booking_recorded",
        "booking_key": "k",
        "action": "book",
        "state": state,
        "service_id": "checkup",
        "event_type_id": 7,
        "starts_at": at,
        "ends_at": at,
    }


def test_one_event_from_two_deliveries_counts_once(
    database: Database, connections: tuple[psycopg.Connection, psycopg.Connection]
) -> None:
    """The call and the sweeper send the same batch at once; the second waits and finds nothing new."""
    one, two = connections
    one.execute(OPEN.encode(), (CALL_ID, NUMBER))
    one.commit()
    events = Jsonb([booking(uuid4(), "intended", 0), booking(uuid4(), "confirmed", 1)])
    row = one.execute(APPEND.encode(), (CALL_ID, events)).fetchone()
    second = Waiting(two, APPEND, CALL_ID, events)
    assert second.blocked()
    one.commit()
    assert (row, second.answer()) == ((2,), 0)
    assert database.select("select state::text from bookings") == [{"state": "confirmed"}]
