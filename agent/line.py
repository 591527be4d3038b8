"""What a call is carried by. The worker's line is a LiveKit room; the demo's is audio in the same process."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from livekit import rtc
from livekit.agents import Agent, AgentSession, CloseEvent, JobContext
from livekit.agents.voice.room_io import AudioInputOptions, AudioOutputOptions, RoomOptions
from livekit.rtc.participant import PublishDTMFError

from agent.handover import Consult, Handover
from agent.referral import refer
from contracts.call import InboundCall, TransferResult

log = structlog.get_logger("agent.line")

_GOES_BY_ITSELF = 2.0  # seconds
_HANG_UP_DEADLINE = 5.0
_STATUS = "sip.callStatus"
_KEYS = "0123456789*#"  # by their codes (RFC 4733)
_KEY_SECONDS = 0.5  # livekit-sip holds a key for 0.25 s and is silent as long
_KEY_DEADLINE = 2.0
_ANSWERED_WITHIN = 10.0  # of AVA being there to be heard, which the leg waits for; a number of ours rings no longer


class Line(Protocol):
    """`inbound` is who rings whom. A line is used for one call."""

    @property
    def inbound(self) -> InboundCall: ...

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        """Connects the session's audio to the caller and starts it."""
        ...

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        """`pressed` gets each key of the caller's telephone. False: this line has none."""
        ...

    async def press(self, keys: str) -> bool:
        """Presses keys (0-9, * and #) towards the caller's telephone; returns when the last has been heard. False: not all of
        them were pressed, or this line has none."""
        ...

    async def hang_up(self) -> None:
        """Ends the call on the caller's side. Fine when it has ended already."""
        ...

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        """Puts the caller through: with `consult` after the person has been asked (warm), else by sending the caller on
        (cold). `transferred` only when it is so; after it the line belongs to the two who talk."""
        ...


# Together 50 ms a turn sooner than the defaults of 24 kHz and 50 ms frames (bench/turns.py): 16 kHz is what STT and VAD
# take, and small frames fill Deepgram's 50 ms chunks without waiting for the next one.
# delete_room_on_close: RoomLine lets the room, and with it the caller's leg, go when the session closes, but not where another
# job has taken the call over.
ROOM = RoomOptions(
    audio_input=AudioInputOptions(sample_rate=16_000, frame_size_ms=20),
    audio_output=AudioOutputOptions(sample_rate=16_000),
    delete_room_on_close=False,
)


class RoomLine:
    """A SIP caller in a LiveKit room."""

    def __init__(self, ctx: JobContext, inbound: InboundCall) -> None:
        self._ctx = ctx
        self._inbound = inbound
        self._session: AgentSession[Any] | None = None
        self.taken_over = False
        """Another job was let into this room and has put this one out."""

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        self._session = session
        room = self._ctx.room

        def put_out(reason: Any) -> None:
            self.taken_over = reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
            session.shutdown(drain=False)

        def let_go(_: CloseEvent) -> None:
            if room.isconnected():
                self._ctx.delete_room()

        room.on("disconnected", put_out)
        session.on("close", let_go)
        await session.start(agent, room=room, record=False, room_options=ROOM)
        await self._answered()

    async def _answered(self) -> None:
        """Returns once the telephone is off the hook: what is said to one that still rings is not heard."""
        room, answered = self._ctx.room, asyncio.Event()

        def look(*_: object) -> None:
            caller = self._caller()
            if not room.isconnected() or caller is None or caller.attributes.get(_STATUS) != "ringing":
                answered.set()

        events = ("participant_attributes_changed", "participant_disconnected", "disconnected")
        for event in events:
            room.on(event, look)
        look()
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await answered.wait()
        except TimeoutError:
            log.warning("speaking to a telephone that rings", call_id=str(self._inbound.call_id))
        finally:
            for event in events:
                room.off(event, look)

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        def heard(key: rtc.SipDTMF) -> None:
            caller = self._caller()
            if caller is not None and key.participant is not None and key.participant.identity == caller.identity:
                pressed(key.digit)

        self._ctx.room.on("sip_dtmf_received", heard)
        return True

    async def press(self, keys: str) -> bool:
        """What is published goes to everybody in the room; only telephones press it."""
        for key in keys:
            try:
                async with asyncio.timeout(_KEY_DEADLINE):
                    await self._ctx.room.local_participant.publish_dtmf(code=_KEYS.index(key), digit=key)
            except (PublishDTMFError, TimeoutError) as error:
                log.error("a key was not pressed", call_id=str(self._inbound.call_id), error=type(error).__name__)
                return False
            await asyncio.sleep(_KEY_SECONDS)
        return True

    async def hang_up(self) -> None:
        """The session's end has the room deleted (`start`). It is not deleted twice where that can be helped: the server looks
        for a room that is gone for seconds before it answers."""
        room, gone = self._ctx.room, asyncio.Event()

        def went(*_: object) -> None:
            gone.set()

        room.on("disconnected", went)
        if not room.isconnected():
            return
        try:
            async with asyncio.timeout(_GOES_BY_ITSELF):
                await gone.wait()
            return
        except TimeoutError:
            log.warning("the room outlives its session", call_id=str(self._inbound.call_id))
        try:
            async with asyncio.timeout(_HANG_UP_DEADLINE):
                await self._ctx.delete_room()
        except TimeoutError:
            log.error("the room could not be deleted", call_id=str(self._inbound.call_id))

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        caller, session = self._caller(), self._session
        if caller is None or session is None:
            return "abandoned"
        if consult is None:
            return await refer(self._ctx, caller, number, dialed=self._inbound.dialed)
        return await Handover(self._ctx, session, caller, dialed=self._inbound.dialed).run(number, consult)

    def _caller(self) -> rtc.RemoteParticipant | None:
        """By the call, not by the number: two telephones of one number may be in a room."""
        ids = ("sip.callID", "sip.callIDFull")
        return next(
            (
                participant
                for participant in self._ctx.room.remote_participants.values()
                if self._inbound.sip_call_id in (participant.attributes.get(name) for name in ids)
            ),
            None,
        )
