"""One suite for every calendar behind the port: the shipped fake, and Cal.com's adapter against its stand-in over HTTP.

What a fault is called is the same for both; how it is brought about is the harness's.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar, Deadlines
from calendar_tools.calendar import Calendar
from calendar_tools.connect import CalendarDefaults, connect
from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.fake import FakeCalendar, Operation
from calendar_tools.model import Attendee, BookingKey, BookingRequest, EventType, Slot
from contracts.calendar import CalComConnection
from contracts.hours import Interval, OpeningHours
from sandbox.calcom import create_app
from sandbox.providers import serve

NOW = datetime(2026, 10, 19, 6, 0, tzinfo=UTC)  # Monday, 8:00 in Paris; summer time ends on Sunday
PARIS = ZoneInfo("Europe/Paris")
KIND = EventType("consultation", 101, 30)
CALL = uuid4()
ANN = Attendee("Ann Example", "+33612345678", None, "Europe/Paris", "fr")
TUESDAY = datetime(2026, 10, 20, 9, 0, tzinfo=PARIS).astimezone(UTC)
WEEK = {
    day: [["09:00", "12:30"], ["14:00", "18:00"]] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}
WEEK["sunday"] = [["01:00", "04:00"]]  # across both changes of the clocks
Write = Literal["book", "reschedule", "cancel"]
Trouble = Literal[
    "unavailable", "misconfigured", "refused", "taken", "lost_after_commit", "lost_before_commit", "unconfirmed_after_commit"
]  # fmt: skip


class Harness(Protocol):
    calendar: Calendar

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None: ...
    async def write_trouble(self, operation: Write, trouble: Trouble) -> None: ...
    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str: ...
    async def standing(self) -> list[tuple[str, datetime]]: ...


class FakeHarness:
    def __init__(self) -> None:
        spans = {
            day: tuple(Interval(opens=time.fromisoformat(o), closes=time.fromisoformat(c)) for o, c in spans)
            for day, spans in WEEK.items()
        }
        hours = OpeningHours.model_validate({"time_zone": "Europe/Paris", "weekly": spans})
        self.fake = FakeCalendar(clock=lambda: NOW, hours=hours)
        self.calendar: Calendar = self.fake

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None:
        self.fake.script(operation, *[trouble] * 5)

    async def write_trouble(self, operation: Write, trouble: Trouble) -> None:
        self.fake.script(operation, trouble)

    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str:
        return self.fake.seed(KIND, start, name=name, phone=phone, email=email).uid

    async def standing(self) -> list[tuple[str, datetime]]:
        return [(b.attendee_name, b.start) for b in self.fake.bookings.values() if b.stands]


TOO_SOON = {"message": 'The event type can\'t be booked at the "start" time provided. Too soon.'}
OPERATIONS = {
    "find_slots": "slots",
    "find": "list_bookings",
    "list": "list_bookings",
    "get": "get_booking",
    "ping": "me",
}
WRITES = {"book": "create_booking", "reschedule": "reschedule", "cancel": "cancel"}
DEADLINES = Deadlines(connect=0.5, slots=0.8, read=0.8, write=0.8, hold=0.5, settle=0.8, settle_gap=0.1)


class CalComHarness:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self.client = client
        self.url = url
        connection = CalComConnection(base_url=HttpUrl(url), api_key=SecretStr("cal_live_right"))
        self.calendar: Calendar = CalComCalendar(client, connection, clock=lambda: NOW, deadlines=DEADLINES)

    async def control(self, path: str, body: Any) -> Any:
        answer = await self.client.post(f"{self.url}/_ctl/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def state(self) -> dict[str, Any]:
        return (await self.client.get(f"{self.url}/_ctl/state")).json()

    async def requests(self, operation: str) -> int:
        log = await self.client.get(f"{self.url}/_ctl/log", params={"operation": operation})
        return len(log.json()["entries"])

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None:
        status = 503 if trouble == "unavailable" else 401
        rule = {"operation": OPERATIONS[operation], "kind": "status", "status": status, "times": None}
        await self.control("faults", [rule])

    async def write_trouble(self, operation: Write, trouble: Trouble) -> None:
        name = WRITES[operation]
        look = "list_bookings" if operation == "book" else "get_booking"
        status = {"unavailable": 429, "misconfigured": 401, "refused": 400}
        rules: list[dict[str, Any]] = []
        if trouble == "taken":
            await self.control("race", {"when": "next_post"})
        elif trouble == "lost_before_commit":
            rules.append({"operation": name, "kind": "cut"})
        elif trouble in status:
            body = {"body": {"statusCode": 400, **TOO_SOON}} if trouble == "refused" else {}
            rules.append({"operation": name, "kind": "status", "status": status[trouble], **body})
        else:
            rules.append({"operation": name, "kind": "lost_answer"})
            if trouble == "unconfirmed_after_commit":
                rules.append({"operation": look, "kind": "status", "status": 500, "times": None})
        await self.control("faults", rules)

    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str:
        body = {"eventTypeId": 101, "start": start.isoformat(), "name": name, "phone": phone, "email": email}
        return (await self.control("bookings", body))["uid"]

    async def standing(self) -> list[tuple[str, datetime]]:
        rows = (await self.state())["bookings"]
        return [
            (row["attendees"][0]["name"], datetime.fromisoformat(row["start"]))
            for row in rows
            if row["status"] == "accepted"
        ]


def options() -> dict[str, str]:
    kinds = [
        {"event_type_id": 101, "title": "Consultation", "slug": "consultation", "minutes": 30},
        {"event_type_id": 102, "title": "Mail", "slug": "mail", "minutes": 30, "email_required": True},
        {"event_type_id": 103, "title": "Capped", "slug": "capped", "minutes": 30, "cap_per_attendee": 1},
        {"event_type_id": 104, "title": "Near", "slug": "near", "minutes": 30, "notice": 2880},
    ]
    return {
        "clock": NOW.isoformat(),
        "week": json.dumps(WEEK),
        "event_types": json.dumps(kinds),
        "api_key": "cal_live_right",
    }


@pytest.fixture
async def calcom() -> AsyncIterator[CalComHarness]:
    async with serve(create_app(options())) as url, httpx.AsyncClient() as client:
        yield CalComHarness(client, url)


@pytest.fixture(params=["fake", "calcom"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    if request.param == "fake":
        yield FakeHarness()
    else:
        async with serve(create_app(options())) as url, httpx.AsyncClient() as client:
            yield CalComHarness(client, url)


def slot(start: datetime = TUESDAY, event_type_id: int = 101) -> Slot:
    return Slot(event_type_id, start, start + timedelta(minutes=30))


def request_for(attendee: Attendee = ANN, start: datetime = TUESDAY, event_type_id: int = 101) -> BookingRequest:
    key = BookingKey.for_write(CALL, "book", event_type_id, start, attendee.name)
    return BookingRequest(key, CALL, slot(start, event_type_id), attendee)


def move_key(start: datetime) -> BookingKey:
    return BookingKey.for_write(CALL, "reschedule", 101, start, "old")


async def starts(calendar: Calendar, start: datetime, days: int = 1, moving: str | None = None) -> list[str]:
    found = await calendar.find_slots(KIND, start, start + timedelta(days=days), moving=moving)
    return [f"{s.start.astimezone(PARIS):%H:%M}" for s in found]


# Reading


async def test_slots_are_working_hours_without_what_is_booked(harness: Harness) -> None:
    day = TUESDAY.replace(hour=0)
    await harness.seed(TUESDAY + timedelta(minutes=30), "Bob Other", None, "bob@example.com")
    found = await starts(harness.calendar, day)
    assert found[:3] == ["09:00", "10:00", "10:30"]
    assert (len(found), found[-1]) == (14, "17:30")


async def test_slots_stay_within_the_range_asked_for(harness: Harness) -> None:
    found = await harness.calendar.find_slots(KIND, TUESDAY + timedelta(minutes=15), TUESDAY + timedelta(minutes=90))
    assert [s.start for s in found] == [TUESDAY + timedelta(minutes=30), TUESDAY + timedelta(minutes=60)]
    assert all(s.start.utcoffset() == timedelta(0) and s.end - s.start == timedelta(minutes=30) for s in found)


async def test_none_free_is_empty_and_not_an_error(harness: Harness) -> None:
    saturday = datetime(2026, 10, 24, 0, 0, tzinfo=PARIS)
    assert await starts(harness.calendar, saturday) == []


@pytest.mark.parametrize(("day", "count"), [((2026, 10, 25), 8), ((2027, 3, 28), 4)])
async def test_a_day_on_which_the_clocks_change(harness: Harness, day: tuple[int, int, int], count: int) -> None:
    midnight = datetime(*day, tzinfo=PARIS).astimezone(UTC)
    found = await harness.calendar.find_slots(KIND, midnight, midnight + timedelta(hours=12))
    assert len({s.start for s in found}) == count
    assert all(
        later.start - earlier.start == timedelta(minutes=30) for earlier, later in zip(found, found[1:], strict=False)
    )


async def test_nine_in_the_morning_is_nine_before_and_after_the_change(harness: Harness) -> None:
    friday, monday = datetime(2026, 10, 23, tzinfo=PARIS), datetime(2026, 10, 26, tzinfo=PARIS)
    before = (await harness.calendar.find_slots(KIND, friday, friday + timedelta(days=1)))[0]
    after = (await harness.calendar.find_slots(KIND, monday, monday + timedelta(days=1)))[0]
    assert (before.start.hour, after.start.hour) == (7, 8)


@pytest.mark.parametrize("trouble", ["unavailable", "misconfigured"])
async def test_a_calendar_that_is_away_is_never_an_empty_one(
    harness: Harness, trouble: Literal["unavailable", "misconfigured"]
) -> None:
    error = CalendarUnavailable if trouble == "unavailable" else CalendarMisconfigured
    for operation in ("find_slots", "list", "ping"):
        await harness.read_trouble(operation, trouble)
    with pytest.raises(error):
        await starts(harness.calendar, TUESDAY)
    with pytest.raises(error):
        await harness.calendar.find_bookings(phone="+33612345678", after=NOW)
    with pytest.raises(error):
        await harness.calendar.ping()


async def test_ping_answers_when_all_is_well(harness: Harness) -> None:
    await harness.calendar.ping()
    assert harness.calendar.now() == NOW


# Holds


async def test_a_hold_hides_the_slot_until_released_and_blocks_no_booking(harness: Harness) -> None:
    calendar = harness.calendar
    hold = await calendar.hold(slot(), minutes=5)
    assert hold is not None
    assert "09:00" not in await starts(calendar, TUESDAY)
    with pytest.raises(SlotTaken):
        await calendar.hold(slot(), minutes=5)
    booked = await calendar.book(request_for())
    await calendar.release(hold)
    await calendar.release(hold)
    await calendar.cancel(booked.uid)
    assert "09:00" in await starts(calendar, TUESDAY)


async def test_a_booked_slot_cannot_be_held(harness: Harness) -> None:
    await harness.seed(TUESDAY, "Bob Other", None, "bob@example.com")
    with pytest.raises(SlotTaken):
        await harness.calendar.hold(slot(), minutes=5)


# Booking


async def test_a_booking_reads_back_as_written(harness: Harness) -> None:
    request = request_for(replace(ANN, email="ann@example.com"))
    made = await harness.calendar.book(request)
    assert made.stands
    assert (made.start, made.end, made.event_type_id) == (TUESDAY, TUESDAY + timedelta(minutes=30), 101)
    assert (made.attendee_name, made.attendee_phone, made.attendee_email) == (ANN.name, ANN.phone, "ann@example.com")
    assert (made.key, made.call_id) == (request.key, CALL)
    assert await harness.calendar.get_booking(made.uid) == made
    assert await harness.calendar.find_booking(request.key, event_type_id=101, start=TUESDAY) == made
    assert await harness.standing() == [(ANN.name, TUESDAY)]


async def test_a_taken_slot_is_slot_taken(harness: Harness) -> None:
    await harness.calendar.book(request_for())
    with pytest.raises(SlotTaken):
        await harness.calendar.book(request_for(replace(ANN, name="Bob Other")))
    assert await harness.standing() == [(ANN.name, TUESDAY)]


async def test_another_caller_is_faster(harness: Harness) -> None:
    await harness.write_trouble("book", "taken")
    with pytest.raises(SlotTaken):
        await harness.calendar.book(request_for())
    assert [name for name, _ in await harness.standing()] == ["Somebody Else"]


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("unavailable", CalendarUnavailable),
        ("misconfigured", CalendarMisconfigured),
        ("refused", BookingRefused),
        ("lost_before_commit", BookingUnconfirmed),
    ],
)
@pytest.mark.parametrize("operation", ["book", "reschedule", "cancel"])
async def test_a_write_that_did_not_happen(
    harness: Harness, operation: Write, trouble: Trouble, error: type[Exception]
) -> None:
    uid = await harness.seed(TUESDAY, "Bob Other", None, "bob@example.com")
    later = TUESDAY + timedelta(hours=1)
    await harness.write_trouble(operation, trouble)
    writes = {
        "book": lambda: harness.calendar.book(request_for(start=later)),
        "reschedule": lambda: harness.calendar.reschedule(uid, later, key=move_key(later)),
        "cancel": lambda: harness.calendar.cancel(uid),
    }
    with pytest.raises(error):
        await writes[operation]()
    assert await harness.standing() == [("Bob Other", TUESDAY)]


async def test_a_booking_whose_answer_is_lost_is_found_again(harness: Harness) -> None:
    await harness.write_trouble("book", "lost_after_commit")
    made = await harness.calendar.book(request_for())
    assert made.key == request_for().key
    assert await harness.standing() == [(ANN.name, TUESDAY)]


async def test_a_booking_nobody_can_look_up_is_unconfirmed_and_not_refused(harness: Harness) -> None:
    await harness.write_trouble("book", "unconfirmed_after_commit")
    with pytest.raises(BookingUnconfirmed):
        await harness.calendar.book(request_for())
    assert await harness.standing() == [(ANN.name, TUESDAY)]


async def test_a_write_attempted_before_is_looked_up_first(harness: Harness) -> None:
    first = await harness.calendar.book(request_for())
    again = await harness.calendar.book(replace(request_for(), attempted=True))
    assert again == first
    assert len(await harness.standing()) == 1


async def test_the_same_write_again_without_knowing_returns_the_booking(harness: Harness) -> None:
    first = await harness.calendar.book(request_for())
    assert await harness.calendar.book(request_for()) == first


async def test_a_key_never_written_is_not_found(harness: Harness) -> None:
    await harness.seed(TUESDAY, "Bob Other", None, "bob@example.com")
    assert await harness.calendar.find_booking(request_for().key, event_type_id=101, start=TUESDAY) is None


async def test_a_cancelled_booking_is_still_found_by_its_key(harness: Harness) -> None:
    made = await harness.calendar.book(request_for())
    await harness.calendar.cancel(made.uid)
    found = await harness.calendar.find_booking(request_for().key, event_type_id=101, start=TUESDAY)
    assert found is not None
    assert (found.uid, found.status) == (made.uid, "cancelled")
    again = await harness.calendar.book(replace(request_for(), attempted=True))
    assert again.uid != made.uid
    assert again.stands


# Finding a caller's bookings


async def test_bookings_are_found_by_every_given_trait(harness: Harness) -> None:
    calendar = harness.calendar
    await calendar.book(request_for())
    elodie = Attendee("Élodie Le Goff", "+33698765432", "elodie@example.com", "Europe/Paris", "fr")
    await calendar.book(request_for(elodie, TUESDAY + timedelta(hours=1)))
    await harness.seed(TUESDAY + timedelta(hours=2), "Dan Mail", None, "dan@example.com")

    async def names(**traits: str) -> list[str]:
        return [b.attendee_name for b in await calendar.find_bookings(after=NOW, **traits)]

    assert await names(phone="+33612345678") == ["Ann Example"]
    assert await names(phone="+33698765432", name="elodie le-goff") == ["Élodie Le Goff"]
    assert await names(email="DAN@example.com", name="Dan") == ["Dan Mail"]
    assert await names(phone="+33612345678", name="Dan") == []
    assert await names(phone="+33600000000") == []
    assert await names() == []


async def test_past_and_cancelled_bookings_are_nobodys(harness: Harness) -> None:
    made = await harness.calendar.book(request_for())
    assert len(await harness.calendar.find_bookings(phone=ANN.phone, after=TUESDAY)) == 0
    await harness.calendar.cancel(made.uid)
    assert len(await harness.calendar.find_bookings(phone=ANN.phone, after=NOW)) == 0


# Moving and cancelling


async def test_a_moved_booking_is_a_new_one_and_frees_the_old_time(harness: Harness) -> None:
    old = await harness.calendar.book(request_for())
    later = TUESDAY + timedelta(hours=1)
    new = await harness.calendar.reschedule(old.uid, later, key=move_key(later))
    assert new.uid != old.uid
    assert (new.start, new.rescheduled_from, new.attendee_phone) == (later, old.uid, ANN.phone)
    before = await harness.calendar.get_booking(old.uid)
    assert (before.status, before.rescheduled_to) == ("cancelled", new.uid)
    assert await harness.standing() == [(ANN.name, later)]
    assert "09:00" in await starts(harness.calendar, TUESDAY)


async def test_its_own_time_is_free_for_a_booking_that_moves(harness: Harness) -> None:
    old = await harness.calendar.book(request_for())
    assert "09:00" not in await starts(harness.calendar, TUESDAY)
    assert "09:00" in await starts(harness.calendar, TUESDAY, moving=old.uid)


async def test_moving_again_to_the_same_time_gives_the_booking_that_moved(harness: Harness) -> None:
    old = await harness.calendar.book(request_for())
    later = TUESDAY + timedelta(hours=1)
    new = await harness.calendar.reschedule(old.uid, later, key=move_key(later))
    assert await harness.calendar.reschedule(old.uid, later, key=move_key(later)) == new
    with pytest.raises(BookingRefused, match="already_moved"):
        await harness.calendar.reschedule(old.uid, TUESDAY + timedelta(hours=2), key=move_key(TUESDAY))
    with pytest.raises(BookingRefused, match="already_moved"):
        await harness.calendar.cancel(old.uid)
    assert await harness.standing() == [(ANN.name, later)]


async def test_a_move_to_a_taken_time_changes_nothing(harness: Harness) -> None:
    old = await harness.calendar.book(request_for())
    later = TUESDAY + timedelta(hours=1)
    await harness.seed(later, "Bob Other", None, "bob@example.com")
    with pytest.raises(SlotTaken):
        await harness.calendar.reschedule(old.uid, later, key=move_key(later))
    assert (await harness.calendar.get_booking(old.uid)).stands


@pytest.mark.parametrize("trouble", ["lost_after_commit", "unconfirmed_after_commit"])
async def test_a_move_whose_answer_is_lost(harness: Harness, trouble: Trouble) -> None:
    old = await harness.calendar.book(request_for())
    later = TUESDAY + timedelta(hours=1)
    await harness.write_trouble("reschedule", trouble)
    if trouble == "lost_after_commit":
        new = await harness.calendar.reschedule(old.uid, later, key=move_key(later))
        assert new.start == later
    else:
        with pytest.raises(BookingUnconfirmed):
            await harness.calendar.reschedule(old.uid, later, key=move_key(later))
    assert await harness.standing() == [(ANN.name, later)]


@pytest.mark.parametrize("trouble", ["lost_after_commit", "unconfirmed_after_commit"])
async def test_a_cancellation_whose_answer_is_lost(harness: Harness, trouble: Trouble) -> None:
    made = await harness.calendar.book(request_for())
    await harness.write_trouble("cancel", trouble)
    if trouble == "lost_after_commit":
        assert (await harness.calendar.cancel(made.uid)).status == "cancelled"
    else:
        with pytest.raises(BookingUnconfirmed):
            await harness.calendar.cancel(made.uid)
    assert await harness.standing() == []


async def test_cancelled_twice_is_cancelled(harness: Harness) -> None:
    made = await harness.calendar.book(request_for())
    first = await harness.calendar.cancel(made.uid, reason="ill")
    assert first.status == "cancelled"
    assert (await harness.calendar.cancel(made.uid)).uid == made.uid


async def test_a_cancelled_booking_does_not_move(harness: Harness) -> None:
    made = await harness.calendar.book(request_for())
    await harness.calendar.cancel(made.uid)
    with pytest.raises(BookingRefused, match="already_cancelled"):
        await harness.calendar.reschedule(made.uid, TUESDAY + timedelta(hours=1), key=move_key(TUESDAY))


async def test_a_booking_that_is_not_there(harness: Harness) -> None:
    with pytest.raises(BookingNotFound):
        await harness.calendar.get_booking("nothing")
    with pytest.raises(BookingNotFound):
        await harness.calendar.cancel("nothing")
    with pytest.raises(BookingNotFound):
        await harness.calendar.reschedule("nothing", TUESDAY, key=move_key(TUESDAY))


# Cal.com's own


@pytest.mark.parametrize("form", ["text", "raw", "conflict"])
async def test_calcom_words_a_taken_slot_in_three_ways(calcom: CalComHarness, form: str) -> None:
    await calcom.control("race", {"when": "next_post", "form": form})
    with pytest.raises(SlotTaken):
        await calcom.calendar.book(request_for())


async def test_calcom_a_write_is_sent_once_whatever_becomes_of_its_answer(calcom: CalComHarness) -> None:
    await calcom.control("faults", [{"operation": "create_booking", "kind": "status", "status": 502}])
    with pytest.raises(BookingUnconfirmed):
        await calcom.calendar.book(request_for())
    assert await calcom.requests("create_booking") == 1
    assert await calcom.requests("list_bookings") >= 2


async def test_calcom_a_write_that_commits_after_the_first_look_is_found(calcom: CalComHarness) -> None:
    await calcom.control("late_commit", {"delay_ms": 200})
    made = await calcom.calendar.book(request_for())
    assert made.key == request_for().key
    assert await calcom.requests("create_booking") == 1


async def test_calcom_a_write_slower_than_its_deadline_is_looked_up(calcom: CalComHarness) -> None:
    await calcom.control("latency", {"write_ms": 1_100})
    made = await calcom.calendar.book(request_for())
    assert made.start == TUESDAY
    assert await calcom.requests("create_booking") == 1


async def test_calcom_one_failed_read_is_read_again(calcom: CalComHarness) -> None:
    await calcom.control("faults", [{"operation": "slots", "kind": "status", "status": 500}])
    assert len(await starts(calcom.calendar, TUESDAY.replace(hour=0))) == 15
    await calcom.control("faults", [{"operation": "slots", "kind": "cut"}])
    assert len(await starts(calcom.calendar, TUESDAY.replace(hour=0))) == 15


async def test_calcom_a_rate_limit_past_the_deadline_says_when_to_come_back(calcom: CalComHarness) -> None:
    await calcom.control("rate-limit", {"limit": 1, "window_s": 60})
    await calcom.calendar.ping()
    with pytest.raises(CalendarUnavailable) as caught:
        await starts(calcom.calendar, TUESDAY)
    assert caught.value.retry_after == 60
    with pytest.raises(CalendarUnavailable):
        await calcom.calendar.book(request_for())
    assert await calcom.standing() == []


async def test_calcom_a_short_rate_limit_is_waited_out_by_reads(calcom: CalComHarness) -> None:
    connection = CalComConnection(base_url=HttpUrl(calcom.url), api_key=SecretStr("cal_live_right"))
    patient = CalComCalendar(calcom.client, connection, clock=lambda: NOW, deadlines=replace(DEADLINES, slots=3.0))
    await calcom.control("rate-limit", {"limit": 1, "window_s": 0.9})
    await calcom.calendar.ping()
    assert len(await starts(patient, TUESDAY.replace(hour=0))) == 15


async def test_calcom_the_phone_alone_is_enough_and_makes_up_an_address(calcom: CalComHarness) -> None:
    made = await calcom.calendar.book(request_for())
    assert (made.attendee_email, made.attendee_phone) == ("33612345678@sms.cal.com", "+33612345678")
    row = (await calcom.state())["bookings"][0]
    assert row["attendees"][0]["phoneNumber"] == "+33612345678"
    assert row["metadata"] == {"ava_key": request_for().key.value, "ava_call": str(CALL)}


async def test_calcom_an_event_type_that_wants_an_email_is_the_owners_to_mend(calcom: CalComHarness) -> None:
    with pytest.raises(CalendarMisconfigured, match="make e-mail optional"):
        await calcom.calendar.book(request_for(event_type_id=102))


async def test_calcom_reasons_other_than_the_slot_are_refusals(calcom: CalComHarness) -> None:
    with pytest.raises(BookingRefused, match="past"):
        await calcom.calendar.book(request_for(start=NOW - timedelta(hours=1)))
    with pytest.raises(BookingRefused, match="outside_booking_window"):
        await calcom.calendar.book(request_for(event_type_id=104))
    await calcom.calendar.book(request_for(event_type_id=103))
    with pytest.raises(BookingRefused, match="attendee_limit"):
        await calcom.calendar.book(request_for(event_type_id=103, start=TUESDAY + timedelta(hours=1)))


async def test_calcom_an_unknown_event_type_is_the_owners_to_mend(calcom: CalComHarness) -> None:
    with pytest.raises(CalendarMisconfigured, match="event type"):
        await calcom.calendar.find_slots(EventType("x", 999, 30), TUESDAY, TUESDAY + timedelta(days=1))
    with pytest.raises(CalendarMisconfigured, match="event type"):
        await calcom.calendar.book(request_for(event_type_id=999))


async def test_calcom_wrong_key_wrong_address_and_nobody_there(calcom: CalComHarness) -> None:
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


async def test_calcom_a_failing_hold_blocks_nothing(calcom: CalComHarness) -> None:
    for fault in ({"kind": "status", "status": 500}, {"kind": "cut"}, {"kind": "status", "status": 404}):
        await calcom.control("faults", [{"operation": "reserve", **fault}])
        assert await calcom.calendar.hold(slot(), minutes=5) is None
    assert (await calcom.calendar.book(request_for())).stands


async def test_calcom_the_version_header_is_that_of_the_resource(calcom: CalComHarness) -> None:
    """The stand-in falls back to the old shapes as Cal.com does, so a wrong header can't go unseen."""
    headers = {"Authorization": "Bearer cal_live_right"}
    old = await calcom.client.get(f"{calcom.url}/v2/bookings", headers=headers | {"cal-api-version": "2024-06-14"})
    assert old.json()["data"] == {"bookings": [], "recurringInfo": [], "totalCount": 0}
    gone = await calcom.client.get(f"{calcom.url}/v2/slots", headers=headers)
    assert gone.status_code == 404
    assert gone.json()["error"]["message"] == "Cannot GET /v2/slots"
    assert gone.headers["x-request-id"]


async def test_calcom_bookings_beyond_the_first_page_are_found(calcom: CalComHarness) -> None:
    at = TUESDAY
    for number in range(260):
        await calcom.seed(at + timedelta(minutes=number), f"Guest {number}", None, f"g{number}@example.com")
    await calcom.seed(at + timedelta(days=30), ANN.name, ANN.phone, None)
    found = await calcom.calendar.find_bookings(phone=ANN.phone, after=NOW)
    assert [b.attendee_name for b in found] == [ANN.name]
