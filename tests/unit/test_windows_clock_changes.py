"""Days of 23 and 25 hours, wall times that do not exist or exist twice, and what holds for every window."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_tools.windows import DAY_FORMS, PARTS_OF_DAY, Ambiguous, Language, Window, local_instant, resolve_window

ZONES = {name: ZoneInfo(name) for name in ("Europe/Paris", "Asia/Jerusalem", "America/New_York", "Asia/Beirut")}


def window(expression: str, now: datetime, zone: ZoneInfo, part: str = "any") -> Window:
    found = resolve_window(expression, part_of_day=part, now=now, zone=zone, language="fr")
    assert isinstance(found, Window), found
    return found


@pytest.mark.parametrize(
    ("zone_name", "day", "hours"),
    [
        ("Europe/Paris", date(2026, 3, 29), 23),
        ("Europe/Paris", date(2026, 10, 25), 25),
        ("Europe/Paris", date(2026, 3, 30), 24),
        ("Asia/Jerusalem", date(2026, 3, 27), 23),
        ("Asia/Jerusalem", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Asia/Beirut", date(2026, 3, 29), 23),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone_name: str, day: date, hours: int) -> None:
    zone = ZONES[zone_name]
    found = window(day.isoformat(), datetime.combine(day - timedelta(days=2), time(9), zone), zone)
    assert found.days == (day,)
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone_name", "day", "minute", "last", "instant"),
    [
        ("Europe/Paris", date(2026, 3, 29), 150, False, "2026-03-29T01:00+00:00"),
        ("Europe/Paris", date(2026, 3, 29), 120, False, "2026-03-29T01:00+00:00"),
        ("Europe/Paris", date(2026, 3, 29), 180, False, "2026-03-29T01:00+00:00"),
        ("Europe/Paris", date(2026, 3, 29), 119, False, "2026-03-29T00:59+00:00"),
        ("Europe/Paris", date(2026, 10, 25), 150, False, "2026-10-25T00:30+00:00"),
        ("Europe/Paris", date(2026, 10, 25), 150, True, "2026-10-25T01:30+00:00"),
        ("Europe/Paris", date(2026, 10, 25), 180, True, "2026-10-25T02:00+00:00"),
        ("Asia/Jerusalem", date(2026, 3, 27), 150, False, "2026-03-27T00:00+00:00"),
        ("Asia/Jerusalem", date(2026, 10, 25), 90, True, "2026-10-24T23:30+00:00"),
        ("Asia/Beirut", date(2026, 3, 29), 0, False, "2026-03-28T22:00+00:00"),
    ],
)
def test_missing_and_doubled_wall_times(zone_name: str, day: date, minute: int, last: bool, instant: str) -> None:
    found = local_instant(day, minute, ZONES[zone_name], last=last)
    assert found.astimezone(UTC) == datetime.fromisoformat(instant)


def test_a_missing_hour_asked_for_starts_after_the_gap() -> None:
    zone = ZONES["Europe/Paris"]
    found = window("demain à 02:30", datetime(2026, 3, 28, 9, tzinfo=zone), zone, "à 02:30")
    assert found.start.astimezone(UTC) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_window_in_the_second_of_two_equal_hours_begins_now() -> None:
    zone = ZONES["Europe/Paris"]
    now = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30, the second time
    found = window("today", now, zone)
    assert found.start.astimezone(UTC) == now
    assert not found.contains(now - timedelta(minutes=1))
    assert found.contains(now)


EXPRESSIONS = [
    *(f.replace("N", "5").replace("YYYY-MM-DD", "2026-12-31").replace("MM-DD", "02-29") for f in DAY_FORMS),
    "jeudi prochain", "d'ici quinze jours", "en février", "next Thursday", "the 31st", "יום שישי",
    "demain à 2h30", "ce week-end",
]  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    part=st.sampled_from(PARTS_OF_DAY),
    seconds=st.integers(min_value=0, max_value=3 * 366 * 86400),
    zone_name=st.sampled_from(sorted(ZONES)),
    language=st.sampled_from(["fr", "en", "he"]),
)
def test_windows_never_begin_before_now_and_their_days_run_on(
    expression: str, part: str, seconds: int, zone_name: str, language: Language
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    zone = ZONES[zone_name]
    found = resolve_window(expression, part_of_day=part, now=now, zone=zone, language=language)
    if isinstance(found, Ambiguous):
        assert len(found.readings) >= 2
        assert list(found.readings) == sorted(set(found.readings))
        assert found.readings[0] >= now.astimezone(zone).date()
    if not isinstance(found, Window):
        return
    assert found.start.astimezone(UTC) >= now
    assert found.start.astimezone(UTC) < found.end.astimezone(UTC)
    assert (found.start, found.end) == (found.spans[0].start, found.spans[-1].end)
    assert all(b - a == timedelta(days=1) for a, b in zip(found.days, found.days[1:], strict=False))
    for span in found.spans:
        assert span.start.astimezone(zone).date() == span.day
        assert found.contains(span.start)
        assert not found.contains(span.end) or part == "any"
