"""Workers that come and go while people are on the line: a deploy, a burst, a killed process, a killed machine.

A line of its own: what happens to workers here would end other tests' calls. The callers are `sandbox.sip_caller`, over SIP and
RTP as any telephone: a dozen processes of baresip would take the processor from what is tested.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
import pytest_asyncio
from livekit import api

from agent.phrases import PHRASES
from demo.exchange import LOOPBACK, LOST_SECONDS, Exchange, open_exchange
from demo.owner import ROUND_THE_CLOCK
from demo.ring import booking_plan, expect_plan
from demo.workers import Worker
from sandbox.programs import BARESIP, get_programs
from sandbox.sip_phone import SipCaller
from tests.fakes.real_line import SHORT_GREETING

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "+33478000010"
PARIS = ZoneInfo("Europe/Paris")
RECOVERED_WITHIN = 5.0  # seconds from the kill to the successor's first sound
CUT_OFF = PHRASES["fr"].cut_off
DURING_A_DEPLOY = 6  # calls; ten, with all that rings and answers them, are three cores' work (bench/calls.py)
BURST = 12
PATIENCE = 40.0  # seconds
# a worker takes its time to start, and callers say nothing meanwhile
PATIENT = {"silence_prompt": 60.0, "silence_hang_up": 180.0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """Everything but a worker."""
    get_programs([BARESIP])
    async with open_exchange(data=tmp_path_factory.mktemp("workers"), idle_processes=0) as opened:
        changes = {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING}
        await opened.owner.puts_on_the_line([NUMBER], allowed=[LOOPBACK], limits=PATIENT, **changes)
        yield opened


class Call:
    """A caller of ours, from dialling to the record."""

    def __init__(self, exchange: Exchange, phone: SipCaller, caller: str) -> None:
        self.exchange, self.phone, self.caller = exchange, phone, caller
        self.at = datetime.now(UTC).isoformat()

    async def dials(self, *, seconds: float = 20.0) -> float:
        """-> seconds to the answer."""
        await self.phone.dial(self.exchange.line.address_of(NUMBER), seconds=seconds)
        return self.phone.answered_at - self.phone.dialed_at

    async def greeted(self) -> bool:
        return await self.phone.until_quiet(0.6, patience=15.0)

    async def says(self, utterance: str) -> bool:
        """-> whether AVA answered."""
        before = len(self.phone.line.ava.stretches)
        await self.phone.say(utterance)
        return await self.phone.until_quiet(1.2, after=before, patience=15.0)

    async def hears_again(self, since: float) -> float:
        """-> seconds from that moment to AVA's next first sound."""
        async with asyncio.timeout(25):
            while True:
                began = [s.began + self.phone.answered_at for s in self.phone.line.ava.stretches]
                later = [at for at in began if at > since]
                if later:
                    return later[0] - since
                await asyncio.sleep(0.02)

    async def record(self, *, seconds: float = 20.0) -> dict[str, Any]:
        owner = self.exchange.owner
        return await owner.call_of(dialed=NUMBER, caller=self.caller, after=self.at, seconds=seconds)


@asynccontextmanager
async def two_workers(exchange: Exchange, *names: str) -> AsyncGenerator[list[Worker]]:
    """As `Exchange.another_worker`, started and stopped together."""
    workers = [exchange.make_worker(name, idle_processes=2) for name in names]
    try:
        await asyncio.gather(*(worker.start() for worker in workers))
        yield workers
    finally:
        await asyncio.gather(*(worker.server.stop() for worker in workers))


def words_of(record: dict[str, Any]) -> list[str]:
    return [turn["text"] for turn in record["transcript"] if turn["speaker"] == "assistant"]


async def worker_of_the_call(*workers: Worker) -> Worker:
    async with asyncio.timeout(10):
        while True:
            for worker in workers:
                if await worker.live_calls() and worker.jobs_in_a_call():
                    return worker
            await asyncio.sleep(0.1)


async def test_a_worker_says_that_it_is_ready_when_it_is_warm(exchange: Exchange) -> None:
    """Not before: until then it refuses to be counted on, and gives no figure it does not have."""
    seen: list[tuple[int, int]] = []
    worker = exchange.make_worker("slow", idle_processes=3)

    async def ready() -> bool:
        seen.append(((await worker.asks("/readyz")).status_code, (await worker.asks("/calls")).status_code))
        return seen[-1][0] == 200

    try:
        await worker.server.start(ready, seconds=60)
        assert seen[0] == (503, 503)
        assert seen[-1] == (200, 200)
        assert (await worker.asks("/calls")).json()["live"] == 0
        assert worker.server.said('"process initialized"', times=3)
    finally:
        await worker.server.stop()


