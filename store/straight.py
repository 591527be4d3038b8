"""httpx's client without what PostgREST has no use for: redirects, cookies, credentials of its own.

Owns: one request, one answer, errors as ours. Refuses: everything else of `httpx.AsyncClient`. About a third of the processor
time of a small request goes with it, on every request of the control plane (bench/api.py).
"""

from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from store.errors import translate_answer


class StraightClient(httpx.AsyncClient):
    """`seconds` for each of connecting, sending and reading; the whole is bounded by whoever asks."""

    def __init__(
        self, *, seconds: float, connect: float, limits: httpx.Limits, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        # aiohttp's connections under httpx's interface: half the time again
        self._straight = transport or AiohttpTransport(limits=limits)
        super().__init__(transport=self._straight)
        self._extensions = {"timeout": httpx.Timeout(seconds, connect=connect).as_dict()}

    async def request(  # pyright: ignore[reportIncompatibleMethodOverride] - what the PostgREST client hands over, no more
        self,
        method: str,
        url: httpx.URL | str,
        *,
        params: httpx.QueryParams | None = None,
        headers: httpx.Headers | None = None,
        content: bytes | None = None,
        **_: Any,
    ) -> httpx.Response:
        """Raises httpx's errors where there is no answer, and ours for one of 400 and above."""
        request = httpx.Request(
            method, url, params=params, headers=headers, content=content, extensions=self._extensions
        )
        response = await self._straight.handle_async_request(request)
        response.request = request
        body = await response.aread()
        if response.is_error:
            raise translate_answer(response.status_code, body)
        return response
