"""Who answers in a room: one that lives keeps its call, one that does not is put out before its successor speaks."""

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from livekit import rtc
from livekit.agents import JobContext
from livekit.api import TwirpError
from livekit.protocol.agent import Job
from livekit.protocol.models import Room as LiveKitRoom

from agent import succession
from agent.succession import Seat, enter, metadata_for, seat_of, take_over
from contracts.errors import StoreUnavailable
from store.duties import ALIVE, Duty
from tests.fakes.duties import MemoryDuties

AGENT, SIP = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT, rtc.ParticipantKind.PARTICIPANT_KIND_SIP


@dataclass
class Room:
    """A room with a caller and agents. `lives`: those that answer; the others are listed, and dead."""

    agents: list[str]
    lives: frozenset[str] = frozenset()
    name: str = "call-1"
    asked: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    methods: list[str] = field(default_factory=list[str])
    gone: bool = False

    @property
    def remote_participants(self) -> dict[str, Any]:
        people = {"sip_1": SIP, **dict.fromkeys(self.agents, AGENT)}
        return {name: SimpleNamespace(identity=name, kind=kind) for name, kind in people.items()}

    @property
    def local_participant(self) -> "Room":
        return self

    def register_rpc_method(self, method: str, handler: Any) -> None:
        self.methods.append(method)

    async def perform_rpc(
        self, *, destination_identity: str, method: str, payload: str, response_timeout: float
    ) -> str:
        assert method == ALIVE
        self.asked.append(destination_identity)
        if destination_identity not in self.lives:
            await asyncio.sleep(60)
        return "alive"

    async def remove_participant(self, wanted: Any) -> None:
        if self.gone:
            raise TwirpError("not_found", "participant does not exist", status=404)
        self.removed.append(wanted.identity)


def job_in(room: Room) -> JobContext:
    return cast(JobContext, SimpleNamespace(room=room, api=SimpleNamespace(room=room)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "_ANSWERS_WITHIN", 0.05)


@pytest.mark.parametrize("first", ['{"planned_call_id": "1", "trunk_id": "ST"}', "", "[]", "not json"])
def test_a_successor_is_told_what_the_first_job_was_and_its_own_seat(first: str) -> None:
    """Whatever the first was sent with; sent again for a third, only the seat is another."""
    seat, third = Seat(Duty("out-1", 2, "J"), certain=True), Seat(Duty("out-1", 3, "J"))
    metadata = metadata_for(seat, first)
    assert seat_of(Job(id="J", room=LiveKitRoom(name="out-1"), metadata=metadata)) == seat
    again = metadata_for(third, metadata)
    assert seat_of(Job(id="J", room=LiveKitRoom(name="out-1"), metadata=again)) == third
    assert json.loads(again).get("trunk_id") == ("ST" if "trunk" in first else None)


async def test_a_first_job_asks_nobody() -> None:
    """There was nobody before it, and another's agent in the room is none of its business."""
    room = Room(["agent-guest"])
    assert await take_over(job_in(room), Seat(Duty("call-1", 1, "a")), MemoryDuties())
    assert (room.asked, room.removed, room.methods) == ([], [], [ALIVE])


async def test_a_job_that_lives_keeps_its_call() -> None:
    """Its successor leaves without a trace, and it is the room's again."""
    room, duties = Room(["agent-old"], frozenset({"agent-old"})), MemoryDuties()
    await duties.claim(UUID(int=1), "call-1", epoch=1, patience=4)
    assert not await take_over(job_in(room), Seat(Duty("call-1", 2, "b")), duties)
    assert (room.removed, room.methods, duties.rows) == ([], [], {})


async def test_a_job_that_does_not_answer_is_put_out() -> None:
    """Whether it is dead or only hangs: it can't speak any more."""
    room = Room(["agent-old"])
    assert await take_over(job_in(room), Seat(Duty("call-1", 2, "b")), MemoryDuties())
    assert (room.asked, room.removed, room.methods) == (["agent-old"], ["agent-old"], [ALIVE])


async def test_one_whose_end_was_seen_is_not_asked() -> None:
    """That would be half a second of silence for nothing."""
    room = Room(["agent-old"])
    assert await take_over(job_in(room), Seat(Duty("call-1", 2, "b"), certain=True), MemoryDuties())
    assert (room.asked, room.removed) == ([], ["agent-old"])


async def test_one_that_is_gone_already_is_fine() -> None:
    """LiveKit had dropped it meanwhile."""
    room = Room(["agent-old"], gone=True)
    assert await take_over(job_in(room), Seat(Duty("call-1", 2, "b")), MemoryDuties())


async def test_while_the_database_is_away_a_job_goes_in() -> None:
    """A caller is not left alone for it: a first job has no rival, a successor asks in the room."""
    duties = MemoryDuties(away=True)
    assert await enter(Seat(Duty("call-1", 1, "a")), duties)
    room = Room(["agent-old"], frozenset({"agent-old"}))
    assert await enter(Seat(Duty("call-1", 2, "b")), duties)
    assert not await take_over(job_in(room), Seat(Duty("call-1", 2, "b")), duties)
    with pytest.raises(StoreUnavailable):
        await duties.enter(Duty("call-1", 2, "b"))


async def test_a_slow_database_keeps_no_telephone_ringing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first job goes in meanwhile; a successor waits, for it may not be wanted."""

    class Slow(MemoryDuties):
        async def enter(self, duty: Duty) -> bool:
            await asyncio.sleep(0.2)
            return False

    monkeypatch.setattr(succession, "_FIRST_WITHIN", 0.05)
    assert await enter(Seat(Duty("call-1", 1, "a")), Slow())
    assert not await enter(Seat(Duty("call-1", 2, "b")), Slow())
