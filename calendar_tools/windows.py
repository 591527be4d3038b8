"""Owns turning a day expression into a window of real instants in the business's zone. The model never computes a date.

Refuses opening hours, slots and durations: it says which stretch of time was meant, nothing of what is free in it.

The closed forms are `DAY_FORMS`; the caller's own words in French, English and Hebrew are read too, in any of the three
whatever the call's language. How unclear words are settled:

- a bare weekday is the coming one. Said on that very weekday it is ambiguous (today or in a week) while today still has an
  hour left before 20:00; after that it is in a week. "this Thursday" on a Thursday is today.
- "next Thursday" is ambiguous when a Thursday still comes in the current week, or is tomorrow; else it is the coming one.
  "Thursday next week" and "jeudi en huit" are never ambiguous, but for the latter on a Thursday.
- a weekday with a date that falls on another weekday is ambiguous between the date and the nearest such weekday.
- "the 3rd" is the next third of a month, today included; with a weekday, the next one on it within two months.
- a month and day without a year are the next such date, today included (29 February: the next leap year).
- "03/04" in English is ambiguous between March and April; French and Hebrew put the day first; `MM-DD` is closed.
- the week starts on Monday; on Sunday in Hebrew calls and in Israel's zone.
- "in eight days" in French is a week, "in fifteen days" a fortnight; the closed `in_8_days` counts days.
- `earliest` is the next 14 days.
- an unmarked hour from 1 to 6 is after noon, unless written "03:00" or called morning.

Doubled wall times (clocks go back) count both times; a missing one (clocks go forward) becomes the first instant after.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from calendar_tools.speech.day_expressions import PARTS, DayForm, TimeWish, read_expression
from calendar_tools.speech.languages import Language

EARLIEST_DAYS = 14
DAY_ENDS = time(20)
MIN_LEFT = timedelta(hours=1)
_MAX_AHEAD = 3660
_SUNDAY_FIRST = frozenset({"Asia/Jerusalem", "Asia/Tel_Aviv", "Israel"})

DAY_FORMS = (
    "today",
    "tomorrow",
    "day_after_tomorrow",
    *(d.lower() for d in calendar.day_name),
    *(f"this_{d.lower()}" for d in calendar.day_name),
    *(f"next_{d.lower()}" for d in calendar.day_name),
    "this_week",
    "next_week",
    "this_weekend",
    "next_weekend",
    "in_N_days",
    "in_N_weeks",
    "YYYY-MM-DD",
    "MM-DD",
    "earliest",
)
PARTS_OF_DAY = ("morning", "midday", "afternoon", "evening", "any")

DAY_EXPRESSION_HELP = (
    "The day the caller asked for, in the caller's own words or one of: today, tomorrow,"
    " day_after_tomorrow, monday…sunday, "
    "this_monday…, next_monday…, this_week, next_week, "
    "this_weekend, in_N_days, in_N_weeks, YYYY-MM-DD, MM-DD, earliest. "
    "Copy what was said (“jeudi prochain”, “next Thursday”, “יום חמישי הבא”, “the 26th at 10:30”). "
    "Never work out a date yourself."
)
PART_OF_DAY_HELP = (
    "morning, midday, afternoon, evening or any; or the caller's own words about the hour"
    " (“à partir de 17h”, “before ten”)."
)

NotUnderstoodReason = Literal[
    "empty", "no_day", "unknown_words", "no_such_date", "bad_part_of_day", "contradiction", "too_far"
]


@dataclass(frozen=True)
class Span:
    """One day's share of a window: half-open, aware, in the business's zone."""

    day: date
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Window:
    """Half-open `[start, end)`, aware, in the business's zone, never before `now`.

    `days` are the local dates in it, contiguous and ascending. `spans` is the same cut by day: with a part of the day over
    several days only the spans were asked for, not the nights between. `exact` is the wall time the caller named, if any; the
    spans then run one hour from it (from half an hour before when it was "around").
    """

    start: datetime
    end: datetime
    days: tuple[date, ...]
    spans: tuple[Span, ...]
    exact: time | None = None

    def contains(self, at: datetime) -> bool:
        """Whether an aware instant lies in one of the spans."""
        instant = at.astimezone(UTC)
        return any(s.start.astimezone(UTC) <= instant < s.end.astimezone(UTC) for s in self.spans)


@dataclass(frozen=True)
class Ambiguous:
    """More than one day fits: ask back. Pass the chosen reading again as `YYYY-MM-DD`. Ascending, none in the past."""

    readings: tuple[date, ...]


@dataclass(frozen=True)
class NotUnderstood:
    """The words name no day we know."""

    expression: str
    reason: NotUnderstoodReason


@dataclass(frozen=True)
class InThePast:
    """All of what was asked for is over. `day` is the last day of it."""

    day: date


Resolution = Window | Ambiguous | NotUnderstood | InThePast
_Days = tuple[date, ...] | Ambiguous | NotUnderstoodReason


def resolve_window(
    expression: str,
    *,
    part_of_day: str = "any",
    now: datetime,
    zone: ZoneInfo,
    language: Language,
) -> Resolution:
    """What stretch of time `expression` and `part_of_day` mean at `now` in the business's `zone`.

    Raises ValueError when `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    local_now = now.astimezone(zone)
    hours = _part_of_day(part_of_day, language)
    if hours is None:
        return NotUnderstood(expression, "bad_part_of_day")
    if not expression.strip():
        return NotUnderstood(expression, "empty")
    part_key = part_of_day.strip().lower()
    reading = read_expression(expression, language, part_hint=part_key if part_key in PARTS else "any")
    if reading is None:
        return NotUnderstood(expression, "unknown_words")
    if reading.day is None:
        return NotUnderstood(expression, "no_day")
    wish = hours if reading.time is None else reading.time.within(hours)
    if wish is None:
        return NotUnderstood(expression, "contradiction")
    sunday_first = language == "he" or zone.key in _SUNDAY_FIRST
    days = _Resolver(local_now, wish, sunday_first).days(reading.day)
    if isinstance(days, str):
        return NotUnderstood(expression, days)
    if isinstance(days, Ambiguous):
        return days
    return _window(days, wish, local_now, zone)


def _part_of_day(part: str, language: Language) -> TimeWish | None:
    key = part.strip().lower()
    if key in PARTS:
        return TimeWish(*PARTS[key])
    if not key:
        return TimeWish()
    reading = read_expression(part, language)
    if reading is None or reading.time is None:
        return None
    return reading.time if reading.day is None or reading.day == DayForm("offset") else None


def local_instant(day: date, minute: int, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The instant of a wall time, `minute` minutes after local midnight (1440 = the next midnight), in `zone`.

    A doubled wall time is its first occurrence, with `last` its second. A missing one is the first instant after the gap.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    first = wall.replace(tzinfo=zone, fold=0)
    second = wall.replace(tzinfo=zone, fold=1)
    if _exists(first) or _exists(second):
        return second if last else first
    # In a gap, fold=0 applies the offset from before the change and fold=1 the one from after: the change lies between.
    low, high = second.astimezone(UTC), first.astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0).astimezone(zone)


def _exists(at: datetime) -> bool:
    return at.astimezone(UTC).astimezone(at.tzinfo).replace(tzinfo=None) == at.replace(tzinfo=None)


def _window(days: Iterable[date], wish: TimeWish, now: datetime, zone: ZoneInfo) -> Window | InThePast:
    spans: list[Span] = []
    last = now.date()
    for day in days:
        last = day
        start = local_instant(day, wish.start, zone)
        end = local_instant(day, wish.end, zone, last=wish.end < 24 * 60)
        start = now if start.astimezone(UTC) < now.astimezone(UTC) else start
        if start.astimezone(UTC) < end.astimezone(UTC):
            spans.append(Span(day, start, end))
    if not spans:
        return InThePast(last)
    exact = None if wish.exact is None else time(*divmod(wish.exact, 60))
    return Window(spans[0].start, spans[-1].end, tuple(s.day for s in spans), tuple(spans), exact)


@dataclass(frozen=True)
class _Resolver:
    """Days of a form, seen from one local now."""

    now: datetime
    wish: TimeWish
    sunday_first: bool

    @property
    def today(self) -> date:
        return self.now.date()

    def days(self, form: DayForm) -> _Days:
        match form.kind:
            case "offset" | "in_days":
                return self._single(self.today + timedelta(days=form.n))
            case "in_weeks":
                return self._single(self.today + timedelta(weeks=form.n))
            case "in_months":
                return self._single(_plus_months(self.today, form.n))
            case "within_days" | "within_weeks":
                return self._run(form.n * (7 if form.kind == "within_weeks" else 1) + 1)
            case "earliest":
                return self._run(EARLIEST_DAYS)
            case "date" | "numeric":
                return self._date(form)
            case "day_of_month":
                return self._day_of_month(form)
            case "week":
                return _sliced(self._week(form.n), form.part)
            case "weekend":
                friday = 4 if self.sunday_first else 5
                return tuple(d for d in self._week(form.n) if d.weekday() in (friday, friday + 1))
            case "month":
                return self._month(form)
            case _:
                return self._weekday(form)

    def _single(self, day: date) -> _Days:
        return (day,) if abs((day - self.today).days) <= _MAX_AHEAD else "too_far"

    def _run(self, count: int) -> _Days:
        if count > 366:
            return "too_far"
        return tuple(self.today + timedelta(days=i) for i in range(max(count, 1)))

    def _week(self, offset: int) -> tuple[date, ...]:
        into = (self.today.weekday() + 1) % 7 if self.sunday_first else self.today.weekday()
        first = self.today + timedelta(days=7 * offset - into)
        return tuple(first + timedelta(days=i) for i in range(7))

    def _today_has_time(self) -> bool:
        ends = (
            min(self.wish.end, DAY_ENDS.hour * 60)
            if self.wish.end == 24 * 60 and self.wish.start < 17 * 60
            else self.wish.end
        )
        if self.wish.exact is not None:
            return self.wish.exact > self.now.hour * 60 + self.now.minute
        left = ends - (self.now.hour * 60 + self.now.minute)
        return left >= MIN_LEFT.total_seconds() / 60

    def _weekday(self, form: DayForm) -> _Days:
        assert form.weekday is not None
        today, week = self.today, timedelta(weeks=1)
        ahead = (form.weekday - today.weekday()) % 7
        coming = today + timedelta(days=ahead)
        match form.kind:
            case "weekday_of_week":
                return tuple(d for d in self._week(form.n) if d.weekday() == form.weekday)
            case "weekday_plus_weeks":
                if ahead == 0:
                    return Ambiguous((today + form.n * week, today + (form.n + 1) * week))
                return (coming + form.n * week,)
            case "this_weekday":
                return (coming,)
            case "next_weekday":
                after = coming if ahead else today + week
                if after in self._week(0) or ahead == 1:
                    return Ambiguous((after, after + week))
                return (after,)
            case _:
                if ahead:
                    return (coming,)
                return Ambiguous((today, today + week)) if self._today_has_time() else (today + week,)

    def _date(self, form: DayForm) -> _Days:
        assert form.month is not None
        assert form.day is not None
        found = self._next_date(form.year, form.month, form.day)
        if form.either_order:
            both = {
                d
                for d in (found, self._next_date(form.year, form.day, form.month))
                if d is not None and d >= self.today
            }
            if len(both) > 1:
                return Ambiguous(tuple(sorted(both)))
            found = both.pop() if both else found
        if found is None:
            return "no_such_date"
        if form.weekday is not None and found.weekday() != form.weekday and found >= self.today:
            return self._mismatch(found, form.weekday)
        return self._single(found)

    def _next_date(self, year: int | None, month: int, day: int) -> date | None:
        years = (year,) if year is not None else range(self.today.year, self.today.year + 9)
        for candidate in years:
            found = _date_or_none(candidate, month, day)
            if found is not None and (year is not None or found >= self.today):
                return found
        return None

    def _mismatch(self, said: date, weekday: int) -> _Days:
        offset = (weekday - said.weekday() + 3) % 7 - 3
        nearest = said + timedelta(days=offset)
        nearest = nearest + timedelta(weeks=1) if nearest < self.today else nearest
        return Ambiguous(tuple(sorted((said, nearest))))

    def _day_of_month(self, form: DayForm) -> _Days:
        assert form.day is not None
        candidates: list[date] = []
        for ahead in range(13):
            month = _plus_months(self.today.replace(day=1), ahead)
            found = _date_or_none(month.year, month.month, form.day)
            if found is not None and found >= self.today:
                candidates.append(found)
        if not candidates:
            return "no_such_date"
        if form.weekday is None or candidates[0].weekday() == form.weekday:
            return (candidates[0],)
        soon = [d for d in candidates if d.weekday() == form.weekday and (d - self.today).days <= 62]
        return (soon[0],) if soon else self._mismatch(candidates[0], form.weekday)

    def _month(self, form: DayForm) -> _Days:
        assert form.month is not None
        year = form.year if form.year is not None else self.today.year + (form.month < self.today.month)
        if not 1 <= year <= 9998:
            return "no_such_date"
        count = calendar.monthrange(year, form.month)[1]
        if abs(year - self.today.year) > 10:
            return "too_far"
        return _sliced(tuple(date(year, form.month, i + 1) for i in range(count)), form.part)


def _sliced(days: tuple[date, ...], part: str) -> tuple[date, ...]:
    third = -(-len(days) // 3)
    match part:
        case "early":
            return days[:third]
        case "mid":
            return days[third : len(days) - third]
        case "late":
            return days[-third:]
        case _:
            return days


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plus_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
