"""A calendar for trying an assistant: what is free and who has booked is the real one's, what a trial writes stays here.

Owns: the trial's own bookings and changes, for as long as it is held; they take their time, are found again and can be
moved and cancelled. Refuses: every write to the calendar behind it. So it can't show what a calendar says to a write: no
lost answer, no refusal but of a slot that is gone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from calendar_tools.calendar import Calendar
from calendar_tools.errors import BookingRefused, SlotTaken
from calendar_tools.identity import matches
from calendar_tools.model import Booking, BookingKey, BookingRequest, EventType, Hold, Slot

UID_PREFIX = "rehearsal-"
"""By which a record is told from one that stands in a calendar."""

_MOST_FOUND = 20


class Rehearsal:
    """`behind` is read and never written. A time that a rehearsed change sets free is not offered: it is taken in truth."""

    def __init__(self, behind: Calendar) -> None:
        self._behind = behind
        self._written: dict[str, Booking] = {}  # uid -> made here, or the real one as it was changed here

    def now(self) -> datetime:
        return self._behind.now()

    async def find_slots(
        self, event_type: EventType, start: datetime, end: datetime, *, moving: str | None = None
    ) -> Sequence[Slot]:
        real = moving if moving is not None and not moving.startswith(UID_PREFIX) else None
        slots = await self._behind.find_slots(event_type, start, end, moving=real)
        return [slot for slot in slots if self._free(slot, moving)]

    async def hold(self, slot: Slot, *, minutes: int) -> Hold | None:
        await self._insist(slot, None)
        return Hold(f"{UID_PREFIX}{uuid4()}", slot, self.now() + timedelta(minutes=minutes))

    async def release(self, hold: Hold) -> None:
        """Nothing is held."""

    async def book(self, request: BookingRequest) -> Booking:
        known = next((b for b in self._written.values() if b.key == request.key and b.stands), None)
        if known is not None:
            return known
        await self._insist(request.slot, None)
        who = request.attendee
        return self._keep(
            Booking(
                uid=f"{UID_PREFIX}{uuid4()}",
                event_type_id=request.slot.event_type_id,
                start=request.slot.start,
                end=request.slot.end,
                status="accepted",
                attendee_name=who.name,
                attendee_phone=who.phone,
                attendee_email=who.email,
                key=request.key,
                call_id=request.call_id,
            )
        )

    async def find_booking(self, key: BookingKey, *, event_type_id: int, start: datetime) -> Booking | None:
        own = [b for b in self._written.values() if (b.key, b.event_type_id, b.start) == (key, event_type_id, start)]
        return next((b for b in own if b.stands), own[0] if own else None)

    async def get_booking(self, uid: str) -> Booking:
        return self._written.get(uid) or await self._behind.get_booking(uid)

    async def find_bookings(
        self, *, phone: str | None = None, email: str | None = None, name: str | None = None, after: datetime
    ) -> Sequence[Booking]:
        real = await self._behind.find_bookings(phone=phone, email=email, name=name, after=after)
        found = [booking for booking in real if booking.uid not in self._written]
        found += [
            booking
            for booking in self._written.values()
            if booking.stands and booking.start > after and matches(booking, phone=phone, email=email, name=name)
        ]
        return sorted(found, key=lambda booking: booking.start)[:_MOST_FOUND]

    async def reschedule(self, uid: str, start: datetime, *, key: BookingKey, reason: str = "") -> Booking:
        old = await self.get_booking(uid)
        if old.rescheduled_to is not None:
            moved = await self.get_booking(old.rescheduled_to)
            if moved.start != start:
                raise BookingRefused("already_moved")
            return moved
        if not old.stands:
            raise BookingRefused("already_cancelled")
        await self._insist(Slot(old.event_type_id, start, start + (old.end - old.start)), uid)
        new = replace(
            old, uid=f"{UID_PREFIX}{uuid4()}", start=start, end=start + (old.end - old.start), rescheduled_from=uid
        )
        self._keep(replace(old, status="cancelled", rescheduled_to=new.uid))
        return self._keep(new)

    async def cancel(self, uid: str, *, reason: str = "") -> Booking:
        old = await self.get_booking(uid)
        if old.rescheduled_to is not None:
            raise BookingRefused("already_moved")
        return self._keep(replace(old, status="cancelled"))

    async def ping(self) -> None:
        await self._behind.ping()

    def _keep(self, booking: Booking) -> Booking:
        self._written[booking.uid] = booking
        return booking

    def _free(self, slot: Slot, moving: str | None) -> bool:
        return not any(
            b.stands and b.uid != moving and b.start < slot.end and slot.start < b.end for b in self._written.values()
        )

    async def _insist(self, slot: Slot, moving: str | None) -> None:
        """Raises SlotTaken where the time is not free, in truth or in this trial."""
        minutes = round((slot.end - slot.start) / timedelta(minutes=1))
        event_type = EventType("", slot.event_type_id, minutes)
        free = await self.find_slots(event_type, slot.start, slot.end, moving=moving)
        if all(one.start != slot.start for one in free):
            raise SlotTaken("the slot is taken")
