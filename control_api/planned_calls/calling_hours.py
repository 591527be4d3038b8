"""When somebody may be called. Pure.

From 9 to 20 where the person is, never on the weekly day of rest nor on a public holiday of the assistant's country. Where
they are is told by their number's prefix: of several zones, in all of them; where it tells nothing, in the assistant's.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers import timezone

from contracts.hours import OpeningHours

OPENS, CLOSES = time(9), time(20)
_SUNDAY = frozenset({6})
_MOST_ZONES = 4  # more is a prefix of a continent (free-phone numbers): it says nothing of where somebody is
_DAYS = 60
_ROUNDS = 200


@lru_cache(maxsize=64)
def rest_days(country: str | None) -> frozenset[int]:
    """Weekdays, Monday 0. Sunday, and where that is a working day the whole weekend."""
    try:
        weekend: set[int] = set(getattr(holidays.country_holidays(country), "weekend", ())) if country else set()
    except NotImplementedError:
        weekend = set()
    return _SUNDAY if not weekend or 6 in weekend else frozenset(weekend)


def zones_of(number: str, *, otherwise: ZoneInfo) -> tuple[ZoneInfo, ...]:
    names: Any = timezone.time_zones_for_number(phonenumbers.parse(number))
    known = [name for name in names if name != "Etc/Unknown"]
    if not known or len(known) > _MOST_ZONES:
        return (otherwise,)
    return tuple(ZoneInfo(name) for name in known)


@dataclass(frozen=True)
class CallingHours:
    """`hours` are the assistant's: its country, its zone. Its opening hours say nothing of when others may be called."""

    hours: OpeningHours

    def next_allowed(self, at: datetime, number: str) -> datetime | None:
        """`at`, or the first moment after it at which `number` may be rung. None: there is none within two months."""
        zones = zones_of(number, otherwise=self.hours.zone)
        moment = at
        for _ in range(_ROUNDS):
            found = [self._in_zone(moment, zone) for zone in zones]
            if any(one is None for one in found):
                return None
            latest = max(one for one in found if one is not None)
            if latest == moment:
                return moment
            moment = latest
        return None

    def _in_zone(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        first = at.astimezone(zone).date()
        for offset in range(_DAYS):
            day = first + timedelta(days=offset)
            if not self._is_free(day) and at < datetime.combine(day, CLOSES, tzinfo=zone):
                return max(at, datetime.combine(day, OPENS, tzinfo=zone))
        return None

    def _is_free(self, day: date) -> bool:
        return day.weekday() in rest_days(self.hours.country) or bool(self.hours.holiday_name(day))
