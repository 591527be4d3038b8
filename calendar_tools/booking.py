"""The desk of one call: find, hold, book, find mine, move, cancel. No framework, no words.

Owns: what was offered, which bookings the caller may touch, and that each write happens once and is never left unsaid.
Refuses: dates from words (`windows`), wording (`speech`), the wire (adapters of `Calendar`).

The life of a write. `intended` goes durably into the ledger before the request leaves; the request runs in a task of its
own, so that an interruption of the tool does not stop it half-way; whoever asks for the same thing again, at the same
time or later, gets that task's result. The final step is recorded by the tool that hands the result out, because only
then does somebody know it. Hence every end is covered: a result that nobody fetched is found by `close`, which leaves
the business a message; an unknown one leaves the message at once; and a job that dies leaves `intended` behind, which
the reconciler settles the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from calendar_tools.availability import Availability
from calendar_tools.calendar import Calendar
from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarError,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.follow_ups import Why, follow_up_for
from calendar_tools.model import (
    Action,
    Attendee,
    Booking,
    BookingKey,
    BookingRequest,
    EventType,
    Hold,
    Person,
    Receipt,
    Slot,
)
from calendar_tools.offers import Offer, OfferBook
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
from contracts.assistant import BookingPolicy, Language
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.errors import DomainError
from contracts.hours import OpeningHours

_LOOK_AHEAD = timedelta(days=7)  # fetched with a window, so that "the next one" costs no second request
_LOOK_FURTHER = timedelta(days=21)
_WRITE_SECONDS = 25.0  # beyond any adapter's own deadlines
_DONE = {"book": BookingState.CONFIRMED, "reschedule": BookingState.RESCHEDULED, "cancel": BookingState.CANCELLED}


class Stretch(Protocol):
    """A window of time, as `windows.Window`: aware, half-open, with perhaps only parts of its days asked for."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...

    def contains(self, at: datetime) -> bool: ...


class BookingLedger(Protocol):
    """Keeps the steps of booking writes. DomainError: not kept; before a write, that write is then not made."""

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        """`durable`: return only when the step survives the death of this process. Otherwise soon is enough, and the
        step must be taken without waiting: there is no point in between at which a tool could be cancelled."""
        ...


FollowUp = Callable[[MessageTaken], Awaitable[None]]
"""Leaves a message for the business; keeps it when the database is away. DomainError: not kept."""


@dataclass(frozen=True)
class _Done:
    receipt: Receipt
    reference: str


@dataclass(frozen=True)
class _Gone:
    pass


_Outcome = _Done | _Gone | Refused | CalendarAway | Doubtful


@dataclass(frozen=True)
class _Plan:
    """One intended write. `send` makes it, `look` asks whether it took effect, without writing."""

    step: BookingRecorded
    service_id: str
    send: Callable[[], Awaitable[Booking]]
    look: Callable[[], Awaitable[Booking | None]]
    reference: str | None = None


@dataclass
class _Write:
    plan: _Plan
    task: asyncio.Task[_Outcome]
    told: bool = False