async def test_calls_go_on_through_a_deploy(exchange: Exchange) -> None:
    """SIGTERM: no call is cut, none is taken, the next worker has the new ones, and the old one ends when its calls have."""
    await expect_plan(exchange, ["fr-where"])
    callers = [f"+336200000{n:02d}" for n in range(DURING_A_DEPLOY)]
    async with AsyncExitStack() as running, exchange.another_worker("old", idle_processes=4) as old:
        calls = [await _call(exchange, running, caller) for caller in callers]
        for call in calls:
            await call.dials()
            assert await call.greeted()
        async with exchange.another_worker("new", idle_processes=1) as new:
            old.drain()
            await asyncio.sleep(1.0)
            assert (await old.asks("/readyz")).status_code == 503
            late = await _call(exchange, running, "+33620000099")
            await late.dials()
            assert await late.greeted()
            assert (await new.live_calls(), await old.live_calls()) == (1, len(calls))
            for call in [*calls, late]:
                assert await call.says("fr-where")
            assert not any(call.phone.closed.is_set() for call in calls)
            for call in [*calls, late]:
                await call.phone.hang_up()
            async with asyncio.timeout(60):
                while not old.server.ended:  # noqa: ASYNC110 - a process's end wakes nobody
                    await asyncio.sleep(0.1)
        records = await asyncio.gather(*(call.record() for call in calls))
    assert [record["ended_by"] for record in records] == ["caller"] * len(calls)
    assert all(CUT_OFF not in words_of(record) for record in records)


async def test_a_burst_of_calls_is_answered_whole(exchange: Exchange) -> None:
    """Twelve in one second, to one idle worker; the framework's own admission takes as many as it has idle processes. It is
    answered when somebody in the room can be heard. Each hangs up then: twelve conversations at once, with everything that
    rings and carries them, are twice what this machine has (bench/calls.py). So are twelve beginnings for a while, so that
    they are given longer than a number's ten seconds."""
    callers = [f"+336300000{n:02d}" for n in range(BURST)]
    async with AsyncExitStack() as running, exchange.another_worker("burst", idle_processes=BURST):
        await _rings_for(exchange, PATIENCE)
        calls = [await _call(exchange, running, caller) for caller in callers]

        async def rings(call: Call) -> float:
            waited = await call.dials(seconds=PATIENCE)
            await call.phone.hang_up()
            return waited

        waits = sorted(await asyncio.gather(*(rings(call) for call in calls)))
        told = f"median {waits[len(waits) // 2]:.2f} s, p95 {waits[round(0.95 * len(waits)) - 1]:.2f} s"
        sys.stdout.write(f"pick-up of {BURST} calls in one second: {told}\n")
        records = await asyncio.gather(*(call.record() for call in calls))
    assert len({record["call_id"] for record in records}) == BURST
    assert [record["ended_by"] for record in records] == ["caller"] * BURST


@pytest.mark.parametrize("what", ["job", "worker"])
async def test_a_call_whose_process_is_killed_goes_on(exchange: Exchange, what: str) -> None:
    """Another process is in the room within 5 s, says that they were cut off, greets nobody twice, and books what the caller
    had begun to choose, once."""
    plan = booking_plan(datetime.now(PARIS).date())
    await expect_plan(exchange, plan)
    before = {row["uid"] for row in await exchange.bookings()}
    async with AsyncExitStack() as running, two_workers(exchange, f"one {what}", f"two {what}") as (one, two):
        call = await _call(exchange, running, "+33640000001" if what == "job" else "+33640000002")
        await call.dials()
        assert await call.greeted()
        assert await call.says(plan[0])
        assert await call.says(plan[1])
        had_it = await worker_of_the_call(one, two)
        killed_at = time.monotonic()
        _kill(had_it, what)
        waited = await call.hears_again(killed_at)
        await call.phone.until_quiet(1.2, after=len(call.phone.line.ava.stretches) - 1)
        for utterance in plan[2:]:
            assert await call.says(utterance) or utterance == plan[-1]
        await call.phone.until_closed(20)
        record = await call.record()
    sys.stdout.write(f"killed {what}: heard again after {waited:.2f} s\n")
    assert waited < RECOVERED_WITHIN
    words = words_of(record)
    assert (words.count(CUT_OFF), words.count(SHORT_GREETING)) == (1, 1)
    made = [row for row in await exchange.bookings() if row["uid"] not in before]
    assert record["outcome"] == "booked"
    assert [b["calendar_uid"] for b in record["bookings"]] == [row["uid"] for row in made]
    assert len(made) == 1


