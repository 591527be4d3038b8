"""A call out: a telephone is rung for somebody who waits in a room, as livekit-sip does it.

Owns: the order of things. The participant joins first, with `sip.callStatus` dialing; INVITE, digest where it is asked for,
ringing, 200 and ACK, the keys (status automation); from then on the room is heard, the status is active. Who declines, is
busy or lets it ring has the participant leave again. Refuses: what came before (`sandbox.sip_service`) and after
(`sandbox.sip_leg`).
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from livekit import rtc

from sandbox.rtp import PRESSED
from sandbox.sip_dialog import Address, Dialog, Sent, contact_of
from sandbox.sip_leg import Leg, Wire
from sandbox.sip_room import Guest
from sandbox.sip_wire import Malformed, Message, Offer, answer_challenge, read_offer, write_offer

_JOIN_SECONDS = 10.0
_CANCEL_SECONDS = 5.0
_CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
_TRIES = 3
_WAIT_KEY = "w"  # half a second, among keys that are sent by themselves
_FRAME_SECONDS = 0.02
_HALF_SECOND = 25  # frames; a key with the silence after it


class NotReached(Exception):
    """Nobody talks. `status` is the far end's; 0: it rang until we had enough, or we were told to stop."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Wanted:
    """`address` is the trunk's, `number` the one that we ring from. Times in seconds."""

    sip_call_id: str
    room: str
    guest: Guest
    address: str
    host: str
    number: str
    call_to: str = field(repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    keys: str = ""
    ring_seconds: float = 30.0
    most_seconds: float | None = None


class OutgoingCall(Leg):
    """`join`, then `dial`, then `carry` until it is over."""

    def __init__(self, wire: Wire, wanted: Wanted, peer: Address) -> None:
        super().__init__(wire, peer)
        self.wanted = wanted
        host = wanted.host or wire.ours
        self._dialog = Dialog(
            call_id=secrets.token_hex(12),
            local=f'"{wanted.number}" <sip:{wanted.number}@{host}>;tag={secrets.token_hex(6)}',
            remote=f"<sip:{wanted.call_to}@{wanted.address}>",
            target=f"sip:{wanted.call_to}@{wanted.address}",
            ours=wire.ours,
        )
        self._acknowledgement: Sent | None = None
        self._ringing = False
        self.established = asyncio.Event()
        self._offer = ""
        self._saying: set[asyncio.Task[None]] = set()

    @property
    def call_id(self) -> str:
        """SIP's own."""
        return self._dialog.call_id

    async def join(self, url: str, key: tuple[str, str], *, host: str, ports: range) -> str:
        """-> the participant's id. Raises OSError, TimeoutError, rtc.ConnectError."""
        port = await self.media.open(host, ports)
        self._offer = write_offer(host=host, port=port)
        async with asyncio.timeout(_JOIN_SECONDS):
            return await self.room.join(url, key, room=self.wanted.room, guest=self.wanted.guest, listening=False)

    async def dial(self) -> Offer:
        """-> where their sound goes, once they have answered. Raises NotReached; the participant has left then."""
        try:
            async with asyncio.timeout(self.wanted.ring_seconds):
                return await self._until_answered()
        except TimeoutError:
            raise NotReached(0, "sip request timed out") from None

    async def carry(self, far: Offer) -> None:
        """Until somebody ends it."""
        try:
            await self.talk(self._dialog, far, seconds=self.wanted.most_seconds)
        finally:
            self.established.set()

    async def _before_talking(self) -> None:
        """The keys; livekit-sip answers whoever waits for the answer after the last of them."""
        if self.wanted.keys:
            await self.room.says("automation")
            self._press_keys()
        ended = (self.hung_up, self.closing, self.room.gone)
        while self.media.is_pressing and not any(event.is_set() for event in ended):  # noqa: ASYNC110 - a queue wakes nobody
            await asyncio.sleep(_FRAME_SECONDS)
        self.room.listen()
        self.established.set()

    async def leave(self) -> None:
        self.over = True
        self.media.close()
        await self.room.leave()

    def acknowledge(self) -> None:
        """Their 200 came again: our ACK was lost."""
        if self._acknowledgement is not None:
            self.wire.send(self._acknowledgement.data, self.peer)

    async def _until_answered(self) -> Offer:
        authorization: list[tuple[str, str]] = []
        for _ in range(_TRIES):
            answer = await self._invite(authorization)
            if answer.status < 300:
                return self._established(answer)
            if answer.status not in _CHALLENGES or not self.wanted.username:
                raise NotReached(answer.status, answer.reason)
            asked, answered = _CHALLENGES[answer.status]
            given = answer_challenge(
                answer.get(asked),
                method="INVITE",
                uri=self._dialog.target,
                username=self.wanted.username,
                password=self.wanted.password,
            )
            authorization = [(answered, given)]
        raise NotReached(407, "max auth retry attempts reached")

    async def _invite(self, authorization: list[tuple[str, str]]) -> Message:
        invite = self._dialog.request("INVITE", more=[*authorization, *self.wanted.headers.items()], body=self._offer)
        asking = asyncio.ensure_future(
            self.wire.transactions.ask(invite, self.peer, seconds=3600.0, provisional=self._provisional)
        )
        ended = [asyncio.ensure_future(event.wait()) for event in (self.closing, self.room.gone)]
        try:
            await asyncio.wait((asking, *ended), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise NotReached(0, "service shutting down" if self.closing.is_set() else "the room is gone")
            answer = asking.result()
        except (NotReached, asyncio.CancelledError):
            await asyncio.shield(self._cancel(invite, asking))
            raise
        finally:
            for event in ended:
                event.cancel()
        if answer.status >= 300:
            self.wire.send(self._refused(answer, invite).data, self.peer)
        return answer

    def _refused(self, answer: Message, invite: Sent) -> Sent:
        """The ACK of a refusal names the far end as the refusal does; the next invite is to nobody in particular again."""
        nobody, self._dialog.remote = self._dialog.remote, answer.get("to")
        acknowledgement = self._dialog.again("ACK", invite)
        self._dialog.remote = nobody
        return acknowledgement

    async def _cancel(self, invite: Sent, asking: "asyncio.Future[Message]") -> None:
        """Somebody may have picked up meanwhile: they are answered and hung up on, not left with a dead line."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                cancel = self._dialog.again("CANCEL", invite)
                await self.wire.transactions.ask(cancel, self.peer, seconds=_CANCEL_SECONDS)
                answer = await asking
                if answer.status < 300:
                    self._established(answer)
                    await self.wire.transactions.ask(self._dialog.request("BYE"), self.peer, seconds=_CANCEL_SECONDS)
                else:
                    self.wire.send(self._refused(answer, invite).data, self.peer)
        asking.cancel()

    def _established(self, answer: Message) -> Offer:
        self._dialog.established(answer)
        self._acknowledgement = self._dialog.acknowledgement()
        self.acknowledge()
        try:
            return read_offer(answer.body)
        except Malformed:
            self.closing.set()
            raise NotReached(488, f"no audio in PCMU is answered by {contact_of(answer)}") from None

    def _provisional(self, message: Message) -> None:
        if message.status >= 180 and not self._ringing:
            self._ringing = True
            task = asyncio.create_task(self.room.says("ringing"))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    def _press_keys(self) -> None:
        for key in self.wanted.keys:
            if key == _WAIT_KEY:
                self.media.pause(_HALF_SECOND)
            elif key in "0123456789*#ABCD":
                self.media.press("0123456789*#ABCD".index(key))
                self.media.pause(_HALF_SECOND - PRESSED)


JOIN_FAILURES = (OSError, TimeoutError, rtc.ConnectError)
