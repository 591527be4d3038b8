"""Cal.com's v2 wire format: shapes in, shapes out, and what each of its error answers means.

Owns: parsing and building, pure. Refuses: sending anything (`calcom_http`). Texts that Cal.com sends never enter an error of
ours: they may quote what the caller said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    CalendarError,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.model import Booking, BookingKey, BookingRequest, EventType, Slot

SLOTS_VERSION = "2024-09-04"
BOOKINGS_VERSION = "2024-08-13"

KEY_FIELD = "ava_key"
CALL_FIELD = "ava_call"

_TAKEN = ("already has booking at this time", "is not available", "no more seats left", "already booked")
_REFUSED = (
    ("in the past", "past"),
    ("can't be booked at the", "outside_booking_window"),
    ("maximum number of active bookings", "attendee_limit"),
    ("already ended", "already_ended"),
    ("cancelled already", "already_cancelled"),
    ("it has been cancelled", "already_cancelled"),
)
_OWNERS = ("missing required booking field", "missing attendee phone number", "contact method", "verification")
_STATUSES = ("accepted", "pending", "cancelled", "rejected")


class WireError(ValueError):
    """The answer is not of the shape this version promises."""


@dataclass(frozen=True)
class Failure:
    """An error answer, whichever of the three bodies it came in. `request_id` is what Cal.com's support asks for."""

    status: int
    code: str
    message: str
    request_id: str

    @property
    def where(self) -> str:
        return f"HTTP {self.status}, request {self.request_id or 'without id'}"


def parse_failure(status: int, body: Any, request_id: str) -> Failure:
    """{"error": {"code", "message", "details"}} (A, B), {"statusCode", "message"} (C), or anything else."""
    if not isinstance(body, dict):
        return Failure(status, "", "", request_id)
    outer = cast(dict[str, Any], body)
    inner: Any = outer.get("error")
    if not isinstance(inner, dict):
        return Failure(status, str(inner or ""), _text(outer.get("message")), request_id)
    error = cast(dict[str, Any], inner)
    message = _text(error.get("message"))
    details: Any = error.get("details")
    if isinstance(details, dict):
        message = f"{message} {_text(cast(dict[str, Any], details).get('message'))}"
    return Failure(status, str(error.get("code", "")), message, request_id)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_text(part) for part in cast(list[Any], value))
    return value if isinstance(value, str) else ""


def to_error(failure: Failure, *, doing: str, retry_after: float | None = None) -> CalendarError:
    """What an error answer means. `doing` names the operation in words for the owner."""
    said, where = failure.message.casefold(), failure.where
    match failure.status:
        case 429:
            return CalendarUnavailable(f"Cal.com limits the rate of requests ({where})", retry_after=retry_after)
        case 409 | 422:
            return SlotTaken(f"Cal.com says the slot is gone ({where})")
        case 401:
            return CalendarMisconfigured(f"Cal.com refuses the API key: set a valid one for this calendar ({where})")
        case 403:
            if failure.code:
                return CalendarMisconfigured(f"the API key may not do this: {doing}; use the owner's key ({where})")
            return BookingRefused("blocked")
        case 404:
            if "booking with uid" in said:
                return BookingNotFound(f"Cal.com knows no such booking ({where})")
            return CalendarMisconfigured(
                f"Cal.com knows no such event type or path: check the event type's id and the base URL ({where})"
            )
        case 400:
            return _bad_request(said, where, doing)
        case status if status >= 500:
            return CalendarUnavailable(f"Cal.com failed ({where})")
        case _:
            return CalendarMisconfigured(f"Cal.com gave an answer that nothing accounts for: {doing} ({where})")


def _bad_request(said: str, where: str, doing: str) -> CalendarError:
    if any(text in said for text in _TAKEN):
        return SlotTaken(f"Cal.com says the slot is gone ({where})")
    for text, reason in _REFUSED:
        if text in said:
            return BookingRefused(reason)
    if any(text in said for text in _OWNERS):
        return CalendarMisconfigured(
            f"the event type asks for a field the telephone does not give: make e-mail optional and the attendee's "
            f"phone number a field ({where})"
        )
    if "time range" in said:
        return CalendarMisconfigured(f"Cal.com refuses the time range ({where})")
    return BookingRefused(f"not_accepted: {doing} ({where})")


