"""FakeCalendar: the in-memory twin of a calendar, shipped beside the port and run through the same suite.

Owns: a diary with working hours and a fault script. Refuses: any wire; faults below the port are the stand-in's.
Like Cal.com it keeps no idempotency of its own: two writes under one key are two bookings wherever overlaps are allowed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Literal

from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.identity import matches
from calendar_tools.model import Booking, BookingKey, BookingRequest, EventType, Hold, Slot
from contracts.hours import Interval, OpeningHours, Weekday

Operation = Literal["find_slots", "hold", "book", "find", "get", "list", "reschedule", "cancel", "ping"]
FaultKind = Literal[
    "unavailable",  # certainly not written
    "misconfigured",
    "refused",
    "taken",  # another caller is faster
    "lost_after_commit",  # written, the answer lost, the look-up finds it
    "lost_before_commit",  # not written, the answer lost, the look-up finds nothing
    "unconfirmed_after_commit",  # written, the answer lost, and the look-up fails
    "late_commit",  # as lost_before_commit, but written `seconds` later
    "slow",  # `seconds` longer, then as usual
]


@dataclass(frozen=True)
class Fault:
    kind: FaultKind
    seconds: float = 5.0


def office_hours(time_zone: str = "Europe/Paris") -> OpeningHours:
    """Monday to Friday, 9:00-12:30 and 14:00-18:00."""
    day = (Interval(opens=time(9), closes=time(12, 30)), Interval(opens=time(14), closes=time(18)))
    days: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return OpeningHours(time_zone=time_zone, weekly=dict.fromkeys(days, day))


class FakeCalendar:
    """`read_seconds`, `write_seconds`: how long an operation takes. `overlapping`: two bookings may share a time, as
    with event types that need confirmation. `settle_seconds`: how long an adapter looks for a lost answer."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        hours: OpeningHours | None = None,
        read_seconds: float = 0.0,
        write_seconds: float = 0.0,
        settle_seconds: float = 0.0,
        overlapping: bool = False,
    ) -> None:
        self.read_seconds = read_seconds
        self.write_seconds = write_seconds
        self.settle_seconds = settle_seconds
        self.overlapping = overlapping
        self.chaos: Callable[[Operation], Fault | None] | None = None
        self._clock = clock
        self._hours = hours or office_hours()
        self._bookings: dict[str, Booking] = {}
        self._holds: dict[str, Hold] = {}
        self._script: dict[Operation, deque[Fault | None]] = {}
        self._numbers = count(1)
        self._remote: set[asyncio.Task[None]] = set()

    @property
    def bookings(self) -> Mapping[str, Booking]:
        """By uid, in the order they were made."""
        return self._bookings

    @property
    def holds(self) -> Mapping[str, Hold]:
        return self._holds

    def script(self, operation: Operation, *faults: FaultKind | Fault | None) -> None:
        """The next calls of `operation` meet these, one each; None: nothing goes wrong. Then `chaos` is asked."""
        queue = self._script.setdefault(operation, deque())
        queue.extend(Fault(fault) if isinstance(fault, str) else fault for fault in faults)

    def take(self, event_type: EventType, start: datetime) -> Booking:
        """Another caller's booking appears."""
        length = timedelta(minutes=event_type.minutes)
        return self._add(Slot(event_type.event_type_id, start, start + length), name="Somebody Else")

    def seed(
        self, event_type: EventType, start: datetime, *, name: str, phone: str | None = None, email: str | None = None
    ) -> Booking:
        length = timedelta(minutes=event_type.minutes)
        slot = Slot(event_type.event_type_id, start, start + length)
        return self._add(slot, name=name, phone=phone, email=email)

    async def drain(self) -> None:
        """Waits for writes that commit late."""
        while self._remote:
            await asyncio.wait(set(self._remote))

    def now(self) -> datetime:
        return self._clock()

    async def find_slots(
        self, event_type: EventType, start: datetime, end: datetime, *, moving: str | None = None
    ) -> Sequence[Slot]:
        await self._read("find_slots")
        begin, until = start.astimezone(UTC), end.astimezone(UTC)
        length = timedelta(minutes=event_type.minutes)
        first = begin.astimezone(self._hours.zone).date()
        days = (until.astimezone(self._hours.zone).date() - first).days + 1
        slots: list[Slot] = []
        for day in self._hours.days_from(first, days):
            for interval in day.intervals:
                at, closes = self._bounds(day.day, interval)
                while at + length <= closes:
                    slot = Slot(event_type.event_type_id, at, at + length)
                    if begin <= at < until and at > self.now() and self._free(slot, moving) and not self._held(slot):
                        slots.append(slot)
                    at += length
        return slots

    async def hold(self, slot: Slot, *, minutes: int) -> Hold | None:
        fault = self._fault("hold")
        await self._pause(self.write_seconds, fault)
        if fault is not None and fault.kind == "taken" or not self._free(slot, None) or self._held(slot):
            raise SlotTaken("the slot is booked or held")
        if fault is not None and fault.kind != "slow":
            return None
        hold = Hold(f"hold-{next(self._numbers)}", slot, self.now() + timedelta(minutes=minutes))
        self._holds[hold.reservation_uid] = hold
        return hold

    async def release(self, hold: Hold) -> None:
        self._holds.pop(hold.reservation_uid, None)

    async def book(self, request: BookingRequest) -> Booking:
        if request.attempted:
            await self._read("find")
            known = self._standing(request)
            if known is not None:
                return known

        def commit() -> Booking:
            if not self._works(request.slot) or not self._free(request.slot, None):
                own = self._standing(request)
                if own is None:
                    raise SlotTaken("the slot is taken")
                return own
            who = request.attendee
            made = self._add(request.slot, name=who.name, phone=who.phone, email=who.email)
            made = replace(made, key=request.key, call_id=request.call_id)
            self._bookings[made.uid] = made
            return made

        return await self._write("book", commit, rival=request.slot)

    async def find_booking(self, key: BookingKey, *, event_type_id: int, start: datetime) -> Booking | None:
        await self._read("find")
        found = [
            b for b in self._bookings.values() if b.key == key and b.event_type_id == event_type_id and b.start == start
        ]
        return next((b for b in found if b.stands), found[0] if found else None)

    async def get_booking(self, uid: str) -> Booking:
        await self._read("get")
        return self._get(uid)

    async def find_bookings(
        self, *, phone: str | None = None, email: str | None = None, name: str | None = None, after: datetime
    ) -> Sequence[Booking]:
        await self._read("list")
        found = [
            b
            for b in self._bookings.values()
            if b.stands and b.start > after and matches(b, phone=phone, email=email, name=name)
        ]
        return sorted(found, key=lambda b: b.start)[:20]

    async def reschedule(self, uid: str, start: datetime, *, key: BookingKey, reason: str = "") -> Booking:
        start = start.astimezone(UTC)

        def commit() -> Booking:
            old = self._get(uid)
            if old.rescheduled_to is not None:
                moved = self._bookings[old.rescheduled_to]
                if moved.start != start:
                    raise BookingRefused("already_moved")
                return moved
            if not old.stands:
                raise BookingRefused("already_cancelled")
            slot = Slot(old.event_type_id, start, start + (old.end - old.start))
            if not self._works(slot) or not self._free(slot, uid):
                raise SlotTaken("the slot is taken")
            new = self._add(slot, name=old.attendee_name, phone=old.attendee_phone, email=old.attendee_email)
            new = replace(new, key=old.key, call_id=old.call_id, rescheduled_from=uid)
            self._bookings[new.uid] = new
            self._bookings[uid] = replace(old, status="cancelled", rescheduled_to=new.uid)
            return new

        old = self._bookings.get(uid)
        length = old.end - old.start if old is not None else timedelta(minutes=30)
        rival = Slot(old.event_type_id if old is not None else 0, start, start + length)
        return await self._write("reschedule", commit, rival=rival)

    async def cancel(self, uid: str, *, reason: str = "") -> Booking:
        def commit() -> Booking:
            old = self._get(uid)
            if old.rescheduled_to is not None:
                raise BookingRefused("already_moved")
            self._bookings[uid] = replace(old, status="cancelled")
            return self._bookings[uid]

        return await self._write("cancel", commit, rival=None)

    async def ping(self) -> None:
        await self._read("ping")

    async def _read(self, operation: Operation) -> None:
        fault = self._fault(operation)
        await self._pause(self.read_seconds, fault)
        if fault is None or fault.kind == "slow":
            return
        if fault.kind == "misconfigured":
            raise CalendarMisconfigured("the fake is told to refuse the key")
        raise CalendarUnavailable("the fake is told to be away")

    async def _write(self, operation: Operation, commit: Callable[[], Booking], *, rival: Slot | None) -> Booking:
        """The write reaches the diary half-way through, whatever becomes of the one who waits for it."""
        fault = self._fault(operation)
        kind = fault.kind if fault is not None else None
        seconds = fault.seconds if fault is not None else 0.0
        if kind == "slow":
            await asyncio.sleep(seconds)
        if kind in ("unavailable", "misconfigured", "refused"):
            await asyncio.sleep(self.write_seconds)
            self._refuse(kind)
        if kind == "taken" and rival is not None and self._free(rival, None):
            self._add(rival, name="Somebody Else")
        if kind == "lost_before_commit":
            return await self._unsettled()
        if kind == "late_commit":
            self._later(commit, seconds)
            return await self._unsettled()
        made = await self._through(commit)
        await asyncio.sleep(self.write_seconds / 2)
        if kind == "unconfirmed_after_commit":
            return await self._unsettled()
        if kind == "lost_after_commit":
            await asyncio.sleep(self.settle_seconds / 2)
            return self._bookings[made.uid]
        return made

    @staticmethod
    def _refuse(kind: FaultKind | None) -> None:
        if kind == "unavailable":
            raise CalendarUnavailable("the fake is told to be away")
        if kind == "misconfigured":
            raise CalendarMisconfigured("the fake is told to refuse the key")
        raise BookingRefused("refused")

    async def _unsettled(self) -> Booking:
        await asyncio.sleep(self.settle_seconds)
        raise BookingUnconfirmed("the fake is told to lose the answer")

    async def _through(self, commit: Callable[[], Booking]) -> Booking:
        if not self.write_seconds:
            return commit()
        answer: asyncio.Future[Booking] = asyncio.get_running_loop().create_future()

        async def arrive() -> None:
            await asyncio.sleep(self.write_seconds / 2)
            try:
                made = commit()
            except (SlotTaken, BookingRefused, BookingNotFound) as error:
                if not answer.cancelled():
                    answer.set_exception(error)
                return
            if not answer.cancelled():
                answer.set_result(made)

        self._spawn(asyncio.create_task(arrive()))
        return await answer

    def _later(self, commit: Callable[[], Booking], seconds: float) -> None:
        async def arrive() -> None:
            await asyncio.sleep(seconds)
            try:
                commit()
            except (SlotTaken, BookingRefused, BookingNotFound):
                return

        self._spawn(asyncio.create_task(arrive()))

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._remote.add(task)
        task.add_done_callback(self._remote.discard)

    def _fault(self, operation: Operation) -> Fault | None:
        queue = self._script.get(operation)
        if queue:
            return queue.popleft()
        return self.chaos(operation) if self.chaos is not None else None

    @staticmethod
    async def _pause(seconds: float, fault: Fault | None) -> None:
        await asyncio.sleep(seconds + (fault.seconds if fault is not None and fault.kind == "slow" else 0.0))

    def _bounds(self, day: date, interval: Interval) -> tuple[datetime, datetime]:
        last = day + timedelta(days=1) if interval.closes == time(0) else day
        opens = datetime.combine(day, interval.opens, tzinfo=self._hours.zone)
        closes = datetime.combine(last, interval.closes, tzinfo=self._hours.zone)
        return opens.astimezone(UTC), closes.astimezone(UTC)

    def _works(self, slot: Slot) -> bool:
        local = slot.start.astimezone(self._hours.zone).date()
        spans = [self._bounds(local, interval) for interval in self._hours.on(local).intervals]
        return any(opens <= slot.start and slot.end <= closes for opens, closes in spans)

    def _free(self, slot: Slot, moving: str | None) -> bool:
        if self.overlapping:
            return True
        return not any(
            b.stands and b.uid != moving and b.start < slot.end and slot.start < b.end for b in self._bookings.values()
        )

    def _held(self, slot: Slot) -> bool:
        now = self.now()
        return any(
            h.until > now
            and h.slot.event_type_id == slot.event_type_id
            and h.slot.start < slot.end
            and slot.start < h.slot.end
            for h in self._holds.values()
        )

    def _standing(self, request: BookingRequest) -> Booking | None:
        return next(
            (b for b in self._bookings.values() if b.key == request.key and b.stands and b.start == request.slot.start),
            None,
        )

    def _get(self, uid: str) -> Booking:
        if uid not in self._bookings:
            raise BookingNotFound("no such booking")
        return self._bookings[uid]

    def _add(self, slot: Slot, *, name: str, phone: str | None = None, email: str | None = None) -> Booking:
        made = Booking(
            uid=f"fake-{next(self._numbers)}",
            event_type_id=slot.event_type_id,
            start=slot.start.astimezone(UTC),
            end=slot.end.astimezone(UTC),
            status="accepted",
            attendee_name=name,
            attendee_phone=phone,
            attendee_email=email,
        )
        self._bookings[made.uid] = made
        return made
