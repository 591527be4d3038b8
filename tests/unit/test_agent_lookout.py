"""Who is sent where somebody has died, and what becomes of a caller to whom nobody can be sent."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from agent import lookout
from agent.lookout import Counts, Lookout
from agent.rooms import NOBODY, Present, Rooms, RoomsUnavailable
from store.duties import Duty
from tests.fakes.duties import MemoryDuties

ME, OTHER = UUID(int=1), UUID(int=2)
CALLEE = Present(frozenset({"callee-1"}), frozenset({"agent-0"}))
CALLER = Present(frozenset({"sip_1"}), frozenset())


@dataclass
class Line(Rooms):
    """`comes`: how many sendings it takes until somebody comes; None: never."""

    people: dict[str, Present] = field(default_factory=dict[str, Present])
    comes: int | None = 1
    first: str = ""
    appears_after: int = 0  # looks
    sent_with_all: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    sent: list[tuple[str, dict[str, object]]] = field(default_factory=list[tuple[str, dict[str, object]]])
    gone: list[str] = field(default_factory=list[str])
    away: bool = False

    async def present(self, room: str) -> Present:
        if self.away:
            raise RoomsUnavailable("unavailable")
        self.appears_after -= 1
        return self.people.get(room, NOBODY) if self.appears_after < 0 else NOBODY

    async def sent_with(self, room: str) -> str:
        return self.first

    async def waiting(self) -> list[str]:
        return [name for name, there in self.people.items() if there.callers and not there.agents]

    async def send(self, room: str, metadata: str) -> None:
        said = json.loads(metadata)
        self.sent.append((room, said.pop("ava_successor")))
        self.sent_with_all.append(said)
        if self.comes is not None and len(self.sent) >= self.comes:
            there = self.people[room]
            self.people[room] = Present(there.callers, there.agents | {f"agent-{len(self.sent)}"})

    async def let_go(self, room: str) -> None:
        self.gone.append(room)
        self.people.pop(room, None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {
        "BEAT": 0.01,
        "_ROUNDS": 0.01,
        "_COMES_WITHIN": 0.05,
        "_LOOK": 0.005,
        "_RUNG_WITHIN": 0.05,
        "_TAKEN_WITHIN": 0.05,
    }
    for name, seconds in quick.items():
        monkeypatch.setattr(lookout, name, seconds)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not holds():  # noqa: ASYNC110 - what is waited for wakes nobody
            await asyncio.sleep(0.005)


async def test_a_job_that_died_here_is_succeeded_at_once() -> None:
    """By a job that need not ask whether the one before lives: its process's end was seen."""
    duties, line = MemoryDuties(), Line({"call-1": Present(frozenset({"sip_1"}), frozenset({"agent-0"}))})
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await _until(lambda: watch.counts.came == 1)
    assert line.sent == [("call-1", {"epoch": 2, "certain": True})]
    assert line.gone == []


async def test_also_while_the_database_is_away() -> None:
    """Nobody else sees this death, so that nobody else sends."""
    duties, line = MemoryDuties(away=True), Line({"call-1": CALLER})
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 3, "a"))
    await _until(lambda: watch.counts.came == 1)
    assert line.sent == [("call-1", {"epoch": 4, "certain": True})]


async def test_who_was_slower_stays_out() -> None:
    """Another worker has this death in hand."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER})
    await duties.claim(OTHER, "call-1", epoch=1, patience=4)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await asyncio.sleep(0.1)
    assert line.sent == []


async def test_a_caller_who_has_hung_up_needs_nobody() -> None:
    """And the duty is over."""
    duties, line = MemoryDuties(), Line()
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await asyncio.sleep(0.05)
    assert (line.sent, line.gone, duties.rows) == ([], [], {})


async def test_the_next_is_told_what_the_first_was() -> None:
    """Whom it was to ring, or which version it was to try: the room does not say."""
    duties, line = MemoryDuties(), Line({"out-1": CALLEE}, first='{"attempt_id": "1"}')
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("out-1", 1, "a"))
    await _until(lambda: watch.counts.came == 1)
    assert line.sent == [("out-1", {"epoch": 2, "certain": True})]
    assert line.sent_with_all == [{"attempt_id": "1"}]


async def test_whom_a_job_asked_for_as_it_died_is_looked_for() -> None:
    """LiveKit rings them all the same, a moment after the job's end was seen."""
    duties, line = MemoryDuties(), Line({"out-1": CALLEE}, appears_after=3)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("out-1", 1, "a"))
    await _until(lambda: watch.counts.came == 1)
    assert [room for room, _ in line.sent] == ["out-1"]


