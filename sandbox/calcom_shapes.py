"""The JSON of the Cal.com stand-in: one function a resource, its three error bodies, and what it takes from a request's body.

Owns: names, formats, and which values are turned away before the diary is asked. Refuses: deciding what is free or booked
(`sandbox.calcom_diary`), and sending (`sandbox.calcom`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import phonenumbers

from sandbox.calcom_diary import BookingRow, EventTypeRow, Refusal, ReservationRow, iso, parse_instant

_CODES = {
    400: "BadRequestException",
    401: "UnauthorizedException",
    403: "ForbiddenException",
    404: "NotFoundException",
    409: "ConflictException",
    422: "UnprocessableEntityException",
    429: "ThrottlerException",
}
_TRPC_CODES = {400: "BAD_REQUEST", 404: "NOT_FOUND", 409: "CONFLICT", 500: "INTERNAL_SERVER_ERROR"}
_NAMES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}


def error_body(status: int, message: str | None = None, *, shape: str = "A", path: str = "") -> dict[str, Any]:
    """One of Cal.com's three error bodies: A (its HttpException filter), B (Prisma, Zod, tRPC), C (none caught it)."""
    said = message or ("Internal server error" if status >= 500 else "Bad Request Exception")
    if shape == "C":
        return {"statusCode": status, "message": said}
    error: dict[str, Any] = {"code": _CODES.get(status, "InternalServerErrorException"), "message": said}
    if shape == "B":
        error["code"] = _TRPC_CODES.get(status, "TRPCError")
    else:
        error["details"] = {"message": said, "error": _NAMES.get(status, "Error"), "statusCode": status}
    return {"status": "error", "timestamp": iso(datetime.now(UTC)), "path": path, "error": error}


def fault_body(status: int) -> dict[str, Any]:
    if status == 429:
        return error_body(429, "CustomThrottlerGuard - Too many requests. Please try again later.")
    return error_body(status, shape="C" if status >= 500 else "A")


def success(data: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "data": data, **more}


def me_json(zone: str) -> dict[str, Any]:
    return {
        "id": 1, "username": "practice", "email": "owner@example.com", "name": "Practice", "timeZone": zone,
        "weekStart": "Monday", "timeFormat": 24, "defaultScheduleId": 1, "organizationId": None,
    }  # fmt: skip


def event_type_json(row: EventTypeRow) -> dict[str, Any]:
    email: dict[str, Any] = {"type": "email", "slug": "email", "required": row.email_required}
    return {
        "id": row.event_type_id, "title": row.title, "slug": row.slug, "lengthInMinutes": row.minutes,
        "minimumBookingNotice": row.notice, "slotInterval": row.interval, "beforeEventBuffer": 0,
        "afterEventBuffer": 0, "hidden": row.hidden, "price": 0, "currency": "eur", "scheduleId": 1, "locations": [],
        "bookingFields": [{"type": "name", "slug": "name", "required": True}, email,
                          {"type": "phone", "slug": "attendeePhoneNumber", "required": not row.email_required}],
        **({"lengthInMinutesOptions": row.choices} if row.choices else {}),
    }  # fmt: skip


def reservation_json(row: ReservationRow) -> dict[str, Any]:
    length = (row.end - row.start).total_seconds() / 60
    return {
        "eventTypeId": row.event_type_id, "slotStart": iso(row.start), "slotEnd": iso(row.end),
        "slotDuration": int(length), "reservationUid": row.uid, "reservationDuration": row.minutes,
        "reservationUntil": iso(row.until),
    }  # fmt: skip


def booking_json(row: BookingRow, kind: EventTypeRow | None) -> dict[str, Any]:
    host = {"id": 1, "name": "Practice", "email": "owner@example.com", "username": "practice"}
    attendee: dict[str, Any] = {
        "name": row.name, "email": row.email, "displayEmail": row.email, "timeZone": row.time_zone,
        "language": row.language, "absent": False,
    }  # fmt: skip
    if row.phone:
        attendee["phoneNumber"] = row.phone
    data: dict[str, Any] = {
        "id": row.number, "uid": row.uid, "title": f"{kind.title if kind else 'Event'} - {row.name}",
        "description": "", "hosts": [host], "status": row.status, "start": iso(row.start), "end": iso(row.end),
        "duration": int((row.end - row.start).total_seconds() / 60), "eventTypeId": row.event_type_id,
        "eventType": {"id": row.event_type_id, "slug": kind.slug if kind else ""}, "location": "",
        "attendees": [attendee], "guests": [], "bookingFieldsResponses": row.responses,
        "metadata": row.metadata, "icsUid": f"{row.uid}@cal.com", "absentHost": False,
        "createdAt": iso(row.created_at), "updatedAt": iso(row.updated_at),
    }  # fmt: skip
    optional = {
        "rescheduledFromUid": row.rescheduled_from,
        "rescheduledToUid": row.rescheduled_to,
        "cancellationReason": row.cancellation_reason,
    }
    return data | {name: value for name, value in optional.items() if value is not None}


def object_from(value: Any, message: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, message)
    return cast(dict[str, Any], value)


def instant_from(value: Any, name: str) -> datetime:
    try:
        return parse_instant(str(value))
    except ValueError as error:
        raise Refusal(400, f"{name} must be a valid ISO 8601 date string") from error


def attendee_from(body: Mapping[str, Any], kind: EventTypeRow) -> dict[str, Any]:
    """The attendee's columns. A phone without e-mail gets the synthetic one."""
    attendee = object_from(body.get("attendee"), "attendee must be an object")
    if not attendee.get("name") or not attendee.get("timeZone"):
        raise Refusal(400, "attendee.name and attendee.timeZone are required")
    email, phone = attendee.get("email"), attendee.get("phoneNumber")
    if not email and not phone:
        raise Refusal(400, "At least one contact method (email or phoneNumber) must be provided for the attendee")
    if phone:
        try:
            valid = phonenumbers.is_valid_number(phonenumbers.parse(phone, None))
        except phonenumbers.NumberParseException:
            valid = False
        if not valid:
            raise Refusal(400, "phoneNumber must be a valid phone number in the international format")
    if not email:
        if kind.email_required:
            raise Refusal(400, "Missing required booking field response: email - it is required by the event type")
        email = f"{str(phone).lstrip('+')}@sms.cal.com"
    return {
        "name": str(attendee["name"]),
        "email": str(email),
        "phone": phone,
        "time_zone": str(attendee["timeZone"]),
        "language": str(attendee.get("language", "en")),
    }


def metadata_from(body: Mapping[str, Any]) -> dict[str, Any]:
    given = object_from(body.get("metadata") or {}, "metadata must be an object")
    if len(given) > 50 or any(len(k) > 40 or (isinstance(v, str) and len(v) > 500) for k, v in given.items()):
        raise Refusal(
            400, "Metadata must have at most 50 keys, each key up to 40 characters, and string values up to 500"
        )
    return given
