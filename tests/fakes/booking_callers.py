"""Ten callers at one calendar, who book, move and cancel through desks that are interrupted, asked twice, and killed.

Owns: the callers' conversations, what each was told, the ledgers and messages behind the desks, and settling the doubts at
the end as the worker does it. Refuses: what goes wrong at the calendar (the test's), and judging (`booking_promises`). For
virtual time: see `virtual_time`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_tools.booking import BookingDesk
from calendar_tools.calendar import Calendar
from calendar_tools.errors import CalendarError
from calendar_tools.model import Booking, EventType, Person
from calendar_tools.reconcile import SETTLED_AFTER, settle
from calendar_tools.results import Booked, Cancelled, Doubtful, Found, Mine, Moved, NoSlots, SlotGone, SlotsOffered
from contracts.assistant import BookingPolicy
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.errors import StoreUnavailable
from contracts.hours import Interval, OpeningHours
from contracts.ports import OpenDoubt

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
KIND = EventType("consultation", 101, 30)
MORNING = (Interval(opens=time(9), closes=time(11)),)
HOURS = OpeningHours(time_zone="Europe/Paris", weekly={"tuesday": MORNING, "wednesday": MORNING})
POLICY = BookingPolicy(offered_slots=4)
OPEN = (BookingState.INTENDED, BookingState.UNCONFIRMED)
CALLERS = 10


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


async def live(world: World) -> None:
    """Every caller at once; then, when all doubts are old enough, their end."""
    await asyncio.gather(*(Conversation(world, number).hold() for number in range(CALLERS)))
    await asyncio.sleep(SETTLED_AFTER.total_seconds())
    await _reconcile(world)


async def _reconcile(world: World) -> None:
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