async def test_where_nobody_was_rung_nobody_is_sent() -> None:
    """The plan makes the try again."""
    duties, line = MemoryDuties(), Line({"out-1": NOBODY})
    await duties.enter(Duty("out-1", 1, "a"))
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("out-1", 1, "a"))
    await _until(lambda: duties.rows == {})
    assert (line.sent, line.gone) == ([], [])


async def test_one_that_does_not_come_is_sent_again() -> None:
    """The worker that LiveKit asked was full, or died too."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER}, comes=3)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await _until(lambda: watch.counts.came == 1)
    assert len(line.sent) == 3
    assert line.gone == []


async def test_where_nobody_comes_the_caller_is_let_go() -> None:
    """Where the control plane takes nobody, either: the end of the line is better than silence."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER}, comes=None)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await _until(lambda: line.gone == ["call-1"])
    assert watch.counts.let_go == 1
    await _until(lambda: duties.rows == {})


async def test_where_nobody_comes_the_control_plane_may_have_the_caller() -> None:
    """From then on they are its own: it sends them on, and this worker ends nothing."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER}, comes=None)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await _until(lambda: duties.rows["call-1"].job_id == "handed over" if "call-1" in duties.rows else False)
    duties.rows["call-1"].epoch += 1
    await asyncio.sleep(0.2)
    assert (line.gone, watch.counts.let_go, list(duties.rows)) == ([], 0, ["call-1"])


@pytest.mark.parametrize("room", ["out-1", "test-1"])
async def test_whom_nobody_can_send_on_is_let_go_at_once(room: str) -> None:
    """AVA rang them, or they are a browser."""
    duties, line = MemoryDuties(), Line({room: CALLEE}, comes=None)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty(room, 6, "a"))
    await _until(lambda: line.gone == [room])
    assert "handed over" not in {row.job_id for row in duties.rows.values()}


async def test_also_where_the_database_is_away_the_caller_is_let_go() -> None:
    """Nobody could be told of them."""
    duties, line = MemoryDuties(away=True), Line({"call-1": CALLER}, comes=None)
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 1, "a"))
    await _until(lambda: bool(line.gone))
    assert (line.gone, watch.counts.let_go) == (["call-1"], 1)


async def test_a_call_that_kills_its_jobs_ends() -> None:
    """The seventh is not sent to die."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER})
    watch = Lookout(ME, duties, line, lambda: [])
    watch.job_died(Duty("call-1", 6, "a"))
    await _until(lambda: line.gone == ["call-1"])
    assert line.sent == []


async def test_a_silent_workers_callers_are_sent_somebody_who_asks_first() -> None:
    """The other's jobs may live: only its worker is silent."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER})
    await duties.enter(Duty("call-1", 1, "a"))
    watch = Lookout(ME, duties, line, lambda: [])
    running = asyncio.create_task(watch.run())
    for _ in range(8):
        duties.now += 0.5
        await asyncio.sleep(0.03)
    await _until(lambda: bool(line.sent))
    running.cancel()
    assert line.sent[0] == ("call-1", {"epoch": 2, "certain": False})


async def test_a_caller_whom_no_worker_took_is_sent_somebody() -> None:
    """LiveKit does not ask again; after a while this does, once."""
    duties, line = MemoryDuties(), Line({"call-1": CALLER})
    watch = Lookout(ME, duties, line, lambda: [])
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0.05)
    assert line.sent == [], "the first job may still be on its way"
    duties.now += 5
    await _until(lambda: bool(line.sent))
    await asyncio.sleep(0.05)
    running.cancel()
    assert line.sent == [("call-1", {"epoch": 2, "certain": True})]


async def test_the_lookout_goes_on_while_nothing_answers() -> None:
    """A database and a LiveKit that are away are asked again; the figures tell of it."""
    duties, line = MemoryDuties(away=True), Line(away=True)
    watch = Lookout(ME, duties, line, lambda: [Duty("call-1", 1, "a")], Counts())
    running = asyncio.create_task(watch.run())
    await _until(lambda: watch.counts.silent_beats > 3)
    duties.away = False
    await _until(lambda: "call-1" in duties.rows)
    assert not running.done()
    running.cancel()
