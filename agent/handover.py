"""Fetching somebody of the team to a caller, within the caller's room, on any LiveKit server.

Owns: ringing, hold music, and who hears whom. Refuses: what the person is told and what counts as yes (`agent.consultation`).

Until the person has accepted, caller and person don't hear each other: AVA's tracks are each for one of them (publisher's
permissions); the caller's leg is unsubscribed from the person while it still rings; the person's leg may subscribe to nothing
until it has been unsubscribed from the caller. Afterwards AVA stays in the room, deaf and dumb, to end the call when either
of them leaves (docs/decisions/0016-a-person-is-fetched-into-the-callers-room.md).
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, Literal, Protocol

import structlog
from livekit import api, rtc
from livekit.agents import AgentSession, JobContext
from livekit.protocol.models import ParticipantPermission
from livekit.protocol.room import RoomParticipantIdentity, UpdateParticipantRequest, UpdateSubscriptionsRequest
from livekit.protocol.sip import CreateSIPParticipantRequest
from livekit.rtc import ParticipantTrackPermission

from agent.hold_music import playing
from agent.referral import FAILURES, find_outgoing, told_by
from agent.sip_answers import status_of
from contracts.call import TransferResult

log = structlog.get_logger("agent.handover")

TRACK: Final = "consultation"  # what AVA says to the person alone
Answer = Literal["accepted", "declined", "unanswered", "caller_left"]

_NOBODY = "nobody"  # an identity that no participant has
_RING_SECONDS = 25
_ANSWER_SLACK = 5.0  # past the ringing, for the server's answer
_KEY_SECONDS = 0.5  # livekit-sip's, for a key and for a wait; it answers after the last
_REQUEST_SECONDS = 4.0
_SETTLE = 0.3  # for the person's leg to have asked for what it will not get
_CONNECTING = 5.0

_RESULTS: dict[Answer, TransferResult] = {
    "accepted": "transferred",
    "declined": "declined",
    "unanswered": "no_answer",
    "caller_left": "abandoned",
}


class Consult(Protocol):
    """See `agent.consultation.Consultation`."""

    @property
    def keys(self) -> str:
        """Pressed once the telephone is answered, before whoever comes then is asked."""
        ...

    @property
    def connecting(self) -> str: ...

    async def ask(self, room: rtc.Room, person: str, caller_left: asyncio.Event) -> Answer: ...


class Handover:
    """One attempt to fetch one person. The session is the caller's."""

    def __init__(
        self,
        ctx: JobContext,
        session: AgentSession[Any],
        caller: rtc.RemoteParticipant,
        *,
        dialed: str,
        music: Callable[[rtc.Room], AbstractAsyncContextManager[None]] = playing,
    ) -> None:
        self._music = music
        self._ctx = ctx
        self._room = ctx.room
        self._session = session
        self._caller = caller
        self._dialed = dialed
        self._person = f"person_{secrets.token_hex(6)}"
        self._caller_left = asyncio.Event()
        self._apart: set[asyncio.Task[None]] = set()
        self._here = asyncio.Event()  # the person's track is known, and kept from the caller
        self._connected = False

    async def run(self, number: str, consult: Consult) -> TransferResult:
        """`transferred`: the two talk with each other. Any other result: the caller is AVA's again, unless they left."""
        trunk = await find_outgoing(self._ctx.api, self._dialed)
        if trunk is None:
            return "unavailable"
        self._listen()
        result: TransferResult = "failed"
        try:
            async with self._holding():
                result = await self._fetch(trunk.sip_trunk_id, number, consult)
            if result == "transferred":
                result = await self._connect(consult)
        except FAILURES as error:
            log.error("a person could not be fetched", error=type(error).__name__)
            result = "failed"
        finally:
            if result != "transferred":
                await self._back()
        return result

    # who is there

    def _listen(self) -> None:
        self._room.on("participant_connected", self._joined)
        self._room.on("track_published", self._published)
        self._room.on("local_track_published", self._permit)
        self._room.on("participant_disconnected", self._left)

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._person:
            self._do(self._may_subscribe(False))

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._person:
            self._do(self._keep_from_caller(publication.sid))

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._caller.identity:
            self._caller_left.set()
        if self._connected and participant.identity in (self._caller.identity, self._person):
            self._session.shutdown(drain=False)  # its end deletes the room, and hangs up on the other

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the ringing; what fails comes out in `_together`."""
        self._apart.add(asyncio.create_task(work))

    # holding, ringing, asking

    @asynccontextmanager
    async def _holding(self) -> AsyncGenerator[None]:
        """The caller is not listened to, and hears music. The session no longer ends with the caller: there is somebody to
        be told of it. Nor does it take the person, who comes into its room, for its caller, and end with them."""
        self._session.room_io.set_participant(_NOBODY)
        async with self._music(self._room):
            self._permit()
            yield

    async def _fetch(self, trunk_id: str, number: str, consult: Consult) -> TransferResult:
        ringing = asyncio.create_task(self._ring(trunk_id, number, consult.keys))
        leaving = asyncio.create_task(self._caller_left.wait())
        try:
            await asyncio.wait((ringing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not ringing.done():
                return "abandoned"
            if (failed := ringing.result()) is not None:
                return failed
        finally:
            ringing.cancel()
            leaving.cancel()
        await self._isolate()
        return _RESULTS[await consult.ask(self._room, self._person, self._caller_left)]

    async def _ring(self, trunk_id: str, number: str, keys: str) -> TransferResult | None:
        """None: it was picked up, and the keys are pressed."""
        asked = CreateSIPParticipantRequest(
            sip_trunk_id=trunk_id,
            sip_call_to=number,
            sip_number=self._dialed,
            room_name=self._room.name,
            participant_identity=self._person,
            participant_name="person",
            dtmf=keys,
            wait_until_answered=True,
        )
        asked.ringing_timeout.FromSeconds(_RING_SECONDS)
        answered_within = _RING_SECONDS + len(keys) * _KEY_SECONDS + _ANSWER_SLACK
        try:
            async with asyncio.timeout(answered_within):
                await self._ctx.api.sip.create_sip_participant(asked, timeout=answered_within)
        except api.ServerError as error:
            log.info("the person was not reached", code=error.code, sip_status=status_of(error))
            return told_by(error)
        except TimeoutError:
            return "no_answer"
        return None

    # who hears whom

    async def _isolate(self) -> None:
        """Raises what went wrong on the way: nobody is asked who could be overheard."""
        async with asyncio.timeout(_REQUEST_SECONDS):
            await self._here.wait()
            await asyncio.gather(*self._apart)
        await asyncio.sleep(_SETTLE)
        callers = _tracks_of(self._caller)
        await self._subscribe(self._person, callers, subscribe=False)
        await self._may_subscribe(True)
        await self._subscribe(self._person, callers, subscribe=False)

    async def _keep_from_caller(self, track: str) -> None:
        await self._subscribe(self._caller.identity, [track], subscribe=False)
        self._here.set()

    def _permit(self, *_: object) -> None:
        """AVA's side talk is for the person, everything else of hers for the caller."""
        mine = self._room.local_participant.track_publications.values()
        aside = [publication.sid for publication in mine if publication.name == TRACK]
        open_ = [publication.sid for publication in mine if publication.name != TRACK]
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=False,
            participant_permissions=[
                ParticipantTrackPermission(participant_identity=self._caller.identity, allowed_track_sids=open_),
                ParticipantTrackPermission(participant_identity=self._person, allowed_track_sids=aside),
            ],
        )

    async def _may_subscribe(self, may: bool) -> None:
        permission = ParticipantPermission(
            can_subscribe=may, can_publish=True, can_publish_data=True, can_update_metadata=True
        )
        asked = UpdateParticipantRequest(room=self._room.name, identity=self._person, permission=permission)
        async with asyncio.timeout(_REQUEST_SECONDS):
            await self._ctx.api.room.update_participant(asked)

    async def _subscribe(self, who: str, tracks: list[str], *, subscribe: bool) -> None:
        asked = UpdateSubscriptionsRequest(room=self._room.name, identity=who, track_sids=tracks, subscribe=subscribe)
        async with asyncio.timeout(_REQUEST_SECONDS):
            await self._ctx.api.room.update_subscriptions(asked)

    # the two ends

    async def _connect(self, consult: Consult) -> TransferResult:
        """The caller hears that it happens; then the two hear each other, and AVA neither hears nor says anything more."""
        with suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(_CONNECTING):
                await self._session.say(consult.connecting, allow_interruptions=False)
        person = self._room.remote_participants.get(self._person)
        if self._caller_left.is_set() or person is None:
            return "abandoned" if self._caller_left.is_set() else "failed"
        self._session.output.set_audio_enabled(False)
        await self._subscribe(self._person, _tracks_of(self._caller), subscribe=True)
        await self._subscribe(self._caller.identity, _tracks_of(person), subscribe=True)
        self._connected = True
        return "transferred"

    async def _back(self) -> None:
        """The person is hung up on; the caller is listened to again, or the call ends with who left."""
        self._room.off("participant_connected", self._joined)
        self._room.off("track_published", self._published)
        self._room.off("local_track_published", self._permit)
        self._room.off("participant_disconnected", self._left)
        for task in self._apart:
            task.cancel()
        with suppress(*FAILURES):  # most often it has left by itself
            async with asyncio.timeout(_REQUEST_SECONDS):
                await self._ctx.api.room.remove_participant(
                    RoomParticipantIdentity(room=self._room.name, identity=self._person)
                )
        if self._caller_left.is_set() or not self._room.isconnected():
            self._session.shutdown(drain=False)
            return
        self._room.local_participant.set_track_subscription_permissions(allow_all_participants=True)
        self._session.output.set_audio_enabled(True)
        self._session.room_io.set_participant(self._caller.identity)


def _tracks_of(participant: rtc.RemoteParticipant) -> list[str]:
    return list(participant.track_publications)
