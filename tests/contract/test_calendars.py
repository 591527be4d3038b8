"""One suite for every calendar behind the port: the shipped fake, and Cal.com's adapter against its stand-in over HTTP.

What a fault is called is the same for both; how it is brought about is the harness's (tests/fakes/calendars.py). What is
Cal.com's alone is in test_calcom_calendar.py.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.model import Attendee
from tests.fakes.calendars import (
    ANN,
    CALL,
    KIND,
    NOW,
    PARIS,
    TUESDAY,
    FakeHarness,
    Harness,
    Trouble,
    Write,
    calcom_harness,
    move_key,
    request_for,
    slot,
    starts,
)


@pytest.fixture(params=["fake", "calcom"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    if request.param == "fake":
        yield FakeHarness()
    else:
        async with calcom_harness() as calcom:
            yield calcom


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
