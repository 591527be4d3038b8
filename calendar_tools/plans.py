"""What each write of a call is: its key, its first step in the ledger, the request, and how its effect is looked for.

Owns: a booking, a move and a cancellation as plans that can be carried out. Refuses: what the caller may do (`booking`),
carrying a plan out (`writes`), and looking for the writes of a job that died (`recovery`).
"""

from uuid import UUID

from calendar_tools.calendar import Calendar
from calendar_tools.model import Action, Attendee, Booking, BookingKey, BookingRequest, Slot
from calendar_tools.offers import Offer
from calendar_tools.results import Mine
from calendar_tools.writes import Plan
from contracts.call import BookingRecorded, BookingState


class Plans:
    """Those of one call. `resumed`: see BookingDesk."""

    def __init__(self, calendar: Calendar, call_id: UUID, *, resumed: bool) -> None:
        self._calendar = calendar
        self._call_id = call_id
        self._resumed = resumed

    def book(self, offer: Offer, attendee: Attendee) -> Plan:
        slot = offer.slot
        key = BookingKey.for_write(self._call_id, "book", slot.event_type_id, slot.start, attendee.name)
        request = BookingRequest(key, self._call_id, slot, attendee, attempted=self._resumed)
        step = self._step("book", key, offer.service_id, slot, attendee.name, attendee.phone, attendee.email)

        async def look() -> Booking | None:
            found = await self._calendar.find_booking(key, event_type_id=slot.event_type_id, start=slot.start)
            return found if found is not None and found.stands else None

        return Plan(step, offer.service_id, lambda: self._calendar.book(request), look)

    def move(self, mine: Mine, offer: Offer) -> Plan:
        old, start = mine.booking, offer.slot.start
        key = BookingKey.for_write(self._call_id, "reschedule", old.event_type_id, start, old.uid)
        step = self._step(
            "reschedule", key, mine.service_id, offer.slot, old.attendee_name, old.attendee_phone, old.attendee_email
        ).model_copy(update={"replaces_uid": old.uid})

        async def look() -> Booking | None:
            now = await self._calendar.get_booking(old.uid)
            new = await self._calendar.get_booking(now.rescheduled_to) if now.rescheduled_to is not None else None
            return new if new is not None and new.start == start else None

        return Plan(
            step, mine.service_id, lambda: self._calendar.reschedule(old.uid, start, key=key), look, mine.reference
        )

    def cancel(self, mine: Mine) -> Plan:
        old = mine.booking
        key = BookingKey.for_write(self._call_id, "cancel", old.event_type_id, old.start, old.uid)
        slot = Slot(old.event_type_id, old.start, old.end)
        step = self._step(
            "cancel", key, mine.service_id, slot, old.attendee_name, old.attendee_phone, old.attendee_email
        ).model_copy(update={"calendar_uid": old.uid})

        async def look() -> Booking | None:
            now = await self._calendar.get_booking(old.uid)
            return now if now.status == "cancelled" and now.rescheduled_to is None else None

        return Plan(step, mine.service_id, lambda: self._calendar.cancel(old.uid), look, mine.reference)

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
