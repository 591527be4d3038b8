"""A telephone that answers an invite as it is told: for statuses that no real telephone can be brought to give.

Stands for a carrier's edge on loopback UDP; speaks no RTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.sip_wire import Challenge, Message, parse, read_offer, response, write_answer


@dataclass
class ScriptedPhone(asyncio.DatagramProtocol):
    """Answers each new invite with the next of `statuses`, 407 with a challenge for `username` and `password`."""

    port: int
    statuses: Sequence[int]
    challenge: Challenge = field(default_factory=Challenge)
    heard: list[Message] = field(default_factory=list[Message])
    transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        again = any(m.branch == message.branch and m.method == message.method for m in self.heard)
        self.heard.append(message)
        if message.method == "INVITE" and not again:
            status = self.statuses[len(self.of("INVITE")) - 1]
            more = [self.challenge.header] if status == 407 else []
            offer = read_offer(message.body)
            body = write_answer(offer, host="127.0.0.1", port=self.port) if status == 200 else ""
            contact = f"<sip:127.0.0.1:{self.port}>"
            answer = response(message, status, tag="them", contact=contact, body=body, more=more)
            self.transport.sendto(answer, addr)
        elif message.method not in ("ACK", "INVITE", ""):
            self.transport.sendto(response(message, 200, tag="them"), addr)

    def of(self, method: str) -> list[Message]:
        """What came, without what was sent again."""
        return list({m.branch: m for m in self.heard if m.method == method}.values())


@asynccontextmanager
async def scripted_phone(port: int, *statuses: int) -> AsyncGenerator[ScriptedPhone]:
    loop = asyncio.get_running_loop()
    phone = ScriptedPhone(port, statuses)
    transport, _ = await loop.create_datagram_endpoint(lambda: phone, local_addr=("127.0.0.1", port))
    try:
        yield phone
    finally:
        transport.close()
