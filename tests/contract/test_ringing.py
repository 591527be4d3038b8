"""Ringing somebody, over LiveKit's real wire: once, whatever is lost; and what is told of each way not to be answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from livekit import api
from livekit.agents import JobContext
from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo

from agent.outgoing import Assignment, livekit_once, outcome_of, place, read_assignment
from contracts.errors import StoreUnavailable
from contracts.ids import call_id_for
from sandbox.livekit import KEY, SECRET
from store.dialling import Ringing, TryOutcome, UnderWay
from tests.fakes.livekit import CALLER, NUMBER, Server, serving

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


@dataclass
class Book:
    """The database of planned calls: one try, begun by whoever asks first."""

    attempt_id: UUID
    begun_by: UUID | None = None
    wanted: bool = True
    away: bool = False
    ended: list[tuple[TryOutcome, int | None]] = field(default_factory=list[tuple[TryOutcome, int | None]])

    async def begin(self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int) -> Ringing | None:
        if not self.wanted or attempt_id != self.attempt_id or self.begun_by not in (None, begun_by):
            return None
        self.begun_by = begun_by
        return Ringing(planned_call_id, attempt_id, CALLER, "", "it", "reminder", NUMBER, "hang_up")

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None:
        raise AssertionError("who rings has nothing to take up")

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.ended.append((outcome, sip_status))

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None:
        raise AssertionError("nobody has said so")


@dataclass
class Somebody:
    attributes: dict[str, str]


@dataclass
class Room:
    name: str = "out-1"
    remote_participants: dict[str, Somebody] = field(default_factory=dict[str, Somebody])
    connected: bool = True

    def isconnected(self) -> bool:
        return self.connected


@dataclass
class Job:
    """Stands for the framework's JobContext: a room, and that it can be deleted."""

    room: Room = field(default_factory=Room)
    deleted: int = 0

    async def delete_room(self) -> None:
        self.deleted += 1

    def has(self, assignment: Assignment, **attributes: str) -> None:
        self.room.remote_participants[f"callee-{assignment.attempt_id}"] = Somebody(
            {name.replace("_", "."): value for name, value in attributes.items()}
        )


@dataclass
class Line:
    server: Server
    assignment: Assignment
    book: Book
    job: Job = field(default_factory=Job)
    patience: float = 5.0

    async def rings(self) -> Any:
        async with livekit_once(self.server.url, KEY, SECRET) as livekit:
            return await place(
                cast("JobContext", self.job),
                self.assignment,
                self.book,
                livekit,
                now=lambda: NOW,
                answer_within=self.patience,
            )

    async def rung(self) -> list[dict[str, Any]]:
        return (await self.server.state())["rung"]

    async def telephone(self, sip_status: int | None) -> None:
        (await self.server.http.post("/_ctl/telephone", json={"sip_status": sip_status})).raise_for_status()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with serving() as server:
        async with api.LiveKitAPI(server.url, KEY, SECRET) as livekit:
            trunk = SIPOutboundTrunkInfo(name="out", address="carrier.example.com", numbers=[NUMBER])
            made = await livekit.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
        assignment = Assignment(uuid4(), uuid4(), made.sip_trunk_id)
        yield Line(server, assignment, Book(assignment.attempt_id))


def test_a_job_says_whom_it_is_for() -> None:
    """One sent by the dispatcher names its try; any other is for somebody who rings us."""
    attempt, planned = uuid4(), uuid4()
    said = f'{{"planned_call_id": "{planned}", "attempt_id": "{attempt}", "trunk_id": "ST_1"}}'
    assert read_assignment(said) == Assignment(planned, attempt, "ST_1")
    for other in ("", "{}", '{"dialed": "+33123456789"}', "not json", "[]", '{"planned_call_id": "x"}', "null"):
        assert read_assignment(other) is None, other


async def test_who_picks_up_is_a_call_of_the_plan(line: Line) -> None:
    """From the business's number, with the carrier's own name of the call; the other party is the caller."""
    line.job.has(line.assignment, sip_callID="SCL_1", sip_callStatus="active")
    call, about = await line.rings()
    assert (call.dialed, call.caller, call.received_at) == (NUMBER, CALLER, NOW)
    assert (call.call_id, call.planned_call_id) == (call_id_for("SCL_1"), line.assignment.planned_call_id)
    assert about.ringing.about == "it"
    [rung] = await line.rung()
    assert (rung["sip_call_to"], rung["sip_number"], rung["wait_until_answered"]) == (CALLER, NUMBER, True)
    assert line.book.ended == []
    assert line.job.deleted == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(486, "busy"), (600, "busy"), (480, "no_answer"), (487, "no_answer"), (408, "no_answer"), (603, "declined"),
     (404, "failed"), (503, "failed")],
)  # fmt: skip
async def test_who_does_not_pick_up_is_told_of(line: Line, status: int, outcome: TryOutcome) -> None:
    """As the carrier says it; the room goes, and with it whatever still rings."""
    await line.telephone(status)
    assert await line.rings() is None
    assert line.book.ended == [(outcome, status)]
    assert line.job.deleted == 1
    assert len(await line.rung()) == 1


