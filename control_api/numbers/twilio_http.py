"""How the `twilio` client reaches Twilio: over a shared aiohttp session, with a deadline and plain words for what happened.

Owns: deadlines, which requests are sent again, and telling a request that was certainly not carried out from one that may have
been. Refuses: what an answer means (`numbers.twilio_wire`), and the client's own transport: that one has no time limit, logs
headers and addresses, keeps the last request with its password, and hides the status of a refused list.

A read is sent again after anything that may pass. A write is sent again only after a 429, which Twilio never carries out.
"""

import asyncio
import base64
import json
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import aiohttp
import stamina
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

_PUBLIC = {
    "api": "https://api.twilio.com",
    "trunking": "https://trunking.twilio.com",
    "numbers": "https://numbers.twilio.com",
    "pricing": "https://pricing.twilio.com",
}


@dataclass(frozen=True)
class TwilioHosts:
    """Where each product is: Twilio's public addresses, a region's, or a stand-in's. ValueError for what is no address."""

    api: str = _PUBLIC["api"]
    trunking: str = _PUBLIC["trunking"]
    numbers: str = _PUBLIC["numbers"]
    pricing: str = _PUBLIC["pricing"]

    def __post_init__(self) -> None:
        for product in fields(self):
            given = str(getattr(self, product.name)).rstrip("/")
            if not given.startswith(("https://", "http://")):
                raise ValueError(f"the address of Twilio's {product.name} must begin with https:// or http://")
            object.__setattr__(self, product.name, given)

    def place(self, url: str) -> str:
        """The address to ask instead of a public one. ValueError for an address of anybody else's: a link in an answer
        does not get to say where the password goes."""
        ours = {_PUBLIC[product.name]: str(getattr(self, product.name)) for product in fields(self)}
        for public, host in ours.items():
            if url.startswith(f"{public}/"):
                return host + url.removeprefix(public)
        if any(url.startswith(f"{host}/") for host in ours.values()):
            return url
        raise ValueError("not an address of Twilio's")


@dataclass(frozen=True)
class Patience:
    """Seconds to a connection, and how a request is sent again: at most `attempts` times in all, the first pause around
    `first_pause`, each next one twice as long up to `longest_pause`, all of them between half and one and a half of that."""

    connect: float = 3.0
    attempts: int = 4
    first_pause: float = 0.4
    longest_pause: float = 5.0

    def pause(self, failures: int) -> float:
        usual = min(self.first_pause * 2 ** (failures - 1), self.longest_pause)
        return usual * random.uniform(0.5, 1.5)


class NotSent(Exception):
    """There was no connection: certainly not carried out."""


class AnswerLost(Exception):
    """The request may have been carried out: too late, cut, a 5xx, or an answer that can't be read."""


class Throttled(Exception):
    """429: not carried out. `retry_after` in seconds where Twilio said so."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__("429")
        self.retry_after = retry_after


class Refused(Exception):
    """Another 4xx: not carried out. `code` is Twilio's own; 0 where there was none."""

    def __init__(self, status: int, code: int) -> None:
        super().__init__(f"HTTP {status}, code {code}")
        self.status = status
        self.code = code


class OneOperation(AsyncHttpClient):
    """The requests of one operation, however many, until `ends` (the event loop's time).

    `request` raises NotSent, AnswerLost, Throttled or Refused; what it returns is a 2xx with a JSON object, or a 204. None
    of their texts has an address in it, for addresses have numbers in them.
    """

    def __init__(self, session: aiohttp.ClientSession, *, hosts: TwilioHosts, patience: Patience, ends: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._session = session
        self._hosts = hosts
        self._patience = patience
        self._ends = ends

    async def request(  # pyright: ignore[reportIncompatibleMethodOverride] - the client names all arguments but two
        self,
        method: str,
        uri: str,
        *,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        sent = {**(headers or {}), **({"Authorization": _basic(*auth)} if auth else {})}
        url, failures = self._place(uri), 0

        def again(error: Exception) -> bool | float:
            nonlocal failures
            failures += 1
            if not (isinstance(error, Throttled) or (method == "GET" and isinstance(error, NotSent | AnswerLost))):
                return False
            asked = error.retry_after if isinstance(error, Throttled) else None
            pause = max(asked or 0.0, self._patience.pause(failures))
            return pause if asyncio.get_running_loop().time() + pause < self._ends else False

        async for attempt in stamina.retry_context(on=again, attempts=self._patience.attempts, timeout=None):
            with attempt:
                return await self._send(method, url, params=_texts(params), data=_texts(data), headers=sent)
        raise AssertionError("stamina raises what the last attempt raised")

    def _place(self, uri: str) -> str:
        try:
            return self._hosts.place(uri)
        except ValueError:
            raise AnswerLost("a link in an answer leads elsewhere") from None

    async def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str],
        data: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Response:
        within = aiohttp.ClientTimeout(total=None, connect=self._patience.connect)
        body = aiohttp.FormData(data) if method == "POST" else None
        try:
            async with (
                asyncio.timeout_at(self._ends),
                self._session.request(
                    method, url, params=params, data=body, headers=headers, allow_redirects=False, timeout=within
                ) as answer,
            ):
                text = (await answer.read()).decode("utf-8", "replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise NotSent("no connection") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AnswerLost(type(error).__name__) from None
        return _judged(answer.status, text, answer.headers)


def _judged(status: int, text: str, headers: Mapping[str, str]) -> Response:
    body = _object(text)
    if status == 429:
        after = headers.get("Retry-After", "")
        raise Throttled(float(after) if after.isdecimal() else None)
    if 400 <= status < 500 and status != 408:
        code = (body or {}).get("code")
        raise Refused(status, code if isinstance(code, int) else 0)
    if 200 <= status < 300 and (body is not None or (status == 204 and not text)):
        return Response(status, text, headers)
    raise AnswerLost(f"HTTP {status}")


def _object(text: str) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return None
    return cast(dict[str, Any], found) if isinstance(found, dict) else None


def _texts(values: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items()}


def _basic(name: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"
