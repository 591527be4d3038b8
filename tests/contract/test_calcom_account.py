"""The Cal.com account as its owner sees it, read from the stand-in over HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from calendar_tools.calcom_account import Account, CalComAccount
from calendar_tools.errors import (
    CalendarError,
    CalendarKeyRefused,
    CalendarNotThere,
    CalendarUnavailable,
    CalendarUnrecognised,
)
from sandbox.calcom import create_app
from sandbox.providers import serve

KEY = SecretStr("cal_live_right-0123456789")


@dataclass
class CalCom:
    client: httpx.AsyncClient
    url: str

    def account(self, key: SecretStr = KEY, url: str = "", **options: Any) -> CalComAccount:
        return CalComAccount(self.client, base_url=url or self.url, api_key=key, **{"seconds": 1.0, **options})

    async def control(self, path: str, body: Any) -> None:
        answer = await self.client.post(f"{self.url}/_ctl/{path}", json=body)
        assert answer.status_code == 200, answer.text

    async def asked(self, operation: str) -> int:
        log = await self.client.get(f"{self.url}/_ctl/log", params={"operation": operation})
        return len(log.json()["entries"])


@pytest.fixture
async def calcom() -> AsyncIterator[CalCom]:
    async with serve(create_app({"api_key": KEY.get_secret_value()})) as url, httpx.AsyncClient() as client:
        yield CalCom(client, url)


@asynccontextmanager
async def answering(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[CalComAccount]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield CalComAccount(client, base_url="https://cal.example.org", api_key=KEY, seconds=1.0)


async def test_whose_the_key_is_and_what_can_be_booked(calcom: CalCom) -> None:
    """The user's name and time zone, and every event type with its length, hidden ones too."""
    rows = [
        {"event_type_id": 101, "title": "Consultation", "slug": "consultation", "minutes": 30},
        {
            "event_type_id": 7, "title": "Bilan", "slug": "bilan", "minutes": 45, "choices": [60, 45], "hidden": True,
        },
    ]  # fmt: skip
    await calcom.control("event-types", rows)
    assert await calcom.account().read_me() == Account("practice", "Europe/Paris")
    first, second = await calcom.account().list_event_types()
    assert (first.event_type_id, first.title, first.slug, first.minutes) == (101, "Consultation", "consultation", 30)
    assert (first.choices, first.hidden) == ((), False)
    assert (second.minutes, second.choices, second.hidden) == (45, (45, 60), True)


async def test_an_address_with_or_without_its_version(calcom: CalCom) -> None:
    """Owners copy the address as their Cal.com shows it, /v2 included."""
    for url in (f"{calcom.url}/", f"{calcom.url}/v2", f"{calcom.url}/v2/"):
        assert (await calcom.account(url=url).read_me()).username == "practice"


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"kind": "status", "status": 401}, CalendarKeyRefused, "refuses the key"),
        ({"kind": "status", "status": 403}, CalendarKeyRefused, "calendar's owner"),
        ({"kind": "status", "status": 404}, CalendarUnrecognised, "not Cal.com's API v2"),
        ({"kind": "status", "status": 502}, CalendarUnavailable, "out of order"),
        ({"kind": "status", "status": 429}, CalendarUnavailable, "how often"),
        ({"kind": "cut"}, CalendarUnavailable, "broke off"),
        ({"kind": "delay", "delay_ms": 900}, CalendarUnavailable, "within 0.4 s"),
    ],
)
async def test_each_failure_has_words_for_the_owner(
    calcom: CalCom, fault: dict[str, Any], error: type[CalendarError], words: str
) -> None:
    """Both readings, and never with the key in the error or its causes."""
    account = calcom.account(seconds=0.4)
    for operation, read in (("me", account.read_me), ("event_types", account.list_event_types)):
        await calcom.control("faults", [{"operation": operation, "times": None, **fault}])
        with pytest.raises(error, match=words) as caught:
            await read()
        assert KEY.get_secret_value() not in f"{caught.value!r}{caught.value.__cause__!r}"


