"""What the worker's main process asks of LiveKit about rooms: who is in one, where a caller waits alone, to send a job there,
to let the caller go. Every request has a deadline; RoomsUnavailable: nothing is known."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import aiohttp
from livekit import api
from livekit.protocol.models import ParticipantInfo

_SECONDS = 3.0
_ANSWERED = 20.0  # seconds for which a room that has an agent is not looked at again: another death is seen otherwise
_AT_ONCE = 40  # rooms of one round
_WAITING = ("", "ringing", "active")  # not "dialing", an outbound call nobody has taken yet, nor "hangup"
T = TypeVar("T")


class RoomsUnavailable(Exception):
    """LiveKit did not answer, or refused."""


@dataclass(frozen=True)
class Present:
    """Identities. `callers` are telephones."""

    callers: frozenset[str]
    agents: frozenset[str]


NOBODY = Present(frozenset(), frozenset())


class Rooms(Protocol):
    async def present(self, room: str) -> Present:
        """A room that is gone holds nobody."""
        ...

    async def waiting(self) -> list[str]:
        """Rooms to which our agent was sent, and in which a telephone is alone."""
        ...

    async def send(self, room: str, metadata: str) -> None:
        """LiveKit asks the workers for a job there, this one among them. That one comes is not sure."""
        ...

    async def let_go(self, room: str) -> None:
        """The caller's leg ends with the room. Fine when it has."""
        ...


class LiveKitRooms(Rooms):
    """`prefix`: how the names of our rooms begin. `api` is its owner's to close."""

    def __init__(self, livekit: api.LiveKitAPI, *, agent_name: str, prefix: str) -> None:
        self._livekit = livekit
        self._agent_name = agent_name
        self._prefix = prefix
        self._looked_at: dict[str, float] = {}  # rooms that somebody answers in, and when that was seen

    async def present(self, room: str) -> Present:
        try:
            found = await _asked(self._livekit.room.list_participants(api.ListParticipantsRequest(room=room)))
        except _Gone:
            return NOBODY
        standing = [p for p in found.participants if p.state != ParticipantInfo.State.DISCONNECTED]
        return Present(
            callers=frozenset(p.identity for p in standing if _is_waiting(p)),
            agents=frozenset(p.identity for p in standing if p.kind == ParticipantInfo.Kind.AGENT),
        )

    async def waiting(self) -> list[str]:
        listed = await _asked(self._livekit.room.list_rooms(api.ListRoomsRequest()))
        names = [room.name for room in listed.rooms if room.name.startswith(self._prefix)]
        now = time.monotonic()
        self._looked_at = {name: at for name in names if (at := self._looked_at.get(name, 0.0)) > now - _ANSWERED}
        found: list[str] = []
        for name in [name for name in names if name not in self._looked_at][:_AT_ONCE]:
            there = await self.present(name)
            if there.agents:
                self._looked_at[name] = now
            elif len(there.callers) == 1 and await self._is_ours(name):
                found.append(name)
        return found

    async def _is_ours(self, room: str) -> bool:
        """Another agent's caller, on the same LiveKit, is not AVA's to answer."""
        try:
            sent = await _asked(self._livekit.agent_dispatch.list_dispatch(room))
        except _Gone:
            return False
        return any(dispatch.agent_name == self._agent_name for dispatch in sent)

    async def send(self, room: str, metadata: str) -> None:
        wanted = api.CreateAgentDispatchRequest(agent_name=self._agent_name, room=room, metadata=metadata)
        await _asked(self._livekit.agent_dispatch.create_dispatch(wanted))

    async def let_go(self, room: str) -> None:
        try:
            await _asked(self._livekit.room.delete_room(api.DeleteRoomRequest(room=room)))
        except _Gone:
            return


class _Gone(RoomsUnavailable):
    pass


def _is_waiting(participant: ParticipantInfo) -> bool:
    return participant.kind == ParticipantInfo.Kind.SIP and participant.attributes.get("sip.callStatus", "") in _WAITING


async def _asked(request: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_SECONDS):
            return await request
    except api.TwirpError as error:
        raise (_Gone if error.code == api.TwirpErrorCode.NOT_FOUND else RoomsUnavailable)(str(error.code)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise RoomsUnavailable(type(error).__name__) from error
