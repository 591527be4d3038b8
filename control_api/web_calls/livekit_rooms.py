"""Rooms of test calls, on LiveKit: a token that its server opens the room by, and sends the agent into it.

Owns: what the token allows. Refuses: asking LiveKit anything: making a token needs its secret and no connection.

The agent's dispatch and its metadata are part of what is signed. Whoever holds the token can enter that one room, speak and
listen; can't send data or attributes, publish anything but a microphone, make rooms, or dispatch an agent.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from livekit.api import AccessToken, VideoGrants
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from pydantic import SecretStr

from contracts.call import InboundCall
from control_api.web_calls.ports import Admission

VALID_FOR: Final = timedelta(minutes=2)  # to enter; who is inside stays
IDENTITY: Final = "tester"
_EMPTY_SECONDS = 20  # a room whose token was fetched and not used to the end
_LEFT_SECONDS = 5


class LiveKitRooms:
    """`url` is where a browser finds LiveKit (wss://…)."""

    def __init__(self, url: str, api_key: str, api_secret: SecretStr, *, agent_name: str) -> None:
        self._url = url
        self._key = api_key
        self._secret = api_secret
        self._agent_name = agent_name

    def admit(self, call: InboundCall) -> Admission:
        room = f"test-{call.call_id}"
        agent = RoomAgentDispatch(agent_name=self._agent_name, metadata=call.model_dump_json())
        grants = VideoGrants(
            room_join=True,
            room=room,
            can_publish=True,
            can_publish_sources=["microphone"],
            can_subscribe=True,
            can_publish_data=False,
            can_update_own_metadata=False,
        )
        token = (
            AccessToken(self._key, self._secret.get_secret_value())
            .with_identity(IDENTITY)
            .with_grants(grants)
            .with_room_config(
                RoomConfiguration(empty_timeout=_EMPTY_SECONDS, departure_timeout=_LEFT_SECONDS, agents=[agent])
            )
            .with_ttl(VALID_FOR)
            .to_jwt()
        )
        return Admission(url=self._url, room=room, token=token, expires_at=datetime.now(UTC) + VALID_FOR)
