"""What booking is about: slots, offers, keys, bookings, receipts. Frozen; every datetime is aware.

Personal data stays out of every repr, so that no traceback or log line can carry it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

Action = Literal["book", "reschedule", "cancel"]


@dataclass(frozen=True)
class EventType:
    """A service as the calendar knows it."""

    service_id: str
    event_type_id: int
    minutes: int


@dataclass(frozen=True)
class Slot:
    event_type_id: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class BookingKey:
    """Identifies one intended write for ever: the same call, action and target give the same key after a restart.

    Written into the booking's metadata, it is how a write whose answer was lost is found again.
    """

    value: str

    @staticmethod
    def for_write(call_id: UUID, action: Action, event_type_id: int, start: datetime, attendee: str) -> "BookingKey":
        """sha256 of the parts, first 32 hex digits. `attendee`: what tells two people of one call apart (the name)."""
        parts = f"{call_id}|{action}|{event_type_id}|{start.timestamp():.0f}|{attendee.casefold().strip()}"
        return BookingKey(sha256(parts.encode()).hexdigest()[:32])


@dataclass(frozen=True)
class Attendee:
    """At least one of phone (E.164) and email."""

    name: str = field(repr=False)
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    time_zone: str
    language: str


@dataclass(frozen=True)
class Hold:
    """A hint to the calendar that hides a slot; it blocks nothing."""

    reservation_uid: str
    slot: Slot
    until: datetime


@dataclass(frozen=True)
class Booking:
    uid: str
    event_type_id: int
    start: datetime
    end: datetime
    status: Literal["accepted", "pending", "cancelled", "rejected"]
    attendee_name: str = field(repr=False)
    attendee_phone: str | None = field(default=None, repr=False)
    attendee_email: str | None = field(default=None, repr=False)
    key: BookingKey | None = None
    call_id: UUID | None = None
    rescheduled_from: str | None = None
    rescheduled_to: str | None = None

    @property
    def stands(self) -> bool:
        return self.status in ("accepted", "pending")


@dataclass(frozen=True)
class BookingRequest:
    """`attempted`: a write under this key may have been sent before (a restarted call), so the calendar looks first."""

    key: BookingKey
    call_id: UUID
    slot: Slot
    attendee: Attendee
    notes: str = field(default="", repr=False)
    attempted: bool = False


@dataclass(frozen=True)
class Receipt:
    """Proof, read back from the calendar, that an action of this call took effect. What the voice may assert."""

    action: Action
    booking: Booking
    service_id: str
    at: datetime


@dataclass(frozen=True)
class Person:
    """Who is calling, as far as the call knows: caller ID from SIP, name and e-mail as said."""

    caller_id: str | None = field(repr=False)
    name: str = field(default="", repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
