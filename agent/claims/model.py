"""Owns what the speech guard works with: the evidence of a call, the kinds of claims, the verdict on one sentence."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum


@dataclass(frozen=True)
class Evidence:
    """What this call can prove at the moment a sentence is judged. Every datetime is aware, in the business's zone.

    booked, rescheduled_to, cancelled: starts of bookings with a receipt of this call.
    existing: bookings shown to the caller after the identity check.
    offered: slots the calendar offered in this call. pending_readback: the slot being held and read back.
    none_found: a search of this call found nothing. `empty_days`, where given, are the days that were searched
    without a result: then a sentence may only name these. gone: slots the calendar refused in this call.
    opening_moments: times of day that opening hours or an FAQ answer made sayable (see `times_in`); while it is empty,
    sentences about opening hours are not judged.
    message_taken: a message, or any follow-up by the team, was recorded. transferred: the line took the caller over.
    written: sentences of the owner's answers (see `written_sentences`); these are said as they
    stand, unless they name a booking.
    """

    booked: tuple[datetime, ...] = ()
    rescheduled_to: tuple[datetime, ...] = ()
    cancelled: tuple[datetime, ...] = ()
    existing: tuple[datetime, ...] = ()
    offered: tuple[datetime, ...] = ()
    none_found: bool = False
    opening_moments: frozenset[time] = frozenset()
    message_taken: bool = False
    transferred: bool = False
    pending_readback: tuple[datetime, ...] = ()
    empty_days: tuple[date, ...] = ()
    gone: tuple[datetime, ...] = ()
    written: frozenset[str] = frozenset()

    @property
    def has_receipt(self) -> bool:
        return bool(self.booked or self.rescheduled_to or self.cancelled or self.message_taken or self.transferred)

    @property
    def standing(self) -> tuple[datetime, ...]:
        """Starts of bookings that exist now as far as this call knows."""
        return self.booked + self.rescheduled_to + tuple(m for m in self.existing if m not in self.cancelled)

    @property
    def sayable(self) -> tuple[datetime, ...]:
        """Every moment that this call gave a reason to name."""
        return (
            self.booked
            + self.rescheduled_to
            + self.cancelled
            + self.existing
            + self.offered
            + self.pending_readback
            + self.gone
        )


class ClaimKind(StrEnum):
    BOOKED = "booked"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    TRANSFERRED = "transferred"
    MESSAGE_TAKEN = "message_taken"
    OPENING_HOURS = "opening_hours"


@dataclass(frozen=True)
class Verdict:
    """`ok`: the sentence may be spoken. `claim`: what it asserts, proved or not; None when it asserts nothing.

    `replacement` is "" where ok, else a true sentence in the language that asserts nothing.
    `stands_alone`: makes sense although the sentence before it was not spoken.
    """

    ok: bool
    claim: ClaimKind | None
    replacement: str
    stands_alone: bool = True
