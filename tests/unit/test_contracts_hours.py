"""Opening hours answer for weeks, exceptions, holidays and the nights when clocks change."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from contracts.hours import DatedException, Interval, OpeningHours

PARIS = ZoneInfo("Europe/Paris")


def practice(**changes: object) -> OpeningHours:
    morning, afternoon = Interval(opens=time(9), closes=time(12, 30)), Interval(opens=time(14), closes=time(19))
    values: dict[str, object] = {
        "time_zone": "Europe/Paris",
        "country": "FR",
        "weekly": dict.fromkeys(("monday", "tuesday", "thursday", "friday"), (morning, afternoon)),
    }
    return OpeningHours.model_validate(values | changes)


def test_open_inside_an_interval_and_closed_at_its_end() -> None:
    hours = practice()
    assert hours.is_open(datetime(2026, 11, 23, 9, 0, tzinfo=PARIS))
    assert not hours.is_open(datetime(2026, 11, 23, 12, 30, tzinfo=PARIS))
    assert not hours.is_open(datetime(2026, 11, 25, 10, 0, tzinfo=PARIS))


def test_a_public_holiday_closes_and_is_named_in_the_callers_language() -> None:
    christmas = practice().on(date(2026, 12, 25), language="fr")
    assert (christmas.is_closed, christmas.reason, christmas.holiday) == (True, "Noël", True)
    assert practice().on(date(2026, 12, 25), language="en").reason == "Christmas Day"


@pytest.mark.parametrize(("opens", "closes"), [("09:00Z", "18:00"), ("09:00", "18:00+01:00"), ("09:00Z", "18:00Z")])
def test_an_hour_with_an_offset_is_refused(opens: str, closes: str) -> None:
    """The zone is the business's; a time that brings its own could be compared with none of the others."""
    with pytest.raises(ValidationError, match="leave the offset out"):
        Interval.model_validate({"opens": opens, "closes": closes})


def test_a_dated_exception_wins_over_holiday_and_week() -> None:
    open_christmas = DatedException(day=date(2026, 12, 25), intervals=(Interval(opens=time(10), closes=time(11)),))
    closed_monday = DatedException(day=date(2026, 11, 23), reason="travaux")
    hours = practice(exceptions=(open_christmas, closed_monday))
    assert hours.is_open(datetime(2026, 12, 25, 10, 30, tzinfo=PARIS))
    assert hours.on(date(2026, 11, 23)).reason == "travaux"


def test_next_opening_passes_over_weekends_and_holidays() -> None:
    evening_before = datetime(2026, 12, 24, 20, 0, tzinfo=PARIS)
    assert practice().next_opening(evening_before) == datetime(2026, 12, 28, 9, 0, tzinfo=PARIS)
    assert practice(weekly={}).next_opening(evening_before) is None


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_wall_clock_hours_hold_on_the_nights_when_clocks_change(day: date) -> None:
    hours = practice(weekly={"sunday": (Interval(opens=time(9), closes=time(12)),)})
    assert hours.is_open(datetime(day.year, day.month, day.day, 9, 0, tzinfo=PARIS))
    assert not hours.is_open(datetime(day.year, day.month, day.day, 8, 59, tzinfo=PARIS))


def test_midnight_closes_at_the_end_of_the_day() -> None:
    hours = practice(weekly={"friday": (Interval(opens=time(18), closes=time(0)),)})
    assert hours.is_open(datetime(2026, 11, 27, 23, 59, tzinfo=PARIS))
    assert not hours.is_open(datetime(2026, 11, 28, 0, 0, tzinfo=PARIS))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"time_zone": "Paris"}, "IANA time zone"),
        (
            {"weekly": {"monday": [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "13:00"}]}},
            "overlap",
        ),
        ({"weekly": {"monday": [{"opens": "12:00", "closes": "09:00"}]}}, "close after it opens"),
        ({"exceptions": [{"day": "2026-12-24"}, {"day": "2026-12-24"}]}, "two exceptions"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_what_to_do(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        practice(**change)