class BookingDesk:
    """One per call; `close` it at the end. Methods return results (`results`); only bugs raise.

    event_types: by service id. person: the caller's own number is that of the SIP layer. resumed: this call's job was
    started before, so that a write may be there already and every write looks first.
    """

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
        self._ledger = ledger
        self._follow_up = follow_up
        self._resumed = resumed
        self._availability = Availability(calendar, hours)
        self._writing = asyncio.Lock()
        self._writes: dict[tuple[str, ...], _Write] = {}
        self._mine: dict[str, Mine] = {}
        self._holds: dict[str, Hold] = {}
        self._side: set[asyncio.Task[None]] = set()
        self._receipts: list[Receipt] = []
        self._doubts: list[Doubtful] = []
        self._tries = 0

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """Proofs of what this call has done, oldest first."""
        return tuple(self._receipts)

    @property
    def doubts(self) -> tuple[Doubtful, ...]:
        return tuple(self._doubts)

    @property
    def moments(self) -> frozenset[datetime]:
        """Every start this call may speak of: offered, the caller's own bookings, and what was done."""
        mine = {mine.booking.start for mine in self._mine.values()}
        return self.offers.moments | mine | {receipt.booking.start for receipt in self._receipts}

    @property
    def references(self) -> tuple[str, ...]:
        """The bookings that may be moved or cancelled."""
        return tuple(ref for ref, mine in self._mine.items() if mine.booking.stands)

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
        """Offers slots in `window`. `moving`: the reference of the booking that is to move; its own time is free."""
        kind = self._event_types.get(service_id)
        if kind is None:
            return UnknownService(tuple(self._event_types))
        moved = self._mine.get(moving) if moving is not None else None
        if moving is not None and moved is None:
            return UnknownReference()
        uid = moved.booking.uid if moved is not None else None
        zone = self._hours.zone
        begin = window.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        until = max(window.end.astimezone(UTC), window.start.astimezone(UTC) + _LOOK_AHEAD)
        try:
            slots = await self._availability.slots(kind, begin, until, moving=uid)
        except CalendarError as error:
            return _away(error)
        wanted = [slot for slot in slots if _asked_for(window, slot)]
        if moved is not None:
            wanted = [slot for slot in wanted if slot.start != moved.booking.start]
        if wanted:
            offers = self.offers.offer(wanted, self._policy.offered_slots, service_id=service_id)
            return SlotsOffered(tuple(offers), more=len(wanted) > len(offers))
        return await self._none(kind, service_id, window, slots, until, uid)

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
        if memo not in self._writes and offer is None:
            return NotOffered(self.offers.ids())
        write = self._write(memo, lambda: self._plan_booking(self._offered(slot_id), attendee))
        result = await self._finish(memo, write, slot_id)
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
            return _away(error)
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
        if memo not in self._writes:
            if offer is None:
                return NotOffered(self.offers.ids())
            if offer.slot.event_type_id != mine.booking.event_type_id:
                return Refused("other_service")
            if not mine.booking.stands:
                return Refused("already_cancelled")
        write = self._write(memo, lambda: self._plan_move(mine, self._offered(slot_id)))
        result = await self._finish(memo, write, slot_id)
        assert not isinstance(result, Booked | Cancelled)
        return result

    async def cancel(self, reference: str) -> CancelResult:
        """Cancels a booking found or made in this call."""
        memo = ("cancel", reference)
        mine = self._mine.get(reference)
        if mine is None:
            return UnknownReference()
        write = self._write(memo, lambda: self._plan_cancellation(mine))
        result = await self._finish(memo, write, None)
        assert not isinstance(result, Booked | Moved | SlotGone | NotOffered)
        return result

    async def close(self, *, seconds: float = 12.0) -> None:
        """The call is over: waits for writes under way, and leaves a message for each whose end nobody was told.

        Can be called again. `seconds`: how long a write may still take before it counts as unknown.
        """
        self._release_holds()
        running = [write.task for write in self._writes.values() if not write.task.done()]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for write in list(self._writes.values()):
            if not write.told:
                await self._leave_untold(write)
        if self._side:
            await asyncio.wait(set(self._side), timeout=2.0)

    def _offered(self, slot_id: str) -> Offer:
        offer = self.offers.recall(slot_id)
        assert offer is not None, "a write is planned only for a slot that was offered"
        return offer

    def _plan_booking(self, offer: Offer, attendee: Attendee) -> _Plan:
        slot = offer.slot
        key = BookingKey.for_write(self._call_id, "book", slot.event_type_id, slot.start, attendee.name)
        request = BookingRequest(key, self._call_id, slot, attendee, attempted=self._resumed)
        step = self._step("book", key, offer.service_id, slot, attendee.name, attendee.phone, attendee.email)

        async def look() -> Booking | None:
            found = await self._calendar.find_booking(key, event_type_id=slot.event_type_id, start=slot.start)
            return found if found is not None and found.stands else None

        return _Plan(step, offer.service_id, lambda: self._calendar.book(request), look)

    def _plan_move(self, mine: Mine, offer: Offer) -> _Plan:
        old, start = mine.booking, offer.slot.start
        key = BookingKey.for_write(self._call_id, "reschedule", old.event_type_id, start, old.uid)
        step = self._step(
            "reschedule", key, mine.service_id, offer.slot, old.attendee_name, old.attendee_phone, old.attendee_email
        ).model_copy(update={"replaces_uid": old.uid})

        async def look() -> Booking | None:
            now = await self._calendar.get_booking(old.uid)
            new = await self._calendar.get_booking(now.rescheduled_to) if now.rescheduled_to is not None else None
            return new if new is not None and new.start == start else None

        return _Plan(
            step, mine.service_id, lambda: self._calendar.reschedule(old.uid, start, key=key), look, mine.reference
        )

    def _plan_cancellation(self, mine: Mine) -> _Plan:
        old = mine.booking
        key = BookingKey.for_write(self._call_id, "cancel", old.event_type_id, old.start, old.uid)
        slot = Slot(old.event_type_id, old.start, old.end)
        step = self._step(
            "cancel", key, mine.service_id, slot, old.attendee_name, old.attendee_phone, old.attendee_email
        ).model_copy(update={"calendar_uid": old.uid})

        async def look() -> Booking | None:
            now = await self._calendar.get_booking(old.uid)
            return now if now.status == "cancelled" and now.rescheduled_to is None else None

        return _Plan(step, mine.service_id, lambda: self._calendar.cancel(old.uid), look, mine.reference)

    def _step(
        self, action: Action, key: BookingKey, service_id: str, slot: Slot, name: str, phone: str | None,
        email: str | None,
    ) -> BookingRecorded:  # fmt: skip
        return BookingRecorded(
            at=self._calendar.now(),
            booking_key=key.value,
            action=action,
            state=BookingState.INTENDED,
            service_id=service_id,
            event_type_id=slot.event_type_id,
            starts_at=slot.start,
            ends_at=slot.end,
            attendee_name=name,
            attendee_phone=phone,
            attendee_email=email,
        )

    def _write(self, memo: tuple[str, ...], plan: Callable[[], _Plan]) -> _Write:
        """The write under way or done for the same thing; a new one; or, where the last ended in doubt, a look."""
        known = self._writes.get(memo)
        if known is not None and not (known.task.done() and _in_doubt(known.task)):
            return known
        if known is not None:
            work = self._look_again(known.plan)
            fresh = _Write(known.plan, self._task(work))
        else:
            planned = plan()
            fresh = _Write(planned, self._task(self._carry_out(planned)))
        self._writes[memo] = fresh
        return fresh

    def _task(self, work: Coroutine[Any, Any, _Outcome]) -> asyncio.Task[_Outcome]:
        task = asyncio.create_task(work, name=f"booking-write-{self._call_id}")
        task.add_done_callback(_retrieve)
        return task

    async def _carry_out(self, plan: _Plan) -> _Outcome:
        """One write of this call at a time."""
        async with self._writing:
            try:
                await self._ledger.record(plan.step, durable=True)
            except DomainError:
                return CalendarAway()
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    booking = await plan.send()
            except SlotTaken:
                return _Gone()
            except BookingRefused as error:
                return Refused(str(error))
            except BookingNotFound:
                return Refused("already_cancelled")
            except (CalendarUnavailable, CalendarMisconfigured) as error:
                return _away(error)
            except (BookingUnconfirmed, TimeoutError):
                return await self._doubt(plan)
            finally:
                self._availability.forget()
            return self._settled(plan, booking)

    async def _look_again(self, plan: _Plan) -> _Outcome:
        """After a doubt, asking for the same again never writes again. Nothing found is still a doubt."""
        async with self._writing:
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    booking = await plan.look()
            except (CalendarError, TimeoutError):
                booking = None
            return await self._doubt(plan) if booking is None else self._settled(plan, booking)

    async def _doubt(self, plan: _Plan) -> Doubtful:
        doubt = Doubtful(plan.step.action, plan.step.starts_at)
        if doubt in self._doubts:
            return doubt
        self._doubts.append(doubt)
        await self._leave(plan.step, "unconfirmed")
        await self._record(plan.step, BookingState.UNCONFIRMED, durable=True)
        return doubt

    def _settled(self, plan: _Plan, booking: Booking) -> _Done:
        """A fact now, whether or not anybody has been told."""
        reference = plan.reference or self._reference_of(booking)
        receipt = Receipt(plan.step.action, booking, plan.service_id, self._calendar.now())
        self._mine[reference] = Mine(reference, booking, plan.service_id)
        self._receipts.append(receipt)
        self._availability.forget()
        return _Done(receipt, reference)

    async def _finish(
        self, memo: tuple[str, ...], write: _Write, slot_id: str | None
    ) -> BookResult | MoveResult | CancelResult:
        """Waits for the write and hands its result out. Cancelled meanwhile, the write goes on and stays untold."""
        outcome = await asyncio.shield(write.task)
        offer = self.offers.recall(slot_id) if slot_id is not None else None
        result = await self._worded(write, outcome, offer)
        if not write.told:
            await self._record_end(write.plan, outcome, durable=False)
            write.told = True
        if isinstance(outcome, _Done):
            self._drop_stale(memo, write)
        elif not isinstance(outcome, Doubtful) and self._writes.get(memo) is write:
            del self._writes[memo]  # certainly not written: asking again may try again
        return result

    async def _worded(
        self, write: _Write, outcome: _Outcome, offer: Offer | None
    ) -> Booked | Moved | Cancelled | SlotGone | Refused | Doubtful | CalendarAway:
        match outcome:
            case _Gone():
                return await self._gone(offer) if offer is not None else Refused("already_cancelled")
            case _Done(receipt, reference):
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

    def _drop_stale(self, memo: tuple[str, ...], write: _Write) -> None:
        """A booking that moved or was cancelled is no longer what earlier writes to it said."""
        if write.plan.step.action == "book":
            return
        for other, earlier in list(self._writes.items()):
            if other != memo and earlier.told and earlier.task.done() and self._touches(earlier, write.plan.reference):
                del self._writes[other]

    def _touches(self, write: _Write, reference: str | None) -> bool:
        outcome = _outcome(write.task)
        if write.plan.reference is not None:
            return write.plan.reference == reference
        return isinstance(outcome, _Done) and outcome.reference == reference

    async def _leave_untold(self, write: _Write) -> None:
        """What the caller has not been told is told to the business, and only then recorded as ended."""
        step = write.plan.step
        outcome = _outcome(write.task)
        why: Why = "stands" if isinstance(outcome, _Done) else "unconfirmed"
        write.task.cancel()
        if outcome is None or isinstance(outcome, _Done):
            if not await self._leave(step, why):
                return  # `intended` stays the last step, and the reconciler leaves the message
        await self._record_end(write.plan, outcome, durable=True)
        write.told = True

    async def _record_end(self, plan: _Plan, outcome: _Outcome | None, *, durable: bool) -> None:
        if self._resumed and isinstance(outcome, _Gone | Refused | CalendarAway):
            return  # not written now, but perhaps by the job before: `intended` stays, and the reconciler looks
        match outcome:
            case _Done(receipt, _):
                uid = receipt.booking.uid
                await self._record(plan.step, _DONE[plan.step.action], durable=durable, uid=uid)
            case _Gone():
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail="slot_taken")
            case Refused(reason):
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail=reason)
            case CalendarAway():
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail="calendar_unavailable")
            case Doubtful():
                return  # recorded when it arose
            case None:
                await self._record(plan.step, BookingState.UNCONFIRMED, durable=durable)

    async def _record(
        self, step: BookingRecorded, state: BookingState, *, durable: bool, uid: str | None = None, detail: str = ""
    ) -> None:
        final = BookingRecorded.model_validate(
            step.model_dump(exclude={"event_id"})
            | {
                "at": self._calendar.now(),
                "state": state,
                "calendar_uid": uid or step.calendar_uid,
                "detail": detail,
            }
        )
        try:
            await self._ledger.record(final, durable=durable)
        except DomainError:
            return  # `intended` stands in the ledger: the reconciler ends it

    async def _leave(self, step: BookingRecorded, why: Why) -> bool:
        """Whether the message is kept. If not, the step stays open and the reconciler leaves the same one."""
        message = follow_up_for(
            step,
            why,
            language=self._language,
            zone=self._hours.zone,
            at=self._calendar.now(),
            callback=self._person.caller_id,
        )
        try:
            await self._follow_up(message)
        except DomainError:
            return False
        return True

    async def _none(
        self, kind: EventType, service_id: str, window: Stretch, slots: list[Slot], until: datetime, uid: str | None
    ) -> NoSlots | CalendarAway:
        zone = self._hours.zone
        last = (window.end - timedelta(microseconds=1)).astimezone(zone).date()
        later = [slot for slot in slots if slot.start.astimezone(zone).date() > last]
        same_days = [slot for slot in slots if slot.start.astimezone(zone).date() <= last]
        if not later:
            try:
                later = await self._availability.slots(kind, until, until + _LOOK_FURTHER, moving=uid)
            except CalendarError as error:
                return _away(error)
        limit = self._policy.offered_slots
        others = self.offers.offer(same_days, limit, service_id=service_id)
        following = self.offers.offer(later, 1, service_id=service_id)
        return NoSlots(following[0] if following else None, tuple(others))

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
            slots = await self._availability.slots(kind, begin, begin + _LOOK_AHEAD)
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


def _away(error: CalendarError) -> CalendarAway:
    retry_after = error.retry_after if isinstance(error, CalendarUnavailable) else None
    return CalendarAway(owners=isinstance(error, CalendarMisconfigured), retry_after=retry_after)


def _outcome(task: asyncio.Task[_Outcome]) -> _Outcome | None:
    """None: the task is not done, or ended without an outcome (cancelled, or a bug)."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()


def _in_doubt(task: asyncio.Task[_Outcome]) -> bool:
    outcome = _outcome(task)
    return outcome is None or isinstance(outcome, Doubtful)


def _retrieve(task: asyncio.Task[_Outcome]) -> None:
    """A result nobody waits for is `close`'s to look at, and no warning of the loop's."""
    if not task.cancelled():
        task.exception()
