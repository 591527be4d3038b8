"""Requests of ours in SIP: written in the dialog they belong to, sent over UDP until something answers.

Owns: a dialog's names and numbers (RFC 3261, 12), a client's transactions (17.1). Refuses: what is asked and why
(`sandbox.sip_leg`, `sandbox.sip_calling`), the socket.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.sip_wire import ALLOW, Message, uri_of, write

Address = tuple[str, int]

_RESEND_FIRST, _RESEND_LAST = 0.5, 4.0
_RESPONSES_WAITING = 50


@dataclass(frozen=True)
class Sent:
    """A request as it goes out. `branch` is its transaction's."""

    data: bytes
    branch: str
    method: str


@dataclass
class Dialog:
    """One call as our side names it. `local` and `remote` are whole From and To headers, `ours` is our host and port,
    `target` what requests go to; `cseq` is the number of the last request we sent in it."""

    call_id: str
    local: str
    remote: str
    target: str
    ours: str
    cseq: int = 0

    @classmethod
    def of_called(cls, invite: Message, *, tag: str, ours: str) -> "Dialog":
        """They rang us with this invite."""
        target = contact_of(invite) or uri_of(invite.get("from"))
        number, _ = invite.sequence
        return cls(invite.get("call-id"), f"{invite.get('to')};tag={tag}", invite.get("from"), target, ours, number)

    def established(self, answer: Message) -> None:
        """We rang them, and this is their 200."""
        self.remote = answer.get("to")
        self.target = contact_of(answer) or self.target

    def request(self, method: str, *, more: Sequence[tuple[str, str]] = (), body: str = "") -> Sent:
        self.cseq += 1
        return self._written(method, self.cseq, f"z9hG4bK{secrets.token_hex(8)}", more, body)

    def again(self, method: str, of: Sent) -> Sent:
        """ACK of a refusal, or CANCEL: in the transaction, and with the number, of the invite."""
        return self._written(method, self.cseq, of.branch)

    def acknowledgement(self) -> Sent:
        """Of a 200: a transaction of its own."""
        return self._written("ACK", self.cseq, f"z9hG4bK{secrets.token_hex(8)}")

    def _written(
        self, method: str, number: int, branch: str, more: Sequence[tuple[str, str]] = (), body: str = ""
    ) -> Sent:
        headers = [
            ("Via", f"SIP/2.0/UDP {self.ours};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", f"<sip:{self.ours}>"),
            ("Allow", ALLOW),
            *more,
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return Sent(write(f"{method} {self.target} SIP/2.0", headers, body), branch, method)


def contact_of(message: Message) -> str:
    found = re.search(r"<([^>]+)>", message.get("contact"))
    return found.group(1) if found else ""


def address_of(uri: str, otherwise: Address) -> Address:
    """Where a URI with a plain IPv4 address is reached."""
    found = re.search(r"[@:](\d+\.\d+\.\d+\.\d+)(?::(\d+))?", uri)
    return (found.group(1), int(found.group(2) or 5060)) if found else otherwise


def _ignore(_: Message) -> None:
    """Nobody wants to know that it rings."""


class Transactions:
    """`send` puts a datagram on the wire; `heard` is told of every response."""

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self._send = send
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}

    def heard(self, message: Message) -> bool:
        """-> whether somebody waits for it."""
        queue = self._waiting.get((message.branch, message.sequence[1]))
        if queue is None or queue.full():
            return False
        queue.put_nowait(message)
        return True

    async def ask(
        self, sent: Sent, to: Address, *, seconds: float, provisional: Callable[[Message], None] = _ignore
    ) -> Message:
        """-> the final response. Raises TimeoutError."""
        queue = self._waiting[sent.branch, sent.method] = asyncio.Queue[Message](_RESPONSES_WAITING)
        insisting = asyncio.create_task(self._insist(sent, to))
        try:
            async with asyncio.timeout(seconds):
                while (message := await queue.get()).status < 200:
                    insisting.cancel()
                    provisional(message)
                return message
        finally:
            insisting.cancel()
            del self._waiting[sent.branch, sent.method]

    async def _insist(self, sent: Sent, to: Address) -> None:
        wait = _RESEND_FIRST
        while True:
            self._send(sent.data, to)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _RESEND_LAST)
