"""Stands for Twilio's SIP edge: a call out to a trunk's domain is asked to sign in, refused, or let through to a telephone.

Owns: a proxy on loopback UDP that knows of a call only where it came from: 407 and digest, the stand-in's REST side asked
whether the sign-in is right for the domain (`sandbox.twilio_termination`), its refusal given back, everything else passed on
to the telephone that has the dialled number here, and its answers passed back. Refuses: audio (it goes from end to end), TCP,
TLS.

What it cannot show: Twilio's own ringing, its limits, and that it stays in the path of a call: what the telephone itself asks
for later goes straight to whoever rang it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import httpx

from sandbox.sip_dialog import Address
from sandbox.sip_wire import Challenge, Malformed, Message, parse, response, uri_of, user_of, write
from sandbox.twilio_termination import REALM

_HOST: Final = "127.0.0.1"
_MARK = "-edge"
_PATIENCE = 5.0


@dataclass
class Edge(asyncio.DatagramProtocol):
    """`telephones`: where each number is rung; one that is not among them is not available. `refused`: the calls that did not
    get in, as (status, why)."""

    port: int
    twilio: httpx.AsyncClient = field(repr=False)
    telephones: dict[str, Address] = field(default_factory=dict[str, Address])
    refused: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def __post_init__(self) -> None:
        self._challenges: dict[str, Challenge] = {}  # by Call-ID
        self._sides: dict[str, tuple[Address, Address]] = {}  # by Call-ID: who rings, who is rung
        self._answers: dict[str, bytes] = {}  # by branch: what this edge itself answered
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        with suppress(Malformed):
            self._take(parse(data), addr)

    def _take(self, message: Message, addr: Address) -> None:
        branch, call_id = message.branch, message.get("call-id")
        if not message.method:
            self._pass_back(message)
        elif message.method == "INVITE" and branch in self._answers:
            self._transport.sendto(self._answers[branch], addr)
        elif message.method == "INVITE" and call_id not in self._sides:
            if branch not in self._asking:
                self._asking[branch] = asyncio.create_task(self._judge(message, addr))
        elif branch not in self._answers and call_id in self._sides:  # else it acknowledges a refusal of ours
            self._pass_on(message, self._sides[call_id][1])

    async def _judge(self, invite: Message, addr: Address) -> None:
        call_id, challenge = invite.get("call-id"), self._challenges.get(invite.get("call-id"))
        dialed = user_of(invite.target)
        wanted = {
            "domain": invite.target.rpartition("@")[2].partition(";")[0].partition(":")[0],
            "from": user_of(uri_of(invite.get("from"))),
            "to": dialed,
            "authorization": invite.get("proxy-authorization"),
            "challenge": asdict(challenge) if challenge else None,
        }
        said = (await self.twilio.post("/_ctl/termination", json=wanted)).raise_for_status().json()
        status = int(said["status"])
        if status == 200 and dialed in self.telephones:
            self._sides[call_id] = addr, self.telephones[dialed]
            self._pass_on(invite, self.telephones[dialed])
            return
        more: list[str] = []
        if status == 407:
            challenge = self._challenges[call_id] = Challenge(REALM, qop="auth")
            more = [challenge.header]
        else:
            self.refused.append((status, said["why"]))
        if status:
            answer = response(invite, 480 if status == 200 else status, tag="edge", more=more)
            self._answers[invite.branch] = answer
            self._transport.sendto(answer, addr)

    def _pass_on(self, request: Message, to: Address) -> None:
        """Under a Via of our own, to the telephone by its address; what gets in here is nobody's business behind it."""
        target = f"sip:{user_of(request.target)}@{to[0]}:{to[1]}" if user_of(request.target) else request.target
        kept = [(name, value) for name, value in request.headers if name not in _NOT_PASSED_ON]
        via = ("via", f"SIP/2.0/UDP {_HOST}:{self.port};branch={request.branch}{_MARK};rport")
        self._transport.sendto(write(f"{request.method} {target} SIP/2.0", [via, *kept], request.body), to)

    def _pass_back(self, answer: Message) -> None:
        sides = self._sides.get(answer.get("call-id"))
        if sides is None or not answer.branch.endswith(_MARK):
            return
        first = next(place for place, (name, _) in enumerate(answer.headers) if name == "via")
        kept = [one for place, one in enumerate(answer.headers) if place != first and one[0] != "content-length"]
        self._transport.sendto(write(answer.start, kept, answer.body), sides[0])

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._transport.close()


_NOT_PASSED_ON: Final = frozenset({"content-length", "proxy-authorization"})


@asynccontextmanager
async def open_edge(port: int, twilio_url: str) -> AsyncGenerator[Edge]:
    """Listening on loopback; `twilio_url` is where the stand-in's REST side runs."""
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=twilio_url, timeout=_PATIENCE) as twilio:
        edge = Edge(port, twilio)
        await loop.create_datagram_endpoint(lambda: edge, local_addr=(_HOST, port))
        try:
            yield edge
        finally:
            await edge.close()


def hosts_of(port: int) -> dict[str, str]:
    """For `sandbox.telephony.open_telephony`: where every trunk's domain leads."""
    return {"*.pstn.twilio.com": f"{_HOST}:{port}"}
