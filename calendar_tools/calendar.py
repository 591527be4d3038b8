"""The port behind which a calendar stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from calendar_tools.model import Booking, BookingKey, BookingRequest, EventType, Hold, Slot


class Calendar(Protocol):
    """A business's calendar. Every method has a deadline of its own.

    CalendarUnavailable: nothing was written; take a message. CalendarMisconfigured: tell the owner, take a message.
    BookingUnconfirmed (writes only): the answer was lost and looking the key up did not settle it; say so, follow up.
    A write never repeats itself after an unknown answer: it looks its key up and returns what it finds.
    """

    def now(self) -> datetime:
        """Aware; the clock that windows are resolved against."""
        ...

    async def find_slots(
        self, event_type: EventType, start: datetime, end: datetime, *, moving: str | None = None
    ) -> Sequence[Slot]:
        """Free slots in [start, end), in order. Empty means none: unavailability raises. `moving`: the uid of a
        booking whose own time counts as free."""
        ...

    async def hold(self, slot: Slot, *, minutes: int) -> Hold | None:
        """Hides the slot for a while; None where the calendar would not. SlotTaken when it is gone."""
        ...

    async def release(self, hold: Hold) -> None:
        """Best effort; an unknown hold is fine."""
        ...

    async def book(self, request: BookingRequest) -> Booking:
        """Writes once under the request's key, and reads back. A booking that bears the key already is returned.

        SlotTaken, BookingRefused, BookingUnconfirmed, CalendarUnavailable, CalendarMisconfigured.
        """
        ...

    async def find_booking(self, key: BookingKey, *, event_type_id: int, start: datetime) -> Booking | None:
        """The standing or cancelled booking that bears this key, for the given start; None: it was never made."""
        ...

    async def get_booking(self, uid: str) -> Booking:
        """BookingNotFound."""
        ...

    async def find_bookings(
        self, *, phone: str | None = None, email: str | None = None, name: str | None = None, after: datetime
    ) -> Sequence[Booking]:
        """Standing bookings that start after `after` and match every given trait, soonest first, at most 20."""
        ...

    async def reschedule(self, uid: str, start: datetime, *, key: BookingKey, reason: str = "") -> Booking:
        """Moves a booking: the answer is the new booking. Errors as for `book`, and BookingNotFound."""
        ...

    async def cancel(self, uid: str, *, reason: str = "") -> Booking:
        """-> the cancelled booking; cancelled already counts as done. BookingNotFound, BookingUnconfirmed."""
        ...

    async def ping(self) -> None: ...