def instant(at: datetime) -> str:
    """UTC with `Z`: what Cal.com takes for `start`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(value: Any, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise WireError(f"{name} is not a datetime") from error
    if at.tzinfo is None:
        raise WireError(f"{name} has no offset")
    return at.astimezone(UTC)


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError(f"{name} is not an object")
    return cast(dict[str, Any], value)


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(f"{name} is not a list")
    return cast(list[Any], value)


def data_of(body: Any) -> Any:
    """The envelope's `data`. WireError when there is no envelope."""
    envelope = _mapping(body, "the answer")
    if envelope.get("status") != "success":
        raise WireError("the answer's status is not success")
    return envelope.get("data")


def parse_slots(body: Any, event_type: EventType, start: datetime, end: datetime) -> list[Slot]:
    """In order, without doubles, cut to [start, end): Cal.com has given slots beyond the range asked for."""
    found: set[Slot] = set()
    for day in _mapping(data_of(body), "data").values():
        for item in _items(day, "a day"):
            slot = _mapping(item, "a slot")
            begin = _moment(slot.get("start"), "slot.start")
            until = _moment(slot["end"], "slot.end") if "end" in slot else begin + timedelta(minutes=event_type.minutes)
            if start <= begin < end:
                found.add(Slot(event_type.event_type_id, begin, until))
    return sorted(found, key=lambda s: s.start)


def parse_booking(data: Any) -> Booking:
    """A BookingOutput; of a recurring one (a list) the first."""
    if isinstance(data, list) and data:
        data = cast(list[Any], data)[0]
    row = _mapping(data, "booking")
    uid, status = row.get("uid"), row.get("status")
    if not isinstance(uid, str) or not uid or status not in _STATUSES:
        raise WireError("booking.uid or booking.status is missing")
    attendees = _items(row.get("attendees") or [], "booking.attendees")
    attendee = _mapping(attendees[0], "an attendee") if attendees else {}
    metadata = _mapping(row.get("metadata") or {}, "booking.metadata")
    key = metadata.get(KEY_FIELD)
    return Booking(
        uid=uid,
        event_type_id=int(row.get("eventTypeId") or 0),
        start=_moment(row.get("start"), "booking.start"),
        end=_moment(row.get("end"), "booking.end"),
        status=status,
        attendee_name=str(attendee.get("name") or ""),
        attendee_phone=_optional(attendee.get("phoneNumber")),
        attendee_email=_optional(attendee.get("email")),
        key=BookingKey(key) if isinstance(key, str) else None,
        call_id=_call_id(metadata.get(CALL_FIELD)),
        rescheduled_from=_optional(row.get("rescheduledFromUid")),
        rescheduled_to=_optional(row.get("rescheduledToUid")),
    )


def parse_bookings(body: Any) -> tuple[list[Booking], bool]:
    """A page of the list -> the bookings, and whether there is another page."""
    rows = [parse_booking(item) for item in _items(data_of(body), "data")]
    pagination = _mapping(body, "the answer").get("pagination")
    more = isinstance(pagination, dict) and bool(cast(dict[str, Any], pagination).get("hasNextPage"))
    return rows, more


def _optional(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _call_id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def booking_body(request: BookingRequest) -> Mapping[str, Any]:
    """The POST body of a booking; the key travels in the metadata."""
    who = request.attendee
    attendee = {"name": who.name, "timeZone": who.time_zone, "language": who.language}
    if who.email:
        attendee["email"] = who.email
    if who.phone:
        attendee["phoneNumber"] = who.phone
    body: dict[str, Any] = {
        "eventTypeId": request.slot.event_type_id,
        "start": instant(request.slot.start),
        "attendee": attendee,
        "metadata": {KEY_FIELD: request.key.value, CALL_FIELD: str(request.call_id)},
    }
    if request.notes:
        body["bookingFieldsResponses"] = {"notes": request.notes[:500]}
    return body