async def test_a_booking_that_was_under_way_is_found_and_said(exchange: Exchange) -> None:
    """The process dies while Cal.com writes: the next one looks, says that it is booked, and books nothing again."""
    plan = booking_plan(datetime.now(PARIS).date())
    await expect_plan(exchange, plan)
    before = {row["uid"] for row in await exchange.bookings()}
    async with AsyncExitStack() as running, exchange.another_worker("writing", idle_processes=3) as worker:
        call = await _call(exchange, running, "+33640000003")
        await call.dials()
        assert await call.greeted()
        for utterance in plan[:3]:
            assert await call.says(utterance)
        silent = {"operation": "create_booking", "kind": "stall", "cut_after": 1, "delay_ms": 15_000, "times": 1}
        await exchange.platform.control("calcom", "faults", [silent])  # the work is done, its answer stays on the way
        await call.phone.say(plan[3])
        await _asked(exchange, "create_booking")
        _kill(worker, "job")
        await call.hears_again(time.monotonic())
        await call.phone.until_quiet(1.2, after=len(call.phone.line.ava.stretches) - 1)
        await call.phone.hang_up()
        record = await call.record()
    made = [row for row in await exchange.bookings() if row["uid"] not in before]
    assert [(b["state"], b["calendar_uid"]) for b in record["bookings"]] == [("confirmed", made[0]["uid"])]
    assert len(made) == 1
    assert record["outcome"] == "booked"
    assert any(words.startswith("C'est réservé") for words in words_of(record))


async def test_a_job_that_lives_is_not_doubled(exchange: Exchange) -> None:
    """Its worker's main process stands still, and is taken for dead; the job itself answers in the room, and keeps its call."""
    await expect_plan(exchange, ["fr-where"])
    async with AsyncExitStack() as running, two_workers(exchange, "still", "eager") as (one, two):
        call = await _call(exchange, running, "+33640000004")
        await call.dials()
        assert await call.greeted()
        had_it = await worker_of_the_call(one, two)
        other = two if had_it is one else one
        os.kill(had_it.server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(15):
                while not other.server.said("staying out"):  # noqa: ASYNC110 - nor does a log
                    await asyncio.sleep(0.1)
            assert await call.says("fr-where")
        finally:
            os.kill(had_it.server.pid, signal.SIGCONT)
        await call.phone.hang_up()
        record = await call.record()
    assert CUT_OFF not in words_of(record)
    assert record["ended_by"] == "caller"


async def test_where_no_worker_is_left_the_caller_is_let_go(exchange: Exchange) -> None:
    """The only other worker is draining: it takes no call, and does not leave this one's caller in silence for ever. It hands
    them to the API, which tries the assistant's transfer number in vain."""
    async with AsyncExitStack() as running, two_workers(exchange, "last", "draining") as (one, two):
        calls = [await _call(exchange, running, f"+3364000001{n}") for n in range(2)]
        await calls[0].dials()
        first = await worker_of_the_call(one, two)
        other = two if first is one else one
        first.drain()
        await asyncio.sleep(1.0)
        await calls[1].dials()
        assert await worker_of_the_call(other) is other
        assert await calls[1].greeted()
        other.kill()
        await calls[1].phone.until_closed(50)
        assert not calls[0].phone.closed.is_set()
        await calls[0].phone.hang_up()


async def test_where_no_worker_runs_at_all_the_api_lets_the_caller_go(exchange: Exchange) -> None:
    """The only worker is killed: the caller is not left in silence for ever, and the call is on record as lost. Their telephone
    rings nobody by itself (tests/telephony/test_sent_on.py has one that does)."""
    async with AsyncExitStack() as running, exchange.another_worker("alone", idle_processes=1) as worker:
        call = await _call(exchange, running, "+33640000020")
        await call.dials()
        assert await call.greeted()
        worker.kill()
        killed_at = time.monotonic()
        await call.phone.until_closed(75)
        sys.stdout.write(f"no worker left: let go after {call.phone.closed_at - killed_at:.0f} s\n")
        record = await call.record(seconds=4.0 * LOST_SECONDS)
    assert (record["outcome"], record["ended_by"]) == ("lost", "failure")


async def _call(exchange: Exchange, running: AsyncExitStack, caller: str) -> Call:
    phone = SipCaller(number=caller, suppresses_silence=True)  # with a dozen of them, half of the machine's work
    return Call(exchange, await running.enter_async_context(phone), caller)


async def _rings_for(exchange: Exchange, seconds: float) -> None:
    line = exchange.line
    async with api.LiveKitAPI(line.url, line.api_key, line.api_secret) as livekit:
        [trunk] = (await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest(numbers=[NUMBER]))).items
        trunk.ringing_timeout.FromSeconds(int(seconds))
        await livekit.sip.update_inbound_trunk(trunk.sip_trunk_id, trunk)


def _kill(worker: Worker, what: str) -> None:
    if what == "worker":
        worker.kill()
        return
    [job] = worker.jobs_in_a_call()
    psutil.Process(job.pid).kill()


async def _asked(exchange: Exchange, operation: str) -> None:
    async with asyncio.timeout(15):
        while True:
            rules = (await exchange.platform.control("calcom", "faults", method="GET"))["rules"]
            if any(rule["applied"] for rule in rules if rule["operation"] == operation):
                return
            await asyncio.sleep(0.05)
