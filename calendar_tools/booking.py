"""The desk of one call: find, hold, book, find mine, move, cancel. No framework, no words.

Owns: what was offered, which bookings the caller may touch, and that each wish is one write.
Refuses: what a write is (`plans`), how it lives and ends (`writes`), dates from words (`windows`), wording (`speech`), the
wire (adapters).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Protocol
from uuid import UUID

from calendar_tools.availability import Availability
from calendar_tools.calendar import Calendar
from calendar_tools.errors import CalendarError, SlotTaken
from calendar_tools.model import Attendee, Booking, EventType, Hold, Person, Receipt, Slot
from calendar_tools.offers import Offer, OfferBook
from calendar_tools.plans import Plans
from calendar_tools.recovery import find_written
from calendar_tools.results import (
    Booked,
    BookResult,
    CalendarAway,
    Cancelled,
    CancelResult,
    Doubtful,
    Found,
    Held,
    HoldResult,
    IdentityExhausted,
    IdentityNeeded,
    Mine,
    MineResult,
    Moved,
    MoveResult,
    NoSlots,
    NotFound,
    NotOffered,
    Refused,
    SearchResult,
    SlotGone,
    SlotsOffered,
    UnknownReference,
    UnknownService,
)
from calendar_tools.writes import BookingLedger, CallFacts, Done, FollowUp, Gone, Memo, Outcome, Plan, Writes, away
from contracts.assistant import BookingPolicy, Language
from contracts.call import BookingRecorded
from contracts.hours import OpeningHours

_NEAR = timedelta(days=7)  # where alternatives to a lost slot are looked for


class Stretch(Protocol):
    """A window of time, as `windows.Window`: aware, half-open, with perhaps only parts of its days asked for."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...

    def contains(self, at: datetime) -> bool: ...


