"""What a call is carried by. The worker's line is a LiveKit room; the demo's is audio in the same process."""

import asyncio
from typing import Any, Literal, Protocol

from livekit.agents import Agent, AgentSession, JobContext
from livekit.agents.voice.room_io import AudioInputOptions, AudioOutputOptions, RoomOptions

from contracts.call import InboundCall

_HANG_UP_DEADLINE = 5.0

TransferResult = Literal["transferred", "failed", "unavailable"]


class Line(Protocol):
    """`inbound` is who rings whom. A line is used for one call."""

    @property
    def inbound(self) -> InboundCall: ...

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        """Connects the session's audio to the caller and starts it."""
        ...

    async def hang_up(self) -> None:
        """Ends the call on the caller's side. Fine when it has ended already."""
        ...

    async def transfer(self, number: str) -> TransferResult:
        """Puts the caller through. `transferred` only after the far side's answer says so."""
        ...


# Together 50 ms a turn sooner than the defaults of 24 kHz and 50 ms frames (bench/turns.py): 16 kHz is what STT and VAD
# take, and small frames fill Deepgram's 50 ms chunks without waiting for the next one.
# delete_room_on_close: the room, and with it the caller's leg, goes when the session closes; by default
# both stay for 20 s.
ROOM = RoomOptions(
    audio_input=AudioInputOptions(sample_rate=16_000, frame_size_ms=20),
    audio_output=AudioOutputOptions(sample_rate=16_000),
    delete_room_on_close=True,
)


class RoomLine:
    """A SIP caller in a LiveKit room."""

    def __init__(self, ctx: JobContext, inbound: InboundCall) -> None:
        self._ctx = ctx
        self._inbound = inbound

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        await session.start(agent, room=self._ctx.room, record=False, room_options=ROOM)

    async def hang_up(self) -> None:
        async with asyncio.timeout(_HANG_UP_DEADLINE):
            await self._ctx.delete_room()

    async def transfer(self, number: str) -> TransferResult:
        return "unavailable"
