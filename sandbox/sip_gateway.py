"""Stands for livekit-sip where that can't be had: telephones ring it, and each call becomes a participant of a room.

Reads the part of livekit-sip's configuration that `sandbox.telephony` writes, keeps its order of things: trunk and digest,
180 until somebody in the room can be heard, 200, `sip.callStatus` from ringing to active to hangup, BYE when the room lets
the participant go. Trunks and rules come from the real LiveKit server; which of them a call gets is decided as that server
would (`sandbox.livekit_calls`).

Calls out and transfers are asked for by the LiveKit server over Redis (`sandbox.sip_service`). One key of the configuration is
not livekit-sip's: `hosts`, names (or patterns, as in *.example.com) and the "address:port" that each leads to, looked at before
the system's names. It stands for the hosts file that the real one would need on a machine without a carrier.

Nobody to be heard: the trunk says for how long it rings and what is answered then (`ringing_timeout`,
`ringing_timeout_status`); else three minutes and 486.

What it cannot show: livekit-sip's own codecs, jitter buffer and CPU; PIN prompts, TCP, TLS, SRTP; what a refused caller is
answered (here always a status; livekit-sip lets some calls lapse without one), and whether a given release of livekit-sip
knows `ringing_timeout_status`: older ones answer 486 whatever the trunk says.

    python -m sandbox.sip_gateway --config sip.json
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from livekit import api, rtc
from livekit.protocol.room import RoomConfiguration
from livekit.protocol.sip import ListSIPDispatchRuleRequest, ListSIPInboundTrunkRequest, SIPInboundTrunkInfo

from sandbox.livekit_calls import answer_call
from sandbox.livekit_checks import TwirpError
from sandbox.psrpc import open_service
from sandbox.sip_calling import OutgoingCall
from sandbox.sip_dialog import Address, Dialog, Transactions
from sandbox.sip_leg import Leg, first_of
from sandbox.sip_room import Guest
from sandbox.sip_service import SipService
from sandbox.sip_wire import (
    Challenge,
    Malformed,
    Message,
    Offer,
    parse,
    read_offer,
    response,
    uri_of,
    user_of,
    write_answer,
)

_RING_EVERY = 1.0
_RING_AT_MOST = 180.0  # where the trunk says nothing
_RANG_OUT = 486
_RESEND_FIRST, _RESEND_LAST = 0.5, 4.0
_JOIN_SECONDS = 10.0
_KEPT_ANSWERS = 500


class Refused(Exception):
    def __init__(self, status: int, *more: str) -> None:
        super().__init__(str(status))
        self.status = status
        self.more = more


@dataclass(frozen=True)
class Config:
    url: str
    key: tuple[str, str]
    host: str
    port: int
    media: range
    redis: Address
    hosts: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "Config":
        raw: dict[str, Any] = json.loads(path.read_text())
        first, last = map(int, raw["rtp_port"].split("-"))
        key = (raw["api_key"], raw["api_secret"])
        redis_host, _, redis_port = raw["redis"]["address"].rpartition(":")
        media, redis = range(first, last, 2), (redis_host, int(redis_port))
        hosts: dict[str, str] = raw.get("hosts", {})
        return cls(raw["ws_url"], key, raw["listen_ip"], raw["sip_port"], media, redis, hosts)


@dataclass(frozen=True)
class Routed:
    """What a call gets. `room_config` is the rule's; `rings` (seconds) and `rang_out` (a status) are the trunk's."""

    got: Mapping[str, Any]
    room_config: RoomConfiguration | None
    rings: float = _RING_AT_MOST
    rang_out: int = _RANG_OUT

    @classmethod
    def over(
        cls, trunk: SIPInboundTrunkInfo | None, got: Mapping[str, Any], config: RoomConfiguration | None
    ) -> "Routed":
        if trunk is None:
            return cls(got, config)
        bound = trunk.ringing_timeout.ToTimedelta().total_seconds()
        return cls(got, config, bound or _RING_AT_MOST, trunk.ringing_timeout_status or _RANG_OUT)


class Gateway(asyncio.DatagramProtocol):
    """One UDP socket, all calls."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.ours = f"{config.host}:{config.port}"
        self.transactions = Transactions(self.send)
        self.service: SipService | None = None
        self._calls: dict[str, Leg] = {}  # by SIP's call id
        self._answers: dict[str, bytes] = {}  # by branch: what a retransmission is answered
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self.challenges: dict[str, Challenge] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, data: bytes, to: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(data, to)

    def answer(self, request: Message, to: Address, status: int, **options: Any) -> None:
        data = response(request, status, **options)
        self._answers[request.branch + request.method] = data
        if len(self._answers) > _KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self.send(data, to)

    def answer_of(self, request: Message) -> bytes:
        """What it was last answered."""
        return self._answers[request.branch + request.method]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            message = parse(data)
        except Malformed:
            return
        if not message.method:
            self._answered(message)
            return
        if message.method != "ACK" and (known := self._answers.get(message.branch + message.method)):
            self.send(known, addr)
            return
        self._take(message, addr)

    def _answered(self, message: Message) -> None:
        call = self._calls.get(message.get("call-id"))
        if not self.transactions.heard(message) and message.status == 200 and isinstance(call, OutgoingCall):
            call.acknowledge()

    def took(self, call: OutgoingCall) -> None:
        self._calls[call.call_id] = call

    def _take(self, message: Message, addr: Address) -> None:
        call = self._calls.get(message.get("call-id"))
        match message.method:
            case "INVITE" if call is None or call.over:
                self.answer(message, addr, 100)
                self._begin(Call(self, message, addr))
            case "INVITE":
                self.answer(message, addr, 488)  # nothing about a call that is on can be changed
            case "ACK":
                if isinstance(call, Call):
                    call.acknowledged.set()
            case "NOTIFY" if call is not None:
                self.answer(message, addr, 200)
                call.notified(message)
            case "BYE" | "CANCEL" if call is not None:
                self.answer(message, addr, 200)
                call.hung_up.set()
            case "BYE" | "CANCEL":
                self.answer(message, addr, 481)
            case "OPTIONS":
                self.answer(message, addr, 200)
            case _:
                self.answer(message, addr, 405)

    def _begin(self, call: "Call") -> None:
        self._calls[call.invite.get("call-id")] = call
        task = asyncio.create_task(call.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def route(self, invite: Message, source: str) -> Routed:
        """Raises Refused."""
        caller, dialed = user_of(uri_of(invite.get("from"))), user_of(invite.target)
        try:
            async with asyncio.timeout(_JOIN_SECONDS), api.LiveKitAPI(self.config.url, *self.config.key) as lk:
                trunks = (await lk.sip.list_inbound_trunk(ListSIPInboundTrunkRequest())).items
                rules = (await lk.sip.list_dispatch_rule(ListSIPDispatchRuleRequest())).items
            got = answer_call(trunks, rules, caller=caller, dialed=dialed, source=source)
        except TwirpError:
            raise Refused(404) from None
        except (TimeoutError, OSError, aiohttp.ClientError, api.TwirpError):
            raise Refused(503) from None
        trunk = next((trunk for trunk in trunks if trunk.sip_trunk_id == got["trunk_id"]), None)
        if trunk is not None and trunk.auth_username:
            self._check_password(invite, trunk.auth_username, trunk.auth_password)
        [rule] = [rule for rule in rules if rule.sip_dispatch_rule_id == got["rule_id"]]
        return Routed.over(trunk, got, rule.room_config if rule.HasField("room_config") else None)

    def _check_password(self, invite: Message, username: str, password: str) -> None:
        challenge = self.challenges.setdefault(invite.get("call-id"), Challenge())
        if not challenge.accepts(invite.get("proxy-authorization"), "INVITE", username, password):
            raise Refused(407, challenge.header)

    async def close(self) -> None:
        for call in self._calls.values():
            call.closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=3.0)
        if self.service is not None:
            await self.service.close()
        if self._transport is not None:
            self._transport.close()


