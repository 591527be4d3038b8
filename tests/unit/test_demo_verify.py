"""The comparison of calendar and rows: each check on a call that agrees, and on one that does not."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from contracts.call import AssistantSaid, CallerSaid, CallEvent
from demo.report import CalendarBooking, Check, Records
from demo.verify import verify

ZONE = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
STARTS = datetime(2026, 11, 26, 13, tzinfo=UTC)


def booking(**changes: Any) -> CalendarBooking:
    told = {
        "uid": "u1",
        "service": "detartrage",
        "start": "2026-11-26T14:00",
        "end": "2026-11-26T14:30",
        "status": "accepted",
        "attendee": "Jean Dupont",
    }
    return CalendarBooking.model_validate({**told, **changes})


def row(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "booking_key": "k1",
        "calendar_uid": "u1",
        "replaces_uid": None,
        "starts_at": STARTS,
        "attendee_name": "Jean Dupont",
        "state": "confirmed",
        "service_id": "detartrage",
    }
    return {**known, **changes}


def event_row(event: CallEvent) -> dict[str, Any]:
    return {"event_id": event.event_id, "kind": event.kind, "body": event.model_dump(mode="json")}


SAID: list[CallEvent] = [AssistantSaid(at=AT, text="Bonjour"), CallerSaid(at=AT, text="Je voudrais un rendez-vous")]
CALL = {
    "outcome": "booked",
    "ended_by": "assistant",
    "ended_at": AT,
    "usage": {"call_seconds": 30},
    "cost": {"total": "0.1"},
    "cost_total": 0.1,
    "cost_currency": "USD",
}


def records(**changes: Any) -> Records:
    whole: dict[str, Any] = {"call": CALL, "bookings": (row(),), "events": tuple(event_row(e) for e in SAID)}
    return Records.model_validate({**whole, **changes})


def failed(calendar: list[CalendarBooking], kept: Records, *, spooled: int = 0) -> set[str]:
    checks: list[Check] = verify(calendar, kept, SAID, zone=ZONE, spooled=spooled)
    return {check.name for check in checks if not check.ok}


def test_a_call_that_agrees_passes() -> None:
    assert failed([booking()], records()) == set()


HAS_ROW = "every booking in the calendar has its row"
HAS_BOOKING = "every row has its booking in the calendar"


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": datetime(2026, 11, 26, 14, tzinfo=UTC)},
        {"attendee_name": "Jean Dupond"},
        {"state": "unconfirmed"},
        {"calendar_uid": "u2"},
    ],
)
def test_a_row_that_says_something_else_is_found(wrong: dict[str, Any]) -> None:
    assert HAS_ROW in failed([booking()], records(bookings=(row(**wrong),)))


def test_a_booking_nobody_wrote_down_is_found() -> None:
    assert failed([booking()], records(bookings=())) == {HAS_ROW}


def test_a_row_without_its_booking_is_found() -> None:
    assert failed([], records()) == {HAS_BOOKING}


def test_a_cancelled_booking_that_the_rows_call_confirmed_is_found() -> None:
    assert HAS_BOOKING in failed([booking(status="cancelled")], records())


def test_other_callers_and_earlier_bookings_are_not_ours() -> None:
    strangers = [booking(uid="u8", foreign=True), booking(uid="u9", seeded=True)]
    assert failed([booking(), *strangers], records()) == set()


def test_an_earlier_booking_that_was_cancelled_needs_its_row() -> None:
    gone = booking(seeded=True, status="cancelled")
    assert failed([gone], records(bookings=(row(state="cancelled"),))) == set()
    assert failed([gone], records(bookings=(row(state="unconfirmed"),))) != set()


def test_a_moved_booking_is_its_new_one() -> None:
    calendar = [booking(uid="u0", seeded=True, status="cancelled"), booking()]
    assert failed(calendar, records(bookings=(row(state="rescheduled", replaces_uid="u0"),))) == set()


def test_a_doubt_without_a_follow_up_is_found() -> None:
    doubt = row(state="unconfirmed", calendar_uid=None)
    assert "every doubt has a follow-up" in failed([], records(bookings=(doubt,)))
    message = {"follow_up": "booking_doubt"}
    assert failed([], records(bookings=(doubt,), messages=(message,))) == set()


def test_a_lost_turn_is_found() -> None:
    names = failed([booking()], records(events=(event_row(SAID[0]),)))
    assert names == {"every turn is in call_events, in order", "every event was delivered exactly once"}


def test_a_turn_delivered_twice_is_found() -> None:
    twice = tuple(event_row(e) for e in [*SAID, SAID[1]])
    assert "every event was delivered exactly once" in failed([booking()], records(events=twice))


def test_events_of_a_sweep_come_on_top() -> None:
    extra: dict[str, Any] = {"event_id": uuid4(), "kind": "message_taken", "body": {}}
    assert failed([booking()], records(events=(*(event_row(e) for e in SAID), extra))) == set()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"outcome": None}, "the call is closed"),
        ({"ended_at": None}, "the call is closed"),
        ({"usage": {}}, "usage and cost are present"),
        ({"cost": None}, "usage and cost are present"),
    ],
)
def test_an_open_or_unpriced_call_is_found(changes: dict[str, Any], name: str) -> None:
    assert failed([booking()], records(call={**CALL, **changes})) == {name}


def test_what_is_left_on_disk_is_found() -> None:
    assert failed([booking()], records(), spooled=1) == {"nothing is left in the spool"}
