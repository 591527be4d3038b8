"""What is free, as one call knows it: prefetched, kept for a short while, cut by the business's opening hours.

Owns: the cache and its freshness. Refuses: choosing what to offer (`offers`), and turning errors into results (`booking`).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from calendar_tools.calendar import Calendar
from calendar_tools.errors import CalendarError
from calendar_tools.model import EventType, Slot
from contracts.hours import OpeningHours

FRESH_SECONDS = 45.0
_AHEAD = timedelta(days=7)  # fetched with a window, so that "the next one" costs no second request
_FURTHER = timedelta(days=21)


def within_hours(hours: OpeningHours, slot: Slot) -> bool:
    """Whether the business is open from the slot's start to its end.

    Without weekly hours only closed days count: the calendar keeps its own working hours.
    """
    zone = hours.zone
    day = slot.start.astimezone(zone).date()
    held = hours.on(day)
    ruled = any(e.day == day for e in hours.exceptions) or (held.holiday and hours.closed_on_holidays)
    if not hours.weekly and not ruled:
        return True
    for interval in held.intervals:
        last = day + timedelta(days=1) if interval.closes == time(0) else day
        opens = datetime.combine(day, interval.opens, tzinfo=zone).astimezone(UTC)
        closes = datetime.combine(last, interval.closes, tzinfo=zone).astimezone(UTC)
        if opens <= slot.start and slot.end <= closes:
            return True
    return False


@dataclass(frozen=True)
class _Stretch:
    start: datetime
    end: datetime
    slots: tuple[Slot, ...]
    fetched_at: float

    def covers(self, start: datetime, end: datetime, now: float) -> bool:
        return self.start <= start and end <= self.end and now - self.fetched_at < FRESH_SECONDS


@dataclass(frozen=True)
class _Fetch:
    start: datetime
    end: datetime
    generation: int
    task: asyncio.Task[tuple[Slot, ...]]


class Availability:
    """One per call. Raises what `Calendar.find_slots` raises."""

    def __init__(self, calendar: Calendar, hours: OpeningHours) -> None:
        self._calendar = calendar
        self._hours = hours
        self._kept: dict[int, _Stretch] = {}
        self._fetching: dict[int, _Fetch] = {}
        self._generation = 0

    async def prefetch(self, event_types: Iterable[EventType], days: int) -> None:
        """Fetches [now, now + days) of each, side by side. A calendar that is away is left for the first question."""
        start = self._calendar.now().astimezone(UTC)
        fetches = [self._begin(kind, start, start + timedelta(days=days)) for kind in event_types]
        if not fetches:
            return
        try:
            await asyncio.wait([fetch.task for fetch in fetches])
        finally:
            for fetch in fetches:
                fetch.task.cancel()

    async def slots(
        self, event_type: EventType, start: datetime, end: datetime, *, moving: str | None = None
    ) -> list[Slot]:
        """Free slots in [start, end) that begin after now and lie within opening hours, in order."""
        begin = max(start.astimezone(UTC), self._calendar.now().astimezone(UTC))
        until = end.astimezone(UTC)
        if begin >= until:
            return []
        return self._cut(await self._find(event_type, begin, until, moving), begin, until)

    async def at_hand(self, event_type: EventType, start: datetime, end: datetime) -> list[Slot]:
        """As `slots`, without a request: of [start, end) as far as it is known. Empty says nothing."""
        begin = max(start.astimezone(UTC), self._calendar.now().astimezone(UTC))
        fetch = self._fetching.get(event_type.event_type_id)
        if fetch is not None and fetch.generation == self._generation and fetch.start <= begin < fetch.end:
            await asyncio.wait([fetch.task])
        kept = self._kept.get(event_type.event_type_id)
        if kept is None or not kept.covers(begin, begin, asyncio.get_running_loop().time()):
            return []
        return self._cut(kept.slots, begin, min(end.astimezone(UTC), kept.end))

    async def next_after(self, event_type: EventType, at: datetime, *, moving: str | None = None) -> Slot | None:
        """The first free slot from `at` on, within three weeks."""
        start = max(at.astimezone(UTC), self._calendar.now().astimezone(UTC))
        horizon = start + _FURTHER
        if moving is None:
            known = await self.at_hand(event_type, start, horizon)
            if known:
                return known[0]
        later = await self.slots(event_type, start, horizon, moving=moving)
        return later[0] if later else None

    def _cut(self, slots: Iterable[Slot], start: datetime, end: datetime) -> list[Slot]:
        return [slot for slot in slots if start <= slot.start < end and within_hours(self._hours, slot)]

    def forget(self) -> None:
        """After a write, or a slot that turned out to be gone."""
        self._generation += 1
        self._kept.clear()

    async def _find(
        self, event_type: EventType, start: datetime, end: datetime, moving: str | None
    ) -> tuple[Slot, ...]:
        if moving is not None:  # its own time counts as free: an answer for this question alone
            return tuple(await self._calendar.find_slots(event_type, start, end, moving=moving))
        kept = self._kept.get(event_type.event_type_id)
        if kept is not None and kept.covers(start, end, asyncio.get_running_loop().time()):
            return kept.slots
        fetch = self._fetching.get(event_type.event_type_id)
        if fetch is None or fetch.generation != self._generation or not (fetch.start <= start and end <= fetch.end):
            return await self._fetch(event_type, start, max(end, start + _AHEAD), self._generation)
        try:
            return await asyncio.shield(fetch.task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not fetch.task.cancelled() or (current is not None and current.cancelling()):
                raise
            return await self._fetch(event_type, start, end, self._generation)

    def _begin(self, event_type: EventType, start: datetime, end: datetime) -> _Fetch:
        generation = self._generation
        task = asyncio.create_task(self._fetch(event_type, start, end, generation), name="prefetch-slots")
        fetch = _Fetch(start, end, generation, task)
        self._fetching[event_type.event_type_id] = fetch

        def done(finished: asyncio.Task[tuple[Slot, ...]]) -> None:
            if self._fetching.get(event_type.event_type_id) is fetch:
                del self._fetching[event_type.event_type_id]
            if not finished.cancelled() and isinstance(finished.exception(), CalendarError):
                return  # whoever waited for it has it; otherwise the next question meets it

        task.add_done_callback(done)
        return fetch

    async def _fetch(self, event_type: EventType, start: datetime, end: datetime, generation: int) -> tuple[Slot, ...]:
        slots = tuple(await self._calendar.find_slots(event_type, start, end))
        if generation == self._generation:
            self._kept[event_type.event_type_id] = _Stretch(start, end, slots, asyncio.get_running_loop().time())
        return slots
