"""What the worker's main process asks of LiveKit about rooms: who is in one, where somebody waits alone, to send a job there,
to let them go. Every request has a deadline; RoomsUnavailable: nothing is known."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import aiohttp
from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.models import ParticipantInfo

_SECONDS = 3.0
_ANSWERED = 20.0  # seconds for which a room that has an agent is not looked at again: another death is seen otherwise
_AT_ONCE = 40  # rooms of one round
_WAITING = ("", "ringing", "active")  # not "dialing", somebody who is fetched for a caller, nor "hangup"
_RUNG = (*_WAITING, "dialing")  # of whom we ring: there is nobody else in the room

# How the names of rooms begin to which the API sends our agent.
CALLS = "call-"  # who rings us, by its dispatch rules
CALLS_OUT = "out-"  # whom we ring
TESTS = "test-"  # a browser, by the token that it gives
T = TypeVar("T")


class RoomsUnavailable(Exception):
    """LiveKit did not answer, or refused."""


@dataclass(frozen=True)
class Present:
    """Identities. `callers` are those whom AVA talks with: telephones, and the browser of a test call."""

    callers: frozenset[str]
    agents: frozenset[str]


NOBODY = Present(frozenset(), frozenset())


class Rooms(Protocol):
    async def present(self, room: str) -> Present:
        """A room that is gone holds nobody."""
        ...

    async def waiting(self) -> list[str]:
        """Rooms to which our agent was sent, and in which one caller is alone."""
        ...

    async def sent_with(self, room: str) -> str:
        """The metadata of the first job there, where it says what kind of call it is; else nothing."""
        ...

    async def send(self, room: str, metadata: str) -> None:
        """LiveKit asks the workers for a job there, this one among them. That one comes is not sure."""
        ...

    async def let_go(self, room: str) -> None:
        """The caller's leg ends with the room. Fine when it has."""
        ...


class LiveKitRooms(Rooms):
    """`livekit` is its owner's to close."""

    def __init__(self, livekit: api.LiveKitAPI, *, agent_name: str) -> None:
        self._livekit = livekit
        self._agent_name = agent_name
        self._looked_at: dict[str, float] = {}  # rooms that somebody answers in, and when that was seen

    async def present(self, room: str) -> Present:
        try:
            found = await _asked(self._livekit.room.list_participants(api.ListParticipantsRequest(room=room)))
        except _Gone:
            return NOBODY
        standing = [p for p in found.participants if p.state != ParticipantInfo.State.DISCONNECTED]
        return Present(
            callers=frozenset(p.identity for p in standing if _is_caller(p, room)),
            agents=frozenset(p.identity for p in standing if p.kind == ParticipantInfo.Kind.AGENT),
        )

    async def waiting(self) -> list[str]:
        listed = await _asked(self._livekit.room.list_rooms(api.ListRoomsRequest()))
        names = [room.name for room in listed.rooms if room.name.startswith((CALLS, CALLS_OUT, TESTS))]
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
        return bool(await self._dispatches(room))

    async def sent_with(self, room: str) -> str:
        """A caller's says nothing that the telephone does not say."""
        sent = [] if room.startswith(CALLS) else await self._dispatches(room)
        return next((dispatch.metadata for dispatch in sent if dispatch.metadata), "")

    async def _dispatches(self, room: str) -> list[AgentDispatch]:
        try:
            sent = await _asked(self._livekit.agent_dispatch.list_dispatch(room))
        except _Gone:
            return []
        return [dispatch for dispatch in sent if dispatch.agent_name == self._agent_name]

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


def _is_caller(participant: ParticipantInfo, room: str) -> bool:
    if participant.kind != ParticipantInfo.Kind.SIP:
        return room.startswith(TESTS) and participant.kind == ParticipantInfo.Kind.STANDARD
    status = participant.attributes.get("sip.callStatus", "")
    return status in (_RUNG if room.startswith(CALLS_OUT) else _WAITING)


async def _asked(request: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_SECONDS):
            return await request
    except api.TwirpError as error:
        raise (_Gone if error.code == api.TwirpErrorCode.NOT_FOUND else RoomsUnavailable)(str(error.code)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise RoomsUnavailable(type(error).__name__) from error
