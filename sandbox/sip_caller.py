"""A carrier's end of SIP: one INVITE, and what it is answered in the end.

Owns: one transaction over UDP, with retransmission, ACK, CANCEL, and the BYE of a call that was answered. Refuses: audio (an
answered call is ended at once), TCP and TLS, names that would have to be looked up: whoever is named so is not reached.
"""

import asyncio
import contextlib
import ipaddress
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sandbox.sip_dialog import Address, Dialog, Sent, Transactions
from sandbox.sip_wire import Malformed, Message, parse, write_offer

NOT_REACHED: Final = 0
"""In place of a status: nobody was there, or nobody said anything in time."""

_FIRST_ANSWER = 4.0
_RING_AT_MOST = 60.0


@dataclass(frozen=True)
class Place:
    host: str
    port: int

    @classmethod
    def of(cls, uri: str) -> "Place | None":
        """None: not an address that can be sent to from here."""
        found = re.match(r"sip:(?:[^@;]+@)?([\d.]+)(?::(\d+))?(?:;(.*))?$", uri)
        if found is None or (found.group(3) or "transport=udp") != "transport=udp":
            return None
        try:
            ipaddress.ip_address(found.group(1))
        except ValueError:
            return None
        return cls(found.group(1), int(found.group(2) or 5060))


async def ring(uri: str, *, caller: str, dialed: str) -> int:
    """The final status; NOT_REACHED where there is none."""
    place = Place.of(uri)
    if place is None:
        return NOT_REACHED
    loop = asyncio.get_running_loop()
    transport, call = await loop.create_datagram_endpoint(_Call, remote_addr=(place.host, place.port))
    try:
        return await call.run(place, caller, dialed)
    finally:
        transport.close()


class _Call(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._transactions = Transactions(lambda data, _: self._send(data))
        self._nobody = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        with contextlib.suppress(Malformed):
            self._transactions.heard(parse(data))

    def error_received(self, exc: Exception) -> None:
        self._nobody.set()

    async def run(self, place: Place, caller: str, dialed: str) -> int:
        host, port = self._transport.get_extra_info("sockname")[:2]
        target = f"sip:{dialed}@{place.host}:{place.port}"
        dialog = Dialog(
            call_id=secrets.token_hex(12),
            local=f"<sip:{caller}@{host}>;tag={secrets.token_hex(6)}",
            remote=f"<{target}>",
            target=target,
            ours=f"{host}:{port}",
        )
        invite = dialog.request("INVITE", body=write_offer(host=host, port=port))
        answer = await self._answer(invite, (place.host, place.port))
        if answer is None:
            self._send(dialog.again("CANCEL", invite).data)
            return NOT_REACHED
        dialog.established(answer)
        if answer.status < 300:
            self._send(dialog.acknowledgement().data)
            self._send(dialog.request("BYE").data)
        else:
            self._send(dialog.again("ACK", invite).data)
        return answer.status

    async def _answer(self, invite: Sent, to: Address) -> Message | None:
        """None: nobody is there, or they ring too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_FIRST_ANSWER) as patience:
                asking = asyncio.ensure_future(
                    self._transactions.ask(
                        invite,
                        to,
                        seconds=_FIRST_ANSWER + _RING_AT_MOST,
                        provisional=lambda _: patience.reschedule(loop.time() + _RING_AT_MOST),
                    )
                )
                nobody = asyncio.ensure_future(self._nobody.wait())
                try:
                    await asyncio.wait((asking, nobody), return_when=asyncio.FIRST_COMPLETED)
                    return asking.result() if asking.done() else None
                finally:
                    asking.cancel()
                    nobody.cancel()
        except TimeoutError:
            return None

    def _send(self, data: bytes) -> None:
        self._transport.sendto(data)
