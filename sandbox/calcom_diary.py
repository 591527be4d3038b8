"""The diary behind the Cal.com stand-in: event types, working hours, bookings, reservations, their rules.

Owns: what is free, what may be booked, and why not. Refuses: HTTP and headers (`sandbox.calcom`), JSON
(`sandbox.calcom_shapes`). One host owns every event type, so a booking of any type blocks the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from secrets import token_hex
from typing import Any, Literal
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TAKEN = "User either already has booking at this time or is not available"
TOO_SOON = (
    "The event type can't be booked at the \"start\" time provided. This could be because it's too soon or too far."
)
PAST = "Attempting to book a meeting in the past."
CAPPED = "Attendee with this email can't book because the maximum number of active bookings has been reached."

Status = Literal["accepted", "pending", "cancelled", "rejected"]
Span = tuple[time, time]


class Refusal(Exception):
    """The diary says no: `status` and `message` as Cal.com words them; `shape` A, B or C of its error bodies."""

    def __init__(self, status: int, message: str, *, shape: Literal["A", "B", "C"] = "A") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape


@dataclass
class EventTypeRow:
    """`notice` and `interval` in minutes; `exclusive` False lets bookings overlap (as with seats or confirmation).
    `choices` are lengths that the booking page offers beside `minutes`, which is what the API books."""

    event_type_id: int
    title: str
    slug: str
    minutes: int
    interval: int | None = None
    notice: int = 0
    window_days: int = 365
    email_required: bool = False
    confirmation: bool = False
    exclusive: bool = True
    cap_per_attendee: int | None = None
    hidden: bool = False
    choices: list[int] | None = None


@dataclass
class Schedule:
    """Wall-clock working hours in `zone`; `overrides` replace a day's hours ([] = closed)."""

    zone: ZoneInfo
    weekly: dict[str, list[Span]]
    overrides: dict[date, list[Span]] = field(default_factory=dict[date, list[Span]])

    def spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for opens, closes in self.overrides.get(day, self.weekly.get(WEEKDAYS[day.weekday()], [])):
            begin = datetime.combine(day, opens, tzinfo=self.zone)
            last = day + timedelta(days=1) if closes == time(0) else day
            end = datetime.combine(last, closes, tzinfo=self.zone)
            yield begin.astimezone(UTC), end.astimezone(UTC)


@dataclass
class BookingRow:
    uid: str
    number: int
    event_type_id: int
    start: datetime
    end: datetime
    status: Status
    name: str
    email: str
    phone: str | None
    time_zone: str
    language: str
    metadata: dict[str, Any]
    responses: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    cancellation_reason: str | None = None
    rescheduled_from: str | None = None
    rescheduled_to: str | None = None
    foreign: bool = False

    @property
    def stands(self) -> bool:
        return self.status in ("accepted", "pending")


@dataclass
class ReservationRow:
    uid: str
    event_type_id: int
    start: datetime
    end: datetime
    minutes: int
    until: datetime


def office_week() -> dict[str, list[Span]]:
    day = [(time(9), time(12, 30)), (time(14), time(18))]
    return {name: list(day) for name in WEEKDAYS[:5]}


def practice_event_types() -> list[EventTypeRow]:
    return [
        EventTypeRow(101, "Consultation", "consultation", 30),
        EventTypeRow(102, "Détartrage", "detartrage", 45),
        EventTypeRow(103, "Urgence", "urgence", 20),
    ]


