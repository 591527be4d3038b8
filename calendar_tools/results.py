"""What the booking desk answers. Expected outcomes are values, never exceptions; who words them matches on the type."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from calendar_tools.model import Action, Booking, Receipt
from calendar_tools.offers import Offer


@dataclass(frozen=True)
class SlotsOffered:
    """`more`: there are others in the window beside those offered."""

    offers: tuple[Offer, ...]
    more: bool


@dataclass(frozen=True)
class NoSlots:
    """The calendar answered: nothing in the window. All offers here can be booked.

    `next_available`: the first after the window within three weeks. `same_days`: others on the days asked for.
    """

    next_available: Offer | None
    same_days: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class CalendarAway:
    """Nothing was written, and nothing is known of what is free: never to be told as full. Take a message.

    `owners`: only the owner can mend it. `retry_after`: seconds, where the calendar said so.
    """

    owners: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class UnknownService:
    """Not among the bookable services."""

    service_ids: tuple[str, ...]


@dataclass(frozen=True)
class NotOffered:
    """The slot was not offered in this call, or no longer is. Find slots first."""

    on_offer: tuple[str, ...]


@dataclass(frozen=True)
class UnknownReference:
    """No booking of that name was found or made in this call."""


@dataclass(frozen=True)
class Held:
    """The slot is the caller's to confirm. A hint: it may still go."""

    offer: Offer


@dataclass(frozen=True)
class SlotGone:
    """`alternatives`: the nearest still free; empty also where the calendar could not be asked."""

    alternatives: tuple[Offer, ...]


@dataclass(frozen=True)
class Booked:
    """`reference` names the booking for the rest of the call."""

    receipt: Receipt
    reference: str


@dataclass(frozen=True)
class Moved:
    receipt: Receipt
    reference: str


@dataclass(frozen=True)
class Cancelled:
    receipt: Receipt
    reference: str


@dataclass(frozen=True)
class Refused:
    """The calendar's reason: past, outside_booking_window, attendee_limit, already_cancelled, already_moved,
    already_ended, blocked, other_service, or not_accepted with details."""

    reason: str


@dataclass(frozen=True)
class Doubtful:
    """Sent, and not known whether it took effect. The business has been left a message to check and call back."""

    action: Action
    start: datetime


@dataclass(frozen=True)
class Mine:
    """A booking of the caller's, under the name it has in this call."""

    reference: str
    booking: Booking
    service_id: str


@dataclass(frozen=True)
class Found:
    bookings: tuple[Mine, ...]
    by: Literal["caller_id", "traits"]


@dataclass(frozen=True)
class IdentityNeeded:
    """Ask for the name and for the phone number or e-mail the booking was made with."""


@dataclass(frozen=True)
class NotFound:
    """No booking that answers to these traits: the same whether there is none or they do not match."""

    tries_left: int


@dataclass(frozen=True)
class IdentityExhausted:
    """Too many tries in this call: a message for the business, or a person."""


SearchResult = SlotsOffered | NoSlots | CalendarAway | UnknownService | UnknownReference
HoldResult = Held | SlotGone | NotOffered
BookResult = Booked | SlotGone | Refused | Doubtful | CalendarAway | NotOffered
MoveResult = Moved | SlotGone | Refused | Doubtful | CalendarAway | NotOffered | UnknownReference
CancelResult = Cancelled | Refused | Doubtful | CalendarAway | UnknownReference
MineResult = Found | NotFound | IdentityNeeded | IdentityExhausted | CalendarAway
