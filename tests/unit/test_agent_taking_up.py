"""A call that AVA placed and whose job has died: what its successor finds, waits for, and tells; it rings nobody."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from livekit import rtc
from livekit.agents import JobContext

from agent.outgoing import Assignment, Outgoing
from agent.taking_up import take_up
from contracts.call import InboundCall
from contracts.errors import StoreUnavailable
from contracts.ids import call_id_for
from store.dialling import Ringing, TryOutcome, UnderWay

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
OURS, CALLEE = "+33478000000", "+33612345678"
ACTIVE, RINGING = (
    {"sip.callID": "SCL_1", "sip.callStatus": "active"},
    {"sip.callID": "SCL_1", "sip.callStatus": "ringing"},
)
THEIRS = {"sip.trunkPhoneNumber": OURS, "sip.phoneNumber": CALLEE}
UNAVAILABLE, REJECTED = rtc.DisconnectReason.USER_UNAVAILABLE, rtc.DisconnectReason.USER_REJECTED


@dataclass
class Book:
    """What the database knows of the try."""

    found: UnderWay | None = None
    away: bool = False
    ended: list[tuple[TryOutcome, int | None]] = field(default_factory=list[tuple[TryOutcome, int | None]])

    async def begin(self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int) -> Ringing | None:
        raise AssertionError("whoever takes up rings nobody")

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None:
        if self.away:
            raise StoreUnavailable("away")
        return self.found

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None:
        self.ended.append((outcome, sip_status))

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None:
        raise AssertionError("nobody has said so")


@dataclass
class Job:
    """The framework's JobContext: a room with a telephone, or without."""

    assignment: Assignment
    people: dict[str, Any] = field(default_factory=dict[str, Any])
    deleted: int = 0
    connected: bool = True

    @property
    def room(self) -> Any:
        return SimpleNamespace(
            name=f"out-{self.assignment.attempt_id}",
            remote_participants=self.people,
            isconnected=lambda: self.connected,
        )

    async def delete_room(self) -> None:
        self.deleted += 1

    def has(self, attributes: dict[str, str]) -> Any:
        callee = SimpleNamespace(attributes={**THEIRS, **attributes}, disconnect_reason=None)
        self.people[self.assignment.identity] = callee
        return callee

    def loses(self, reason: Any) -> None:
        self.people.pop(self.assignment.identity).disconnect_reason = reason


@pytest.fixture
def job() -> Job:
    return Job(Assignment(uuid4(), uuid4(), "ST_1"))


def book_of(job: Job, *, answered: bool = False) -> Book:
    a = job.assignment
    ringing = Ringing(a.planned_call_id, a.attempt_id, CALLEE, "Mme Martin", "it", "reminder", OURS, "leave_message")
    return Book(UnderWay(ringing, answered))


async def taken_up(job: Job, book: Book, *, answer_within: float = 2.0) -> tuple[InboundCall, Outgoing] | None:
    ctx = cast(JobContext, job)
    return await take_up(ctx, job.assignment, book, now=lambda: NOW, answer_within=answer_within)


async def test_who_talked_with_the_dead_job_is_talked_with(job: Job) -> None:
    """The same call, of the same plan, with its purpose."""
    job.has(ACTIVE)
    found = await taken_up(job, book := book_of(job, answered=True))
    assert found is not None
    call, outgoing = found
    assert (call.call_id, call.planned_call_id) == (call_id_for("SCL_1"), job.assignment.planned_call_id)
    assert (call.dialed, call.caller, call.received_at) == (OURS, CALLEE, NOW)
    assert (outgoing.ringing.about, outgoing.opened) == ("it", False)
    assert (book.ended, job.deleted) == ([], 0)


async def test_who_is_being_rung_is_waited_for(job: Job) -> None:
    """It rings on; whoever picks up is met by somebody who knows why."""
    callee = job.has({"sip.callID": "SCL_1", "sip.callStatus": "dialing"})
    waiting = asyncio.create_task(taken_up(job, book := book_of(job)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    callee.attributes |= {"sip.callStatus": "ringing"}
    await asyncio.sleep(0.1)
    callee.attributes |= {"sip.callStatus": "active"}
    found = await waiting
    assert found is not None
    assert (book.ended, job.deleted) == ([], 0)


@pytest.mark.parametrize(("reason", "outcome"), [(UNAVAILABLE, "no_answer"), (REJECTED, "unknown"), (None, "unknown")])
async def test_who_does_not_pick_up_is_told_of_once(job: Job, reason: Any, outcome: TryOutcome) -> None:
    """That it rang in vain, LiveKit says. Busy and declined it does not tell apart: that try is the last."""
    job.has(RINGING)
    waiting = asyncio.create_task(taken_up(job, book := book_of(job)))
    await asyncio.sleep(0.1)
    job.loses(reason)
    assert await waiting is None
    assert (book.ended, job.deleted) == ([(outcome, None)], 1)


async def test_a_telephone_does_not_ring_for_ever(job: Job) -> None:
    """The room goes, and its ringing with it."""
    job.has(RINGING)
    assert await taken_up(job, book := book_of(job), answer_within=0.1) is None
    assert (book.ended, job.deleted) == ([("unknown", None)], 1)


async def test_who_had_answered_and_has_gone_leaves_a_record_to_be_closed(job: Job) -> None:
    """Its end is the plan's: nothing else is told."""
    assert await taken_up(job, book := book_of(job, answered=True)) is None
    assert (book.ended, job.deleted) == ([], 1)


async def test_a_try_whose_end_is_told_goes_no_further(job: Job) -> None:
    """A message was left, they were put on the list, their number was erased: nobody speaks to them any more."""
    job.has(ACTIVE)
    assert await taken_up(job, book := Book()) is None
    assert (book.ended, job.deleted) == ([], 1)


async def test_one_that_is_put_out_itself_leaves_the_room_alone(job: Job) -> None:
    """A third job has it."""
    job.has(RINGING)
    waiting = asyncio.create_task(taken_up(job, book := book_of(job)))
    await asyncio.sleep(0.1)
    job.connected = False
    assert await waiting is None
    assert (book.ended, job.deleted) == ([], 0)


async def test_without_the_database_who_rings_stops_and_who_talks_hears_an_apology(job: Job) -> None:
    """Why they were rung is not known then: AVA does not make something up."""
    refused: list[tuple[str | None, str]] = []

    async def refuse(line: Any, clip: str) -> None:
        refused.append((line.inbound.caller, clip))

    async def asks_in_vain() -> None:
        ctx = cast(JobContext, job)
        assert await take_up(ctx, job.assignment, Book(away=True), now=lambda: NOW, apologise=refuse) is None

    job.has(RINGING)
    await asks_in_vain()
    assert (job.deleted, refused) == (1, [])
    job.has(ACTIVE)
    await asks_in_vain()
    assert (job.deleted, refused) == (1, [(CALLEE, "technical")])
