"""Owns days and times as a sentence names them, and whether a moment is what was named; refuses words: the languages do."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True)
class Day:
    """Conditions on a date; None is no condition. `offset` counts days from today, `week` weeks from this one."""

    weekday: int | None = None
    day: int | None = None
    month: int | None = None
    offset: int | None = None
    week: int | None = None
    weekend: bool = False

    def matches(self, candidate: date, today: date) -> bool:
        monday = today - timedelta(days=today.weekday())
        return (
            (self.weekday is None or candidate.weekday() == self.weekday)
            and (self.day is None or candidate.day == self.day)
            and (self.month is None or candidate.month == self.month)
            and (self.offset is None or candidate == today + timedelta(days=self.offset))
            and (self.week is None or (candidate - monday).days // 7 == self.week)
            and (not self.weekend or candidate.weekday() >= 5)
        )

    @property
    def is_span(self) -> bool:
        return self.week is not None and self.weekday is None and self.day is None


@dataclass(frozen=True)
class Clock:
    """A time of day as said: every time it may mean ("three" is 3:00 and 15:00)."""

    times: frozenset[time]


@dataclass(frozen=True)
class Part:
    """A part of the day, from hour to hour, half-open."""

    start: int
    end: int


def clock(hour: int, minute: int = 0, half: str = "") -> Clock | None:
    """`half` is "am", "pm" or "" where it was not said; None where there is no such time."""
    if not (0 <= hour <= 24 and 0 <= minute <= 59):
        return None
    hour %= 24
    if half == "pm" and hour < 12:
        hour += 12
    if half == "am" and hour == 12:
        hour = 0
    hours = {hour} if half or hour == 0 or hour >= 12 else {hour, hour + 12}
    return Clock(frozenset(time(h, minute) for h in hours))


def minus(hour: int, minutes: int, half: str = "") -> Clock | None:
    """So many minutes before the hour."""
    return clock((hour - 1) % 24 if hour else 23, 60 - minutes, half) if 0 < minutes < 60 else None


@dataclass(frozen=True)
class Tagged:
    """A sentence whose days, times and parts of the day became D, T, P; their meanings in order. Other text is lower case."""

    text: str
    days: tuple[Day, ...]
    clocks: tuple[Clock, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Named:
    """One moment as named: days that must all hold, and a clock time or a part of the day or neither. `at`: where."""

    days: tuple[Day, ...]
    clock: Clock | None
    part: Part | None
    at: int

    def matches(self, moment: datetime, today: date) -> bool:
        if not all(day.matches(moment.date(), today) for day in self.days):
            return False
        if self.clock is not None:
            return moment.time().replace(second=0, microsecond=0) in self.clock.times
        return self.part is None or self.part.start <= moment.hour < self.part.end

    def among(self, moments: Iterable[datetime], today: date) -> bool:
        return any(self.matches(moment, today) for moment in moments)


_MARK = re.compile(r"[TDP]")
_JOINS_DAYS = re.compile(r",?\s*(?:le|the|on|of|du|de|ה|-|\()?[\s-]*")
_BESIDE = re.compile(r"\s*,?\s*(?:le|on|the|du|de|a|at|pour|for|ב|ה|בשעה|vers|around|P|\s)*\s*")


@dataclass
class _Spot:
    kind: str
    start: int
    index: int


def _merged_days(tagged: Tagged, spots: list[_Spot]) -> tuple[list[_Spot], dict[int, tuple[Day, ...]]]:
    """ "Thursday the 26th" is one day said twice: joins such neighbours."""
    kept: list[_Spot] = []
    days: dict[int, tuple[Day, ...]] = {}
    last_end = -1
    for spot in spots:
        if spot.kind == "D":
            day = tagged.days[spot.index]
            before = kept[-1] if kept and kept[-1].kind == "D" else None
            gap = tagged.text[last_end : spot.start]
            both = before is not None and day.weekday is not None and days[before.start][-1].weekday is not None
            if before is not None and not both and _JOINS_DAYS.fullmatch(gap):
                days[before.start] = (*days[before.start], day)
                last_end = spot.start + 1
                continue
            days[spot.start] = (day,)
        kept.append(spot)
        last_end = spot.start + 1
    return kept, days


def _day_of(tagged: Tagged, spots: list[_Spot], position: int) -> int | None:
    """Where the day stands that the time at `position` of `spots` belongs to."""
    here = spots[position].start
    before = next((s for s in reversed(spots[:position]) if s.kind == "D"), None)
    after = next((s for s in spots[position + 1 :] if s.kind == "D"), None)
    if before is not None and _BESIDE.fullmatch(tagged.text[before.start + 1 : here]):
        return before.start
    if after is not None and _BESIDE.fullmatch(tagged.text[here + 1 : after.start]):
        return after.start
    found = before or after
    return found.start if found else None


def named_moments(tagged: Tagged) -> Iterator[Named]:
    """The moments a sentence names, in order: each time with its day, then each day that no time belongs to."""
    counts = {"T": 0, "D": 0, "P": 0}
    spots: list[_Spot] = []
    for mark in _MARK.finditer(tagged.text):
        kind = mark.group()
        spots.append(_Spot(kind, mark.start(), counts[kind]))
        counts[kind] += 1
    spots, days = _merged_days(tagged, spots)
    used: set[int] = set()
    for position, spot in enumerate(spots):
        if spot.kind == "T":
            day = _day_of(tagged, spots, position)
            if day is not None:
                used.add(day)
            yield Named(days.get(day, ()) if day is not None else (), tagged.clocks[spot.index], None, spot.start)
    for position, spot in enumerate(spots):
        if spot.kind == "D" and spot.start not in used:
            follows = spots[position + 1] if position + 1 < len(spots) else None
            part = tagged.parts[follows.index] if follows is not None and follows.kind == "P" else None
            yield Named(days[spot.start], None, part, spot.start)