class Diary:
    """In memory; one event loop; every datetime is aware."""

    def __init__(self, schedule: Schedule, event_types: Sequence[EventTypeRow], *, frozen: datetime | None) -> None:
        self._initial = (schedule, list(event_types), frozen)
        self.reset()

    def reset(self) -> None:
        schedule, event_types, frozen = self._initial
        self.schedule = Schedule(schedule.zone, dict(schedule.weekly), dict(schedule.overrides))
        self.event_types = {row.event_type_id: row for row in event_types}
        self.bookings: dict[str, BookingRow] = {}
        self.reservations: dict[str, ReservationRow] = {}
        self.frozen = frozen

    def now(self) -> datetime:
        return self.frozen if self.frozen is not None else datetime.now(UTC)

    def event_type(self, event_type_id: int, *, message: str | None = None) -> EventTypeRow:
        row = self.event_types.get(event_type_id)
        if row is None:
            raise Refusal(404, message or f"Event type with id {event_type_id} not found.")
        return row

    def free(self, kind: EventTypeRow, start: datetime, end: datetime, *, moving: str | None = None) -> list[datetime]:
        """Starts in [start, end), in order."""
        earliest = self.now() + timedelta(minutes=kind.notice)
        latest = self.now() + timedelta(days=kind.window_days)
        step = timedelta(minutes=kind.interval or kind.minutes)
        length = timedelta(minutes=kind.minutes)
        starts: list[datetime] = []
        day = start.astimezone(self.schedule.zone).date()
        last = end.astimezone(self.schedule.zone).date()
        while day <= last:
            for opens, closes in self.schedule.spans(day):
                at = opens
                while at + length <= closes:
                    fits = start <= at < end and earliest <= at <= latest
                    if fits and not self.busy(kind, at, moving) and not self._held(kind, at):
                        starts.append(at)
                    at += step
            day += timedelta(days=1)
        return starts

    def reserve(self, kind: EventTypeRow, start: datetime, *, length: int | None, minutes: int) -> ReservationRow:
        if self.busy(kind, start, None):
            raise Refusal(422, "Can't reserve a slot if the event is already booked.")
        if self._held(kind, start):
            raise Refusal(422, "This time slot is already reserved by another user. Please choose a different time.")
        row = ReservationRow(
            uid=token_hex(11),
            event_type_id=kind.event_type_id,
            start=start,
            end=start + timedelta(minutes=length or kind.minutes),
            minutes=minutes,
            until=self.now() + timedelta(minutes=minutes),
        )
        self.reservations[row.uid] = row
        return row

    def check(self, kind: EventTypeRow, start: datetime, *, email: str, moving: str | None = None) -> None:
        """Raises Refusal where a booking of `kind` at `start` is not to be had. Reservations are not looked at."""
        now = self.now()
        if start < now:
            raise Refusal(400, PAST)
        if start < now + timedelta(minutes=kind.notice) or start > now + timedelta(days=kind.window_days):
            raise Refusal(400, TOO_SOON)
        end = start + timedelta(minutes=kind.minutes)
        local = start.astimezone(self.schedule.zone).date()
        works = any(opens <= start and end <= closes for opens, closes in self.schedule.spans(local))
        if not works or self.busy(kind, start, moving):
            raise Refusal(400, TAKEN)
        if kind.cap_per_attendee is not None and moving is None:
            active = [b for b in self.bookings.values() if b.stands and b.email == email and b.start > now]
            if len(active) >= kind.cap_per_attendee:
                raise Refusal(400, CAPPED)

    def write(self, kind: EventTypeRow, start: datetime, **details: Any) -> BookingRow:
        """A new standing booking, unchecked."""
        now = self.now()
        row = BookingRow(
            uid=token_hex(11),
            number=1_000 + len(self.bookings),
            event_type_id=kind.event_type_id,
            start=start,
            end=start + timedelta(minutes=kind.minutes),
            status="pending" if kind.confirmation else "accepted",
            created_at=now,
            updated_at=now,
            **details,
        )
        self.bookings[row.uid] = row
        return row

    def take(self, kind: EventTypeRow, start: datetime) -> BookingRow:
        """Another caller's booking appears."""
        return self.write(
            kind,
            start,
            name="Somebody Else",
            email="somebody.else@example.com",
            phone=None,
            time_zone=self.schedule.zone.key,
            language="en",
            metadata={},
            responses={},
            foreign=True,
        )

    def booking(self, uid: str, *, message: str) -> BookingRow:
        row = self.bookings.get(uid)
        if row is None:
            raise Refusal(404, message)
        return row

    def move(self, old: BookingRow, start: datetime, *, reason: str | None) -> BookingRow:
        """The new booking; the old one becomes cancelled. Metadata travels with the appointment."""
        kind = self.event_type(old.event_type_id)
        new = self.write(
            kind,
            start,
            name=old.name,
            email=old.email,
            phone=old.phone,
            time_zone=old.time_zone,
            language=old.language,
            metadata=dict(old.metadata),
            responses={**old.responses, "rescheduledReason": reason} if reason else dict(old.responses),
            rescheduled_from=old.uid,
        )
        old.status = "cancelled"
        old.rescheduled_to = new.uid
        old.updated_at = self.now()
        return new

    def cancel(self, row: BookingRow, *, reason: str | None) -> BookingRow:
        row.status = "cancelled"
        row.cancellation_reason = reason
        row.updated_at = self.now()
        return row

    def select(self, query: Mapping[str, str]) -> list[BookingRow]:
        """The rows that match the list endpoint's filters, by start unless sorted otherwise. ValueError: bad value."""
        rows = list(self.bookings.values())
        if email := query.get("attendeeEmail"):
            wanted = email.replace(" ", "+").casefold()
            rows = [r for r in rows if r.email.casefold() == wanted]
        if name := query.get("attendeeName"):
            rows = [r for r in rows if r.name == name]
        if uid := query.get("bookingUid"):
            rows = [r for r in rows if r.uid == uid]
        if ids := query.get("eventTypeIds") or query.get("eventTypeId"):
            numbers = {int(part) for part in ids.split(",")}
            rows = [r for r in rows if r.event_type_id in numbers]
        if after := query.get("afterStart"):
            rows = [r for r in rows if r.start >= parse_instant(after)]
        if before := query.get("beforeEnd"):
            rows = [r for r in rows if r.end <= parse_instant(before)]
        if statuses := query.get("status"):
            wanted_statuses = statuses.split(",")
            rows = [r for r in rows if any(self._is(r, status) for status in wanted_statuses)]
        return sorted(rows, key=lambda r: (r.start, r.number), reverse=query.get("sortStart") == "desc")

    def _is(self, row: BookingRow, status: str) -> bool:
        ended = row.end <= self.now()
        match status:
            case "upcoming":
                return row.stands and not ended
            case "past":
                return row.stands and ended
            case "cancelled":
                return row.status in ("cancelled", "rejected")
            case "unconfirmed":
                return row.status == "pending" and not ended
            case "recurring":
                return False
            case _:
                raise ValueError(f"status {status!r} is not one of upcoming,recurring,past,cancelled,unconfirmed")

    def busy(self, kind: EventTypeRow, start: datetime, moving: str | None) -> bool:
        """Whether a standing booking other than `moving` is in the way."""
        if not kind.exclusive:
            return False
        end = start + timedelta(minutes=kind.minutes)
        return any(b.stands and b.uid != moving and b.start < end and start < b.end for b in self.bookings.values())

    def _held(self, kind: EventTypeRow, start: datetime) -> bool:
        now = self.now()
        for uid in [r.uid for r in self.reservations.values() if r.until <= now]:
            del self.reservations[uid]
        end = start + timedelta(minutes=kind.minutes)
        return any(
            r.event_type_id == kind.event_type_id and r.start < end and start < r.end
            for r in self.reservations.values()
        )


def parse_instant(text: str) -> datetime:
    """ISO 8601 -> aware UTC; a date or a naive time counts as UTC. ValueError when it is neither."""
    at = datetime.fromisoformat(text.strip().replace(" ", "+"))
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)


def parse_week(data: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, list[Span]]:
    """{"monday": [["09:00", "12:30"], …]} -> spans. ValueError for an unknown day or time."""
    unknown = set(data) - set(WEEKDAYS)
    if unknown:
        raise ValueError(f"unknown weekdays {sorted(unknown)}")
    return {day: parse_spans(spans) for day, spans in data.items()}


def parse_spans(spans: Sequence[Sequence[str]]) -> list[Span]:
    return [(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in spans]


def iso(at: datetime) -> str:
    """Milliseconds, `Z` for UTC: 2026-11-26T09:00:00.000Z."""
    text = at.isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def event_type_from(row: Mapping[str, Any]) -> EventTypeRow:
    """ValueError for a field there is not."""
    try:
        return EventTypeRow(**row)
    except TypeError as error:
        raise ValueError(f"event type: {error}") from error