async def test_a_wrong_key_is_told_from_a_dead_server(calcom: CalCom) -> None:
    """The stand-in's own refusal, and nobody listening."""
    with pytest.raises(CalendarKeyRefused):
        await calcom.account(SecretStr("cal_live_wrong")).read_me()
    with pytest.raises(CalendarKeyRefused):
        await calcom.account(SecretStr("not-even-like-one")).read_me()
    with pytest.raises(CalendarNotThere, match="can't be reached"):
        await calcom.account(url="http://127.0.0.1:9").read_me()


async def test_a_hiccup_is_read_over(calcom: CalCom) -> None:
    """One failure and one cut connection cost a second try each; a refused key is asked about once."""
    for operation, fault in (("me", {"kind": "status", "status": 503}), ("me", {"kind": "cut"})):
        await calcom.control("faults", [{"operation": operation, "times": 1, **fault}])
        assert (await calcom.account().read_me()).time_zone == "Europe/Paris"
    assert await calcom.asked("me") == 4
    with pytest.raises(CalendarKeyRefused):
        await calcom.account(SecretStr("cal_live_wrong")).read_me()
    assert await calcom.asked("me") == 5


async def test_the_wait_that_cal_com_asks_for_is_passed_on(calcom: CalCom) -> None:
    """Past the limit of requests the error says in how many seconds, and does not wait that long itself."""
    await calcom.control("rate-limit", {"limit": 1, "window_s": 40})
    await calcom.account().read_me()
    with pytest.raises(CalendarUnavailable) as caught:
        await calcom.account().read_me()
    assert caught.value.retry_after is not None
    assert 30 <= caught.value.retry_after <= 41


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<html>welcome</html>", {}),
        (200, b'["a list"]', {}),
        (200, b'{"status": "success", "data": "text"}', {}),
        (200, b'{"status": "success", "data": {"name": "another API"}}', {}),
        (200, b'{"status": "success", "data": [{"id": true, "lengthInMinutes": 30}]}', {}),
        (200, b'{"status": "success", "data": [["a"]]}', {}),
        (302, b"", {"location": "https://elsewhere.example.org/v2/me"}),
        (200, b"[" * 200_000, {}),
        (200, b" " * (5 * 1024 * 1024), {}),
        (200, b"no gzip", {"content-encoding": "gzip"}),
        (204, b"", {}),
    ],
)
async def test_what_is_no_cal_com_is_told_so(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Another server's answer, a redirect (the key must not follow it), one without end: the address is wrong."""
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)

    async with answering(answers) as account:
        for read in (account.read_me, account.list_event_types):
            with pytest.raises(CalendarUnrecognised, match="not Cal.com's API v2"):
                await read()
    assert asked == ["cal.example.org"] * 2


async def test_what_it_says_can_be_stored_and_sent_on() -> None:
    """A server that a tenant chose may say anything: NUL, half a character, a title without end, a zone that is a number."""
    me = b'{"status": "success", "data": {"id": 1, "username": "a\\u0000\\ud800b", "timeZone": 5}}'
    types = b'{"status": "success", "data": [{"id": 1, "lengthInMinutes": 30, "title": "%s", "slug": null,'
    types = types % (b"x" * 5000) + b' "lengthInMinutesOptions": [0, "a", 60, true]}]}'

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=me if request.url.path.endswith("/me") else types)

    async with answering(answer) as account:
        assert await account.read_me() == Account("ab", "")
        [found] = await account.list_event_types()
    assert (len(found.title), found.slug, found.choices) == (200, "", (60,))


async def test_a_key_that_cannot_be_sent_is_not_quoted() -> None:
    """The HTTP client's own texts would quote the header."""

    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['authorization']!r}")

    async with answering(never) as account:
        with pytest.raises(CalendarUnrecognised) as caught:
            await account.read_me()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
