"""Figures, against examples counted by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from contracts.call import BookingState, CallOutcome, TransferRequested
from contracts.errors import AssistantPaused
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.recorded_calls import Line, answered, cost, open_line, said

# Monday to Wednesday, 2 to 4 March 2026, in Paris: an hour ahead of UTC
RANGE = {"from": "2026-03-02T00:00:00+01:00", "to": "2026-03-05T00:00:00+01:00"}


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    async with open_line(plane, owner) as opened:
        yield opened


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC)


def answers(begin: datetime, *milliseconds: float) -> list[Any]:
    """A greeting, that nobody waited for, and answers after that many milliseconds."""
    return [answered("Bonjour.", begin), *(answered("Oui.", begin, after_ms=after) for after in milliseconds)]


def put_through(begin: datetime, result: Any) -> TransferRequested:
    return TransferRequested(at=begin, to="+33142000000", result=result)


async def place_the_week(line: Line) -> None:
    """Seven calls in the range, one on each side of it, and one still under way."""
    begin = at("02T08:00")
    await line.call(
        begin, CallOutcome.BOOKED, [*answers(begin, 400, 600), line.who.books(begin)], seconds=120, cost=cost("0.10")
    )
    begin = at("02T23:30")  # half past midnight of the 3rd in Paris
    await line.call(
        begin, CallOutcome.MESSAGE_TAKEN, [*answers(begin, 800), line.who.leaves(begin, urgent=True)], cost=cost("0.05")
    )
    begin = at("03T11:00")
    events = [*answers(begin, 1000), put_through(begin, "transferred")]
    await line.call(begin, CallOutcome.TRANSFERRED, events, seconds=30, cost=cost("0.03"))
    begin = at("03T12:00")
    await line.call(begin, CallOutcome.FAILED, [put_through(begin, "failed")], seconds=10)
    begin = at("04T10:00")
    gone = line.who.books(begin, BookingState.CANCELLED, action="cancel")
    doubt = line.who.books(begin, BookingState.UNCONFIRMED)
    await line.call(begin, CallOutcome.ABANDONED, [*answers(begin, 700, 500), gone, doubt], seconds=20)
    await line.begin(at("04T11:00"))
    line.database.pause(line.assistant_id)
    with pytest.raises(AssistantPaused):
        await line.begin(at("03T10:00"))
    line.database.resume(line.assistant_id)
    for outside in ("01T22:59:59.999999", "04T23:00"):
        begin = at(outside)
        await line.call(
            begin, CallOutcome.BOOKED, [*answers(begin, 9000), line.who.books(begin), line.who.leaves(begin)]
        )


async def figures(client: Client, **params: Any) -> dict[str, Any]:
    answer = await client.get("/v1/statistics", params={**RANGE, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_week_counted_by_hand(line: Line) -> None:
    """Every figure of the answer; what began outside the range is in none of them."""
    await place_the_week(line)
    found = await figures(line.owner)
    days = found.pop("days")
    outcomes = found.pop("outcomes")
    assert found == {
        "from": "2026-03-02T00:00:00+01:00",
        "to": "2026-03-05T00:00:00+01:00",
        "time_zone": "Europe/Paris",
        "calls": 7,
        "ended": 6,
        "answered": 4,
        "answer_rate": 0.6667,
        "refused": 1,
        "bookings": 1,
        "rescheduled": 0,
        "cancelled": 1,
        "messages": 1,
        "urgent_messages": 1,
        "transfers": 1,
        "total_seconds": 240.0,
        "average_seconds": 57.5,
        # of 400, 500, 600, 700, 800, 1000: halfway between the third and the fourth; the last
        "latency": {"turns": 6, "p50_ms": 650.0, "p95_ms": 1000.0},
        "costs": [{"currency": "USD", "calls": 3, "total": "0.18", "average": "0.060000"}],
    }
    wanted = {"booked", "message_taken", "transferred", "failed", "abandoned", "refused"}
    assert outcomes == {outcome.value: int(outcome.value in wanted) for outcome in CallOutcome}
    names = ("day", "calls", "answered", "bookings", "messages", "transfers")
    assert [tuple(day[name] for name in names) for day in days] == [
        ("2026-03-02", 1, 1, 1, 0, 0),
        ("2026-03-03", 4, 2, 0, 1, 1),
        ("2026-03-04", 2, 1, 0, 0, 0),
    ]


async def test_days_are_those_of_the_zone(line: Line) -> None:
    """The call at half past midnight in Paris is the day before's in UTC; the sums are the same."""
    await place_the_week(line)
    found = await figures(line.owner, time_zone="UTC")
    assert [(day["day"], day["calls"]) for day in found["days"]] == [
        ("2026-03-01", 0),
        ("2026-03-02", 2),
        ("2026-03-03", 3),
        ("2026-03-04", 2),
    ]
    assert (found["time_zone"], found["calls"]) == ("UTC", 7)