class BookingDesk:
    """One per call; `close` it at the end. Methods return results (`results`); only bugs raise.

    event_types: by service id. person: the caller's own number is that of the SIP layer. resumed: this call's job was
    started before, so that a write may be there already and every write looks first.
    """

    writes_type: ClassVar[type[Writes]] = Writes

    def __init__(
        self,
        calendar: Calendar,
        *,
        event_types: Mapping[str, EventType],
        hours: OpeningHours,
        policy: BookingPolicy,
        language: Language,
        call_id: UUID,
        person: Person,
        ledger: BookingLedger,
        follow_up: FollowUp,
        resumed: bool = False,
    ) -> None:
        self.offers = OfferBook()
        self._calendar = calendar
        self._event_types = dict(event_types)
        self._hours = hours
        self._policy = policy
        self._language: Language = language
        self._call_id = call_id
        self._person = person
        self._plans = Plans(calendar, call_id, resumed=resumed)
        self._availability = Availability(calendar, hours)
        self._writes = self.writes_type(
            CallFacts(call_id, language, hours.zone, person.caller_id, resumed),
            now=calendar.now,
            ledger=ledger,
            follow_up=follow_up,
            settled=self._settled,
            after=self._availability.forget,
        )
        self._mine: dict[str, Mine] = {}
        self._holds: dict[str, Hold] = {}
        self._side: set[asyncio.Task[None]] = set()
        self._receipts: list[Receipt] = []
        self._tries = 0

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """Proofs of what this call has done, oldest first."""
        return tuple(self._receipts)

    @property
    def doubts(self) -> tuple[Doubtful, ...]:
        return self._writes.doubts

    @property
    def moments(self) -> frozenset[datetime]:
        """Every start this call may speak of: offered, the caller's own bookings, and what was done."""
        mine = {mine.booking.start for mine in self._mine.values()}
        return self.offers.moments | mine | {receipt.booking.start for receipt in self._receipts}

    @property
    def bookable(self) -> tuple[str, ...]:
        """The ids of the services that the calendar has an event type for."""
        return tuple(self._event_types)

    @property
    def references(self) -> tuple[str, ...]:
        """The bookings that may be moved or cancelled."""
        return tuple(ref for ref, mine in self._mine.items() if mine.booking.stands)

    def find_reference(self, reference: str) -> Booking | None:
        """The booking that bears this name in this call."""
        mine = self._mine.get(reference)
        return mine.booking if mine is not None else None

    def attendee(self, name: str, *, phone: str | None = None, email: str | None = None) -> Attendee:
        """Who is to be booked; without phone and e-mail, reached at the number that calls (if it shows)."""
        reached = phone or (None if email else self._person.caller_id or self._person.phone)
        return Attendee(name.strip(), reached, email, self._hours.time_zone, self._language)

    async def prefetch(self, days: int | None = None) -> None:
        """The next days' slots of every service, to answer the first question from memory. Never raises a calendar's
        error. Default: the policy's number of days."""
        kinds = {kind.event_type_id: kind for kind in self._event_types.values()}
        await self._availability.prefetch(kinds.values(), days or self._policy.prefetch_days)

    async def find_slots(self, service_id: str, window: Stretch, *, moving: str | None = None) -> SearchResult:
        """Offers slots in `window`. `moving`: the reference of the booking that is to move; its own time is free, and it
        moves within its own service, whatever `service_id` says."""
        moved = self._mine.get(moving) if moving is not None else None
        if moving is not None and moved is None:
            return UnknownReference()
        if moved is not None and moved.service_id in self._event_types:
            service_id = moved.service_id
        kind = self._event_types.get(service_id)
        if kind is None:
            return UnknownService(tuple(self._event_types))
        uid = moved.booking.uid if moved is not None else None
        begin, until = self._days_of(window)
        limit = self._policy.offered_slots

        def asked_for(slots: list[Slot]) -> list[Slot]:
            own = moved.booking.start if moved is not None else None
            return [slot for slot in slots if _asked_for(window, slot) and slot.start != own]

        try:
            slots = await self._availability.at_hand(kind, begin, until) if uid is None else []
            if len(asked_for(slots)) < limit:
                slots = await self._availability.slots(kind, begin, until, moving=uid)
            wanted = asked_for(slots)
            following = None if wanted else await self._availability.next_after(kind, until, moving=uid)
        except CalendarError as error:
            return away(error)
        if wanted:
            offers = self.offers.offer(wanted, limit, service_id=service_id)
            return SlotsOffered(tuple(offers), more=len(wanted) > len(offers))
        others = self.offers.offer(slots, limit, service_id=service_id)
        next_one = self.offers.offer([following] if following else [], 1, service_id=service_id)
        return NoSlots(next_one[0] if next_one else None, tuple(others))

    def _days_of(self, window: Stretch) -> tuple[datetime, datetime]:
        """From the beginning of the window's first local day to the end of its last."""
        zone = self._hours.zone
        first = window.start.astimezone(zone).date()
        last = (window.end - timedelta(microseconds=1)).astimezone(zone).date() + timedelta(days=1)
        return (
            datetime(first.year, first.month, first.day, tzinfo=zone),
            datetime(last.year, last.month, last.day, tzinfo=zone),
        )

    async def hold(self, slot_id: str) -> HoldResult:
        """Hides the slot from others while the caller confirms. One at a time; that it fails blocks nothing."""
        offer = self.offers.find(slot_id)
        if offer is None:
            return NotOffered(self.offers.ids())
        if slot_id in self._holds:
            return Held(offer)
        self._release_holds()
        try:
            hold = await self._calendar.hold(offer.slot, minutes=self._policy.hold_minutes)
        except SlotTaken:
            return await self._gone(offer)
        except CalendarError:
            return Held(offer)
        if hold is not None:
            self._holds[slot_id] = hold
        return Held(offer)

    async def book(self, slot_id: str, attendee: Attendee) -> BookResult:
        """Writes once. Asked again for the same slot, whoever for, the first booking is the answer."""
        memo = ("book", slot_id)
        offer = self.offers.find(slot_id)
        if not self._writes.knows(memo) and offer is None:
            return NotOffered(self.offers.ids())
        result = await self._finish(memo, lambda: self._plans.book(self._offered(slot_id), attendee), slot_id)
        assert not isinstance(result, Moved | Cancelled | UnknownReference)
        return result

    async def find_mine(
        self, *, name: str | None = None, phone: str | None = None, email: str | None = None
    ) -> MineResult:
        """The caller's coming bookings: those made with the number that calls, or those that match a name together
        with a number or an e-mail. After the policy's number of misses no more is asked."""
        if self._tries >= self._policy.identity_tries:
            return IdentityExhausted()
        now = self._calendar.now()
        try:
            if self._person.caller_id is not None:
                found = await self._calendar.find_bookings(phone=self._person.caller_id, after=now)
                if found:
                    return Found(tuple(self._remember(booking) for booking in found), by="caller_id")
            if not name or not (phone or email):
                return IdentityNeeded()
            found = await self._calendar.find_bookings(phone=phone or None, email=email or None, name=name, after=now)
        except CalendarError as error:
            return away(error)
        if found:
            return Found(tuple(self._remember(booking) for booking in found), by="traits")
        self._tries += 1
        left = self._policy.identity_tries - self._tries
        return NotFound(left) if left > 0 else IdentityExhausted()

    async def reschedule(self, reference: str, slot_id: str) -> MoveResult:
        """Moves a booking found or made in this call to a slot offered in it."""
        memo = ("reschedule", reference, slot_id)
        mine, offer = self._mine.get(reference), self.offers.find(slot_id)
        if mine is None:
            return UnknownReference()
        if not self._writes.knows(memo):
            if offer is None:
                return NotOffered(self.offers.ids())
            if offer.slot.event_type_id != mine.booking.event_type_id:
                return Refused("other_service")
            if not mine.booking.stands:
                return Refused("already_cancelled")
        result = await self._finish(memo, lambda: self._plans.move(mine, self._offered(slot_id)), slot_id)
        assert not isinstance(result, Booked | Cancelled)
        return result

    async def cancel(self, reference: str) -> CancelResult:
        """Cancels a booking found or made in this call."""
        memo = ("cancel", reference)
        mine = self._mine.get(reference)
        if mine is None:
            return UnknownReference()
        result = await self._finish(memo, lambda: self._plans.cancel(mine), None)
        assert not isinstance(result, Booked | Moved | SlotGone | NotOffered)
        return result

    async def close(self, *, seconds: float = 12.0) -> None:
        """The call is over: waits for writes under way, and leaves a message for each whose end nobody was told.

        Can be called again. `seconds`: how long a write may still take before it counts as unknown.
        """
        self._release_holds()
        await self._writes.close(seconds)
        if self._side:
            await asyncio.wait(set(self._side), timeout=2.0)

    def _offered(self, slot_id: str) -> Offer:
        offer = self.offers.recall(slot_id)
        assert offer is not None, "a write is planned only for a slot that was offered"
        return offer

    async def recover(self, step: BookingRecorded) -> Receipt | None:
        """A write of the job before, by its last step: looked up, never sent. None: it is not there, or not yet. Raises
        CalendarError: nobody knows."""
        booking = await find_written(step, self._calendar)
        return self._keep(step, booking, step.service_id).receipt if booking is not None else None

    def _settled(self, plan: Plan, booking: Booking) -> Done:
        """A fact now, whether or not anybody has been told."""
        return self._keep(plan.step, booking, plan.service_id, plan.reference)

    def _keep(self, step: BookingRecorded, booking: Booking, service_id: str, reference: str | None = None) -> Done:
        reference = reference or self._reference_of(booking)
        receipt = Receipt(step.action, booking, service_id, self._calendar.now())
        self._mine[reference] = Mine(reference, booking, service_id)
        self._receipts.append(receipt)
        self._availability.forget()
        return Done(receipt, reference)

    async def _finish(
        self, memo: Memo, plan: Callable[[], Plan], slot_id: str | None
    ) -> BookResult | MoveResult | CancelResult:
        """Waits for the write and hands its result out. Cancelled meanwhile, the write goes on and stays untold."""
        write = self._writes.start(memo, plan)
        outcome = await asyncio.shield(write.task)
        result = await self._worded(outcome, self.offers.recall(slot_id) if slot_id is not None else None)
        await self._writes.told(memo, write, outcome)
        return result

    async def _worded(
        self, outcome: Outcome, offer: Offer | None
    ) -> Booked | Moved | Cancelled | SlotGone | Refused | Doubtful | CalendarAway:
        match outcome:
            case Gone():
                return await self._gone(offer) if offer is not None else Refused("already_cancelled")
            case Done(receipt, reference):
                if offer is not None:
                    self.offers.withdraw(offer.slot_id)
                self._release_holds()
                match receipt.action:
                    case "book":
                        return Booked(receipt, reference)
                    case "reschedule":
                        return Moved(receipt, reference)
                    case "cancel":
                        return Cancelled(receipt, reference)
            case _:
                return outcome

    async def _gone(self, offer: Offer) -> SlotGone:
        """Withdraws the slot, and offers the nearest that are free."""
        self.offers.withdraw(offer.slot_id)
        self._availability.forget()
        kind = self._event_types.get(offer.service_id)
        if kind is None:
            return SlotGone(())
        start = offer.slot.start
        day: date = start.astimezone(self._hours.zone).date()
        begin = datetime(day.year, day.month, day.day, tzinfo=self._hours.zone)
        try:
            slots = await self._availability.slots(kind, begin, begin + _NEAR)
        except CalendarError:
            return SlotGone(())
        nearest = sorted((s for s in slots if s.start != start), key=lambda s: abs(s.start - start))
        chosen = sorted(nearest[: self._policy.offered_slots], key=lambda s: s.start)
        offers = self.offers.offer(chosen, self._policy.offered_slots, service_id=offer.service_id)
        return SlotGone(tuple(offers))

    def _remember(self, booking: Booking) -> Mine:
        reference = self._reference_of(booking)
        kept = self._mine.get(reference)
        service_id = kept.service_id if kept is not None else self._service_of(booking.event_type_id)
        self._mine[reference] = Mine(reference, booking, service_id)
        return self._mine[reference]

    def _reference_of(self, booking: Booking) -> str:
        for reference, mine in self._mine.items():
            if mine.booking.uid == booking.uid:
                return reference
        return f"b{len(self._mine) + 1}"

    def _service_of(self, event_type_id: int) -> str:
        return next((s for s, kind in self._event_types.items() if kind.event_type_id == event_type_id), "")

    def _release_holds(self) -> None:
        """Beside the conversation: nobody waits for it."""
        while self._holds:
            _, hold = self._holds.popitem()
            task = asyncio.create_task(self._calendar.release(hold), name=f"booking-release-{self._call_id}")
            self._side.add(task)
            task.add_done_callback(self._side.discard)


def _asked_for(window: Stretch, slot: Slot) -> bool:
    return window.start.astimezone(UTC) <= slot.start < window.end.astimezone(UTC) and window.contains(slot.start)
