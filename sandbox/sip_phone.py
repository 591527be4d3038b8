"""A SIP telephone of a few kilobytes, for many calls at once on one machine: INVITE, RTP both ways, BYE.

Stands for `sandbox.softphone` where a dozen processes of baresip would take the processor from what is measured. It speaks the
same SIP and the same G.711 over real sockets. What it cannot show: that somebody else's telephone understands AVA's line too.

Owns: one call's signalling and sound, and when speech was heard in it. Refuses: when to say what, judging.
"""

import asyncio
import secrets
import time
from functools import cache
from types import TracebackType
from typing import Any, Self

import numpy as np

from sandbox.callers import get_recording
from sandbox.hearing import heard_to
from sandbox.rtp import FRAME, MediaPort, Samples, Voice
from sandbox.sip_dialog import Address, Dialog, Sent, Transactions
from sandbox.sip_wire import Malformed, Message, parse, read_offer, response, write_offer
from sandbox.softphone import NotAnswered
from sandbox.two_way import RATE, Spoken, TwoWay

_HOST = "127.0.0.1"
_PORTS = range(32_000, 34_000, 2)
_FRAME_SECONDS = FRAME / RATE


class SipCaller(asyncio.DatagramProtocol):
    """``async with SipCaller(number="+33612345678") as phone``. For one call; times as `SoftPhone` has them.
    `suppresses_silence`: see `MediaPort`."""

    def __init__(self, *, number: str, suppresses_silence: bool = False) -> None:
        self._number = number
        self._suppresses_silence = suppresses_silence
        self._transport: asyncio.DatagramTransport | None = None
        self._media = MediaPort(self._heard, self._pressed)
        self._mouth = Voice()
        self._sending: asyncio.Task[None] | None = None
        self._transactions = Transactions(self._send)
        self._call_id = secrets.token_hex(12)
        self._dialog: Dialog | None = None  # once somebody has answered
        self._acknowledgement: Sent | None = None
        self._peer: Address = (_HOST, 0)
        self.closed = asyncio.Event()
        self.why_closed = ""
        self.line = TwoWay()
        self.dialed_at = self.ringing_at = self.answered_at = self.closed_at = 0.0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(_HOST, 0))
        self._media.voices.append(self._mouth)
        self._media.suppresses_silence = self._suppresses_silence
        self._port = await self._media.open(_HOST, _PORTS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()
        if self._sending is not None:
            self._sending.cancel()
        self._media.close()
        if self._transport is not None:
            self._transport.close()

    @property
    def now(self) -> float:
        """Seconds since the call was answered."""
        return time.monotonic() - self.answered_at

    # acting

    async def dial(self, address: str, *, seconds: float = 20.0) -> None:
        """`address` as `TelephoneLine.address_of` has it. Returns when it is answered. Raises NotAnswered."""
        host, _, port = address.partition("@")[2].partition(":")
        self._peer = (host, int(port))
        self.dialed_at = time.monotonic()
        dialog = self._dialog_with(address)
        invite = dialog.request("INVITE", body=write_offer(host=_HOST, port=self._port))
        try:
            answer = await self._transactions.ask(invite, self._peer, seconds=seconds, provisional=self._rings)
        except TimeoutError:
            self._send(dialog.again("CANCEL", invite).data, self._peer)
            raise NotAnswered(f"no answer within {seconds:g} s") from None
        dialog.established(answer)
        if answer.status >= 300:
            self._send(dialog.again("ACK", invite).data, self._peer)
            self._over(f"refused with {answer.status}")
            raise NotAnswered(self.why_closed)
        self.answered_at = time.monotonic()
        self._dialog, self._acknowledgement = dialog, dialog.acknowledgement()
        self._send(self._acknowledgement.data, self._peer)
        offer = read_offer(answer.body)
        self._sending = asyncio.create_task(self._media.send_forever(offer.host, offer.port))

    async def say(self, utterance: str) -> None:
        """Speaks a recording of `sandbox.callers`; returns when its last sample is sent, or the line is down."""
        samples = np.frombuffer(get_recording(utterance, rate_hz=RATE).pcm, dtype="<i2").astype(np.int16)
        began = due = self.now
        for at in range(0, len(samples) - FRAME + 1, FRAME):
            if self.closed.is_set():
                break
            self._mouth.put(samples[at : at + FRAME])
            due += _FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - self.now))
        self.line.spoken.append(Spoken(utterance, began, min(self.now, began + _heard_to(utterance))))

    async def until_quiet(self, seconds: float, *, after: int = 0, patience: float = 20.0) -> bool:
        """As `SoftPhone.until_quiet`."""
        ava, deadline = self.line.ava, time.monotonic() + patience
        while not (len(ava.stretches) > after and not ava.speaking and ava.silent_for >= seconds):
            if self.closed.is_set() or time.monotonic() > deadline:
                return False
            await asyncio.sleep(_FRAME_SECONDS)
        return True

    async def hang_up(self) -> None:
        """Fine when the line is down already."""
        if self.closed.is_set() or self._dialog is None:
            return
        self._send(self._dialog.request("BYE").data, self._peer)
        self._over("hung up")

    async def until_closed(self, seconds: float) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self.closed.wait()

    # SIP

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            message = parse(data)
        except Malformed:
            return
        if message.get("call-id") != self._call_id:
            return
        if message.method == "BYE":
            self._send(response(message, 200), self._peer)
            self._over("the far end hung up")
        elif not self._transactions.heard(message) and self._acknowledgement is not None:
            self._send(self._acknowledgement.data, self._peer)  # their 200 came again: ours was lost

    def _rings(self, message: Message) -> None:
        if message.status >= 180:
            self.ringing_at = self.ringing_at or time.monotonic()

    def _over(self, why: str) -> None:
        if not self.closed.is_set():
            self.closed_at, self.why_closed = time.monotonic(), why
            self.closed.set()
            if self._sending is not None:
                self._sending.cancel()

    def _heard(self, samples: Samples) -> None:
        if self._dialog is not None and not self.closed.is_set():
            self.line.ava.take(samples.tobytes(), self.now)

    def _pressed(self, code: int, digit: str) -> None:
        """AVA presses no keys."""

    def _send(self, data: bytes, to: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(data, to)

    def _dialog_with(self, address: str) -> Dialog:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return Dialog(
            call_id=self._call_id,
            local=f"<sip:{self._number}@{host}>;tag={secrets.token_hex(6)}",
            remote=f"<{address.split(';')[0]}>",
            target=address,
            ours=f"{host}:{port}",
        )


@cache
def _heard_to(utterance: str) -> float:
    """Seconds into it; reckoned once: while others are on the line there is no time for it."""
    return heard_to(get_recording(utterance, rate_hz=RATE).pcm, RATE)
