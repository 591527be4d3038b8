"""Who may answer in a room: one suite on the SQL functions and on the twin that unit tests use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from sandbox.database import Database
from store.client import connect
from store.duties import Duties, Duty, SupabaseDuties
from tests.fakes.duties import MemoryDuties

SILENT = 2.0
ONE, TWO = UUID(int=1), UUID(int=2)


@dataclass
class Bench:
    duties: Duties
    pass_time: Callable[[float], Awaitable[None]]

    async def beats(self, worker: UUID, *duties: Duty) -> list[Duty]:
        return list(await self.duties.beat(worker, duties, silent=SILENT))

    async def both_have_lived(self, *duties: Duty) -> None:
        """ONE has these duties; both have beaten for long enough."""
        for _ in range(4):
            assert await self.beats(ONE, *duties) == []
            assert await self.beats(TWO) == []
            await self.pass_time(0.9)


@pytest.fixture(params=["memory", "database"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        memory = MemoryDuties()

        async def move(seconds: float) -> None:
            memory.now += seconds

        yield Bench(memory, move)
        return
    database: Database = request.getfixturevalue("database")

    async def age(seconds: float) -> None:
        """The past moves back: the database's clock is not ours."""
        by = timedelta(seconds=seconds)
        with psycopg.connect(database.postgres_url, autocommit=True) as connection:
            connection.execute(
                "update workers set beaten_at = beaten_at - %s, watching_since = watching_since - %s", (by, by)
            )
            connection.execute("update call_duties set changed_at = changed_at - %s", (by,))

    with psycopg.connect(database.postgres_url, autocommit=True) as connection:
        connection.execute("truncate workers, call_duties")
    opened = await connect(database.url, database.service_key)
    yield Bench(SupabaseDuties(opened, seconds=5.0), age)
    await opened.aclose()


async def test_of_two_jobs_one_gets_in(bench: Bench) -> None:
    """The other was sent too, or came late."""
    entered = await asyncio.gather(*(bench.duties.enter(Duty("call-1", 1, job)) for job in ("a", "b")))
    assert sorted(entered) == [False, True]


async def test_who_has_entered_may_say_so_again(bench: Bench) -> None:
    """An answer that was lost is asked for again."""
    assert await bench.duties.enter(Duty("call-1", 1, "a"))
    assert await bench.duties.enter(Duty("call-1", 1, "a"))


async def test_the_first_job_is_out_once_a_successor_was_claimed(bench: Bench) -> None:
    """It took too long to come."""
    await bench.both_have_lived()
    assert await bench.duties.claim(ONE, "call-1", epoch=0, patience=4) == 1
    await bench.pass_time(5)
    assert await bench.duties.claim(TWO, "call-1", epoch=0, patience=4) == 2
    assert not await bench.duties.enter(Duty("call-1", 1, "late"))
    assert await bench.duties.enter(Duty("call-1", 2, "in time"))


async def test_a_living_workers_calls_are_its_own(bench: Bench) -> None:
    """However long they last."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    assert await bench.beats(TWO) == []


async def test_a_silent_workers_call_is_anothers_once(bench: Bench) -> None:
    """Of two that see it, one sends."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    three, found = uuid4(), list[Duty]()
    await bench.beats(three)
    for seconds in (1.2, 1.2, 0.5):
        await bench.pass_time(seconds)
        found += [*await bench.beats(TWO), *await bench.beats(three)]
    assert found == [Duty("call-1", 2)]


async def test_who_was_away_takes_nobodys_call(bench: Bench) -> None:
    """After an outage everybody is silent for a while: whoever is back first waits for the others."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    await bench.pass_time(60)
    assert await bench.beats(TWO) == []
    await bench.pass_time(0.5)
    assert await bench.beats(ONE, Duty("call-1", 1, "a")) == []
    for _ in range(4):
        await bench.pass_time(1)
        assert await bench.beats(ONE, Duty("call-1", 1, "a")) == []
        assert await bench.beats(TWO) == []


async def test_a_worker_that_died_before_its_first_beat_of_a_call_is_seen(bench: Bench) -> None:
    """The job has entered; nobody has said whose it is."""
    await bench.both_have_lived()
    assert await bench.duties.enter(Duty("call-1", 1, "a"))
    found: list[Duty] = []
    for _ in range(3):
        await bench.pass_time(1)
        found += await bench.beats(TWO)
    assert found == [Duty("call-1", 2)]


async def test_its_own_dead_job_is_succeeded_once(bench: Bench) -> None:
    """And not, if another worker was faster."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    assert await bench.duties.claim(ONE, "call-1", epoch=1, patience=4) == 2
    assert await bench.duties.claim(ONE, "call-1", epoch=1, patience=4) is None
    assert await bench.beats(ONE) == []
    assert await bench.duties.enter(Duty("call-1", 2, "b")), "the claim outlives the beat that no longer names the room"


