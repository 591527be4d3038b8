"""The line, on LiveKit: which trunk goes out, and sending an agent to a room.

Owns: what LiveKit's errors mean here. Refuses: reaching it (`control_api.livekit`), making trunks
(`control_api.numbers`) and ringing (the agent's, which is in the room before anybody picks up).
"""

import json
from collections.abc import Mapping
from typing import TypeVar

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.agent_dispatch import CreateAgentDispatchRequest
from livekit.protocol.models import Pagination
from livekit.protocol.sip import ListSIPOutboundTrunkRequest, SIPOutboundTrunkInfo
from pydantic import SecretStr

from control_api.livekit import LiveKit, Send
from control_api.planned_calls.ports import Dialer, DialerAway, DialerRefused

_PAGE = 500
_NOT_DONE = frozenset({"not_found", "invalid_argument", "failed_precondition", "malformed", "unimplemented"})
T = TypeVar("T")


class LiveKitDialer(Dialer):
    """Close it with `aclose`. `request_timeout` in seconds."""

    def __init__(
        self, url: str, api_key: str, api_secret: SecretStr, *, agent_name: str, request_timeout: float = 5.0
    ) -> None:
        self._livekit = LiveKit(url, api_key, api_secret, request_timeout=request_timeout)
        self._agent_name = agent_name

    async def aclose(self) -> None:
        await self._livekit.aclose()

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

    async def _call(self, send: Send[T]) -> T:
        try:
            return await self._livekit.ask(send)
        except api.ServerError as error:
            if error.status in (401, 403) or error.code in _NOT_DONE:
                # its text may hold numbers
                raise DialerRefused(f"LiveKit refused the request ({error.code}, {error.status})") from None
            raise DialerAway(f"LiveKit could not answer ({error.code}, {error.status})") from None
        except (aiohttp.ClientError, TimeoutError, DecodeError) as error:
            raise DialerAway(f"no answer from LiveKit: {type(error).__name__}") from None
