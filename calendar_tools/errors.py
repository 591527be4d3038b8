"""What can go wrong with a calendar, by what it means for the caller."""

from contracts.errors import DomainError


class CalendarError(DomainError):
    code = "calendar_error"


class CalendarUnavailable(CalendarError):
    """Not reachable, too slow, or rate limited past the deadline, and certainly nothing was written.

    Never to be told as "full". `retry_after` in seconds where the calendar said so.
    """

    code = "calendar_unavailable"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CalendarNotThere(CalendarUnavailable):
    """No connection could be made at all: a server that is down, or an address at which there is none."""

    code = "calendar_not_there"


class CalendarMisconfigured(CalendarError):
    """Wrong key, unknown event type, field missing: only the owner can mend it. The message says what to do."""

    code = "calendar_misconfigured"


class CalendarKeyRefused(CalendarMisconfigured):
    """The key is wrong, was revoked, or may not read the account."""

    code = "calendar_key_refused"


class CalendarUnrecognised(CalendarMisconfigured):
    """Something answers at the address, but not the API that was expected there."""

    code = "calendar_unrecognised"


class SlotTaken(CalendarError):
    """The slot can't be had any more. Look for slots again."""

    code = "slot_taken"


class BookingRefused(CalendarError):
    """The calendar refused for a reason other than the slot (past, outside the window, cap of the attendee)."""

    code = "booking_refused"


class BookingNotFound(CalendarError):
    code = "booking_not_found"


class BookingUnconfirmed(CalendarError):
    """A write was sent and its answer is unknown, and the look-up did not settle it. Neither done nor refused."""

    code = "booking_unconfirmed"
