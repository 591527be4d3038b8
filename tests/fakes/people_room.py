"""A LiveKit room with a caller and a person in it, as far as a handover touches it: events, tracks, permissions, requests.

Stands for the server's and the SDK's side; nothing is heard in it. `allowed` and `heard` say who could hear whom.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from livekit import api
from livekit.protocol.sip import ListSIPOutboundTrunkResponse, SIPOutboundTrunkInfo

DIALED, CALLER, PERSON = "+33478000000", "+33612345678", "+33142000000"


@dataclass
class Participant:
    identity: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    track_publications: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class PeopleRoom:
    """`answer`: what ringing ends with; None: it rings until `picks_up`. `log` has the requests in order."""

    answer: api.ServerError | None = None
    trunks: list[SIPOutboundTrunkInfo] = field(default_factory=list[SIPOutboundTrunkInfo])
    log: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    name: str = "call-1"
    connected: bool = True
    said: list[str] = field(default_factory=list[str])
    shut_down: bool = False
    audible: bool = True
    linked: str | None = "sip_caller"
    holding: bool = False
    refuses: str = ""  # the request that fails

    def __post_init__(self) -> None:
        self.listeners: dict[str, list[Callable[..., Any]]] = {}
        self.caller = Participant(
            "sip_caller", {"sip.callID": "SCL_1"}, {"TR_caller": SimpleNamespace(sid="TR_caller")}
        )
        self.remote_participants: dict[str, Participant] = {self.caller.identity: self.caller}
        self.permissions: dict[str, list[str]] | None = None
        self.local_participant = SimpleNamespace(
            track_publications={"TR_ava": SimpleNamespace(sid="TR_ava", name="roomio_audio")},
            set_track_subscription_permissions=self._permit,
        )
        self.picked_up = asyncio.Event()
        self.ringing = asyncio.Event()
        self.person = ""
        self.keys, self.patience = "", 0.0  # of the ringing
        if not self.trunks:
            self.trunks = [SIPOutboundTrunkInfo(sip_trunk_id="ST_1", address="192.0.2.1", numbers=[DIALED])]

    # the SDK's room

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        self.listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Callable[..., Any]) -> None:
        self.listeners[event].remove(listener)

    def emit(self, event: str, *args: Any) -> None:
        for listener in list(self.listeners.get(event, [])):
            listener(*args)

    def isconnected(self) -> bool:
        return self.connected

    def _permit(self, *, allow_all_participants: bool, participant_permissions: Any = ()) -> None:
        by_name = {p.participant_identity: list(p.allowed_track_sids) for p in participant_permissions}
        self.permissions = None if allow_all_participants else by_name

    # what happens in it

    def publishes(self, sid: str, name: str) -> None:
        """AVA does."""
        self.local_participant.track_publications[sid] = SimpleNamespace(sid=sid, name=name)
        self.emit("local_track_published", None, None)

    def leaves(self, participant: Participant) -> None:
        self.remote_participants.pop(participant.identity, None)
        self.emit("participant_disconnected", participant)

    # the server's requests

    async def _asked(self, name: str, *details: Any) -> None:
        self.log.append((name, *details))
        await asyncio.sleep(0)
        if name == self.refuses:
            raise api.ServerError("internal", "no", status=500)

    async def create_sip_participant(self, asked: Any, *, timeout: float) -> None:
        self.keys, self.patience = asked.dtmf, timeout
        await self._asked("ring", asked.sip_call_to, asked.sip_number, asked.sip_trunk_id)
        person = Participant(asked.participant_identity, {}, {"TR_person": SimpleNamespace(sid="TR_person")})
        self.person = person.identity
        self.remote_participants[person.identity] = person
        self.emit("participant_connected", person)
        self.emit("track_published", person.track_publications["TR_person"], person)
        self.ringing.set()
        if self.answer is not None:
            self.leaves(person)
            raise self.answer
        await self.picked_up.wait()

    async def list_outbound_trunk(self, asked: Any) -> ListSIPOutboundTrunkResponse:
        await self._asked("look", *asked.numbers)
        return ListSIPOutboundTrunkResponse(items=self.trunks)

    async def update_participant(self, asked: Any) -> None:
        await self._asked("may_subscribe", self._who(asked.identity), asked.permission.can_subscribe)

    async def update_subscriptions(self, asked: Any) -> None:
        await self._asked("subscribe", self._who(asked.identity), list(asked.track_sids), asked.subscribe)

    async def remove_participant(self, asked: Any) -> None:
        await self._asked("remove", self._who(asked.identity))

    def _who(self, identity: str) -> str:
        return "person" if identity == self.person else identity

    # the job and the caller's session

    @property
    def job(self) -> Any:
        return SimpleNamespace(room=self, api=SimpleNamespace(sip=self, room=self))

    @property
    def session(self) -> Any:
        return SimpleNamespace(
            room_io=SimpleNamespace(set_participant=self._link),
            output=SimpleNamespace(set_audio_enabled=self._sound),
            say=self._say,
            shutdown=self._shut_down,
        )

    def _link(self, identity: str) -> None:
        """Whom the caller's session listens to, and ends with. Linked to none, it would take who comes next for its caller:
        there is no `unset_participant`."""
        self.linked = identity if identity in self.remote_participants else None

    def _sound(self, on: bool) -> None:
        self.audible = on

    async def _nothing(self) -> None:
        return None

    def _say(self, words: str, **_: Any) -> Any:
        self.said.append(words)
        return self._nothing()

    def _shut_down(self, *, drain: bool) -> None:
        self.shut_down = True

    @asynccontextmanager
    async def music(self, _: Any) -> AsyncGenerator[None]:
        self.holding = True
        try:
            yield
        finally:
            self.holding = False
