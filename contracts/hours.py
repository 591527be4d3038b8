"""Opening hours: weekly intervals, dated exceptions, public holidays. Answers are computed, never guessed."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Interval(BaseModel):
    """Local wall-clock time, half-open. `closes` 00:00 means midnight at the end of the day."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    opens: time
    closes: time

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("opening hours are local: leave the offset out")
        if self.closes != time(0) and self.opens >= self.closes:
            raise ValueError(f"an interval must close after it opens: {self.opens:%H:%M}-{self.closes:%H:%M}")
        return self

    def contains(self, at: time) -> bool:
        return self.opens <= at and (self.closes == time(0) or at < self.closes)


def _without_overlap(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    ordered = tuple(sorted(intervals, key=lambda i: i.opens))
    for earlier, later in zip(ordered, ordered[1:], strict=False):
        if earlier.closes == time(0) or later.opens < earlier.closes:
            raise ValueError(f"intervals overlap at {later.opens:%H:%M}: merge them or move one")
    return ordered


class DatedException(BaseModel):
    """One day that differs: closed (no intervals) or open at other times. It wins over holidays and the week."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    day: date
    intervals: tuple[Interval, ...] = ()
    reason: str = ""

    _check = field_validator("intervals")(_without_overlap)


class DayHours(BaseModel):
    """What holds on one day. `reason` names the holiday or the exception, in the assistant's language where known."""

    model_config = ConfigDict(frozen=True)
    day: date
    intervals: tuple[Interval, ...]
    reason: str = ""
    holiday: bool = False

    @property
    def is_closed(self) -> bool:
        return not self.intervals


@lru_cache(maxsize=64)
def _holidays_of(country: str, subdivision: str | None, year: int, language: str | None) -> dict[date, str]:
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, language=language)
    except NotImplementedError:
        return {}
    return {day: str(found.get(day) or "") for day in found}


_HOLIDAY_LANGUAGE = {
    "fr": {"FR": "fr", "BE": "fr", "CH": "fr"},
    "he": {"IL": "he"},
    "en": {"IL": "en_US", "FR": "en_US"},
}


def holiday_language(country: str, language: str | None) -> str | None:
    """The name under which the tables hold the country's holidays in `language`; None: in the country's own."""
    return _HOLIDAY_LANGUAGE.get(language or "", {}).get(country)


class OpeningHours(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    time_zone: str
    weekly: dict[Weekday, tuple[Interval, ...]] = Field(default_factory=dict[Weekday, tuple[Interval, ...]])
    exceptions: tuple[DatedException, ...] = ()
    country: str | None = None
    subdivision: str | None = None
    closed_on_holidays: bool = True

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is not an IANA time zone; write one as in Europe/Paris") from error
        return name

    @field_validator("weekly")
    @classmethod
    def _days(cls, weekly: dict[Weekday, tuple[Interval, ...]]) -> dict[Weekday, tuple[Interval, ...]]:
        return {day: _without_overlap(intervals) for day, intervals in weekly.items()}

    @field_validator("exceptions")
    @classmethod
    def _one_per_day(cls, exceptions: tuple[DatedException, ...]) -> tuple[DatedException, ...]:
        if len({e.day for e in exceptions}) != len(exceptions):
            raise ValueError("two exceptions for one day: keep one")
        return exceptions

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def on(self, day: date, *, language: str | None = None) -> DayHours:
        """The hours of one local day: dated exception, else holiday, else the week."""
        for exception in self.exceptions:
            if exception.day == day:
                return DayHours(day=day, intervals=exception.intervals, reason=exception.reason)
        holiday = self.holiday_name(day, language=language)
        usual = self.weekly.get(WEEKDAYS[day.weekday()], ())
        if holiday and self.closed_on_holidays:
            return DayHours(day=day, intervals=(), reason=holiday, holiday=True)
        return DayHours(day=day, intervals=usual, reason=holiday, holiday=bool(holiday))

    def holiday_name(self, day: date, *, language: str | None = None) -> str:
        if not self.country:
            return ""
        named = holiday_language(self.country, language)
        return _holidays_of(self.country, self.subdivision, day.year, named).get(day, "")

    def is_open(self, at: datetime) -> bool:
        """`at` must be aware."""
        local = at.astimezone(self.zone)
        return any(interval.contains(local.time()) for interval in self.on(local.date()).intervals)

    def next_opening(self, at: datetime, *, within_days: int = 60) -> datetime | None:
        """The first moment after `at` at which a closed business opens; None if it does not within the horizon."""
        local = at.astimezone(self.zone)
        for day in self.days_from(local.date(), within_days):
            for interval in day.intervals:
                opening = datetime.combine(day.day, interval.opens, tzinfo=self.zone)
                if opening > local:
                    return opening
        return None

    def days_from(self, first: date, count: int) -> Iterator[DayHours]:
        for offset in range(count):
            yield self.on(first + timedelta(days=offset))


def warm() -> None:
    """The first look at holidays loads all countries' tables (about 0.2 s): a process that answers calls does it at start."""
    _holidays_of("FR", None, 2026, None)
