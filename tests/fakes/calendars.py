"""Calendars behind the port as the contract suites hold them: the shipped fake, and Cal.com's adapter on its stand-in.

Owns: a practice's week seen from a Monday in October, how trouble is brought about at each, and what it holds in the end.
Refuses: judging.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar, Deadlines
from calendar_tools.calendar import Calendar
from calendar_tools.fake import FakeCalendar, Operation
from calendar_tools.model import Attendee, BookingKey, BookingRequest, EventType, Slot
from contracts.calendar import CalComConnection
from contracts.hours import Interval, OpeningHours
from sandbox.calcom import create_app
from sandbox.providers import serve

NOW = datetime(2026, 10, 19, 6, 0, tzinfo=UTC)  # Monday, 8:00 in Paris; summer time ends on Sunday
PARIS = ZoneInfo("Europe/Paris")
KIND = EventType("consultation", 101, 30)
CALL = uuid4()
ANN = Attendee("Ann Example", "+33612345678", None, "Europe/Paris", "fr")
TUESDAY = datetime(2026, 10, 20, 9, 0, tzinfo=PARIS).astimezone(UTC)
WEEK = {
    day: [["09:00", "12:30"], ["14:00", "18:00"]] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}
WEEK["sunday"] = [["01:00", "04:00"]]  # across both changes of the clocks
Write = Literal["book", "reschedule", "cancel"]
Trouble = Literal[
    "unavailable", "misconfigured", "refused", "taken", "lost_after_commit", "lost_before_commit", "unconfirmed_after_commit"
]  # fmt: skip


class Harness(Protocol):
    calendar: Calendar

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None: ...
    async def write_trouble(self, operation: Write, trouble: Trouble) -> None: ...
    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str: ...
    async def standing(self) -> list[tuple[str, datetime]]: ...


class FakeHarness:
    def __init__(self) -> None:
        spans = {
            day: tuple(Interval(opens=time.fromisoformat(o), closes=time.fromisoformat(c)) for o, c in spans)
            for day, spans in WEEK.items()
        }
        hours = OpeningHours.model_validate({"time_zone": "Europe/Paris", "weekly": spans})
        self.fake = FakeCalendar(clock=lambda: NOW, hours=hours)
        self.calendar: Calendar = self.fake

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None:
        self.fake.script(operation, *[trouble] * 5)

    async def write_trouble(self, operation: Write, trouble: Trouble) -> None:
        self.fake.script(operation, trouble)

    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str:
        return self.fake.seed(KIND, start, name=name, phone=phone, email=email).uid

    async def standing(self) -> list[tuple[str, datetime]]:
        return [(b.attendee_name, b.start) for b in self.fake.bookings.values() if b.stands]


TOO_SOON = {"message": 'The event type can\'t be booked at the "start" time provided. Too soon.'}
OPERATIONS = {
    "find_slots": "slots",
    "find": "list_bookings",
    "list": "list_bookings",
    "get": "get_booking",
    "ping": "me",
}
WRITES = {"book": "create_booking", "reschedule": "reschedule", "cancel": "cancel"}
DEADLINES = Deadlines(connect=0.5, slots=0.8, read=0.8, write=0.8, hold=0.5, settle=0.8, settle_gap=0.1)


class CalComHarness:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self.client = client
        self.url = url
        connection = CalComConnection(base_url=HttpUrl(url), api_key=SecretStr("cal_live_right"))
        self.calendar: Calendar = CalComCalendar(client, connection, clock=lambda: NOW, deadlines=DEADLINES)

    async def control(self, path: str, body: Any) -> Any:
        answer = await self.client.post(f"{self.url}/_ctl/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def state(self) -> dict[str, Any]:
        return (await self.client.get(f"{self.url}/_ctl/state")).json()

    async def requests(self, operation: str) -> int:
        log = await self.client.get(f"{self.url}/_ctl/log", params={"operation": operation})
        return len(log.json()["entries"])

    async def read_trouble(self, operation: Operation, trouble: Literal["unavailable", "misconfigured"]) -> None:
        status = 503 if trouble == "unavailable" else 401
        rule = {"operation": OPERATIONS[operation], "kind": "status", "status": status, "times": None}
        await self.control("faults", [rule])

    async def write_trouble(self, operation: Write, trouble: Trouble) -> None:
        name = WRITES[operation]
        look = "list_bookings" if operation == "book" else "get_booking"
        status = {"unavailable": 429, "misconfigured": 401, "refused": 400}
        rules: list[dict[str, Any]] = []
        if trouble == "taken":
            await self.control("race", {"when": "next_post"})
        elif trouble == "lost_before_commit":
            rules.append({"operation": name, "kind": "cut"})
        elif trouble in status:
            body = {"body": {"statusCode": 400, **TOO_SOON}} if trouble == "refused" else {}
            rules.append({"operation": name, "kind": "status", "status": status[trouble], **body})
        else:
            rules.append({"operation": name, "kind": "lost_answer"})
            if trouble == "unconfirmed_after_commit":
                rules.append({"operation": look, "kind": "status", "status": 500, "times": None})
        await self.control("faults", rules)

    async def seed(self, start: datetime, name: str, phone: str | None, email: str | None) -> str:
        body = {"eventTypeId": 101, "start": start.isoformat(), "name": name, "phone": phone, "email": email}
        return (await self.control("bookings", body))["uid"]

    async def standing(self) -> list[tuple[str, datetime]]:
        rows = (await self.state())["bookings"]
        return [
            (row["attendees"][0]["name"], datetime.fromisoformat(row["start"]))
            for row in rows
            if row["status"] == "accepted"
        ]


def _options() -> dict[str, str]:
    kinds = [
        {"event_type_id": 101, "title": "Consultation", "slug": "consultation", "minutes": 30},
        {"event_type_id": 102, "title": "Mail", "slug": "mail", "minutes": 30, "email_required": True},
        {"event_type_id": 103, "title": "Capped", "slug": "capped", "minutes": 30, "cap_per_attendee": 1},
        {"event_type_id": 104, "title": "Near", "slug": "near", "minutes": 30, "notice": 2880},
    ]
    return {
        "clock": NOW.isoformat(),
        "week": json.dumps(WEEK),
        "event_types": json.dumps(kinds),
        "api_key": "cal_live_right",
    }


@asynccontextmanager
async def calcom_harness() -> AsyncGenerator[CalComHarness]:
    async with serve(create_app(_options())) as url, httpx.AsyncClient() as client:
        yield CalComHarness(client, url)


def slot(start: datetime = TUESDAY, event_type_id: int = 101) -> Slot:
    return Slot(event_type_id, start, start + timedelta(minutes=30))


def request_for(attendee: Attendee = ANN, start: datetime = TUESDAY, event_type_id: int = 101) -> BookingRequest:
    key = BookingKey.for_write(CALL, "book", event_type_id, start, attendee.name)
    return BookingRequest(key, CALL, slot(start, event_type_id), attendee)


def move_key(start: datetime) -> BookingKey:
    return BookingKey.for_write(CALL, "reschedule", 101, start, "old")


async def starts(calendar: Calendar, start: datetime, days: int = 1, moving: str | None = None) -> list[str]:
    found = await calendar.find_slots(KIND, start, start + timedelta(days=days), moving=moving)
    return [f"{s.start.astimezone(PARIS):%H:%M}" for s in found]