@pytest.mark.parametrize(
    ("code", "http", "outcome"),
    [("canceled", 408, "no_answer"), ("deadline_exceeded", 408, "unknown"), ("internal", 500, "unknown"),
     ("unavailable", 503, "failed"), ("not_found", 404, "failed")],
)  # fmt: skip
def test_what_is_said_without_a_carriers_word(code: str, http: int, outcome: TryOutcome) -> None:
    """Cancelled: it rang for as long as it was to. Turned away: it can't have rung. Whatever else: who knows."""
    assert outcome_of(api.TwirpError(code, "", status=http)) == (outcome, None)


async def test_a_try_that_is_not_ours_rings_nobody(line: Line) -> None:
    """Cancelled, refused, or begun by another job meanwhile."""
    line.book.wanted = False
    assert await line.rings() is None
    line.book.wanted, line.book.begun_by = True, uuid4()
    assert await line.rings() is None
    assert await line.rung() == []


async def test_two_jobs_for_one_try_ring_once(line: Line) -> None:
    """A job that LiveKit, or a dispatcher that came back from the dead, has started twice."""
    line.job.has(line.assignment, sip_callID="SCL_1", sip_callStatus="active")
    placed = await asyncio.gather(line.rings(), line.rings())
    assert sum(one is not None for one in placed) == 1
    assert len(await line.rung()) == 1


async def test_a_failing_server_is_not_asked_twice(line: Line) -> None:
    """A 500 may come after the telephone rang: it is not sent again, and its end is unknown; there is no other try."""
    await line.server.fault("create_sip_participant", "lost_answer")
    assert await line.rings() is None
    assert line.book.ended == [("unknown", None)]
    assert len(await line.rung()) == 1
    await line.server.reset()
    await line.server.fault("create_sip_participant", "status", status=500)
    line.book.begun_by = None
    assert await line.rings() is None
    assert line.book.ended[1:] == [("unknown", None)]
    assert await line.server.seen("create_sip_participant") == 1


async def test_an_answer_that_is_lost_is_not_a_call_that_is_lost(line: Line) -> None:
    """The room says that they are there: they are talked to, not hung up on."""
    await line.server.fault("create_sip_participant", "lost_answer")
    line.job.has(line.assignment, sip_callID="SCL_2", sip_callStatus="active")
    placed = await line.rings()
    assert placed is not None
    assert placed[0].sip_call_id == "SCL_2"
    assert line.book.ended == []


async def test_a_job_that_was_put_out_leaves_the_call_to_the_next(line: Line) -> None:
    """It hung, and another took the call up: whatever it is told late, it neither speaks, nor ends the room, nor says that
    nothing is known. A carrier's own word it passes on."""
    line.job.room.connected = False
    line.job.has(line.assignment, sip_callID="SCL_1", sip_callStatus="active")
    assert await line.rings() is None
    line.book.begun_by = None
    await line.server.fault("create_sip_participant", "status", status=500)
    line.job.room.remote_participants.clear()
    assert await line.rings() is None
    assert (line.book.ended, line.job.deleted) == ([], 0)
    await line.telephone(486)
    line.book.begun_by = None
    assert await line.rings() is None
    assert (line.book.ended, line.job.deleted) == ([("busy", 486)], 0)


async def test_nobody_is_waited_for_without_end(line: Line) -> None:
    """A server that says nothing: the room goes, its end is unknown."""
    line.patience = 0.3
    await line.server.fault("create_sip_participant", "delay", delay_ms=2_000)
    assert await line.rings() is None
    assert line.book.ended == [("unknown", None)]
    assert line.job.deleted == 1


async def test_a_report_that_can_not_be_delivered_ends_quietly(line: Line) -> None:
    """The database then knows of a try whose end nobody reported: it is never made again."""
    line.book.away = True
    await line.telephone(486)
    assert await line.rings() is None
    assert line.job.deleted == 1