async def test_a_day_of_23_hours_is_a_day(line: Line) -> None:
    """The clocks go forward in Paris on 29 March 2026: no day is missing, none is double."""
    await line.call(datetime(2026, 3, 29, 21, 59, tzinfo=UTC))
    await line.call(datetime(2026, 3, 29, 22, 0, tzinfo=UTC))
    params = {"from": "2026-03-28T00:00:00+01:00", "to": "2026-03-31T00:00:00+02:00"}
    assert [(day["day"], day["calls"]) for day in (await figures(line.owner, **params))["days"]] == [
        ("2026-03-28", 0),
        ("2026-03-29", 1),
        ("2026-03-30", 1),
    ]


async def test_of_one_assistant_and_of_nobody_elses(plane: ControlPlane, line: Line) -> None:
    """Another assistant's calls, and another tenant's, don't count; an assistant that is not there is said not to be."""
    await line.call(at("02T08:00"), events=[line.who.books(at("02T08:00"))])
    async with open_line(plane, line.owner) as second:
        await second.call(at("02T09:00"))
    assert (await figures(line.owner))["calls"] == 2
    assert (await figures(line.owner, assistant_id=str(second.assistant_id)))["bookings"] == 0
    assert (await figures(line.owner, assistant_id=str(line.assistant_id)))["bookings"] == 1
    stranger = await plane.owner()
    assert (await figures(stranger))["calls"] == 0
    for unknown in (line.assistant_id, uuid4()):
        answer = await stranger.get("/v1/statistics", params={**RANGE, "assistant_id": str(unknown)})
        assert (answer.status_code, answer.json()["reason"]) == (404, "assistant_not_found")


async def test_nothing_yet(owner: Client) -> None:
    """A tenant without an assistant: zeros and nulls, a day for each of the last thirty days, in UTC."""
    answer = await owner.get("/v1/statistics")
    found = answer.json()
    assert (found["calls"], found["answer_rate"], found["costs"], found["time_zone"]) == (0, None, [], "UTC")
    assert found["latency"] == {"turns": 0, "p50_ms": None, "p95_ms": None}
    assert len(found["days"]) in (30, 31)
    assert {day["calls"] for day in found["days"]} == {0}


async def test_ranges_that_can_not_be(owner: Client) -> None:
    """Too long, empty, without an offset, in a zone that is nowhere: the field and what to do."""
    long = {"from": "2025-01-01T00:00:00Z", "to": "2026-02-05T00:00:01Z"}
    assert (await owner.get("/v1/statistics", params={**long, "to": "2026-02-05T00:00:00Z"})).status_code == 200
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for params, place in (
        (long, "query.from"),
        ({"from": RANGE["to"], "to": RANGE["from"]}, "query.from"),
        ({"from": RANGE["to"], "to": RANGE["to"]}, "query.from"),
        ({"from": tomorrow}, "query.from"),
        ({"to": "2026-03-05T00:00:00"}, "query.to"),
        ({"to": "2000-01-01T00:00:00Z"}, None),
        ({"time_zone": "Mars/Base"}, "query.time_zone"),
        ({"time_zone": "../etc/passwd"}, "query.time_zone"),
        ({"time_zone": ""}, "query.time_zone"),
    ):
        answer = await owner.get("/v1/statistics", params=params)
        if place is None:
            assert answer.status_code == 200, answer.text
            continue
        assert answer.status_code == 422, params
        (problem,) = answer.json()["errors"]
        assert problem["pointer"] == place
        assert problem["advice"] or problem["reason"]


async def test_a_zone_this_database_does_not_know(owner: Client) -> None:
    """What Python knows and Postgres does not is refused like any other."""
    answer = await owner.get("/v1/statistics", params={"time_zone": "localtime"})
    assert answer.status_code in (200, 422)


async def test_turns_that_were_redacted_still_count(line: Line) -> None:
    """Redaction keeps the figures: all of them but who."""
    await place_the_week(line)
    await line.call(at("02T08:00"), events=[said("Oui.", at("02T08:00"))], caller="+33700000009")
    before = await figures(line.owner)
    assert (await line.owner.post("/v1/callers/redact", {"caller": line.who.number})).status_code == 200
    assert await figures(line.owner) == before
