"""One telephone's way into one room, whichever side rang: RTP here, a participant there, until one of them ends it.

Owns: carrying sound and keys between the two, BYE, REFER and its NOTIFYs. Refuses: how the call came about
(`sandbox.sip_gateway` for calls in, `sandbox.sip_calling` for calls out).
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from typing import Protocol

from sandbox.rtp import MediaPort, Samples
from sandbox.sip_dialog import Address, Dialog, Sent, Transactions, address_of
from sandbox.sip_room import SipRoom
from sandbox.sip_wire import Message, Offer

_SILENT_AT_MOST = 15.0  # of RTP, in a call that was answered
_BYE_SECONDS = 2.0
_REFER_SECONDS = 10.0  # until it is taken
_HANGS_UP_ITSELF = 1.0  # who was transferred; livekit-sip waits as long
_NOTIFICATIONS = 50


class Wire(Protocol):
    """The SIP socket."""

    @property
    def ours(self) -> str:
        """Our host and port, as headers name them."""
        ...

    @property
    def transactions(self) -> Transactions: ...

    def send(self, data: bytes, to: Address) -> None: ...


class ReferFailed(Exception):
    """The far end's status; 0: it did not say in time."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Leg:
    """`hung_up` is set when the telephone ended the call, `closing` when we must."""

    def __init__(self, wire: Wire, peer: Address) -> None:
        self.wire = wire
        self.peer = peer
        self.dialog: Dialog | None = None
        self.hung_up = asyncio.Event()
        self.closing = asyncio.Event()
        self.over = False
        self.media = MediaPort(self._heard, self._pressed)
        self.room = SipRoom(self.media.voices, self.media.press)
        self._talking = False
        self._pressing: set[asyncio.Task[None]] = set()
        self._notified: asyncio.Queue[Message] = asyncio.Queue(_NOTIFICATIONS)

    def _heard(self, samples: Samples) -> None:
        if self._talking:
            self.room.heard(samples)

    def _pressed(self, code: int, digit: str) -> None:
        task = asyncio.create_task(self.room.presses(code, digit))
        self._pressing.add(task)
        task.add_done_callback(self._pressing.discard)

    def notified(self, message: Message) -> None:
        """How a transfer goes."""
        with contextlib.suppress(asyncio.QueueFull):
            self._notified.put_nowait(message)

    async def talk(self, dialog: Dialog, far: Offer, *, seconds: float | None = None) -> None:
        """Until somebody ends the call, or so many seconds are over."""
        self.dialog = dialog
        self.peer = address_of(dialog.target, self.peer)
        self.media.expect_keys(far.keys)
        self.media.last_heard = time.monotonic()
        tasks = [
            asyncio.create_task(self.media.send_forever(far.host, far.port)),
            asyncio.create_task(self._until_silent()),
        ]
        try:
            await self._before_talking()
            for voice in self.media.voices:
                voice.forget()
            self._talking = True
            await self.room.says("active")
            await first_of(self.room.gone, self.hung_up, self.closing, seconds=seconds)
        finally:
            for task in tasks:
                task.cancel()
            await self._goodbye(dialog)
        await self.room.says("hangup")

    async def _before_talking(self) -> None:
        """What is done on a line that is up, before either side hears the other."""

    async def _goodbye(self, dialog: Dialog) -> None:
        if not self.hung_up.is_set():
            with contextlib.suppress(TimeoutError):
                await self._ask(dialog.request("BYE"), seconds=_BYE_SECONDS)

    async def _ask(self, sent: Sent, *, seconds: float) -> Message:
        return await self.wire.transactions.ask(sent, self.peer, seconds=seconds)

    async def _until_silent(self) -> None:
        while (left := self.media.last_heard + _SILENT_AT_MOST - time.monotonic()) > 0:  # noqa: ASYNC110 - a deadline
            await asyncio.sleep(left)
        self.closing.set()

    async def refer(self, to: str, *, headers: Mapping[str, str], seconds: float) -> None:
        """Asks the telephone to ring somebody else in our place, and waits for how that went. `to` is the whole header: LiveKit
        puts a SIP URI in angle brackets itself. Raises ReferFailed."""
        if self.dialog is None or self.hung_up.is_set():
            raise ReferFailed(0, "can't transfer a call that is not established")
        more = [("Refer-To", to), *headers.items()]
        try:
            async with asyncio.timeout(seconds):
                taken = await self._ask(self.dialog.request("REFER", more=more), seconds=_REFER_SECONDS)
                if taken.status >= 300:
                    raise ReferFailed(taken.status, taken.reason)
                await self._until_settled()
        except TimeoutError:
            raise ReferFailed(0, "refer canceled") from None
        asyncio.get_running_loop().call_later(_HANGS_UP_ITSELF, self.closing.set)

    async def _until_settled(self) -> None:
        """A telephone that hangs up meanwhile has gone where it was sent, for livekit-sip."""
        gone = asyncio.create_task(self.hung_up.wait())
        try:
            while True:
                told = asyncio.create_task(self._notified.get())
                await asyncio.wait((told, gone), return_when=asyncio.FIRST_COMPLETED)
                if not told.done():
                    told.cancel()
                    return
                status, reason = read_fragment(told.result())
                if status >= 300:
                    raise ReferFailed(status, reason)
                if status >= 200:
                    return
        finally:
            gone.cancel()


def read_fragment(notify: Message) -> tuple[int, str]:
    """The status line that a NOTIFY carries (RFC 3420); (0, "") where there is none."""
    found = re.match(r"SIP/2\.0 (\d{3})[ \t]*([^\r\n]*)", notify.body)
    return (int(found.group(1)), found.group(2)) if found else (0, "")


async def first_of(*events: asyncio.Event, seconds: float | None) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
