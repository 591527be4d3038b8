"""The desk of one call on the fake calendar: results, identity, and a ledger that is ahead of every write."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.availability import FRESH_SECONDS
from calendar_tools.booking import BookingDesk
from calendar_tools.calcom import CalComCalendar
from calendar_tools.connect import CalendarDefaults, connect
from calendar_tools.errors import CalendarMisconfigured, CalendarUnavailable
from calendar_tools.fake import FakeCalendar, Fault, office_hours
from calendar_tools.model import EventType, Person, Slot
from calendar_tools.reconcile import settle
from calendar_tools.results import (
    Booked,
    CalendarAway,
    Cancelled,
    Doubtful,
    Found,
    Held,
    IdentityExhausted,
    IdentityNeeded,
    Moved,
    NoSlots,
    NotFound,
    NotOffered,
    Refused,
    SlotGone,
    SlotsOffered,
    UnknownReference,
    UnknownService,
)
from contracts.assistant import BookingPolicy, Language
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.errors import StoreUnavailable
from contracts.hours import DatedException, Interval, OpeningHours
from contracts.ports import OpenDoubt

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # Monday, 8:00 in Paris
PARIS = ZoneInfo("Europe/Paris")
KIND = EventType("care", 7, 30)
CALL = UUID(int=1)
CALLER = "+33612345678"


@dataclass(frozen=True)
class Window:
    start: datetime
    end: datetime
    hours: tuple[int, int] = (0, 24)

    def contains(self, at: datetime) -> bool:
        return self.hours[0] <= at.astimezone(PARIS).hour < self.hours[1]


def window(day: int, *, days: int = 1, hours: tuple[int, int] = (0, 24)) -> Window:
    start = datetime(2026, 11, day, tzinfo=PARIS)
    return Window(start, start + timedelta(days=days), hours)


@dataclass
class Ledger:
    steps: list[BookingRecorded] = field(default_factory=list[BookingRecorded])
    away: bool = False

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        if self.away:
            raise StoreUnavailable("told to be away")
        self.steps.append(step)

    @property
    def states(self) -> list[str]:
        return [step.state.value for step in self.steps]


@dataclass
class Practice:
    """A desk with everything around it."""

    hours: OpeningHours = field(default_factory=office_hours)
    caller: str | None = CALLER
    language: Language = "en"
    resumed: bool = False
    write_seconds: float = 0.0
    policy: BookingPolicy = field(default_factory=BookingPolicy)
    before: FakeCalendar | None = None

    def __post_init__(self) -> None:
        self.calendar = self.before or FakeCalendar(clock=lambda: NOW, write_seconds=self.write_seconds)
        self.ledger = Ledger()
        self.messages: list[MessageTaken] = []
        self.desk = BookingDesk(
            self.calendar,
            event_types={"care": KIND, "long": EventType("long", 8, 60)},
            hours=self.hours,
            policy=self.policy,
            language=self.language,
            call_id=CALL,
            person=Person(self.caller),
            ledger=self.ledger,
            follow_up=self._leave,
            resumed=self.resumed,
        )

    async def _leave(self, message: MessageTaken) -> None:
        self.messages.append(message)

    async def offered(self, day: int = 24) -> list[str]:
        found = await self.desk.find_slots("care", window(day))
        assert isinstance(found, SlotsOffered)
        return [offer.slot_id for offer in found.offers]

    async def booked(self, name: str = "Ann Example") -> Booked:
        slot_id = (await self.offered())[0]
        result = await self.desk.book(slot_id, self.desk.attendee(name))
        assert isinstance(result, Booked)
        return result


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


# Finding


async def test_slots_are_offered_spread_within_the_window() -> None:
    result = await Practice().desk.find_slots("care", window(24, hours=(9, 12)))
    assert isinstance(result, SlotsOffered)
    assert [f"{o.slot.start.astimezone(PARIS):%H:%M}" for o in result.offers] == ["09:00", "10:00", "11:00"]
    assert result.more


@pytest.mark.parametrize("asked", [window(23), window(24), window(27, hours=(14, 18)), window(23, days=14)])
async def test_prefetched_slots_answer_without_asking_the_calendar_again(asked: Window) -> None:
    practice = Practice()
    practice.calendar.script("find_slots", None, None, "unavailable")
    await practice.desk.prefetch()
    assert isinstance(await practice.desk.find_slots("care", asked), SlotsOffered)
    # past what was fetched, the calendar is asked: the scripted fault shows it
    assert (
        await practice.desk.find_slots("care", Window(at("2026-12-01T00:00"), at("2026-12-02T00:00"))) == CalendarAway()
    )


async def test_prefetched_slots_are_old_after_a_while() -> None:
    practice = Practice()
    practice.calendar.script("find_slots", None, None, "unavailable")
    await practice.desk.prefetch()
    with pytest.MonkeyPatch.context() as patch:
        later = asyncio.get_running_loop().time() + FRESH_SECONDS
        patch.setattr(asyncio.get_running_loop(), "time", lambda: later)
        assert await practice.desk.find_slots("care", window(24)) == CalendarAway()


async def test_a_question_during_the_prefetch_waits_for_it() -> None:
    practice = Practice()
    practice.calendar.script("find_slots", Fault("slow", 0.02), Fault("slow", 0.02), "unavailable")
    prefetching = asyncio.create_task(practice.desk.prefetch(14))
    await asyncio.sleep(0)
    assert isinstance(await practice.desk.find_slots("care", window(24)), SlotsOffered)
    await prefetching


async def test_a_failed_prefetch_is_no_answer() -> None:
    practice = Practice()
    practice.calendar.script("find_slots", "unavailable", "unavailable")
    await practice.desk.prefetch()
    assert isinstance(await practice.desk.find_slots("care", window(24)), SlotsOffered)


async def test_what_was_fetched_is_forgotten_after_a_write() -> None:
    practice = Practice()
    await practice.desk.prefetch(14)
    booked = await practice.booked()
    again = await practice.desk.find_slots("care", window(24, hours=(9, 10)))
    assert isinstance(again, SlotsOffered)
    assert booked.receipt.booking.start not in {o.slot.start for o in again.offers}


async def test_closed_days_and_hours_are_cut_though_the_calendar_has_slots() -> None:
    short = (Interval(opens=time(10), closes=time(11)),)
    hours = OpeningHours(
        time_zone="Europe/Paris",
        weekly={"tuesday": short, "wednesday": short, "friday": short},
        exceptions=(DatedException(day=date(2026, 11, 25)),),
        country="FR",
    )
    practice = Practice(hours=hours)
    tuesday = await practice.desk.find_slots("care", window(24))
    assert isinstance(tuesday, SlotsOffered)
    assert [f"{o.slot.start.astimezone(PARIS):%H:%M}" for o in tuesday.offers] == ["10:00", "10:30"]
    wednesday = await practice.desk.find_slots("care", window(25))
    assert isinstance(wednesday, NoSlots)
    assert wednesday.next_available is not None
    assert wednesday.next_available.slot.start == at("2026-11-27T10:00")
    assert practice.desk.offers.find(wednesday.next_available.slot_id) is not None


async def test_an_hour_that_does_not_fit_before_closing_is_not_offered() -> None:
    hours = OpeningHours(time_zone="Europe/Paris", weekly={"tuesday": (Interval(opens=time(9), closes=time(9, 45)),)})
    assert isinstance(await Practice(hours=hours).desk.find_slots("long", window(24)), NoSlots)


async def test_none_in_the_part_of_day_offers_others_of_that_day() -> None:
    practice = Practice()
    result = await practice.desk.find_slots("care", window(24, hours=(19, 22)))
    assert isinstance(result, NoSlots)
    assert [f"{o.slot.start.astimezone(PARIS):%H:%M}" for o in result.same_days] == ["09:00", "11:30", "15:30"]


async def test_away_is_not_none() -> None:
    practice = Practice()
    practice.calendar.script("find_slots", "unavailable", "misconfigured")
    assert await practice.desk.find_slots("care", window(24)) == CalendarAway()
    assert await practice.desk.find_slots("care", window(24)) == CalendarAway(owners=True)


async def test_the_search_for_the_next_one_may_find_the_calendar_away() -> None:
    practice = Practice()
    practice.calendar.script("find_slots", None, "unavailable")
    for number in range(8):
        for half in range(48):
            practice.calendar.take(KIND, datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=number, minutes=30 * half))
    assert await practice.desk.find_slots("care", window(24)) == CalendarAway()


async def test_a_service_that_cannot_be_booked() -> None:
    assert await Practice().desk.find_slots("massage", window(24)) == UnknownService(("care", "long"))


# Holding and booking


async def test_a_slot_not_offered_in_this_call_cannot_be_had() -> None:
    practice = Practice()
    attendee = practice.desk.attendee("Ann Example")
    assert await practice.desk.book("s1", attendee) == NotOffered(())
    assert await practice.desk.hold("s1") == NotOffered(())
    assert practice.ledger.steps == []


async def test_holding_hides_and_a_booking_releases() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[0]
    assert isinstance(await practice.desk.hold(slot_id), Held)
    assert isinstance(await practice.desk.hold(slot_id), Held)
    assert len(practice.calendar.holds) == 1
    await practice.desk.book(slot_id, practice.desk.attendee("Ann Example"))
    await practice.desk.close()
    assert practice.calendar.holds == {}


async def test_a_hold_that_fails_blocks_nothing_and_one_that_is_gone_offers_others() -> None:
    practice = Practice()
    first, second, _ = await practice.offered()
    practice.calendar.script("hold", "unavailable", "taken")
    assert isinstance(await practice.desk.hold(first), Held)
    gone = await practice.desk.hold(second)
    assert isinstance(gone, SlotGone)
    assert len(gone.alternatives) == 3
    assert practice.desk.offers.find(second) is None


async def test_a_booking_leaves_a_receipt_and_two_steps_and_no_message() -> None:
    practice = Practice()
    result = await practice.booked()
    await practice.desk.close()
    booking = result.receipt.booking
    assert (booking.attendee_name, booking.attendee_phone, booking.start) == (
        "Ann Example",
        CALLER,
        at("2026-11-24T09:00"),
    )
    assert practice.ledger.states == ["intended", "confirmed"]
    assert practice.ledger.steps[1].calendar_uid == booking.uid
    assert practice.desk.receipts == (result.receipt,)
    assert booking.start in practice.desk.moments
    assert practice.messages == []


async def test_intended_is_kept_before_the_request_and_without_it_there_is_none() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[0]
    practice.ledger.away = True
    assert await practice.desk.book(slot_id, practice.desk.attendee("Ann Example")) == CalendarAway()
    assert practice.calendar.bookings == {}


async def test_the_same_wish_twice_is_one_booking_whoever_it_is_for() -> None:
    practice = Practice(write_seconds=0.01)
    slot_id = (await practice.offered())[0]
    ann, misheard = practice.desk.attendee("Ann Example"), practice.desk.attendee("Anne Exampel")
    first, second = await asyncio.gather(practice.desk.book(slot_id, ann), practice.desk.book(slot_id, misheard))
    third = await practice.desk.book(slot_id, ann)
    assert first == second == third
    assert len(practice.calendar.bookings) == 1
    assert practice.ledger.states == ["intended", "confirmed"]


async def test_a_lost_race_offers_the_nearest() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[1]
    practice.calendar.script("book", "taken")
    result = await practice.desk.book(slot_id, practice.desk.attendee("Ann Example"))
    assert isinstance(result, SlotGone)
    taken = practice.desk.offers.recall(slot_id)
    assert taken is not None
    assert all(abs(o.slot.start - taken.slot.start) <= timedelta(hours=3) for o in result.alternatives)
    assert practice.ledger.states == ["intended", "refused"]


async def test_a_refusal_and_an_outage_are_told_apart_and_can_be_tried_again() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[0]
    attendee = practice.desk.attendee("Ann Example")
    practice.calendar.script("book", "refused", "unavailable")
    assert await practice.desk.book(slot_id, attendee) == Refused("refused")
    assert await practice.desk.book(slot_id, attendee) == CalendarAway()
    assert isinstance(await practice.desk.book(slot_id, attendee), Booked)


async def test_a_doubt_leaves_one_urgent_message_and_asking_again_only_looks() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[0]
    attendee = practice.desk.attendee("Ann Example")
    practice.calendar.script("book", "lost_before_commit")
    first = await practice.desk.book(slot_id, attendee)
    assert first == Doubtful("book", at("2026-11-24T09:00"))
    assert await practice.desk.book(slot_id, attendee) == first
    assert practice.calendar.bookings == {}
    assert practice.desk.doubts == (first,)
    await practice.desk.close()
    [message] = practice.messages
    assert (message.follow_up, message.urgent, message.callback_number) == ("booking_doubt", True, CALLER)
    assert practice.ledger.states == ["intended", "unconfirmed"]


async def test_a_doubt_that_turns_out_well_is_told_on_asking_again() -> None:
    practice = Practice()
    slot_id = (await practice.offered())[0]
    attendee = practice.desk.attendee("Ann Example")
    practice.calendar.script("book", "unconfirmed_after_commit")
    assert isinstance(await practice.desk.book(slot_id, attendee), Doubtful)
    assert isinstance(await practice.desk.book(slot_id, attendee), Booked)
    assert len(practice.calendar.bookings) == 1
    assert practice.ledger.states == ["intended", "unconfirmed", "confirmed"]


async def test_an_interrupted_booking_goes_on_and_is_told_or_followed_up() -> None:
    for ask_again in (True, False):
        practice = Practice(write_seconds=0.01)
        slot_id = (await practice.offered())[0]
        attendee = practice.desk.attendee("Ann Example")
        tool = asyncio.create_task(practice.desk.book(slot_id, attendee))
        await asyncio.sleep(0.002)
        tool.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tool
        if ask_again:
            assert isinstance(await practice.desk.book(slot_id, attendee), Booked)
        await practice.desk.close()
        await practice.desk.close()
        assert len(practice.calendar.bookings) == 1
        assert practice.ledger.states == ["intended", "confirmed"]
        assert [m.follow_up for m in practice.messages] == ([] if ask_again else ["booking_doubt"])


async def test_a_write_still_under_way_at_the_end_is_a_doubt() -> None:
    practice = Practice(write_seconds=0.2)
    slot_id = (await practice.offered())[0]
    tool = asyncio.create_task(practice.desk.book(slot_id, practice.desk.attendee("Ann Example")))
    await asyncio.sleep(0.002)
    tool.cancel()
    await asyncio.gather(tool, return_exceptions=True)
    await practice.desk.close(seconds=0.01)
    assert practice.ledger.states == ["intended", "unconfirmed"]
    assert len(practice.messages) == 1
    await practice.calendar.drain()


async def test_a_restarted_call_finds_what_it_booked_before() -> None:
    practice = Practice()
    first = await practice.booked()
    again = Practice(resumed=True, before=practice.calendar)
    again.desk.offers.offer([Slot(7, at("2026-11-24T09:00"), at("2026-11-24T09:30"))], 1, service_id="care")
    result = await again.desk.book("s1", again.desk.attendee("Ann Example"))
    assert isinstance(result, Booked)
    assert result.receipt.booking.uid == first.receipt.booking.uid


# Mine


async def test_caller_id_shows_ones_own_bookings_and_no_others() -> None:
    practice = Practice()
    practice.calendar.seed(KIND, at("2026-11-24T09:00"), name="Ann Example", phone=CALLER)
    practice.calendar.seed(KIND, at("2026-11-24T10:00"), name="Bob Other", phone="+33600000000")
    found = await practice.desk.find_mine()
    assert isinstance(found, Found)
    assert [(m.reference, m.booking.attendee_name, m.service_id) for m in found.bookings] == [
        ("b1", "Ann Example", "care")
    ]
    assert found.by == "caller_id"


async def test_name_alone_opens_nothing() -> None:
    practice = Practice(caller=None)
    practice.calendar.seed(KIND, at("2026-11-24T10:00"), name="Bob Other", phone="+33600000000")
    assert await practice.desk.find_mine(name="Bob Other") == IdentityNeeded()
    assert await practice.desk.find_mine(phone="+33600000000") == IdentityNeeded()


async def test_no_booking_and_no_match_sound_the_same_and_end_after_three() -> None:
    practice = Practice(caller=None)
    practice.calendar.seed(KIND, at("2026-11-24T10:00"), name="Bob Other", phone="+33600000000")
    assert await practice.desk.find_mine(name="Ann", phone="+33600000000") == NotFound(2)
    assert await practice.desk.find_mine(name="Nobody", email="nobody@example.com") == NotFound(1)
    assert await practice.desk.find_mine(name="Ann", email="bob@example.com") == IdentityExhausted()
    assert await practice.desk.find_mine(name="Bob Other", phone="+33600000000") == IdentityExhausted()
    assert practice.desk.references == ()


async def test_an_outage_is_no_try() -> None:
    practice = Practice(caller=None)
    practice.calendar.script("list", *["unavailable"] * 4)
    for _ in range(4):
        assert await practice.desk.find_mine(name="Bob", phone="+33600000000") == CalendarAway()
    assert await practice.desk.find_mine(name="Bob", phone="+33600000000") == NotFound(2)


# Moving and cancelling


async def test_only_what_was_found_or_made_here_can_be_touched() -> None:
    practice = Practice()
    other = practice.calendar.seed(KIND, at("2026-11-24T10:00"), name="Bob Other", phone="+33600000000")
    slot_id = (await practice.offered())[0]
    for reference in ("b1", other.uid):
        assert await practice.desk.cancel(reference) == UnknownReference()
        assert await practice.desk.reschedule(reference, slot_id) == UnknownReference()
        assert await practice.desk.find_slots("care", window(24), moving=reference) == UnknownReference()


async def test_a_change_of_mind_moves_the_booking_and_then_cancels_it() -> None:
    practice = Practice()
    booked = await practice.booked()
    found = await practice.desk.find_slots("care", window(24, hours=(14, 18)), moving=booked.reference)
    assert isinstance(found, SlotsOffered)
    moved = await practice.desk.reschedule(booked.reference, found.offers[0].slot_id)
    assert isinstance(moved, Moved)
    assert moved == await practice.desk.reschedule(booked.reference, found.offers[0].slot_id)
    assert moved.receipt.booking.start == at("2026-11-24T14:00")
    cancelled = await practice.desk.cancel(booked.reference)
    assert isinstance(cancelled, Cancelled)
    assert cancelled == await practice.desk.cancel(booked.reference)
    assert [r.action for r in practice.desk.receipts] == ["book", "reschedule", "cancel"]
    assert practice.desk.references == ()
    assert not any(b.stands for b in practice.calendar.bookings.values())
    assert [s for s in practice.ledger.states if s != "intended"] == ["confirmed", "rescheduled", "cancelled"]


async def test_a_booking_that_was_cancelled_is_no_answer_to_booking_again() -> None:
    practice = Practice()
    booked = await practice.booked()
    await practice.desk.cancel(booked.reference)
    attendee = practice.desk.attendee("Ann Example")
    assert isinstance(await practice.desk.book("s1", attendee), NotOffered)
    again = await practice.booked()
    assert again.receipt.booking.stands
    assert again.reference != booked.reference


async def test_a_booking_does_not_move_to_another_service() -> None:
    practice = Practice()
    booked = await practice.booked()
    found = await practice.desk.find_slots("long", window(25))
    assert isinstance(found, SlotsOffered)
    assert await practice.desk.reschedule(booked.reference, found.offers[0].slot_id) == Refused("other_service")


@pytest.mark.parametrize("action", ["reschedule", "cancel"])
async def test_a_doubtful_change_is_said_to_be_doubtful(action: str) -> None:
    practice = Practice()
    booked = await practice.booked()
    slot_id = (await practice.offered(25))[0]
    change: dict[str, Callable[[], Awaitable[object]]] = {
        "reschedule": lambda: practice.desk.reschedule(booked.reference, slot_id),
        "cancel": lambda: practice.desk.cancel(booked.reference),
    }
    practice.calendar.script("reschedule", "lost_before_commit")
    practice.calendar.script("cancel", "lost_before_commit")
    assert isinstance(await change[action](), Doubtful)
    assert len(practice.messages) == 1


# Afterwards


async def doubt_of(practice: Practice, *faults: str) -> OpenDoubt:
    slot_id = (await practice.offered())[0]
    practice.calendar.script("book", *faults)  # type: ignore[arg-type]  # the parameters of the test below
    await practice.desk.book(slot_id, practice.desk.attendee("Ann Example"))
    return OpenDoubt(CALL, UUID(int=2), practice.ledger.steps[-1], None, "en", "Europe/Paris")


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        ("unconfirmed_after_commit", BookingState.CONFIRMED, "it is in the calendar"),
        ("lost_before_commit", BookingState.ABSENT, "it is not in the calendar"),
    ],
)
async def test_a_doubt_is_settled_by_looking(fault: str, state: BookingState, words: str) -> None:
    practice = Practice()
    doubt = await doubt_of(practice, fault)
    settled = await settle(doubt, practice.calendar)
    assert settled is not None
    assert settled.step.state is state
    assert settled.step.event_id != doubt.booking.event_id
    assert words in settled.message.reason
    assert "24/11/2026 09:00" in settled.message.reason
    # the desk's own message and this one are the same to the store
    assert (settled.message.message_id, settled.message.event_id) == (
        practice.messages[0].message_id,
        practice.messages[0].event_id,
    )


async def test_what_is_settled_is_no_doubt_and_an_outage_leaves_it() -> None:
    practice = Practice()
    await practice.booked()
    final = OpenDoubt(CALL, UUID(int=2), practice.ledger.steps[-1], None, "en", "Europe/Paris")
    assert await settle(final, practice.calendar) is None
    intended = OpenDoubt(CALL, UUID(int=2), practice.ledger.steps[0], None, "en", "Europe/Paris")
    practice.calendar.script("find", "unavailable")
    with pytest.raises(CalendarUnavailable):
        await settle(intended, practice.calendar)


@pytest.mark.parametrize("language", ["fr", "en", "he"])
async def test_the_message_speaks_the_languages_of_the_business(language: Language) -> None:
    practice = Practice(language=language)
    await doubt_of(practice, "lost_before_commit")
    assert "24/11/2026 09:00" in practice.messages[0].reason


async def test_no_repr_shows_who_is_booked() -> None:
    practice = Practice()
    result = await practice.booked()
    shown = repr([result, practice.desk.attendee("Ann Example"), Person(CALLER, "Ann Example"), practice.desk.receipts])
    assert "Ann" not in shown
    assert CALLER not in shown


# Connecting


async def test_a_connection_is_completed_by_the_defaults_or_refused() -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(CalendarMisconfigured, match="CAL_BASE_URL"):
            connect(CalComConnection(), client, CalendarDefaults())
        with pytest.raises(CalendarMisconfigured, match="CAL_API_KEY"):
            connect(CalComConnection(base_url=HttpUrl("https://api.cal.eu")), client, CalendarDefaults())
        defaults = CalendarDefaults(HttpUrl("https://api.cal.com"), SecretStr("cal_live_secret"))
        assert isinstance(connect(CalComConnection(), client, defaults), CalComCalendar)
        assert "secret" not in repr(defaults)


async def test_a_key_that_cannot_be_sent_is_not_quoted() -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['authorization']!r}")

    connection = CalComConnection(base_url=HttpUrl("https://api.cal.com"), api_key=SecretStr("cal_live_secret"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as client:
        calendar = CalComCalendar(client, connection)
        with pytest.raises(CalendarMisconfigured) as caught:
            await calendar.ping()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
