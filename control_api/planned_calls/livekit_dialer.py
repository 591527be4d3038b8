"""The line, on LiveKit: which trunk goes out, and sending an agent to a room.

Owns: the HTTP session, a deadline a request, and what LiveKit's errors mean here. Refuses: making trunks
(`control_api.numbers`) and ringing (the agent's, which is in the room before anybody picks up).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.protocol.agent_dispatch import CreateAgentDispatchRequest
from livekit.protocol.models import Pagination
from livekit.protocol.sip import ListSIPOutboundTrunkRequest, SIPOutboundTrunkInfo
from pydantic import SecretStr

from control_api.planned_calls.ports import Dialer, DialerAway, DialerRefused

_PAGE = 500
_NOT_DONE = frozenset({"not_found", "invalid_argument", "failed_precondition", "malformed", "unimplemented"})
T = TypeVar("T")


class LiveKitDialer(Dialer):
    """Close it with `aclose`. `request_timeout` in seconds."""

    def __init__(
        self, url: str, api_key: str, api_secret: SecretStr, *, agent_name: str, request_timeout: float = 5.0
    ) -> None:
        self._url = url
        self._key = api_key
        self._secret = api_secret
        self._agent_name = agent_name
        self._timeout = request_timeout
        self._session: aiohttp.ClientSession | None = None
        self._api: api.LiveKitAPI | None = None

    async def aclose(self) -> None:
        session, self._session, self._api = self._session, None, None
        if session is not None:
            await session.close()

    async def find_trunk(self, number: str) -> str | None:
        """The list with a filter by number gives trunks without any number, too."""
        asked = ListSIPOutboundTrunkRequest(numbers=[number], page=Pagination(limit=_PAGE))
        found = await self._call(lambda livekit: livekit.sip.list_outbound_trunk(asked))
        trunks: list[SIPOutboundTrunkInfo] = sorted(found.items, key=lambda trunk: trunk.sip_trunk_id)
        return next((trunk.sip_trunk_id for trunk in trunks if number in trunk.numbers), None)

    async def send_agent(self, room: str, metadata: Mapping[str, str]) -> None:
        asked = CreateAgentDispatchRequest(
            agent_name=self._agent_name, room=room, metadata=json.dumps(dict(metadata), sort_keys=True)
        )
        await self._call(lambda livekit: livekit.agent_dispatch.create_dispatch(asked))

    async def _call(self, send: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T:
        try:
            # livekit-api hands aiohttp "no time-out" with each request, which overrules the session's
            async with asyncio.timeout(self._timeout):
                return await send(self._connected())
        except api.ServerError as error:
            if error.status in (401, 403) or error.code in _NOT_DONE:
                # its text may hold numbers
                raise DialerRefused(f"LiveKit refused the request ({error.code}, {error.status})") from None
            raise DialerAway(f"LiveKit could not answer ({error.code}, {error.status})") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DialerAway(f"no answer from LiveKit: {type(error).__name__}") from None

    def _connected(self) -> api.LiveKitAPI:
        if self._api is None:
            self._session = aiohttp.ClientSession()
            self._api = api.LiveKitAPI(
                self._url, self._key, self._secret.get_secret_value(), session=self._session, failover=False
            )
        return self._api
