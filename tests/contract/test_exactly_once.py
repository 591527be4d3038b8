"""Thousands of booking conversations with everything going wrong, and then: does the calendar agree with what was said?

Each world is one calendar and ten callers who want the same few slots at once, on virtual time. Tools are called twice,
interrupted at random points, killed with their job and started again; the calendar loses answers, limits, and lets
others in first. At the end the doubts are settled as the worker does it, and `violations` compares the calendar, the
ledger and the messages with what each caller was told. Broken desks show that the comparison can fail.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.booking import BookingDesk
from calendar_tools.calcom import CalComCalendar
from calendar_tools.calcom_wire import parse_booking
from calendar_tools.calendar import Calendar
from calendar_tools.errors import BookingUnconfirmed
from calendar_tools.fake import FakeCalendar, Fault, FaultKind, Operation
from calendar_tools.model import Booking, BookingRequest
from calendar_tools.results import Doubtful
from calendar_tools.writes import Writes
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState
from sandbox.calcom import CalComApp, create_app
from sandbox.faults import FaultRule
from tests.fakes.booking_callers import HOURS, NOW, Ledger, World, live, now
from tests.fakes.booking_promises import violations
from tests.fakes.virtual_time import run_virtually

# Worlds

_WRITE_TROUBLES: tuple[tuple[FaultKind, int], ...] = (
    ("unavailable", 6),
    ("refused", 2),
    ("taken", 4),
    ("lost_after_commit", 6),
    ("lost_before_commit", 4),
    ("unconfirmed_after_commit", 6),
    ("late_commit", 3),
    ("slow", 5),
)


def chaos(rng: random.Random, *, late: bool) -> Callable[[Operation], Fault | None]:
    kinds = [(kind, weight) for kind, weight in _WRITE_TROUBLES if late or kind != "late_commit"]

    def strike(operation: Operation) -> Fault | None:
        if operation in ("book", "reschedule", "cancel"):
            if rng.random() < 0.4:
                return Fault(rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0], rng.uniform(1, 20))
        elif rng.random() < 0.06:
            return Fault(rng.choice(["unavailable", "slow"]), 2.0)
        return None

    return strike


def fake_world(seed: int, make_desk: Callable[..., BookingDesk] = BookingDesk, **broken: Any) -> World:
    """Every third world allows overlaps: there the calendar itself stops no second booking under one key."""
    rng = random.Random(seed)
    overlapping = seed % 3 == 0
    fake = FakeCalendar(
        clock=now, hours=HOURS, read_seconds=0.2, write_seconds=0.6, settle_seconds=3.0, overlapping=overlapping
    )
    # with overlaps nothing stops a request that arrives after a restarted job has looked in vain and booked
    fake.chaos = chaos(rng, late=not overlapping)
    wrap: Callable[[FakeCalendar], Calendar] = broken.pop("wrap", lambda calendar: calendar)
    return World(rng, wrap(fake), fake.bookings.values, make_desk, exclusive=not overlapping, **broken)


def live_through(seeds: Iterable[int], make: Callable[[int], World]) -> tuple[list[str], Counter[str]]:
    seen: Counter[str] = Counter()
    found: list[str] = []
    for seed in seeds:

        async def one(seed: int = seed) -> list[str]:
            world = make(seed)
            await live(world)
            seen.update(world.seen)
            return violations(world)

        found += [f"world {seed}: {violation}" for violation in run_virtually(one())]
    return found, seen


def test_three_thousand_conversations_end_as_they_were_told() -> None:
    found, seen = live_through(range(300), fake_world)
    assert found == []
    # the worlds were as bad as they were meant to be
    wanted = ["Booked", "Moved", "Cancelled", "Doubtful", "SlotGone", "CalendarAway", "Refused", "crash"]
    assert min(seen[name] for name in [*wanted, "settled_confirmed", "settled_absent"]) >= 50, seen


def test_the_same_through_the_adapter_and_the_wire() -> None:
    """Cal.com's adapter against the stand-in in process; late commits, cuts, lost answers, 429, 5xx, races."""
    found, seen = live_through(range(1_000, 1_050), calcom_world)
    assert found == []
    assert min(seen[name] for name in ["Booked", "Moved", "Cancelled", "Doubtful", "SlotGone", "crash"]) >= 5, seen


