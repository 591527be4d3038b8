"""Thousands of booking conversations with everything going wrong, and then: does the calendar agree with what was said?

Each world is one calendar and ten callers who want the same few slots at once, on virtual time. Tools are called twice,
interrupted at random points, killed with their job and started again; the calendar loses answers, limits, and lets
others in first. At the end the doubts are settled as the worker does it, and `violations` compares the calendar, the
ledger and the messages with what each caller was told. Broken desks show that the comparison can fail.
"""

import asyncio
import json
import random
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.booking import BookingDesk
from calendar_tools.calcom import CalComCalendar
from calendar_tools.calcom_wire import parse_booking
from calendar_tools.calendar import Calendar
from calendar_tools.errors import BookingUnconfirmed, CalendarError
from calendar_tools.fake import FakeCalendar, Fault, FaultKind, Operation
from calendar_tools.follow_ups import follow_up_for
from calendar_tools.model import Booking, BookingRequest, EventType, Person
from calendar_tools.reconcile import SETTLED_AFTER, settle
from calendar_tools.results import Booked, Cancelled, Doubtful, Found, Mine, Moved, NoSlots, SlotGone, SlotsOffered
from calendar_tools.writes import Writes
from contracts.assistant import BookingPolicy
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.errors import StoreUnavailable
from contracts.hours import Interval, OpeningHours
from contracts.ports import OpenDoubt
from sandbox.calcom import CalComApp, create_app
from sandbox.faults import FaultRule

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
KIND = EventType("consultation", 101, 30)
MORNING = (Interval(opens=time(9), closes=time(11)),)
HOURS = OpeningHours(time_zone="Europe/Paris", weekly={"tuesday": MORNING, "wednesday": MORNING})
POLICY = BookingPolicy(offered_slots=4)
OPEN = (BookingState.INTENDED, BookingState.UNCONFIRMED)
CALLERS = 10


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: when nothing is ready, the clock jumps to what comes next."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits for something that never comes"
            self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


def run_virtually(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now() -> datetime:
    return NOW + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass(frozen=True)
class Day:
    start: datetime
    end: datetime

    def contains(self, at: datetime) -> bool:
        return self.start <= at < self.end


def day(number: int) -> Day:
    start = datetime(2026, 11, 24, tzinfo=PARIS) + timedelta(days=number)
    return Day(start, start + timedelta(days=1))


@dataclass
class Ledger:
    """Durable steps survive a crash; of the others those that happened to be written by then."""

    rng: random.Random
    kept: list[BookingRecorded] = field(default_factory=list)
    pending: list[BookingRecorded] = field(default_factory=list)
    ever: list[BookingRecorded] = field(default_factory=list)
    fails: float = 0.01

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        if durable:
            await asyncio.sleep(self.rng.uniform(0, 0.05))
            if self.rng.random() < self.fails:
                raise StoreUnavailable("told to be away")
        self.ever.append(step)
        self.pending.append(step)
        if durable:
            self.flush(len(self.pending))

    def flush(self, count: int) -> None:
        self.kept.extend(self.pending[:count])
        self.pending.clear()

    def crash(self) -> None:
        self.flush(self.rng.randint(0, len(self.pending)))


@dataclass
class Box:
    """The messages left for the business."""

    rng: random.Random
    messages: dict[UUID, MessageTaken] = field(default_factory=dict)
    fails: float = 0.01

    async def leave(self, message: MessageTaken) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.05))
        if self.rng.random() < self.fails:
            raise StoreUnavailable("told to be away")
        self.messages.setdefault(message.message_id, message)


@dataclass
class Told:
    """What one caller has been told, in order: a booking's uid, and its start or None for gone."""

    heard: list[tuple[str, datetime | None]] = field(default_factory=list)
    doubts: list[Doubtful] = field(default_factory=list)

    def hear(self, result: object) -> None:
        match result:
            case Booked(receipt, _) | Moved(receipt, _) | Cancelled(receipt, _):
                booking = receipt.booking
                self.heard.append((booking.uid, booking.start if booking.stands else None))
                # asked again after a doubt, the caller was told the end
                self.doubts = [d for d in self.doubts if d != Doubtful(receipt.action, booking.start)]
            case Doubtful():
                self.doubts.append(result)
            case Found(bookings, _):
                self.heard += [(mine.booking.uid, mine.booking.start) for mine in bookings]
            case _:
                pass


@dataclass
class World:
    """One calendar, its callers, their ledgers. `make_desk` builds the desk under test, or a broken one."""

    rng: random.Random
    calendar: Calendar
    bookings: Callable[[], Iterable[Booking]]
    make_desk: Callable[..., BookingDesk]
    exclusive: bool = True
    make_ledger: Callable[[random.Random], Ledger] = Ledger
    make_box: Callable[[random.Random], Box] = Box
    told: dict[UUID, Told] = field(default_factory=dict)
    ledgers: dict[UUID, Ledger] = field(default_factory=dict)
    box: Box = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.box = self.make_box(self.rng)


