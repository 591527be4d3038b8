"""Stands for Cal.com API v2 (`https://api.cal.com/v2`): slots, reservations, bookings, event types, me.

Owns: the paths, what each does to the diary, and the faults of this domain. Who is let in is in `sandbox.calcom_gate`, the
JSON in `sandbox.calcom_shapes`, the rules of the diary in `sandbox.calcom_diary`, general faults in `sandbox.faults`.
Refuses: webhooks, teams, seats, recurring event types, OAuth.

What it cannot show: how long the hosted service takes to consult outside calendars (set `latency`), the exact texts of
the closed hosted version where they differ from the open tree, and e-mail or text reminders to attendees.

Options of `create_app` (all text): ``api_key`` (else any key with the prefix ``cal_``), ``zone`` (Europe/Paris),
``clock`` (ISO datetime: frozen), ``week`` (JSON, {"monday": [["09:00", "12:30"], …]}), ``event_types`` (JSON list of
{"event_type_id", "title", "slug", "minutes", …}), ``rate_limit`` (120), ``rate_window`` (seconds, 60).

HTTP surface beside the switchboard's (JSON):

- ``GET  /_ctl/state``        everything the calendar holds, metadata included
- ``POST /_ctl/race``         {"when": "now"|"next_post", "eventTypeId"?, "start"?, "form": "text"|"raw"|"conflict"}:
  another caller takes that slot now, or takes whatever the next booking asks for just before it is written
- ``POST /_ctl/late_commit``  {"delay_ms": n}: the next booking's answer is lost at once and it is written n ms later
- ``POST /_ctl/bookings``     {"eventTypeId", "start", "name", "email"?, "phone"?, "metadata"?} seeds one -> its uid
- ``DELETE /_ctl/bookings``   no bookings, no reservations
- ``POST /_ctl/hours``        {"zone"?, "weekly"?, "overrides"?: {"2026-12-24": [["09:00", "12:00"]]}}
- ``POST /_ctl/event-types``  a list as in the option: replaces them
- ``POST /_ctl/latency``      {"read_ms"?, "write_ms"?}
- ``POST /_ctl/rate-limit``   {"limit"?, "window_s"?}: also starts the count anew
- ``POST /_ctl/clock``        {"now": ISO | null} freezes or frees, {"advance_s": n} moves a frozen clock
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.calcom_controls import Controls
from sandbox.calcom_diary import (
    TAKEN,
    BookingRow,
    Diary,
    EventTypeRow,
    Refusal,
    ReservationRow,
    Schedule,
    event_type_from,
    iso,
    office_week,
    parse_instant,
    parse_week,
    practice_event_types,
)
from sandbox.calcom_gate import BOOKINGS, EVENT_TYPES, SLOTS, Throttle, check_key, find_old_answer, require_key
from sandbox.calcom_shapes import (
    attendee_from,
    booking_json,
    error_body,
    event_type_json,
    fault_body,
    instant_from,
    me_json,
    metadata_from,
    object_from,
    reservation_json,
    success,
)
from sandbox.faults import DroppedConnection, Switchboard

OPERATIONS = (
    "me", "event_types", "slots", "reserve", "reservations",
    "create_booking", "list_bookings", "get_booking", "reschedule", "cancel",
)  # fmt: skip

_MAX_TAKE = 250

_Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass
class _Domain:
    """Faults of the domain, armed over /_ctl; each fires once."""

    race: Literal["text", "raw", "conflict"] | None = None
    late_commit: float | None = None
    read_latency: float = 0.0
    write_latency: float = 0.0


class CalComApp:
    """The routes over one diary."""

    def __init__(self, options: Mapping[str, str]) -> None:
        zone = ZoneInfo(options.get("zone", "Europe/Paris"))
        week = parse_week(json.loads(options["week"])) if "week" in options else office_week()
        kinds = [event_type_from(r) for r in json.loads(options["event_types"])] if "event_types" in options else None
        frozen = parse_instant(options["clock"]) if "clock" in options else None
        self._api_key = options.get("api_key")
        self._limit = (int(options.get("rate_limit", "120")), float(options.get("rate_window", "60")))
        self._late: set[asyncio.Task[None]] = set()
        self.diary = Diary(Schedule(zone, week), kinds or practice_event_types(), frozen=frozen)
        self.switchboard = Switchboard(operations=OPERATIONS)
        self.switchboard.on_reset(self._reset)
        self._throttle = Throttle(*self._limit)
        self._domain = _Domain()

    def _reset(self) -> None:
        for task in self._late:
            task.cancel()
        self.diary.reset()
        self._throttle = Throttle(*self._limit)
        self._domain = _Domain()

    def routes(self) -> list[BaseRoute]:
        read, write = "read", "write"
        table: list[tuple[str, str, str, _Endpoint, str, str | None]] = [
            ("GET", "/v2/me", "me", self._me, read, None),
            ("GET", "/v2/event-types", "event_types", self._list_event_types, read, EVENT_TYPES),
            ("GET", "/v2/event-types/{number}", "event_types", self._get_event_type, read, EVENT_TYPES),
            ("GET", "/v2/slots", "slots", self._slots, read, SLOTS),
            ("POST", "/v2/slots/reservations", "reserve", self._reserve, write, SLOTS),
            ("GET", "/v2/slots/reservations/{uid}", "reservations", self._get_reservation, read, SLOTS),
            ("PATCH", "/v2/slots/reservations/{uid}", "reservations", self._move_reservation, write, SLOTS),
            ("DELETE", "/v2/slots/reservations/{uid}", "reservations", self._drop_reservation, write, SLOTS),
            ("POST", "/v2/bookings", "create_booking", self._book, write, BOOKINGS),
            ("GET", "/v2/bookings", "list_bookings", self._list_bookings, read, BOOKINGS),
            ("GET", "/v2/bookings/{uid}", "get_booking", self._get_booking, read, BOOKINGS),
            ("POST", "/v2/bookings/{uid}/reschedule", "reschedule", self._reschedule, write, BOOKINGS),
            ("POST", "/v2/bookings/{uid}/cancel", "cancel", self._cancel, write, BOOKINGS),
        ]
        routes: list[BaseRoute] = [
            Route(
                path,
                self.switchboard.guard(name, self._framed(endpoint, kind, version), error_body=fault_body),
                methods=[method],
            )
            for method, path, name, endpoint, kind, version in table
        ]
        return [*routes, *Controls(self).routes(), *self.switchboard.routes()]

    def _framed(self, endpoint: _Endpoint, kind: str, version: str | None) -> _Endpoint:
        """What every request meets before its endpoint: latency, rate limit, key, version; and how refusals look."""

        async def framed(request: Request) -> Response:
            await request.body()  # received whole: the work goes on when the client has given up waiting
            latency = self._domain.read_latency if kind == "read" else self._domain.write_latency
            if latency:
                await asyncio.sleep(latency)
            passes, limits = self._throttle.spend()
            headers = {"X-Request-Id": str(uuid4()), **limits}
            try:
                if not passes:
                    raise Refusal(429, "CustomThrottlerGuard - Too many requests. Please try again later.")
                check_key(request, self._api_key)
                old = find_old_answer(request, version)
                answer = old if old is not None else await endpoint(request)
            except Refusal as refusal:
                answer = JSONResponse(
                    error_body(refusal.status, refusal.message, shape=refusal.shape, path=request.url.path),
                    status_code=refusal.status,
                )
            answer.headers.update(headers)
            return answer

        return framed

    async def _body(self, request: Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError as error:
            raise Refusal(400, "Unexpected token in JSON") from error
        return object_from(body, "Bad Request Exception")

    async def _me(self, request: Request) -> Response:
        require_key(request)
        return _ok(me_json(self.diary.schedule.zone.key))

    async def _list_event_types(self, request: Request) -> Response:
        return _ok([event_type_json(row) for row in self.diary.event_types.values()])

    async def _get_event_type(self, request: Request) -> Response:
        number = request.path_params["number"]
        message = f"Event type with id {number} not found"
        if not number.isdigit():
            raise Refusal(404, message)
        return _ok(event_type_json(self.diary.event_type(int(number), message=message)))

    async def _slots(self, request: Request) -> Response:
        query = request.query_params
        number = query.get("eventTypeId", "")
        if not number.isdigit():
            raise Refusal(400, "Bad Request Exception")
        kind = self.diary.event_type(int(number), message="Event Type not found")
        start = instant_from(query.get("start"), "start")
        end_text = query.get("end", "")
        end = instant_from(end_text, "end")
        if len(end_text) == len("2026-12-01"):
            end += timedelta(days=1, seconds=-1)
        if end <= start:
            raise Refusal(400, "Invalid time range given - check the 'start' and 'end' query parameters.")
        try:
            zone = ZoneInfo(query.get("timeZone", "UTC"))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refusal(400, "timeZone must be a valid IANA time-zone") from error
        days: dict[str, list[dict[str, str]]] = {}
        for at in self.diary.free(kind, start, end, moving=query.get("bookingUidToReschedule")):
            local = at.astimezone(zone)
            slot = {"start": iso(local)}
            if query.get("format") == "range":
                slot["end"] = iso((at + timedelta(minutes=kind.minutes)).astimezone(zone))
            days.setdefault(local.date().isoformat(), []).append(slot)
        return _ok(days)

    async def _make_reservation(self, request: Request) -> ReservationRow:
        body = await self._body(request)
        kind = self.diary.event_type(int(body.get("eventTypeId", 0)))
        if "reservationDuration" in body and "authorization" not in request.headers:
            raise Refusal(401, "reservationDuration can only be used by authenticated users.")
        start = instant_from(body.get("slotStart"), "slotStart")
        length = body.get("slotDuration")
        if length is not None and length != kind.minutes:
            raise Refusal(400, "slotDuration is not allowed for this event type")
        return self.diary.reserve(kind, start, length=length, minutes=int(body.get("reservationDuration", 5)))

    async def _reserve(self, request: Request) -> Response:
        return _ok(reservation_json(await self._make_reservation(request)), 201)

    async def _get_reservation(self, request: Request) -> Response:
        row = self.diary.reservations.get(request.path_params["uid"])
        return _ok(reservation_json(row) if row is not None else None)

    async def _move_reservation(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        old = self.diary.reservations.pop(uid, None)
        try:
            row = await self._make_reservation(request)
        except Refusal:
            if old is not None:
                self.diary.reservations[uid] = old
            raise
        del self.diary.reservations[row.uid]
        row.uid = uid
        self.diary.reservations[uid] = row
        return _ok(reservation_json(row))

    async def _drop_reservation(self, request: Request) -> Response:
        self.diary.reservations.pop(request.path_params["uid"], None)
        return JSONResponse({"status": "success"})

    def booking_json(self, row: BookingRow) -> dict[str, Any]:
        return booking_json(row, self.diary.event_types.get(row.event_type_id))

    def _before_write(self, kind: EventTypeRow, start: datetime) -> None:
        """Lets the armed other caller in first, answered in the armed form."""
        form, self._domain.race = self._domain.race, None
        if form is None:
            return
        if self.diary.busy(kind, start, None):
            return
        self.diary.take(kind, start)
        if form == "raw":
            raise Refusal(409, "booking_conflict_error", shape="C")
        if form == "conflict":
            raise Refusal(409, TAKEN)

    async def _book(self, request: Request) -> Response:
        body = await self._body(request)
        number = body.get("eventTypeId", 0)
        kind = self.diary.event_type(int(number), message=f"Event type with id {number} not found.")
        start = instant_from(body.get("start"), "start")
        attendee = attendee_from(body, kind)
        details = {"metadata": metadata_from(body), "responses": dict(body.get("bookingFieldsResponses") or {})}
        if self._domain.late_commit is not None:
            self._commit_late(kind, start, attendee | details)
            return DroppedConnection()
        self._before_write(kind, start)
        self.diary.check(kind, start, email=attendee["email"])
        return _ok(self.booking_json(self.diary.write(kind, start, **attendee, **details)), 201)

    def _commit_late(self, kind: EventTypeRow, start: datetime, details: dict[str, Any]) -> None:
        delay, self._domain.late_commit = self._domain.late_commit or 0.0, None

        async def commit() -> None:
            await asyncio.sleep(delay)
            try:
                self.diary.check(kind, start, email=details["email"])
            except Refusal:
                return
            self.diary.write(kind, start, **details)

        task = asyncio.create_task(commit())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _list_bookings(self, request: Request) -> Response:
        require_key(request)
        query = request.query_params
        try:
            rows = self.diary.select(query)
            take, skip = int(query.get("take", "100")), int(query.get("skip", "0"))
        except ValueError as error:
            raise Refusal(400, str(error), shape="B") from error
        if not 1 <= take <= _MAX_TAKE or skip < 0:
            raise Refusal(400, f"take must be between 1 and {_MAX_TAKE}", shape="B")
        page = rows[skip : skip + take]
        remaining = max(0, len(rows) - skip - len(page))
        pagination = {
            "totalItems": len(rows), "remainingItems": remaining, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(rows) // take), "hasNextPage": remaining > 0,
            "hasPreviousPage": skip > 0,
        }  # fmt: skip
        return _ok([self.booking_json(row) for row in page], pagination=pagination)

    async def _get_booking(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        row = self.diary.booking(uid, message=f"Booking with uid={uid} was not found in the database")
        return _ok(self.booking_json(row))

    async def _reschedule(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        body = await self._body(request)
        old = self.diary.booking(uid, message=f"Booking with uid={uid} was not found in the database")
        start = instant_from(body.get("start"), "start")
        if old.rescheduled_to is not None:
            raise Refusal(
                400,
                f"Can't reschedule booking with uid={uid} because it has been cancelled and rescheduled already to "
                f"booking with uid={old.rescheduled_to}. You probably want to reschedule {old.rescheduled_to} instead.",
            )
        if not old.stands:
            raise Refusal(400, f"Can't reschedule booking with uid={uid} because it has been cancelled.")
        kind = self.diary.event_type(old.event_type_id)
        self._before_write(kind, start)
        self.diary.check(kind, start, email=old.email, moving=uid)
        new = self.diary.move(old, start, reason=body.get("reschedulingReason"))
        return _ok(self.booking_json(new), 201)

    async def _cancel(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        body = await self._body(request)
        row = self.diary.booking(uid, message=f"Booking with uid={uid} not found")
        if not row.stands:
            raise Refusal(
                400,
                f"Can't cancel booking with uid={uid} because it has been cancelled already. "
                "Please provide uid of a booking that is not cancelled.",
            )
        if row.end <= self.diary.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", shape="C")
        return _ok(self.booking_json(self.diary.cancel(row, reason=body.get("cancellationReason"))))

    def arm_race(self, form: Literal["text", "raw", "conflict"]) -> None:
        self._domain.race = form

    def arm_late_commit(self, seconds: float) -> None:
        self._domain.late_commit = seconds

    def set_latency(self, *, read: float | None, write: float | None) -> None:
        """Seconds; None leaves it."""
        self._domain.read_latency = self._domain.read_latency if read is None else read
        self._domain.write_latency = self._domain.write_latency if write is None else write

    def limit(self, limit: int | None, window: float | None) -> None:
        self._throttle = Throttle(limit or self._throttle.limit, window or self._throttle.window)

    @property
    def throttle(self) -> Throttle:
        return self._throttle


def _ok(data: Any, status: int = 200, **more: Any) -> Response:
    return JSONResponse(success(data, **more), status_code=status)


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """See the module docstring for the options."""
    stand_in = CalComApp(options or {})
    app = Starlette(routes=stand_in.routes())
    app.state.calcom = stand_in
    return app
