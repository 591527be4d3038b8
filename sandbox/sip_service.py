"""What LiveKit's server asks of its SIP service: ring somebody into a room, transfer somebody out of it.

Owns: `SIPInternal` (livekit/protocol, rpc/sip.proto): from its requests to calls, and from what came of them to answers
and to the error codes that livekit-sip gives. Refuses: the bus (`sandbox.psrpc`), SIP (`sandbox.sip_calling`).

What it cannot show: `play_dialtone` (nobody hears a ring tone in the room); TLS and TCP to a trunk; the disconnect reason
that livekit-sip gives a participant whose call was not taken.
"""

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

from google.protobuf.empty_pb2 import Empty
from livekit.protocol.sip import SIPStatus

from sandbox.psrpc import RpcError, RpcService
from sandbox.psrpc_wire import CreateParticipant, ParticipantCreated, TransferParticipant
from sandbox.sip_calling import JOIN_FAILURES, NotReached, OutgoingCall, Wanted
from sandbox.sip_dialog import Address
from sandbox.sip_leg import Leg, ReferFailed, Wire
from sandbox.sip_room import Guest
from sandbox.sip_wire import Offer

_RING_SECONDS, _TRANSFER_SECONDS = 30.0, 30.0

# livekit/protocol, livekit/sip.go: what is no entry is by its hundreds
_CODES: Final[Mapping[int, str]] = {
    401: "permission_denied",
    402: "permission_denied",
    403: "permission_denied",
    404: "not_found",
    407: "unauthenticated",
    408: "deadline_exceeded",
    410: "not_found",
    480: "resource_exhausted",
    481: "not_found",
    486: "resource_exhausted",
    487: "aborted",
    504: "deadline_exceeded",
    600: "resource_exhausted",
    603: "permission_denied",
    604: "not_found",
}


class Lines(Wire, Protocol):
    """The socket, and the calls on it."""

    def took(self, call: OutgoingCall) -> None:
        """What comes for this call is given to it from now on."""
        ...


class SipService:
    """Calls out, and transfers of any call. `url` and `key` are LiveKit's, RTP goes through `host` and `ports`. `hosts`: where
    names lead that nobody else knows (`sandbox.sip_gateway`)."""

    def __init__(
        self,
        lines: Lines,
        rpc: RpcService,
        *,
        url: str,
        key: tuple[str, str],
        host: str,
        ports: range,
        hosts: Mapping[str, str],
    ) -> None:
        self._lines = lines
        self._rpc = rpc
        self._room = (url, key)
        self._media = (host, ports)
        self._hosts = hosts
        self._running: set[asyncio.Task[None]] = set()
        self._legs: dict[str, Leg] = {}

    async def begin(self) -> None:
        """Requests are answered from now on."""
        await self._rpc.offer("CreateSIPParticipant", self._create)

    async def has(self, leg: Leg, sip_call_id: str) -> None:
        """This call can be transferred."""
        self._legs[sip_call_id] = leg
        await self._rpc.offer("TransferSIPParticipant", self._transfer, topic=sip_call_id)

    async def had(self, sip_call_id: str) -> None:
        if self._legs.pop(sip_call_id, None) is not None:
            await self._rpc.withdraw("TransferSIPParticipant", topic=sip_call_id)

    async def close(self) -> None:
        for leg in self._legs.values():
            leg.closing.set()
        if self._running:
            await asyncio.wait(self._running, timeout=3.0)

    async def _create(self, raw: bytes) -> Any:
        asked = CreateParticipant.FromString(raw)
        wanted = _wanted(asked)
        call = OutgoingCall(self._lines, wanted, await resolved(wanted.address, self._hosts))
        host, ports = self._media
        try:
            participant_id = await call.join(*self._room, host=host, ports=ports)
        except JOIN_FAILURES as error:
            await call.leave()
            raise RpcError("internal", f"update room failed: {type(error).__name__}") from error
        self._lines.took(call)
        await self.has(call, wanted.sip_call_id)
        if asked.wait_until_answered:
            far = await self._dialled(call)
            self._run(self._carry(call, far))
            await call.established.wait()
        else:
            self._run(self._dial_and_carry(call))
        return ParticipantCreated(
            participant_id=participant_id, participant_identity=wanted.guest.identity, sip_call_id=wanted.sip_call_id
        )

    async def _dialled(self, call: OutgoingCall) -> Offer:
        try:
            return await call.dial()
        except NotReached as error:
            await self._give_up(call)
            raise _as_rpc(error.status, error.reason, "call failed") from None

    async def _dial_and_carry(self, call: OutgoingCall) -> None:
        try:
            far = await call.dial()
        except NotReached:
            await self._give_up(call)
        else:
            await self._carry(call, far)

    async def _carry(self, call: OutgoingCall, far: Offer) -> None:
        try:
            await call.carry(far)
        finally:
            await self._end(call)

    async def _give_up(self, call: OutgoingCall) -> None:
        await call.room.says("hangup")
        await self._end(call)

    async def _end(self, call: OutgoingCall) -> None:
        await self.had(call.wanted.sip_call_id)
        await call.leave()

    async def _transfer(self, raw: bytes) -> Any:
        asked = TransferParticipant.FromString(raw)
        leg = self._legs.get(asked.sip_call_id)
        if leg is None:
            raise RpcError("not_found", "unknown call")
        seconds = asked.ringing_timeout.ToSeconds() if asked.HasField("ringing_timeout") else _TRANSFER_SECONDS
        try:
            await leg.refer(asked.transfer_to, headers=dict(asked.headers), seconds=seconds)
        except ReferFailed as error:
            raise _as_rpc(error.status, error.reason, "transfer failed") from None
        return Empty()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _as_rpc(status: int, reason: str, what: str) -> RpcError:
    if not status:
        return RpcError("canceled", reason)
    code = _CODES.get(status, "failed_precondition" if 500 <= status < 600 else "invalid_argument")
    return RpcError(code, f"{what}: sip status: {status}: {reason}", SIPStatus(code=status, status=reason))  # pyright: ignore[reportArgumentType] - an enum is a number


def _wanted(asked: Any) -> Wanted:
    attributes = {**asked.participant_attributes, "sip.callID": asked.sip_call_id}
    guest = Guest(
        identity=asked.participant_identity,
        name=asked.participant_name,
        attributes=attributes,
        status="dialing",
        metadata=asked.participant_metadata,
    )
    return Wanted(
        sip_call_id=asked.sip_call_id,
        room=asked.room_name,
        guest=guest,
        address=asked.address.removeprefix("sip:").partition(";")[0],
        host=asked.hostname,
        number=asked.number,
        call_to=asked.call_to,
        username=asked.username,
        password=asked.password,
        headers=dict(asked.headers),
        keys=asked.dtmf,
        ring_seconds=asked.ringing_timeout.ToSeconds() if asked.HasField("ringing_timeout") else _RING_SECONDS,
        most_seconds=asked.max_call_duration.ToSeconds() if asked.HasField("max_call_duration") else None,
    )


async def resolved(address: str, hosts: Mapping[str, str]) -> Address:
    """Where a trunk's address leads, by the hosts before the system. Raises RpcError where it leads nowhere."""
    named = address.partition(":")[0].casefold()
    address = next((place for pattern, place in hosts.items() if fnmatchcase(named, pattern)), address)
    host, _, port = address.partition(":")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, int(port or 5060), family=socket.AF_INET)
    except (OSError, ValueError):
        raise _as_rpc(503, "the trunk's address leads nowhere", "call failed") from None
    return str(found[0][4][0]), int(found[0][4][1])