def calcom_world(seed: int) -> World:
    rng = random.Random(seed)
    week = {"tuesday": [["09:00", "11:00"]], "wednesday": [["09:00", "11:00"]]}
    app = create_app({"clock": NOW.isoformat(), "week": json.dumps(week), "rate_limit": "100000"})
    stand_in: CalComApp = app.state.calcom
    stand_in.set_latency(read=0.2, write=0.5)
    stand_in.switchboard.add(_rules(rng))
    connection = CalComConnection(base_url=HttpUrl("http://calcom.test"), api_key=SecretStr("cal_live_x"))
    # never closed: it holds no socket
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    calendar = Racing(CalComCalendar(client, connection, clock=now), stand_in, rng)

    def bookings() -> list[Booking]:
        return [parse_booking(stand_in.booking_json(row)) for row in stand_in.diary.bookings.values()]

    return World(rng, calendar, bookings, BookingDesk)


def _rules(rng: random.Random) -> list[FaultRule]:
    """At random points of the day: most requests pass."""
    rules: list[FaultRule] = []
    for operation in ("create_booking", "reschedule", "cancel"):
        for kind in ("lost_answer", "cut", "lost_answer", "status", "delay"):
            status = rng.choice([429, 500, 502])
            rules.append(
                FaultRule(operation=operation, kind=kind, status=status, delay_ms=9_000 if kind == "delay" else 0,
                          skip=rng.randint(0, 3))
            )  # fmt: skip
    for operation in ("list_bookings", "get_booking", "slots"):
        rules += [FaultRule(operation=operation, kind="status", status=500, times=4, skip=rng.randint(0, 20))]
    return rules


class Delegating:
    """A calendar in front of another."""

    def __init__(self, calendar: Calendar) -> None:
        self._inner = calendar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Racing(Delegating):
    """Now and then another caller is about to be faster, or the next booking is written late."""

    def __init__(self, calendar: Calendar, stand_in: CalComApp, rng: random.Random) -> None:
        super().__init__(calendar)
        self._stand_in = stand_in
        self._rng = rng

    async def book(self, request: BookingRequest) -> Booking:
        luck = self._rng.random()
        if luck < 0.1:
            self._stand_in.arm_race(self._rng.choice(["text", "raw", "conflict"]))
        elif luck < 0.2:
            self._stand_in.arm_late_commit(self._rng.uniform(1, 20))
        return await self._inner.book(request)


# Broken desks: each must be caught


class Resending(Delegating):
    """Sends again after a time-out."""

    async def book(self, request: BookingRequest) -> Booking:
        try:
            return await self._inner.book(request)
        except BookingUnconfirmed:
            return await self._inner.book(request)


class Optimist(Delegating):
    """Takes no answer for an answer."""

    async def book(self, request: BookingRequest) -> Booking:
        try:
            return await self._inner.book(request)
        except BookingUnconfirmed:
            slot, who = request.slot, request.attendee
            return Booking("made-up", slot.event_type_id, slot.start, slot.end, "accepted", who.name, key=request.key)


class _Forgetting(Writes):
    def start(self, memo: Any, plan: Any) -> Any:
        self._known.pop(memo, None)
        return super().start(memo, plan)


class _Silent(Writes):
    async def _leave_untold(self, write: Any) -> None:
        await self._record_end(write.plan, write.task.result() if write.task.done() else None, durable=True)
        write.told = True


class _Hasty(Writes):
    async def _doubt(self, plan: Any) -> Doubtful:
        await self._record(plan.step, BookingState.REFUSED, durable=True, detail="timeout")
        return Doubtful(plan.step.action, plan.step.starts_at)


class Forgetful(BookingDesk):
    """Keeps no memory of its writes: each call of the tool is a new one."""

    writes_type = _Forgetting


class Silent(BookingDesk):
    """Ends a call without saying what nobody was told."""

    writes_type = _Silent


class Hasty(BookingDesk):
    """Takes a doubt for a refusal: no message, and the ledger says it is over."""

    writes_type = _Hasty


class WithoutIntent(Ledger):
    """Skips the ledger before the write."""

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        if step.state is not BookingState.INTENDED:
            await super().record(step, durable=durable)


Broken = Literal["resends", "optimist", "forgetful", "silent", "without_intent", "hasty"]


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("resends", "booked twice under one key"),
        ("optimist", "said booked, never was"),
        ("forgetful", "booked twice under one key"),
        ("silent", "unsaid"),
        ("without_intent", "unsaid"),
        ("hasty", "doubt without follow-up"),
    ],
)
def test_a_broken_desk_is_caught(name: Broken, promise: str) -> None:
    def make(seed: int) -> World:
        match name:
            case "resends":
                return fake_world(seed, wrap=Resending)
            case "optimist":
                return fake_world(seed, wrap=Optimist)
            case "forgetful":
                return fake_world(seed, Forgetful)
            case "silent":
                return fake_world(seed, Silent)
            case "without_intent":
                return fake_world(seed, make_ledger=WithoutIntent)
            case "hasty":
                return fake_world(seed, Hasty)

    found, _ = live_through(range(60), make)
    assert any(promise in violation for violation in found), found[:20]
