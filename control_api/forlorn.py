"""Telephones that are alone in their room because no worker is left: who rang is let go, to ring again and reach what answers
then; whom AVA rang is not kept listening to nothing.

Owns: who has been alone for how long, as the LiveKit server tells it, and ending their rooms. Refuses: sending somebody. As
long as one worker runs it does that (agent/lookout.py), and is quicker; so is who sends callers on (`numbers.stranded`), where
the database knows of their call. This is for those of whom nobody knows.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeVar

import aiohttp
import structlog
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.models import Room as RoomInfo
from pydantic import SecretStr

from contracts.errors import DomainError, StoreRejected, StoreUnavailable
from control_api.livekit import LiveKit, Send
from control_api.rounds import rounds

ALONE_FOR: Final = 20.0
"""Seconds; a killed agent is in LiveKit's list for 20 more, and a worker's own tries to send another take 16 together."""

SPARED_FOR: Final = 2 * ALONE_FOR
"""Seconds for which a room is left alone where somebody sees to it, or where that is not known."""

_EVERY = 5.0  # seconds from look to look
_ANSWERED = 15.0  # for which a room with an agent is not looked at again
_AT_ONCE = 200  # rooms of one look
_OURS = ("call-", "out-")  # how the rooms of our dispatch rules and of our own calls begin
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class LineSilent(DomainError):
    """LiveKit did not answer, or refused."""

    code = "line_silent"


class Rooms(Protocol):
    async def list_rooms(self) -> list[RoomInfo]: ...

    async def present(self, room: str) -> list[ParticipantInfo]: ...

    async def sent_to(self, room: str) -> set[str]:
        """The names of the agents that were."""
        ...

    async def end(self, room: str) -> None:
        """Fine when it has ended. The caller's leg ends with it."""
        ...


class Forlorn:
    """`look` is to be called every few seconds. `in_hand`: whether somebody sees to that room."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        agent_name: str,
        in_hand: Callable[[str], Awaitable[bool]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = rooms
        self._in_hand = in_hand
        self._agent_name = agent_name
        self._clock = clock
        self._alone: dict[str, float] = {}  # since when
        self._answered: dict[str, float] = {}  # when that was seen

    async def look(self) -> int:
        """-> how many were let go. Raises LineSilent."""
        now, listed = self._clock(), await self._rooms.list_rooms()
        rooms = {room.name: room.sid for room in listed if room.name.startswith(_OURS)}
        self._answered = {name: at for name, at in self._answered.items() if name in rooms and now - at < _ANSWERED}
        looked_at = [name for name in rooms if name not in self._answered][:_AT_ONCE]
        self._alone = {name: self._alone.get(name, now) for name in looked_at if await self._is_alone(name, now)}
        overdue = [name for name, since in self._alone.items() if await self._is_overdue(name, now - since)]
        for name in overdue:
            await self._rooms.end(name)
            _log.warning("line.caller_let_go", room_sid=rooms[name])  # its name holds the caller's number
        return len(overdue)

    async def _is_overdue(self, room: str, alone: float) -> bool:
        if alone < ALONE_FOR or alone >= SPARED_FOR:
            return alone >= SPARED_FOR
        try:
            return not await self._in_hand(room)
        except (StoreUnavailable, StoreRejected):
            return False

    async def _is_alone(self, room: str, now: float) -> bool:
        """Two telephones without an agent talk with each other."""
        there = [one for one in await self._rooms.present(room) if one.state != ParticipantInfo.State.DISCONNECTED]
        if any(one.kind == ParticipantInfo.Kind.AGENT for one in there):
            self._answered[room] = now
            return False
        telephones = [one for one in there if one.kind == ParticipantInfo.Kind.SIP]
        if len(telephones) != 1 or telephones[0].attributes.get("sip.callStatus") != "active":
            return False
        return self._agent_name in await self._rooms.sent_to(room)


@asynccontextmanager
async def letting_go(
    livekit: tuple[str, str, SecretStr] | None, *, agent_name: str, in_hand: Callable[[str], Awaitable[bool]]
) -> AsyncGenerator[None]:
    """While this is open. `livekit`: where it is, and its key; None: there is none to look at."""
    if livekit is None:
        yield
        return
    rooms = RoomsOnLiveKit(*livekit)
    try:
        forlorn = Forlorn(rooms, agent_name=agent_name, in_hand=in_hand)
        async with rounds(forlorn.look, name="callers alone", every=_EVERY):
            yield
    finally:
        await rooms.aclose()


class RoomsOnLiveKit:
    """Over its API; closed by its owner."""

    def __init__(self, url: str, api_key: str, api_secret: SecretStr) -> None:
        self._livekit = LiveKit(url, api_key, api_secret)

    async def aclose(self) -> None:
        await self._livekit.aclose()

    async def list_rooms(self) -> list[RoomInfo]:
        return list((await self._ask(lambda livekit: livekit.room.list_rooms(api.ListRoomsRequest()))).rooms)

    async def present(self, room: str) -> list[ParticipantInfo]:
        asked = api.ListParticipantsRequest(room=room)
        try:
            return list((await self._ask(lambda livekit: livekit.room.list_participants(asked))).participants)
        except _Gone:
            return []

    async def sent_to(self, room: str) -> set[str]:
        try:
            sent = await self._ask(lambda livekit: livekit.agent_dispatch.list_dispatch(room))
        except _Gone:
            return set()
        return {dispatch.agent_name for dispatch in sent}

    async def end(self, room: str) -> None:
        try:
            await self._ask(lambda livekit: livekit.room.delete_room(api.DeleteRoomRequest(room=room)))
        except _Gone:
            return

    async def _ask(self, send: Send[T]) -> T:
        try:
            return await self._livekit.ask(send)
        except api.ServerError as error:
            raise (_Gone if error.code == "not_found" else LineSilent)(f"{error.code}, {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, DecodeError) as error:
            raise LineSilent(f"no answer from LiveKit: {type(error).__name__}") from None


class _Gone(LineSilent):
    """No such room."""