class Call(Leg):
    """A call in."""

    def __init__(self, gateway: Gateway, invite: Message, peer: Address) -> None:
        super().__init__(gateway, peer)
        self.gateway = gateway
        self.invite = invite
        self.acknowledged = asyncio.Event()
        self._from = peer  # where its answers go
        self._tag = secrets.token_hex(6)

    def _say(self, status: int, **options: Any) -> None:
        self.gateway.answer(self.invite, self._from, status, tag=self._tag, **options)

    async def run(self) -> None:
        try:
            routed = await self.gateway.route(self.invite, self._from[0])
            offer = read_offer(self.invite.body)
        except Refused as no:
            self._say(no.status, more=no.more)
        except Malformed:
            self._say(488)
        else:
            await self._carry(routed, offer)
        finally:
            self.over = True
            self.media.close()

    async def _carry(self, routed: Routed, offer: Offer) -> None:
        config = self.gateway.config
        caller = user_of(uri_of(self.invite.get("from")))
        ringing = asyncio.create_task(self._ring())
        try:
            port = await self.media.open(config.host, config.media)
            guest = Guest(f"sip_{caller}", f"Phone {caller}", routed.got["attributes"])
            async with asyncio.timeout(_JOIN_SECONDS):
                await self.room.join(
                    config.url, config.key, room=routed.got["room"], guest=guest, config=routed.room_config
                )
            await first_of(self.room.subscribed, self.room.gone, self.hung_up, self.closing, seconds=routed.rings)
            ringing.cancel()
            if self.room.subscribed.is_set() and not self.hung_up.is_set():
                await self._answer_and_talk(offer, port, routed.got["attributes"]["sip.callID"])
            else:
                self._say(487 if self.hung_up.is_set() else 503 if self.closing.is_set() else routed.rang_out)
        except (TimeoutError, OSError, rtc.ConnectError):
            self._say(503)
        finally:
            ringing.cancel()
            await self.room.leave()

    async def _ring(self) -> None:
        while True:
            self.gateway.send(response(self.invite, 180, tag=self._tag), self._from)
            await asyncio.sleep(_RING_EVERY)

    async def _answer_and_talk(self, offer: Offer, port: int, sip_call_id: str) -> None:
        gateway = self.gateway
        contact = f"<sip:{gateway.ours}>"
        self._say(200, contact=contact, body=write_answer(offer, host=gateway.config.host, port=port))
        insisting = asyncio.create_task(self._insist())
        try:
            if gateway.service is not None:
                await gateway.service.has(self, sip_call_id)
            await self.talk(Dialog.of_called(self.invite, tag=self._tag, ours=gateway.ours), offer)
        finally:
            insisting.cancel()
            if gateway.service is not None:
                await gateway.service.had(sip_call_id)

    async def _insist(self) -> None:
        """The 200 is sent again until the telephone has heard of it."""
        wait = _RESEND_FIRST
        while not self.acknowledged.is_set():
            await asyncio.sleep(wait)
            if not self.acknowledged.is_set():
                self.gateway.send(self.gateway.answer_of(self.invite), self._from)
            wait = min(2 * wait, _RESEND_LAST)


async def serve(config: Config) -> None:
    """Until it is told to stop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(config)
    async with AsyncExitStack() as running:
        host, port = config.redis
        rpc = await running.enter_async_context(open_service("SIPInternal", host=host, port=port))
        gateway.service = SipService(
            gateway, rpc, url=config.url, key=config.key, host=config.host, ports=config.media, hosts=config.hosts
        )
        await gateway.service.begin()
        await loop.create_datagram_endpoint(lambda: gateway, local_addr=(config.host, config.port))
        print("service ready", flush=True)
        await stop.wait()
        with contextlib.suppress(TimeoutError):
            await gateway.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.sip_gateway", description="Telephones into LiveKit rooms.")
    parser.add_argument("--config", type=Path, required=True, help="livekit-sip's configuration, as JSON")
    asyncio.run(serve(Config.read(parser.parse_args().config)))


if __name__ == "__main__":
    main()
