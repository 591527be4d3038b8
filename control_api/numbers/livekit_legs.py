"""Callers whom no worker is left for, on LiveKit: who is in a room, whether a job lives, SIP REFER, and the end of a room.

Owns: what LiveKit's answers mean for a caller who waits. Refuses: deciding (`numbers.stranded`), reaching it
(`control_api.livekit`).
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import aiohttp
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.models import Pagination, ParticipantInfo
from livekit.protocol.room import DeleteRoomRequest, ListParticipantsRequest
from livekit.protocol.sip import ListSIPOutboundTrunkRequest, SIPTransferStatus, TransferSIPParticipantRequest
from pydantic import SecretStr

from contracts.call import TransferResult
from contracts.phone import PhoneNumberInvalid, parse_e164
from control_api.livekit import LiveKit, Send
from control_api.numbers.fallback import RING_SECONDS
from control_api.numbers.stranded import CallerGone, Leg, Legs, LineAway, Present, Unconfirmed
from store.dialling import not_answered, transfer_target
from store.duties import ALIVE

_ANSWERS_WITHIN = 1.0  # seconds for a job that lives; it needs milliseconds
_REFER_SLACK = 4.0  # past the ringing, for the server's answer
_PAGE = 500
_log = structlog.get_logger(__name__)

# Answers after which nobody was sent on. What is not here (internal, unavailable, unknown) may have been done.
_NOT_DONE: Final = frozenset({
    "invalid_argument", "malformed", "bad_route", "unimplemented", "failed_precondition", "permission_denied",
    "unauthenticated", "resource_exhausted", "out_of_range", "already_exists",
})  # fmt: skip
_RANG_ON: Final = frozenset({"canceled", "deadline_exceeded"})
# The server asked, and no job answered in time; or it has no such participant any more.
_DEAD: Final = frozenset({"canceled", "not_found"})
_CANT_ASK: Final = frozenset({"bad_route", "unimplemented"})  # servers before 2026: silence is all that is known
_LIVES: Final = "invalid_argument"  # it answered that it does not know the question yet
T = TypeVar("T")


class LiveKitLegs(Legs):
    """Close it with `aclose`. `request_timeout` in seconds, for one request but a transfer."""

    def __init__(self, url: str, api_key: str, api_secret: SecretStr, *, request_timeout: float = 4.0) -> None:
        self._livekit = LiveKit(url, api_key, api_secret, request_timeout=request_timeout)

    async def aclose(self) -> None:
        await self._livekit.aclose()

    async def present(self, room: str) -> Present:
        try:
            found = await self._ask(lambda livekit: livekit.room.list_participants(ListParticipantsRequest(room=room)))
        except _Gone:
            return Present()
        there = [one for one in found.participants if one.state != ParticipantInfo.State.DISCONNECTED]
        return Present(
            legs=tuple(_leg(one) for one in there if one.kind in (_SIP, ParticipantInfo.Kind.STANDARD)),
            agents=tuple(one.identity for one in there if one.kind == ParticipantInfo.Kind.AGENT),
        )

    async def is_alive(self, room: str, agent: str) -> bool:
        try:
            await self._livekit.perform_rpc(room, agent, ALIVE, seconds=_ANSWERS_WITHIN)
        except api.ServerError as error:
            if error.code in _CANT_ASK:
                _log.warning("line.job_not_asked", code=error.code)
                return False
            if error.code in _DEAD or error.code == _LIVES:
                return error.code == _LIVES
            raise LineAway(f"{error.code}, {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, DecodeError) as error:
            raise LineAway(f"no answer from LiveKit: {type(error).__name__}") from None
        return True

    async def refer(self, room: str, leg: Leg, number: str) -> TransferResult:
        address = await self._address_for(leg.dialed)
        asked = TransferSIPParticipantRequest(
            room_name=room,
            participant_identity=leg.identity,
            transfer_to=transfer_target(number, address),
            play_dialtone=True,  # nobody talks with them meanwhile
            ringing_timeout=Duration(seconds=RING_SECONDS),
        )
        try:
            answer = await self._livekit.ask(
                lambda livekit: livekit.sip.transfer_sip_participant(asked), seconds=RING_SECONDS + _REFER_SLACK
            )
        except api.ServerError as error:
            return _refused(error)
        except aiohttp.ClientConnectorError as error:
            raise LineAway(f"no connection to LiveKit: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, DecodeError) as error:
            raise Unconfirmed(f"no answer from LiveKit: {type(error).__name__}") from None
        # servers before August 2026 answer with nothing when it is done
        is_told, status = bool(answer.transfer_id), answer.status
        if is_told and status == SIPTransferStatus.STS_TRANSFER_ONGOING:
            raise Unconfirmed("it is still ringing")
        return "failed" if is_told and status != SIPTransferStatus.STS_TRANSFER_SUCCESSFUL else "transferred"

    async def end(self, room: str) -> None:
        try:
            await self._ask(lambda livekit: livekit.room.delete_room(DeleteRoomRequest(room=room)))
        except _Gone:
            return

    async def _address_for(self, dialed: str | None) -> str | None:
        """Of the trunk that calls from this number go out through. None too where LiveKit does not say: the carrier the call
        came through knows telephone numbers. A filter by number also gives trunks without any."""
        if dialed is None:
            return None
        asked = ListSIPOutboundTrunkRequest(numbers=[dialed], page=Pagination(limit=_PAGE))
        try:
            found = await self._ask(lambda livekit: livekit.sip.list_outbound_trunk(asked))
        except LineAway as error:
            _log.warning("line.outgoing_unknown", code=str(error))
            return None
        trunks = sorted(found.items, key=lambda trunk: trunk.sip_trunk_id)
        return next((trunk.address for trunk in trunks if dialed in trunk.numbers), None)

    async def _ask(self, send: Send[T]) -> T:
        try:
            return await self._livekit.ask(send)
        except api.ServerError as error:
            raise (_Gone if error.code == "not_found" else LineAway)(f"{error.code}, {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, DecodeError) as error:
            raise LineAway(f"no answer from LiveKit: {type(error).__name__}") from None


class _Gone(LineAway):
    """No such room."""


_SIP = ParticipantInfo.Kind.SIP


def _leg(participant: ParticipantInfo) -> Leg:
    """Only of a telephone are attributes believed: a browser's are what it says of itself."""
    if participant.kind != _SIP:
        return Leg(participant.identity)
    said = participant.attributes
    return Leg(
        participant.identity,
        status=said.get("sip.callStatus", ""),
        sip_call_id=said.get("sip.callID") or said.get("sip.callIDFull", ""),
        dialed=_number(said, "sip.trunkPhoneNumber"),
        caller=_number(said, "sip.phoneNumber"),
    )


def _number(attributes: Mapping[str, str], name: str) -> str | None:
    try:
        return parse_e164(attributes.get(name, ""))
    except PhoneNumberInvalid:
        return None


def _refused(error: api.ServerError) -> TransferResult:
    """Raises CallerGone, Unconfirmed."""
    status = error.sip_status_code if isinstance(error, api.SipCallError) else None
    if status is not None:
        return not_answered(status) or "failed"
    if error.code == "not_found":
        raise CallerGone("LiveKit has no such caller any more") from None
    if error.code in _RANG_ON:
        return "no_answer"
    if error.code in _NOT_DONE or error.status in (401, 403):
        return "failed"
    raise Unconfirmed(f"LiveKit could not say ({error.code}, {error.status})") from None
