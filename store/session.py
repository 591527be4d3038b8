"""The database as somebody: a signed-in user with their own token, or the service. For the control plane's repositories.

Owns: whose rights a request carries, its deadline, and what the database's answers mean. Refuses: queries: each noun's
repository says its own. Under a user's token row-level security decides; under the service key nothing does, so whoever
opens a service session filters by tenant.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import httpx
from postgrest import AsyncPostgrestClient, AsyncRequestBuilder
from pydantic import SecretStr

from store.errors import StoreMisconfigured, translate_failure
from store.straight import StraightClient

_CALL_SECONDS = 10.0
_CONNECT_SECONDS = 2.0
_KEEP_ALIVE_SECONDS = 30.0
_CONNECTIONS = 40


@dataclass(frozen=True)
class AsUser:
    """Row-level security applies, by the token's `sub`."""

    token: SecretStr


@dataclass(frozen=True)
class AsService:
    """Nothing is hidden: for requests without a user. `for_whom` is written where a row says who did it."""

    for_whom: str = "service"


Access = AsUser | AsService


class _Query(Protocol):
    def execute(self) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class Page:
    """Rows, and how many there are in all where that was asked for."""

    rows: list[dict[str, Any]]
    total: int | None = None


@dataclass(frozen=True)
class Session:
    """One request's view of the database. Methods raise what `store.errors` names, StoreUnavailable among them."""

    access: Access
    _client: AsyncPostgrestClient = field(repr=False)
    _seconds: float = field(repr=False)

    @property
    def on_behalf_of(self) -> str | None:
        """For functions that write who did it; the database ignores it where a user asks."""
        return self.access.for_whom if isinstance(self.access, AsService) else None

    def table(self, name: str) -> AsyncRequestBuilder:
        return self._client.from_(name)

    async def call(self, function: str, **parameters: Any) -> Any:
        """One SQL function -> its answer as JSON. Sent once: a function that is safe to repeat is repeated by its caller."""
        return (await self._answer(self._client.rpc(function, parameters).execute)).data

    async def read(self, query: _Query) -> list[dict[str, Any]]:
        """A select -> its rows. Sent again once where a kept connection turns out to be gone."""
        return (await self.read_page(query)).rows

    async def read_page(self, query: _Query) -> Page:
        answer = await self._answer(query.execute, again=True)
        rows = cast("list[dict[str, Any]]", answer.data)
        return Page(rows, answer.count)

    async def read_text(self, query: _Query) -> str:
        """A select with `.csv()` -> the text."""
        return str((await self._answer(query.execute, again=True)).data)

    async def _answer(self, execute: Callable[[], Awaitable[Any]], *, again: bool = False) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    return await execute()
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    if not again:
                        raise
                    return await execute()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise translate_failure(error) from error


class Sessions:
    """Makes sessions on one pool of connections; `open_sessions` gives it, `aclose` ends it."""

    def __init__(
        self, http: httpx.AsyncClient, *, url: str, publishable_key: SecretStr, service_key: SecretStr, seconds: float
    ) -> None:
        self._http = http
        self._rest = f"{url.rstrip('/')}/rest/v1"
        self._publishable_key = publishable_key
        self._service_key = service_key
        self._seconds = seconds

    def open(self, access: Access) -> Session:
        match access:
            case AsUser(token=token):
                key, bearer = self._publishable_key.get_secret_value(), token.get_secret_value()
            case AsService():
                key = bearer = self._service_key.get_secret_value()
        headers = {"apikey": key, "authorization": f"Bearer {bearer}"}
        client = AsyncPostgrestClient(self._rest, headers=headers, http_client=self._http, retry_enabled=False)
        return Session(access, client, self._seconds)

    async def ping(self) -> None:
        """One row of one table, as the service."""
        session = self.open(AsService())
        await session.read(session.table("tenants").select("tenant_id").limit(1))

    async def aclose(self) -> None:
        await self._http.aclose()


def open_sessions(
    url: str,
    *,
    publishable_key: SecretStr,
    service_key: SecretStr,
    seconds: float = _CALL_SECONDS,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Sessions:
    """SUPABASE_URL and its two keys; nothing is sent yet. `seconds` is the longest any one query may take.

    `publishable_key` (`sb_publishable_…` or the older anon JWT) goes with users' tokens; `service_key` is a secret key.
    StoreMisconfigured if one is missing.
    """
    if not url.startswith(("https://", "http://")):
        raise StoreMisconfigured("SUPABASE_URL is missing or no address: write it as https://<project>.supabase.co")
    if not publishable_key.get_secret_value():
        raise StoreMisconfigured("SUPABASE_PUBLISHABLE_KEY (or SUPABASE_ANON_KEY) is missing")
    if not service_key.get_secret_value():
        raise StoreMisconfigured("SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY) is missing")
    limits = httpx.Limits(
        max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE_SECONDS
    )
    http = StraightClient(seconds=seconds, connect=min(_CONNECT_SECONDS, seconds), limits=limits, transport=transport)
    return Sessions(http, url=url, publishable_key=publishable_key, service_key=service_key, seconds=seconds)
