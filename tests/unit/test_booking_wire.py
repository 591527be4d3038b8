"""Cal.com's shapes: what each error answer means, and answers that are not what the version promises."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar, Deadlines
from calendar_tools.calcom_wire import instant, parse_failure, parse_slots, to_error
from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarError,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.identity import same_name, same_phone
from calendar_tools.model import Attendee, Booking, BookingKey, BookingRequest, EventType, Slot
from contracts.calendar import CalComConnection

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
KIND = EventType("care", 7, 30)


def a(message: str, code: str = "BadRequestException") -> dict[str, Any]:
    return {"status": "error", "path": "/v2", "error": {"code": code, "message": message, "details": {"statusCode": 1}}}


def b(message: str, code: str) -> dict[str, Any]:
    return {"status": "error", "path": "/v2", "error": {"code": code, "message": message}}


def c(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "message": message}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, a("User either already has booking at this time or is not available"), SlotTaken),
        (400, a("One of the hosts either already has booking at this time or is not available"), SlotTaken),
        (409, c(409, "booking_conflict_error"), SlotTaken),
        (409, a("No more seats left at this seated booking.", "ConflictException"), SlotTaken),
        (409, b("anything", "CONFLICT"), SlotTaken),
        (422, a("This time slot is already reserved by another user.", "UnprocessableEntityException"), SlotTaken),
        (400, a("Attempting to book a meeting in the past."), BookingRefused),
        (400, a('The event type can\'t be booked at the "start" time provided. Too soon.'), BookingRefused),
        (400, a("Attendee with this email can't book because the maximum number of active bookings"), BookingRefused),
        (400, c(400, "Cannot cancel a booking that has already ended"), BookingRefused),
        (403, c(403, "blocked"), BookingRefused),
        (403, a("Forbidden", "ForbiddenException"), CalendarMisconfigured),
        (400, a("Missing required booking field response: email - …"), CalendarMisconfigured),
        (
            401,
            a("ApiAuthStrategy - api key - Your api key is not valid", "UnauthorizedException"),
            CalendarMisconfigured,
        ),
        (404, a("Event type with id 9 not found.", "NotFoundException"), CalendarMisconfigured),
        (404, a("Cannot GET /v2/slots", "NotFoundException"), CalendarMisconfigured),
        (404, a("Booking with uid=x was not found in the database", "NotFoundException"), BookingNotFound),
        (429, a("CustomThrottlerGuard - Too many requests.", "ThrottlerException"), CalendarUnavailable),
        (500, b("oops", "INTERNAL_SERVER_ERROR"), CalendarUnavailable),
        (502, "<html>Bad Gateway</html>", CalendarUnavailable),
        (302, None, CalendarMisconfigured),
    ],
)
def test_what_an_error_answer_means(status: int, body: Any, error: type[CalendarError]) -> None:
    assert type(to_error(parse_failure(status, body, "req-1"), doing="booking")) is error


def test_class_validator_messages_in_a_list_are_read() -> None:
    body = {
        "error": {
            "code": "BadRequestException",
            "message": "Bad Request Exception",
            "details": {"message": ["in the past"]},
        }
    }
    assert str(to_error(parse_failure(400, body, ""), doing="booking")) == "past"


def test_what_the_caller_said_never_enters_an_error() -> None:
    failure = parse_failure(400, a("phoneNumber +33612345678 of Ann is not valid"), "req-1")
    assert "Ann" not in str(to_error(failure, doing="booking"))
    assert "req-1" in str(to_error(failure, doing="booking"))


def test_slots_beyond_the_range_and_doubles_are_dropped() -> None:
    def at(hours: float) -> dict[str, str]:
        return {"start": (START + timedelta(hours=hours)).isoformat()}

    body = {"status": "success", "data": {"2026-11-24": [at(2), at(0), at(0)], "2026-11-25": [at(24)], "x": [at(-1)]}}
    found = parse_slots(body, KIND, START, START + timedelta(hours=24))
    assert [s.start for s in found] == [START, START + timedelta(hours=2)]
    assert found[0].end == START + timedelta(minutes=30)


def test_instants_are_utc_with_z() -> None:
    assert instant(datetime.fromisoformat("2026-12-01T10:00:00+01:00")) == "2026-12-01T09:00:00Z"


@pytest.mark.parametrize(
    ("said", "booked", "same"),
    [
        ("Dupont", "Marie Dupont", True),
        ("marie  DUPONT", "Marie Dupont", True),
        ("Elodie Le-Goff", "Élodie Le Goff", True),
        ("דנה לוי", "דנה לוי", True),
        ("M", "Marie M", False),
        ("Dupond", "Marie Dupont", False),
        ("", "Marie Dupont", False),
    ],
)
def test_names(said: str, booked: str, same: bool) -> None:
    assert same_name(said, booked) is same


def test_a_made_up_address_is_a_phone_number() -> None:
    booking = Booking("u", 7, START, START, "accepted", "Ann", attendee_email="33612345678@sms.cal.com")
    assert same_phone("+33612345678", booking)
    assert not same_phone("+33612345679", booking)


def calendar_that(answer: Callable[[httpx.Request], httpx.Response]) -> CalComCalendar:
    connection = CalComConnection(base_url=HttpUrl("https://api.cal.eu"), api_key=SecretStr("cal_live_x"))
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return CalComCalendar(client, connection, deadlines=Deadlines(settle=0.02, settle_gap=0.005, read=0.5))


async def test_an_old_versions_shape_is_the_owners_to_mend_and_not_an_empty_list() -> None:
    calendar = calendar_that(lambda _: httpx.Response(200, json={"status": "success", "data": {"bookings": []}}))
    with pytest.raises(CalendarMisconfigured, match="version"):
        await calendar.find_bookings(phone="+33612345678", after=START)


async def test_each_resource_gets_its_version_and_the_key() -> None:
    seen: list[tuple[str, str | None, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, request.headers.get("cal-api-version"), request.headers["authorization"]))
        return httpx.Response(200, json={"status": "success", "data": {} if "slots" in request.url.path else []})

    calendar = calendar_that(answer)
    await calendar.find_slots(KIND, START, START + timedelta(days=1))
    await calendar.find_bookings(name="Ann", after=START)
    await calendar.ping()
    bearer = "Bearer cal_live_x"
    assert seen == [
        ("/v2/slots", "2024-09-04", bearer),
        ("/v2/bookings", "2024-08-13", bearer),
        ("/v2/me", None, bearer),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, text="<html>"),
        httpx.Response(201, json={"status": "success", "data": {"uid": "u1"}}),
        httpx.Response(500, json={"statusCode": 500, "message": "Internal server error"}),
    ],
)
async def test_an_answer_that_proves_nothing_is_looked_up_and_never_sent_again(answer: httpx.Response) -> None:
    posts: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            posts.append(request.url.path)
            return answer
        return httpx.Response(200, json={"status": "success", "data": [], "pagination": {"hasNextPage": False}})

    who = Attendee("Ann", "+33612345678", None, "Europe/Paris", "fr")
    slot = Slot(7, START, START + timedelta(minutes=30))
    with pytest.raises(BookingUnconfirmed):
        await calendar_that(respond).book(BookingRequest(BookingKey("k"), UUID(int=1), slot, who))
    assert posts == ["/v2/bookings"]