class Conversation:
    """One caller. Tools run as tasks, so that they can be cancelled as the framework does on an interruption."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.rng = world.rng
        self.call_id = UUID(int=self.rng.getrandbits(128))
        self.name = f"Caller {chr(65 + number)}lice"
        self.person = Person(f"+3361234567{number}")
        self.ledger = world.make_ledger(self.rng)
        self.told = Told()
        world.told[self.call_id], world.ledgers[self.call_id] = self.told, self.ledger
        self.desk = self._desk(resumed=False)

    def _desk(self, *, resumed: bool) -> BookingDesk:
        return self.world.make_desk(
            self.world.calendar,
            event_types={"consultation": KIND},
            hours=HOURS,
            policy=POLICY,
            language="en",
            call_id=self.call_id,
            person=self.person,
            ledger=self.ledger,
            follow_up=self.world.box.leave,
            resumed=resumed,
        )

    async def hold(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, 3))
        await self.desk.prefetch(3)
        for _ in range(self.rng.randint(1, 4)):
            mine = await self._mine() if self.rng.random() < 0.4 else None
            if mine is None:
                await self._book()
            elif self.rng.random() < 0.5:
                await self._move(mine)
            else:
                await self._tool(lambda ref=mine.reference: self.desk.cancel(ref))
            await asyncio.sleep(self.rng.uniform(0, 2))
        if self.rng.random() < 0.2:
            await self._crash()
        else:
            await self.desk.close()
            self.ledger.flush(len(self.ledger.pending))

    async def _book(self) -> None:
        slot_id = await self._slot(None)
        if slot_id is not None:
            if self.rng.random() < 0.3:
                await self._tool(lambda: self.desk.hold(slot_id))
            attendee = self.desk.attendee(self.name)
            await self._tool(lambda: self.desk.book(slot_id, attendee))

    async def _move(self, mine: Mine) -> None:
        slot_id = await self._slot(mine.reference)
        if slot_id is not None:
            await self._tool(lambda: self.desk.reschedule(mine.reference, slot_id))

    async def _mine(self) -> Mine | None:
        found = await self._tool(lambda: self.desk.find_mine())
        return self.rng.choice(found.bookings) if isinstance(found, Found) else None

    async def _slot(self, moving: str | None) -> str | None:
        window = day(self.rng.randint(0, 1))
        result = await self._tool(lambda: self.desk.find_slots("consultation", window, moving=moving))
        match result:
            case SlotsOffered(offers, _) | SlotGone(offers):
                return self.rng.choice(offers).slot_id if offers else None
            case NoSlots(following, _):
                return following.slot_id if following is not None else None
            case _:
                return None

    async def _tool(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Calls a tool, and then perhaps again, or at the same time, or interrupts it, or loses the whole job."""
        mood = self.rng.choices(
            ["plain", "twice_at_once", "again", "interrupted", "interrupted_again", "crash"], [50, 10, 10, 12, 12, 6]
        )[0]
        self.world.seen[mood] += 1
        desk = self.desk
        first = asyncio.ensure_future(call())
        if mood == "twice_at_once":
            second = asyncio.ensure_future(call())
            return self._hear(await second, await first)
        if mood == "again":
            return self._hear(await first, await call())
        if mood in ("interrupted", "interrupted_again", "crash"):
            await asyncio.sleep(self.rng.choice([0, 0.02, 0.1, 0.3, 0.6, 1.0, 3.0]) * self.rng.random())
            first.cancel()
            results = await asyncio.gather(first, return_exceptions=True)
            told = self._hear(*[r for r in results if not isinstance(r, BaseException)])
            if mood == "crash":
                await self._crash()
                self.desk = self._desk(resumed=True)
                return None
            assert desk is self.desk
            return self._hear(await call()) if mood == "interrupted_again" else told
        return self._hear(await first)

    def _hear(self, *results: Any) -> Any:
        for result in results:
            self.world.seen[type(result).__name__] += 1
            self.told.hear(result)
        return results[-1] if results else None

    async def _crash(self) -> None:
        """The process dies: its tasks end where they are, and what was not durable may be lost."""
        mine = [task for task in asyncio.all_tasks() if str(self.call_id) in task.get_name()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        self.ledger.crash()


async def live(world: World) -> list[str]:
    await asyncio.gather(*(Conversation(world, number).hold() for number in range(CALLERS)))
    await asyncio.sleep(SETTLED_AFTER.total_seconds())
    await reconcile(world)
    return violations(world)


async def reconcile(world: World) -> None:
    """As the worker: every open doubt is settled, its message left, its step kept; again until it works."""
    for call_id, ledger in world.ledgers.items():
        last = {step.booking_key: step for step in ledger.kept}
        for step in [step for step in last.values() if step.state in OPEN]:
            doubt = OpenDoubt(call_id, call_id, step, None, "en", "Europe/Paris")
            while True:
                try:
                    settled = await settle(doubt, world.calendar)
                except CalendarError:
                    await asyncio.sleep(30)
                    continue
                break
            assert settled is not None
            world.box.messages.setdefault(settled.message.message_id, settled.message)
            ledger.kept.append(settled.step)
            world.seen[f"settled_{settled.step.state.value}"] += 1


@dataclass(frozen=True)
class Evidence:
    """What is there in the end: the calendar, every step ever recorded, and the booking keys that have a message.

    An appointment is a booking with all it became by being moved; its name is the uid it began with.
    """

    bookings: dict[str, Booking]
    steps: list[BookingRecorded]
    followed: set[str]

    def appointment(self, uid: str) -> str:
        booking = self.bookings.get(uid)
        earlier = booking.rescheduled_from if booking is not None else None
        return uid if earlier is None else self.appointment(earlier)

    def excused(self) -> set[str]:
        """The appointments that some message tells the business to look at."""
        named = {b.uid for b in self.bookings.values() if b.key is not None and b.key.value in self.followed}
        for step in self.steps:
            if step.booking_key in self.followed:
                named |= {uid for uid in (step.calendar_uid, step.replaces_uid) if uid is not None}
        return {self.appointment(uid) for uid in named}


def violations(world: World) -> list[str]:
    """Each says which promise is broken, for which booking."""
    steps = [step for ledger in world.ledgers.values() for step in [*ledger.ever, *ledger.kept]]
    followed = {step.booking_key for step in steps if _message(step) in world.box.messages}
    evidence = Evidence({booking.uid: booking for booking in world.bookings()}, steps, followed)
    standing = [b for b in evidence.bookings.values() if b.stands]
    return [
        *_doubled(standing, exclusive=world.exclusive),
        *_said_otherwise(world, evidence, standing),
        *_without_follow_up(world, evidence),
        *_ledger_disagrees(world, evidence.bookings),
    ]


def _said_otherwise(world: World, evidence: Evidence, standing: list[Booking]) -> list[str]:
    """The last thing said of each appointment against what the calendar holds of it."""
    said = {evidence.appointment(u): (u, start) for told in world.told.values() for u, start in told.heard}
    there = {evidence.appointment(b.uid): b for b in standing if b.key is not None}
    excused = evidence.excused()
    found: list[str] = []
    for name, (uid, start) in said.items():
        booking = there.get(name)
        if uid not in evidence.bookings:
            found.append(f"said booked, never was: {uid}")
        elif name in excused:
            continue
        elif start is None and booking is not None:
            found.append(f"said gone, is there: {uid}")
        elif start is not None and (booking is None or (booking.uid, booking.start) != (uid, start)):
            found.append(f"said booked, is not there: {uid}")
    return found + [f"unsaid: {b.uid}" for name, b in there.items() if name not in said and name not in excused]


def _without_follow_up(world: World, evidence: Evidence) -> list[str]:
    found: list[str] = []
    for told in world.told.values():
        for doubt in told.doubts:
            keys = {s.booking_key for s in evidence.steps if (s.action, s.starts_at) == (doubt.action, doubt.start)}
            if not keys & evidence.followed:
                found.append(f"doubt without follow-up: {doubt.action}")
    return found


def _message(step: BookingRecorded) -> UUID:
    return follow_up_for(step, "stands", language="en", zone=PARIS, at=NOW).message_id


def _doubled(standing: list[Booking], *, exclusive: bool) -> list[str]:
    # a booking that moved carries its first key along: its old time may be booked anew under it
    keys = Counter(b.key.value for b in standing if b.key is not None and b.rescheduled_from is None)
    found = [f"booked twice under one key: {key}" for key, count in keys.items() if count > 1]
    ordered = sorted(standing, key=lambda b: b.start)
    if exclusive:
        found += [f"overlap: {b.uid}" for a, b in zip(ordered, ordered[1:], strict=False) if b.start < a.end]
    return found


def _ledger_disagrees(world: World, bookings: dict[str, Booking]) -> list[str]:
    found: list[str] = []
    for ledger in world.ledgers.values():
        for step in {step.booking_key: step for step in ledger.kept}.values():
            made = [b for b in bookings.values() if b.key is not None and b.key.value == step.booking_key]
            if step.state in OPEN:
                found.append(f"left open: {step.booking_key}")
            elif step.state is BookingState.CONFIRMED and not made:
                found.append(f"recorded, is not there: {step.booking_key}")
            elif step.action == "book" and step.state in (BookingState.ABSENT, BookingState.REFUSED):
                if any(b.stands and b.start == step.starts_at for b in made):
                    found.append(f"recorded as not made, is there: {step.booking_key}")
    return found


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
            broken = await live(world)
            seen.update(world.seen)
            return broken

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
