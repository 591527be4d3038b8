"""The Cal.com account behind a key, as its owner sets a calendar up: whose it is, and which event types it has.

Owns: the deadline of a reading with its retries, the bound on an answer's size, and what each failure means for the owner.
Refuses: bookings (`calcom`), deciding which hosts may be asked (the client that is given does), and redirects: the key
would go along. What Cal.com says is cleaned of characters that a database or an answer can't carry.
"""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx
from pydantic import SecretStr

from calendar_tools.calcom_wire import WireError, data_of
from calendar_tools.errors import CalendarKeyRefused, CalendarNotThere, CalendarUnavailable, CalendarUnrecognised

EVENT_TYPES_VERSION = "2024-06-14"
T = TypeVar("T")

_MOST_BYTES = 4 * 1024 * 1024
_MOST_ID = 2**31 - 1
_CONNECT_SECONDS = 3.0
_RESET = "x-ratelimit-reset-default"


@dataclass(frozen=True)
class Account:
    """`username` is empty where the user has chosen none; `time_zone` is an IANA name, as Cal.com gives it."""

    username: str
    time_zone: str


@dataclass(frozen=True)
class AccountEventType:
    """`minutes` is what is booked; `choices` are the lengths that a person may choose on the event type's page."""

    event_type_id: int
    title: str
    slug: str
    minutes: int
    choices: tuple[int, ...]
    hidden: bool


class CalComAccount:
    """`base_url` ends before /v2. `client` is shared and closed by whoever made it. `seconds`: for one reading, retry included.

    Each reading raises CalendarKeyRefused, CalendarUnrecognised, CalendarUnavailable; their messages are for the owner and
    hold nothing that Cal.com said and no part of the key.
    """

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr, seconds: float = 8.0, attempts: int = 2
    ) -> None:
        self._client = client
        self._base = base_url.rstrip("/").removesuffix("/v2")
        self._key = api_key
        self._seconds = seconds
        self._attempts = attempts

    async def read_me(self) -> Account:
        """The cheapest way of testing a key."""
        return await self._read("/v2/me", _account, version=None)

    async def list_event_types(self) -> list[AccountEventType]:
        """The user's own, hidden ones included, in Cal.com's order; not those of teams."""
        return await self._read("/v2/event-types", _event_types, version=EVENT_TYPES_VERSION)

    async def _read(self, path: str, parse: Callable[[Any], T], *, version: str | None) -> T:
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._seconds
        attempt = 1
        while True:
            try:
                return self._parsed(await self._get(path, version, ends - loop.time()), parse)
            except CalendarUnavailable as error:
                wait = error.retry_after or 0.2 * attempt * random.uniform(0.7, 1.3)
                if attempt >= self._attempts or loop.time() + wait >= ends:
                    raise
            await asyncio.sleep(wait)
            attempt += 1

    async def _get(self, path: str, version: str | None, seconds: float) -> Any:
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}", "Accept": "application/json"}
        if version is not None:
            headers["cal-api-version"] = version
        timeout = httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(
                    "GET", self._base + path, headers=headers, timeout=timeout, follow_redirects=False
                ) as response,
            ):
                _raise_for(response)
                return await _json_of(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise CalendarNotThere("Cal.com can't be reached at this address") from None
        except (httpx.TimeoutException, TimeoutError):
            raise CalendarUnavailable(f"Cal.com did not answer within {self._seconds:g} s") from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError):
            # their texts quote headers, hence the key
            raise CalendarUnrecognised("the address or the key has characters it can't have") from None
        except httpx.DecodingError:
            raise CalendarUnrecognised(_NOT_CALCOM) from None
        except httpx.HTTPError:
            raise CalendarUnavailable("the connection to Cal.com broke off") from None

    @staticmethod
    def _parsed(body: Any, parse: Callable[[Any], T]) -> T:
        try:
            return parse(data_of(body))
        except (WireError, ValueError, TypeError, AttributeError):
            raise CalendarUnrecognised(_NOT_CALCOM) from None


_NOT_CALCOM = "what answers at this address is not Cal.com's API v2: check the address, which ends before /v2"


def _raise_for(response: httpx.Response) -> None:
    match response.status_code:
        case 200:
            return
        case 401:
            raise CalendarKeyRefused(
                "Cal.com refuses the key: make a new one in Cal.com under Settings, Developer, API keys"
            )
        case 403:
            raise CalendarKeyRefused("the key may not read its account: use a key of the calendar's owner")
        case 429:
            reset = response.headers.get(_RESET, "")
            raise CalendarUnavailable(
                "Cal.com limits how often this key may ask", retry_after=float(reset) if reset.isdecimal() else None
            )
        case status if status >= 500:
            raise CalendarUnavailable(f"Cal.com is out of order (HTTP {status})")
        case status:
            raise CalendarUnrecognised(f"{_NOT_CALCOM} (HTTP {status})")


async def _json_of(response: httpx.Response) -> Any:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _MOST_BYTES:
            raise CalendarUnrecognised(_NOT_CALCOM)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise CalendarUnrecognised(_NOT_CALCOM) from None


def _account(data: Any) -> Account:
    row = cast("dict[str, Any]", data)
    if not isinstance(row.get("id"), int):
        raise WireError("me.id is missing")
    return Account(username=_clean(row.get("username"), 100), time_zone=_clean(row.get("timeZone"), 64))


def _event_types(data: Any) -> list[AccountEventType]:
    if not isinstance(data, list):
        raise WireError("data is not a list")
    return [_event_type(cast("dict[str, Any]", row)) for row in cast("list[Any]", data)]


def _event_type(row: dict[str, Any]) -> AccountEventType:
    number, minutes = row.get("id"), row.get("lengthInMinutes")
    if not _is_count(number) or not _is_count(minutes):
        raise WireError("an event type without id or length")
    choices: Any = row.get("lengthInMinutesOptions") or []
    return AccountEventType(
        event_type_id=cast("int", number),
        title=_clean(row.get("title"), 200),
        slug=_clean(row.get("slug"), 200),
        minutes=cast("int", minutes),
        choices=tuple(sorted({one for one in choices if _is_count(one)})),
        hidden=row.get("hidden") is True,
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_ID


def _clean(value: Any, most: int) -> str:
    """Text without NUL and lone surrogates, `most` characters at most; "" for what is no text."""
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()[:most]
