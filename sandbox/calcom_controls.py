"""The /_ctl routes of the Cal.com stand-in's own domain: state, races, seeds, hours, latency, clock.

Owns: reading what a test asks for and showing what the calendar holds; the list of routes is in `sandbox.calcom`.
Refuses: the provider's protocol.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.calcom_diary import Refusal, event_type_from, iso, parse_instant, parse_spans, parse_week

if TYPE_CHECKING:
    from sandbox.calcom import CalComApp

_Endpoint = Callable[[Request], Awaitable[Response]]


class Controls:
    """The /_ctl routes of this domain. 400 with {"error"} for what can't be understood."""

    def __init__(self, app: "CalComApp") -> None:
        self._app = app

    def routes(self) -> list[BaseRoute]:
        table: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
            ("GET", "/_ctl/state", self._state),
            ("POST", "/_ctl/race", self._race),
            ("POST", "/_ctl/late_commit", self._late_commit),
            ("POST", "/_ctl/bookings", self._seed),
            ("DELETE", "/_ctl/bookings", self._clear),
            ("POST", "/_ctl/hours", self._hours),
            ("POST", "/_ctl/latency", self._latency),
            ("POST", "/_ctl/rate-limit", self._rate_limit),
            ("POST", "/_ctl/clock", self._clock),
        ]
        routes: list[BaseRoute] = [Route(path, self._json(act), methods=[method]) for method, path, act in table]
        return [*routes, Route("/_ctl/event-types", self._event_types, methods=["POST"])]

    @staticmethod
    def _json(act: Callable[[dict[str, Any]], Any]) -> _Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(act(json.loads(await request.body() or b"{}")))
            except (ValueError, KeyError, TypeError, ZoneInfoNotFoundError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
            except Refusal as refusal:
                return JSONResponse({"error": refusal.message}, status_code=400)

        return endpoint

    def _state(self, body: dict[str, Any]) -> Any:
        diary = self._app.diary
        bookings = sorted(diary.bookings.values(), key=lambda row: row.number)
        return {
            "now": iso(diary.now().astimezone(UTC)),
            "zone": diary.schedule.zone.key,
            "event_types": [vars(row) for row in diary.event_types.values()],
            "bookings": [{**self._app.booking_json(row), "foreign": row.foreign} for row in bookings],
            "reservations": [
                {"uid": r.uid, "eventTypeId": r.event_type_id, "start": iso(r.start), "until": iso(r.until)}
                for r in diary.reservations.values()
            ],
            "rate_limit": {"limit": self._app.throttle.limit, "window_s": self._app.throttle.window},
        }

    def _race(self, body: dict[str, Any]) -> Any:
        form = body.get("form", "text")
        if form not in ("text", "raw", "conflict"):
            raise ValueError("form is one of text, raw, conflict")
        if body.get("when", "now") == "next_post":
            self._app.arm_race(form)
            return {"armed": form}
        diary = self._app.diary
        row = diary.take(diary.event_type(int(body["eventTypeId"])), parse_instant(body["start"]))
        return {"uid": row.uid}

    def _late_commit(self, body: dict[str, Any]) -> Any:
        self._app.arm_late_commit(float(body.get("delay_ms", 3_000)) / 1000)
        return {"armed": True}

    def _seed(self, body: dict[str, Any]) -> Any:
        diary = self._app.diary
        phone = body.get("phone")
        email = body.get("email") or (f"{phone.lstrip('+')}@sms.cal.com" if phone else "guest@example.com")
        row = diary.write(
            diary.event_type(int(body["eventTypeId"])),
            parse_instant(body["start"]),
            name=body["name"],
            email=email,
            phone=phone,
            time_zone=body.get("timeZone", diary.schedule.zone.key),
            language=body.get("language", "en"),
            metadata=dict(body.get("metadata", {})),
            responses={},
        )
        return {"uid": row.uid}

    def _clear(self, body: dict[str, Any]) -> Any:
        self._app.diary.bookings.clear()
        self._app.diary.reservations.clear()
        return {"bookings": 0}

    def _hours(self, body: dict[str, Any]) -> Any:
        schedule = self._app.diary.schedule
        if "zone" in body:
            schedule.zone = ZoneInfo(body["zone"])
        if "weekly" in body:
            schedule.weekly = parse_week(body["weekly"])
        for day, spans in body.get("overrides", {}).items():
            schedule.overrides[date.fromisoformat(day)] = parse_spans(spans)
        return {"zone": schedule.zone.key}

    def _latency(self, body: dict[str, Any]) -> Any:
        read, write = body.get("read_ms"), body.get("write_ms")
        self._app.set_latency(
            read=None if read is None else float(read) / 1000, write=None if write is None else float(write) / 1000
        )
        return {"read_ms": read, "write_ms": write}

    def _rate_limit(self, body: dict[str, Any]) -> Any:
        self._app.limit(body.get("limit"), body.get("window_s"))
        return {"limit": self._app.throttle.limit, "window_s": self._app.throttle.window}

    def _clock(self, body: dict[str, Any]) -> Any:
        diary = self._app.diary
        if "now" in body:
            diary.frozen = parse_instant(body["now"]) if body["now"] else None
        if "advance_s" in body:
            diary.frozen = diary.now() + timedelta(seconds=float(body["advance_s"]))
        return {"now": iso(diary.now().astimezone(UTC)), "frozen": diary.frozen is not None}

    async def _event_types(self, request: Request) -> Response:
        try:
            rows = [event_type_from(row) for row in json.loads(await request.body())]
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        self._app.diary.event_types = {row.event_type_id: row for row in rows}
        return JSONResponse({"event_types": len(rows)})
