"""A trial's bookings behave like bookings, and the calendar never hears of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from calendar_tools.errors import BookingNotFound, BookingRefused, CalendarUnavailable, SlotTaken
from calendar_tools.fake import FakeCalendar
from calendar_tools.model import Attendee, Booking, BookingKey, BookingRequest, EventType, Slot
from calendar_tools.rehearsal import UID_PREFIX, Rehearsal

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # a Monday
NINE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # 9:00 in Paris on Tuesday
TEN = NINE + timedelta(hours=1)
KIND = EventType("checkup", 7, 30)
CALL = uuid4()
ZOE = Attendee("Zoé Martin", "+33611111111", None, "Europe/Paris", "fr")


def at(start: datetime) -> Slot:
    return Slot(7, start, start + timedelta(minutes=30))


def request(start: datetime = NINE, name: str = "Zoé Martin") -> BookingRequest:
    key = BookingKey.for_write(CALL, "book", 7, start, name)
    return BookingRequest(key, CALL, at(start), replace(ZOE, name=name))


class Trial:
    """A rehearsal over a diary that nobody else writes into."""

    def __init__(self) -> None:
        self.diary = FakeCalendar(clock=lambda: NOW)
        self.real = self.diary.seed(KIND, TEN, name="Ann Example", phone="+33622222222")
        self.before = dict(self.diary.bookings)
        self.calendar = Rehearsal(self.diary)

    async def starts(self, moving: str | None = None) -> list[datetime]:
        return [s.start for s in await self.calendar.find_slots(KIND, NINE, TEN + timedelta(hours=1), moving=moving)]

    @property
    def is_untouched(self) -> bool:
        return dict(self.diary.bookings) == self.before and not self.diary.holds


@pytest.fixture
def trial() -> Trial:
    return Trial()


async def test_a_booking_takes_its_time_and_is_found_again(trial: Trial) -> None:
    """Whoever books twice in one test call is not offered the same time, and hears of the first booking."""
    made = await trial.calendar.book(request())
    assert (made.start, made.status, made.attendee_name) == (NINE, "accepted", "Zoé Martin")
    assert made.uid.startswith(UID_PREFIX)
    assert NINE not in await trial.starts()
    assert await trial.calendar.get_booking(made.uid) == made
    assert await trial.calendar.find_booking(request().key, event_type_id=7, start=NINE) == made
    assert list(await trial.calendar.find_bookings(phone="+33611111111", after=NOW)) == [made]
    assert await trial.calendar.book(request()) == made, "the same key is the same booking"
    assert trial.is_untouched


async def test_a_time_that_is_taken_in_truth_can_not_be_had(trial: Trial) -> None:
    """The owner hears of the real diary: another's time is taken, and so is one's own rehearsed one."""
    for act in (lambda: trial.calendar.hold(at(TEN), minutes=5), lambda: trial.calendar.book(request(TEN))):
        with pytest.raises(SlotTaken):
            await act()
    await trial.calendar.book(request())
    with pytest.raises(SlotTaken):
        await trial.calendar.book(request(name="Somebody Else"))
    assert trial.is_untouched


async def test_a_hold_is_given_and_not_written(trial: Trial) -> None:
    """As a caller meets it; the diary still offers the time to others."""
    hold = await trial.calendar.hold(at(NINE), minutes=5)
    assert hold is not None
    assert hold.until == NOW + timedelta(minutes=5)
    await trial.calendar.release(hold)
    assert trial.is_untouched


async def test_a_real_booking_is_moved_and_cancelled_for_the_trial_only(trial: Trial) -> None:
    """It is found under its new time, its old one is not offered, and in the diary it stands where it stood."""
    key = BookingKey.for_write(CALL, "reschedule", 7, NINE, "Ann Example")
    moved = await trial.calendar.reschedule(trial.real.uid, NINE, key=key)
    assert (moved.start, moved.rescheduled_from) == (NINE, trial.real.uid)
    assert list(await trial.calendar.find_bookings(name="Ann Example", after=NOW)) == [moved]
    assert {NINE, TEN}.isdisjoint(await trial.starts())
    assert await trial.calendar.reschedule(trial.real.uid, NINE, key=key) == moved
    with pytest.raises(BookingRefused):
        await trial.calendar.cancel(trial.real.uid)
    gone = await trial.calendar.cancel(moved.uid)
    assert gone.status == "cancelled"
    assert list(await trial.calendar.find_bookings(name="Ann Example", after=NOW)) == []
    assert NINE in await trial.starts()
    assert trial.is_untouched


async def test_a_booking_may_be_moved_onto_its_own_time(trial: Trial) -> None:
    """What is moved does not stand in its own way, be it real or rehearsed."""
    made = await trial.calendar.book(request())
    assert NINE in await trial.starts(moving=made.uid)
    assert TEN in await trial.starts(moving=trial.real.uid)


async def test_a_cancelled_booking_is_not_moved(trial: Trial) -> None:
    """As in a calendar."""
    cancelled = await trial.calendar.cancel(trial.real.uid)
    assert not cancelled.stands
    with pytest.raises(BookingRefused):
        await trial.calendar.reschedule(trial.real.uid, NINE, key=BookingKey("k"))
    assert trial.is_untouched


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.find_slots(KIND, NINE, TEN),
        lambda c: c.find_bookings(name="Ann Example", after=NOW),
        lambda c: c.book(request()),
        lambda c: c.ping(),
    ],
    ids=["slots", "bookings", "book", "ping"],
)
async def test_a_calendar_that_is_away_is_away(trial: Trial, ask: Callable[[Rehearsal], object]) -> None:
    """A trial shows what callers would meet: unreachable is not full."""
    for operation in ("find_slots", "list", "ping"):
        trial.diary.script(operation, "unavailable")
    with pytest.raises(CalendarUnavailable):
        await ask(trial.calendar)  # pyright: ignore[reportGeneralTypeIssues]  # each gives something to await


async def test_nobodys_booking_is_not_found(trial: Trial) -> None:
    """By a uid that is neither the diary's nor the trial's."""
    with pytest.raises(BookingNotFound):
        await trial.calendar.get_booking("nobody")


def test_a_record_tells_a_rehearsed_booking(trial: Trial) -> None:
    """The diary's own uids never look like one."""
    found: list[Booking] = list(trial.diary.bookings.values())
    assert not any(booking.uid.startswith(UID_PREFIX) for booking in found)
