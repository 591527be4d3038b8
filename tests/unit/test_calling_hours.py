"""When somebody may be called: their zone, the assistant's country."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from contracts.hours import OpeningHours
from control_api.planned_calls.calling_hours import CallingHours, rest_days, zones_of

PARIS, JERUSALEM = ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Jerusalem")
FRANCE = CallingHours(OpeningHours(time_zone="Europe/Paris", country="FR"))
ISRAEL = CallingHours(OpeningHours(time_zone="Asia/Jerusalem", country="IL"))
LYON, MOBILE_IL, REUNION = "+33478000000", "+972501234567", "+262692123456"


def at(text: str, zone: ZoneInfo = PARIS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("wished", "allowed"),
    [
        ("2026-11-27T09:00", "2026-11-27T09:00"),
        ("2026-11-27T19:59", "2026-11-27T19:59"),
        ("2026-11-27T20:00", "2026-11-28T09:00"),
        ("2026-11-27T03:00", "2026-11-27T09:00"),
        ("2026-11-28T20:30", "2026-11-30T09:00"),  # Saturday evening, over Sunday
        ("2026-12-24T21:00", "2026-12-26T09:00"),  # over Christmas
        ("2027-03-27T20:00", "2027-03-30T09:00"),  # over Easter, and the change of the clocks on Sunday
    ],
)
def test_in_france(wished: str, allowed: str) -> None:
    """From 9 to 20, no Sunday, no public holiday."""
    assert FRANCE.next_allowed(at(wished), LYON) == at(allowed)


def test_where_sunday_is_a_working_day_the_weekend_is_free() -> None:
    """An Israeli assistant calls nobody on Friday and Saturday, and does on Sunday; a mobile's prefix tells no zone."""
    assert zones_of(MOBILE_IL, otherwise=JERUSALEM) == (JERUSALEM,)
    friday = at("2026-11-27T10:00", JERUSALEM)
    assert ISRAEL.next_allowed(friday, MOBILE_IL) == at("2026-11-29T09:00", JERUSALEM)
    assert (rest_days("FR"), rest_days(None), rest_days("XX")) == (frozenset({6}),) * 3


def test_the_persons_clock_counts_not_the_business() -> None:
    """It is 17:30 in Paris and 20:30 on Réunion (or 19:30 on Mayotte, which has the same prefix): nobody is called there."""
    moment = at("2026-11-26T17:30")
    assert FRANCE.next_allowed(moment, LYON) == moment
    assert FRANCE.next_allowed(moment, REUNION) == datetime(
        2026, 11, 27, 6, 0, tzinfo=UTC
    )  # 9 on Mayotte, 10 on Réunion
    assert FRANCE.next_allowed(at("2026-11-26T08:00"), REUNION) == at("2026-11-26T08:00")


def test_a_prefix_of_a_continent_tells_nothing() -> None:
    """A free-phone number is called by the assistant's clock."""
    assert zones_of("+18005550123", otherwise=PARIS) == (PARIS,)
