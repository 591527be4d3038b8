"""LiveKit's server, as the control plane asks it: one request at a time, each with an end.

Owns: connecting in the event loop that first asks, a deadline for each request, no fail-over, and closing. Refuses: what a
failure means and whether to ask again (whoever asks knows), and tokens for browsers, which ask for nothing
(`control_api.web_calls`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.api.room_service import RoomService
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse
from pydantic import SecretStr

T = TypeVar("T")
Send = Callable[[api.LiveKitAPI], Awaitable[T]]


class LiveKit:
    """One project. Its connections belong to the event loop that first asks, until `aclose`.

    `url` as LiveKit gives it (wss:// or https://). `request_timeout` in seconds, for one request.
    """

    def __init__(self, url: str, api_key: str, api_secret: SecretStr, *, request_timeout: float = 5.0) -> None:
        if not (url and api_key and api_secret.get_secret_value()):
            raise ValueError("LiveKit needs an address, a key and a secret")  # else its client reads the environment
        self._url = url
        self._key = api_key
        self._secret = api_secret
        self._timeout = request_timeout
        self._session: aiohttp.ClientSession | None = None
        self._api: api.LiveKitAPI | None = None

    async def aclose(self) -> None:
        session, self._session, self._api = self._session, None, None
        if session is not None:
            await session.close()

    async def ask(self, send: Send[T], *, seconds: float | None = None) -> T:
        """`seconds`: this request's own deadline. Raises as its client does: api.ServerError for what LiveKit says no to (its
        text may hold numbers), aiohttp.ClientError and DecodeError for no answer or another's; and TimeoutError past the
        deadline."""
        # livekit-api hands aiohttp "no time-out" with each request, which overrules the session's
        async with asyncio.timeout(self._timeout if seconds is None else seconds):
            return await send(self._connected())

    async def perform_rpc(self, room: str, identity: str, method: str, *, seconds: float) -> str:
        """Calls a method of a participant, who is given so long -> what it answers. Raises as `ask`."""
        wanted = PerformRpcRequest(
            room=room, destination_identity=identity, method=method, response_timeout_ms=round(seconds * 1000)
        )
        return await self.ask(lambda _: self._rpc().perform(wanted), seconds=seconds + self._timeout)

    def _connected(self) -> api.LiveKitAPI:
        if self._api is None:
            # its fail-over would send a create again in another region without looking whether the first was made
            self._api = api.LiveKitAPI(
                self._url, self._key, self._secret.get_secret_value(), session=self._opened(), failover=False
            )
        return self._api

    def _rpc(self) -> "_Rpc":
        return _Rpc(self._opened(), self._url, self._key, self._secret.get_secret_value(), failover=False)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


class _Rpc(RoomService):
    """The one method of the server's that its client leaves out."""

    async def perform(self, wanted: PerformRpcRequest) -> str:
        grants = self._auth_header(api.VideoGrants(room_admin=True, room=wanted.room))
        return (await self._client.request("RoomService", "PerformRpc", wanted, grants, PerformRpcResponse)).payload
