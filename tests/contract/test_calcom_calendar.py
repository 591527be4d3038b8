"""Cal.com's adapter against its stand-in: what no other calendar behind the port has. The port's suite is test_calendars.py."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar
from calendar_tools.calendar import Calendar
from calendar_tools.connect import CalendarDefaults, connect
from calendar_tools.errors import (
    BookingRefused,
    BookingUnconfirmed,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.model import EventType
from contracts.calendar import CalComConnection
from tests.fakes.calendars import (
    ANN,
    CALL,
    DEADLINES,
    NOW,
    TUESDAY,
    CalComHarness,
    calcom_harness,
    request_for,
    slot,
    starts,
)


@pytest.fixture
async def calcom() -> AsyncIterator[CalComHarness]:
    async with calcom_harness() as calcom:
        yield calcom


@pytest.mark.parametrize("form", ["text", "raw", "conflict"])
async def test_words_a_taken_slot_in_three_ways(calcom: CalComHarness, form: str) -> None:
    await calcom.control("race", {"when": "next_post", "form": form})
    with pytest.raises(SlotTaken):
        await calcom.calendar.book(request_for())


async def test_a_write_is_sent_once_whatever_becomes_of_its_answer(calcom: CalComHarness) -> None:
    await calcom.control("faults", [{"operation": "create_booking", "kind": "status", "status": 502}])
    with pytest.raises(BookingUnconfirmed):
        await calcom.calendar.book(request_for())
    assert await calcom.requests("create_booking") == 1
    assert await calcom.requests("list_bookings") >= 2


async def test_a_write_that_commits_after_the_first_look_is_found(calcom: CalComHarness) -> None:
    await calcom.control("late_commit", {"delay_ms": 200})
    made = await calcom.calendar.book(request_for())
    assert made.key == request_for().key
    assert await calcom.requests("create_booking") == 1


async def test_a_write_slower_than_its_deadline_is_looked_up(calcom: CalComHarness) -> None:
    await calcom.control("latency", {"write_ms": 1_100})
    made = await calcom.calendar.book(request_for())
    assert made.start == TUESDAY
    assert await calcom.requests("create_booking") == 1


async def test_one_failed_read_is_read_again(calcom: CalComHarness) -> None:
    await calcom.control("faults", [{"operation": "slots", "kind": "status", "status": 500}])
    assert len(await starts(calcom.calendar, TUESDAY.replace(hour=0))) == 15
    await calcom.control("faults", [{"operation": "slots", "kind": "cut"}])
    assert len(await starts(calcom.calendar, TUESDAY.replace(hour=0))) == 15


async def test_a_rate_limit_past_the_deadline_says_when_to_come_back(calcom: CalComHarness) -> None:
    await calcom.control("rate-limit", {"limit": 1, "window_s": 60})
    await calcom.calendar.ping()
    with pytest.raises(CalendarUnavailable) as caught:
        await starts(calcom.calendar, TUESDAY)
    assert caught.value.retry_after == 60
    with pytest.raises(CalendarUnavailable):
        await calcom.calendar.book(request_for())
    assert await calcom.standing() == []


async def test_a_short_rate_limit_is_waited_out_by_reads(calcom: CalComHarness) -> None:
    connection = CalComConnection(base_url=HttpUrl(calcom.url), api_key=SecretStr("cal_live_right"))
    patient = CalComCalendar(calcom.client, connection, clock=lambda: NOW, deadlines=replace(DEADLINES, slots=3.0))
    await calcom.control("rate-limit", {"limit": 1, "window_s": 0.9})
    await calcom.calendar.ping()
    assert len(await starts(patient, TUESDAY.replace(hour=0))) == 15


async def test_the_phone_alone_is_enough_and_makes_up_an_address(calcom: CalComHarness) -> None:
    made = await calcom.calendar.book(request_for())
    assert (made.attendee_email, made.attendee_phone) == ("33612345678@sms.cal.com", "+33612345678")
    row = (await calcom.state())["bookings"][0]
    assert row["attendees"][0]["phoneNumber"] == "+33612345678"
    assert row["metadata"] == {"ava_key": request_for().key.value, "ava_call": str(CALL)}


async def test_an_event_type_that_wants_an_email_is_the_owners_to_mend(calcom: CalComHarness) -> None:
    with pytest.raises(CalendarMisconfigured, match="make e-mail optional"):
        await calcom.calendar.book(request_for(event_type_id=102))


async def test_reasons_other_than_the_slot_are_refusals(calcom: CalComHarness) -> None:
    with pytest.raises(BookingRefused, match="past"):
        await calcom.calendar.book(request_for(start=NOW - timedelta(hours=1)))
    with pytest.raises(BookingRefused, match="outside_booking_window"):
        await calcom.calendar.book(request_for(event_type_id=104))
    await calcom.calendar.book(request_for(event_type_id=103))
    with pytest.raises(BookingRefused, match="attendee_limit"):
        await calcom.calendar.book(request_for(event_type_id=103, start=TUESDAY + timedelta(hours=1)))


async def test_an_unknown_event_type_is_the_owners_to_mend(calcom: CalComHarness) -> None:
    with pytest.raises(CalendarMisconfigured, match="event type"):
        await calcom.calendar.find_slots(EventType("x", 999, 30), TUESDAY, TUESDAY + timedelta(days=1))
    with pytest.raises(CalendarMisconfigured, match="event type"):
        await calcom.calendar.book(request_for(event_type_id=999))


async def test_wrong_key_wrong_address_and_nobody_there(calcom: CalComHarness) -> None:
    def at(url: str, key: str) -> Calendar:
        connection = CalComConnection(base_url=HttpUrl(url), api_key=SecretStr(key))
        return connect(connection, calcom.client, CalendarDefaults(deadlines=DEADLINES), clock=lambda: NOW)

    with pytest.raises(CalendarMisconfigured, match="API key"):
        await at(calcom.url, "cal_live_wrong").ping()
    with pytest.raises(CalendarMisconfigured, match="base URL"):
        await at(f"{calcom.url}/elsewhere", "cal_live_right").ping()
    with pytest.raises(CalendarUnavailable):
        await at("http://127.0.0.1:9", "cal_live_right").book(request_for())
    await at(f"{calcom.url}/v2", "cal_live_right").ping()


async def test_a_failing_hold_blocks_nothing(calcom: CalComHarness) -> None:
    for fault in ({"kind": "status", "status": 500}, {"kind": "cut"}, {"kind": "status", "status": 404}):
        await calcom.control("faults", [{"operation": "reserve", **fault}])
        assert await calcom.calendar.hold(slot(), minutes=5) is None
    assert (await calcom.calendar.book(request_for())).stands


async def test_the_version_header_is_that_of_the_resource(calcom: CalComHarness) -> None:
    """The stand-in falls back to the old shapes as Cal.com does, so a wrong header can't go unseen."""
    headers = {"Authorization": "Bearer cal_live_right"}
    old = await calcom.client.get(f"{calcom.url}/v2/bookings", headers=headers | {"cal-api-version": "2024-06-14"})
    assert old.json()["data"] == {"bookings": [], "recurringInfo": [], "totalCount": 0}
    gone = await calcom.client.get(f"{calcom.url}/v2/slots", headers=headers)
    assert gone.status_code == 404
    assert gone.json()["error"]["message"] == "Cannot GET /v2/slots"
    assert gone.headers["x-request-id"]


async def test_bookings_beyond_the_first_page_are_found(calcom: CalComHarness) -> None:
    at = TUESDAY
    for number in range(260):
        await calcom.seed(at + timedelta(minutes=number), f"Guest {number}", None, f"g{number}@example.com")
    await calcom.seed(at + timedelta(days=30), ANN.name, ANN.phone, None)
    found = await calcom.calendar.find_bookings(phone=ANN.phone, after=NOW)
    assert [b.attendee_name for b in found] == [ANN.name]
