"""Settles a booking write whose end is not known, after the fact: by looking, never by writing.

Owns: the final step, and the message due to the business. Refuses: fetching doubts and storing what comes of them (the
worker). Look only at doubts older than `SETTLED_AFTER`: a request in flight may still commit.
"""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from calendar_tools.calendar import Calendar
from calendar_tools.errors import BookingNotFound
from calendar_tools.follow_ups import Why, follow_up_for
from calendar_tools.model import BookingKey
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.ids import new_event_id
from contracts.ports import OpenDoubt

SETTLED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Settled:
    """`message` is due whenever the step is: the caller was told nothing certain. It bears the same ids as one the
    call itself left, so that there is one in the end."""

    step: BookingRecorded
    message: MessageTaken


async def settle(doubt: OpenDoubt, calendar: Calendar) -> Settled | None:
    """None: not a doubt. CalendarUnavailable, CalendarMisconfigured: it stays one; try later.

    The message speaks the doubt's language, with times in its zone.
    book: confirmed, cancelled (made, and cancelled since) or absent. reschedule: rescheduled or absent (the old booking
    stands). cancel: cancelled or absent (it still stands).
    """
    step = doubt.booking
    if step.state not in (BookingState.INTENDED, BookingState.UNCONFIRMED):
        return None
    state, uid = await look_up(step, calendar)
    now = calendar.now()
    final = step.model_copy(
        update={
            "event_id": new_event_id(),
            "at": now,
            "state": state,
            "calendar_uid": uid or step.calendar_uid,
            "detail": f"reconciled:{step.state.value}",
        }
    )
    undone = state is BookingState.ABSENT or (step.action == "book" and state is BookingState.CANCELLED)
    why: Why = "absent" if undone else "stands"
    message = follow_up_for(step, why, language=doubt.language, zone=ZoneInfo(doubt.time_zone), at=now)
    return Settled(final, message)


async def look_up(step: BookingRecorded, calendar: Calendar) -> tuple[BookingState, str | None]:
    """How the write that took this step ended, and the booking it is about. Raises CalendarError."""
    match step.action:
        case "book":
            found = await calendar.find_booking(
                BookingKey(step.booking_key), event_type_id=step.event_type_id, start=step.starts_at
            )
            if found is None:
                return BookingState.ABSENT, None
            if found.stands or found.rescheduled_to is not None:
                return BookingState.CONFIRMED, found.uid
            return BookingState.CANCELLED, found.uid
        case "reschedule":
            try:
                old = await calendar.get_booking(step.replaces_uid or "")
            except BookingNotFound:
                return BookingState.ABSENT, None
            if old.rescheduled_to is None:
                return BookingState.ABSENT, None
            new = await calendar.get_booking(old.rescheduled_to)
            return (BookingState.RESCHEDULED if new.start == step.starts_at else BookingState.ABSENT), new.uid
        case "cancel":
            try:
                booking = await calendar.get_booking(step.calendar_uid or "")
            except BookingNotFound:
                return BookingState.ABSENT, None
            cancelled = booking.status == "cancelled" and booking.rescheduled_to is None
            return (BookingState.CANCELLED if cancelled else BookingState.ABSENT), booking.uid
