"""Requests to Cal.com v2: one is sent, and answered, certainly not sent, or its answer lost.

Owns: the address and the key of one connection, the version header, the deadline of each request, and sending a read again.
Refuses: a connection pool of its own (one httpx.AsyncClient is given), sending a write again, what an answer means
(`calcom_wire`), and what becomes of a lost one (`calcom`).
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from calendar_tools.calcom_wire import Failure, WireError, parse_failure, to_error
from calendar_tools.errors import CalendarMisconfigured, CalendarUnavailable
from contracts.calendar import CalComConnection

T = TypeVar("T")

_RESET = "x-ratelimit-reset-default"


class AnswerLost(Exception):
    """The request may have been carried out."""


@dataclass(frozen=True)
class Answer:
    """`reset`: seconds until the rate limit begins anew, where Cal.com says so."""

    status: int
    body: Any
    readable: bool
    request_id: str
    reset: float | None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def failure(self) -> Failure:
        return parse_failure(self.status, self.body, self.request_id)


class CalComHttp:
    """`client` is shared and closed by whoever made it. `connect`: seconds, the most that each request's connecting may take.

    Raises CalendarMisconfigured where the connection has no base URL or no key.
    """

    def __init__(
        self, client: httpx.AsyncClient, connection: CalComConnection, *, connect: float, read_attempts: int
    ) -> None:
        if connection.base_url is None:
            raise CalendarMisconfigured("the calendar has no base URL: set one for it, or CAL_BASE_URL")
        if connection.api_key is None or not connection.api_key.get_secret_value().strip():
            raise CalendarMisconfigured("the calendar has no API key: set one for it, or CAL_API_KEY")
        self._client = client
        self._base = str(connection.base_url).rstrip("/").removesuffix("/v2")
        self._key = connection.api_key
        self._connect = connect
        self._read_attempts = read_attempts

    async def read(
        self,
        path: str,
        parse: Callable[[Any], T],
        *,
        version: str | None,
        params: Mapping[str, str],
        seconds: float,
        doing: str,
    ) -> T:
        """A GET, sent again after a time-out, a 429 or a 5xx while the deadline leaves room."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        for attempt in range(1, self._read_attempts + 1):
            wait = 0.15 * 2**attempt * random.uniform(0.7, 1.3)
            try:
                answer = await self.send(
                    "GET", path, version=version, seconds=max(0.05, ends - loop.time()), params=params
                )
                if answer.ok and answer.readable:
                    return self._parsed(answer, parse)
                problem = to_error(answer.failure, doing=doing, retry_after=answer.reset)
                if answer.ok:
                    problem = CalendarUnavailable("Cal.com's answer can't be read")
                wait = answer.reset if answer.status == 429 and answer.reset is not None else wait
            except AnswerLost:
                problem = CalendarUnavailable("Cal.com did not answer in time")
            except CalendarUnavailable as error:
                problem = error
            if not isinstance(problem, CalendarUnavailable):
                raise problem
            if attempt == self._read_attempts or loop.time() + wait >= ends:
                raise problem
            await asyncio.sleep(wait)
        raise CalendarUnavailable("no attempt was allowed")

    @staticmethod
    def _parsed(answer: Answer, parse: Callable[[Any], T]) -> T:
        try:
            return parse(answer.body)
        except WireError as error:
            raise CalendarMisconfigured(
                f"this server does not speak the version asked for: check the base URL ({error})"
            ) from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        version: str | None,
        seconds: float,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request. CalendarUnavailable: it was certainly not sent. AnswerLost: it may have been carried out."""
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}", "Accept": "application/json"}
        if version is not None:
            headers["cal-api-version"] = version
        connect = min(self._connect, seconds)
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.request(
                    method, self._base + path, params=params, json=json, headers=headers,
                    timeout=httpx.Timeout(seconds, connect=connect, pool=connect),
                )  # fmt: skip
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise CalendarUnavailable("Cal.com can't be reached") from error
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
            # their texts quote headers, hence the key
            raise CalendarMisconfigured("the calendar's base URL or API key has characters it can't have") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise AnswerLost from error
        return _answer(response)


def _answer(response: httpx.Response) -> Answer:
    try:
        body, readable = response.json(), True
    except ValueError:
        body, readable = None, False
    reset = response.headers.get(_RESET, "")
    return Answer(
        status=response.status_code,
        body=body,
        readable=readable,
        request_id=response.headers.get("x-request-id", ""),
        reset=float(reset) if reset.isdigit() else None,
    )