async def test_a_caller_alone_is_sent_somebody_after_a_while(bench: Bench) -> None:
    """The first job is on its way; and one that has entered is never doubled."""
    await bench.both_have_lived()
    assert await bench.duties.claim(ONE, "call-1", epoch=0, patience=4) == 1
    assert await bench.duties.claim(TWO, "call-1", epoch=0, patience=4) is None
    assert await bench.duties.enter(Duty("call-1", 1, "a"))
    await bench.beats(ONE, Duty("call-1", 1, "a"))
    await bench.pass_time(1)
    await bench.beats(ONE, Duty("call-1", 1, "a"))
    await bench.pass_time(10)
    assert await bench.duties.claim(TWO, "call-1", epoch=0, patience=4) is None


async def test_a_duty_that_was_given_up_is_its_former_holders_again(bench: Bench) -> None:
    """The job before lives after all: its worker's next beat says so."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    await bench.pass_time(2.5)
    await bench.beats(TWO)
    await bench.pass_time(0.5)
    claimed = await bench.beats(TWO)
    if not claimed:
        await bench.pass_time(1.6)
        claimed = await bench.beats(TWO)
    assert claimed == [Duty("call-1", 2)]
    await bench.duties.leave("call-1", epoch=2)
    await bench.beats(ONE, Duty("call-1", 1, "a"))
    assert await bench.duties.claim(TWO, "call-1", epoch=1, patience=4) == 2, "it is there again, in its old epoch"


async def test_a_call_is_read_as_it_was_written(bench: Bench) -> None:
    """Nothing, where nothing was."""
    assert list(await bench.duties.read_call(uuid4())) == []


async def test_a_call_is_over_when_its_worker_no_longer_names_it(bench: Bench) -> None:
    """Nobody is sent where nobody was left behind."""
    await bench.both_have_lived(Duty("call-1", 1, "a"))
    assert await bench.beats(ONE) == []
    for _ in range(4):
        await bench.pass_time(1)
        assert await bench.beats(TWO) == []


async def test_a_caller_who_was_handed_over_is_no_other_workers(bench: Bench) -> None:
    """The control plane has them to itself for a while: others would try in vain what this one has tried."""
    await bench.both_have_lived()
    assert await bench.duties.claim(ONE, "call-1", epoch=0, patience=4) == 1
    assert not await bench.duties.hand_over("call-1", epoch=2, hold=30)
    assert await bench.duties.hand_over("call-1", epoch=1, hold=30)
    found: list[Duty] = []
    for _ in range(6):
        await bench.pass_time(1)
        found += [*await bench.beats(ONE), *await bench.beats(TWO)]
    assert found == []
    assert await bench.duties.claim(TWO, "call-1", epoch=0, patience=4) is None, "nor is the caller waiting alone"
    assert not await bench.duties.enter(Duty("call-1", 1, "late"))


async def test_whom_the_control_plane_did_not_take_is_taken_back_once(bench: Bench) -> None:
    """By who handed them over; had it been taken, or taken back already, the epoch would be another."""
    await bench.both_have_lived()
    assert await bench.duties.claim(ONE, "call-1", epoch=0, patience=4) == 1
    assert await bench.duties.hand_over("call-1", epoch=1, hold=30)
    taken = await asyncio.gather(*(bench.duties.claim(ONE, "call-1", epoch=1, patience=0) for _ in range(2)))
    assert sorted(taken, key=str) == [2, None]


async def test_a_hand_over_that_nobody_minds_comes_to_an_end(bench: Bench) -> None:
    """Control plane and worker are both gone: whoever beats then succeeds to it."""
    await bench.both_have_lived()
    assert await bench.duties.claim(ONE, "call-1", epoch=0, patience=4) == 1
    assert await bench.duties.hand_over("call-1", epoch=1, hold=3)
    found: list[Duty] = []
    for _ in range(7):
        await bench.pass_time(1)
        found += await bench.beats(TWO)
    assert found == [Duty("call-1", 2)]
