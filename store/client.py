"""The one place where the Supabase client is made. Owns: its HTTP connections, their deadlines, and what their failures are
called. Refuses: queries.

No session of a user, nothing refreshed in the background, no retries hidden in the client (the functions we call are
idempotent, and whoever calls knows how long may be waited). Answers of 400 and above are raised as our own errors by the
connection itself: the client would drop the HTTP status.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from store.errors import StoreMisconfigured, translate_answer, translate_failure

_CONNECT_SECONDS = 2.0
_CALL_SECONDS = 10.0
# Below the idle time after which load balancers in front of hosted projects close a connection.
_KEEP_ALIVE_SECONDS = 30.0
_CONNECTIONS = 10


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Whom TLS connections of this process trust. Read once: it takes 30 to 60 ms, which each new client would take from
    the call that makes it."""
    return httpx.create_ssl_context()


@dataclass(frozen=True)
class Connection:
    """The client and what must be closed after it."""

    client: AsyncClient
    http: httpx.AsyncClient

    async def call(self, function: str, *, seconds: float, **parameters: Any) -> Any:
        """What the SQL function returns. As `answer`."""
        return await self.answer(self.client.rpc(function, parameters).execute, seconds=seconds)

    async def answer(self, execute: Callable[[], Awaitable[Any]], *, seconds: float) -> Any:
        """The data of a request, within `seconds`. What meets a kept connection that the other side had closed is sent a second
        time: everything sent here may be. Raises what the database said (`store.errors`), or StoreUnavailable."""
        try:
            async with asyncio.timeout(seconds):
                try:
                    answer = await execute()
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    answer = await execute()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise translate_failure(error) from error
        return answer.data

    async def aclose(self) -> None:
        await self.http.aclose()


async def _raise_translated(answer: httpx.Response) -> None:
    if answer.is_error:
        raise translate_answer(answer.status_code, await answer.aread())


async def connect(
    url: str, service_key: str, *, seconds: float = _CALL_SECONDS, transport: httpx.AsyncBaseTransport | None = None
) -> Connection:
    """A client for the project at `url`; nothing is sent yet. `seconds` is the longest any read or write may take.

    `service_key` is a secret key (`sb_secret_…`) or the older service_role JWT. StoreMisconfigured if one is missing.
    """
    if not url.startswith(("https://", "http://")):
        raise StoreMisconfigured("SUPABASE_URL is missing or no address: write it as https://<project>.supabase.co")
    if not service_key:
        raise StoreMisconfigured("SUPABASE_SERVICE_ROLE_KEY is missing")
    limits = httpx.Limits(
        max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE_SECONDS
    )
    http = httpx.AsyncClient(
        timeout=httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)),
        limits=limits,
        verify=trusted_authorities(),
        transport=transport,
        event_hooks={"response": [_raise_translated]},
    )
    options = AsyncClientOptions(
        auto_refresh_token=False,
        persist_session=False,
        postgrest_client_retry=False,
        httpx_client=http,
    )
    return Connection(client=await acreate_client(url, service_key, options), http=http)
