"""The last worker dies while somebody is on the line: they are sent on to where the number's fallback leads, or hear it end.

A line of its own: what happens to workers here would end other tests' calls. The callers' telephones are baresip, which rings
where it is sent by itself.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from demo.exchange import LOOPBACK, LOST_SECONDS, Exchange, open_exchange
from demo.owner import ROUND_THE_CLOCK
from demo.ring import Rung, expect_plan, ringing
from demo.stack import read_preset
from sandbox.programs import BARESIP, get_programs
from sandbox.servers import free_udp_port
from sandbox.softphone import SoftPhone
from tests.fakes.overhearing import they_talk
from tests.fakes.real_line import PERSON, SHORT_GREETING

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="module")]

SENT_ON, NOWHERE = "+33478000030", "+33478000031"
SENT_ON_WITHIN = 10.0  # seconds from the kill until the other telephone rings
LET_GO_WITHIN = 10.0
PATIENT = {"silence_prompt": 60.0, "silence_hang_up": 180.0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person_port() -> int:
    return free_udp_port(also_tcp=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(tmp_path_factory: pytest.TempPathFactory, person_port: int) -> AsyncIterator[Exchange]:
    """Everything but a worker. One number's assistant transfers to PERSON, which is its fallback; the other's to nobody."""
    get_programs([BARESIP])
    async with open_exchange(data=tmp_path_factory.mktemp("sent-on"), idle_processes=0) as opened:
        owner = opened.owner
        changes: dict[str, Any] = {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING, "limits": PATIENT}
        tools = [tool for tool in read_preset("health.fr").tools if tool != "transfer"]
        alone: dict[str, Any] = {**changes, "tools": tools, "transfer": {"mode": "off"}}
        behind: dict[str, Any] = {
            **changes,
            "tools": [*tools, "transfer"],
            "transfer": {"mode": "cold", "number": PERSON},
        }
        await owner.puts_on_the_line([NOWHERE], allowed=[LOOPBACK], **alone)
        outgoing = f"{LOOPBACK}:{person_port}"
        await owner.puts_on_the_line([SENT_ON], allowed=[LOOPBACK], outgoing=outgoing, **behind)
        yield opened


async def record_of(exchange: Exchange, rung: Rung) -> dict[str, Any]:
    owner, seconds = exchange.owner, 4.0 * LOST_SECONDS
    return await owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at, seconds=seconds)


async def counted(exchange: Exchange, outcome: str) -> float:
    async with httpx.AsyncClient(base_url=exchange.api_url) as http:
        told = (await http.get("/metrics")).text
    lines = [
        line for line in told.splitlines() if line.startswith(f'ava_api_stranded_calls_total{{outcome="{outcome}"}}')
    ]
    return float(lines[0].split()[-1]) if lines else 0.0


async def test_the_caller_of_the_last_worker_is_sent_on_to_a_person(exchange: Exchange, person_port: int) -> None:
    """Their telephone rings the fallback, the two talk, and the record says lost, and where the caller went."""
    await expect_plan(exchange, ["fr-where", "fr-pay-card", "fr-message-crown"])
    before = await counted(exchange, "sent_on")
    async with (
        exchange.another_worker("last", idle_processes=1) as worker,
        SoftPhone(number=PERSON, sip_port=person_port) as person,
        ringing(exchange, SENT_ON, caller="+33640000030") as rung,
    ):
        assert await rung.greeted()
        await rung.says("fr-where")
        assert rung.unanswered == []
        killed_at = time.monotonic()
        worker.kill()
        await person.until_rung(seconds=SENT_ON_WITHIN + 5)
        waited = time.monotonic() - killed_at
        sys.stdout.write(f"no worker left: the fallback rings after {waited:.1f} s\n")
        await person.answer()
        await rung.phone.until_transferred(10)
        await asyncio.sleep(2.0)
        assert not rung.phone.closed.is_set()
        await they_talk(rung.phone, person)
        record = await record_of(exchange, rung)
    assert waited < SENT_ON_WITHIN
    assert (record["outcome"], record["ended_by"]) == ("lost", "failure")
    assert [(sent["to"], sent["result"]) for sent in record["transfers"]] == [(PERSON, "transferred")]
    assert [(seen["code"], seen["detail"]) for seen in record["problems"]] == [("no_worker_left", "sent_on")]
    assert [turn["speaker"] for turn in record["transcript"]][:3] == ["assistant", "caller", "assistant"]
    assert await counted(exchange, "sent_on") == before + 1


async def test_the_line_ends_where_the_number_leads_nowhere(exchange: Exchange) -> None:
    """Sooner than LiveKit notices that AVA is gone."""
    async with (
        exchange.another_worker("nowhere", idle_processes=1) as worker,
        ringing(exchange, NOWHERE, caller="+33640000031") as rung,
    ):
        assert await rung.greeted()
        killed_at = time.monotonic()
        worker.kill()
        await rung.phone.until_closed(LET_GO_WITHIN + 5)
        waited = rung.phone.closed_at - killed_at
        sys.stdout.write(f"no worker left, and no fallback: let go after {waited:.1f} s\n")
        record = await record_of(exchange, rung)
    assert waited < LET_GO_WITHIN
    assert (record["outcome"], record["ended_by"], record["transfers"]) == ("lost", "failure", [])
    assert [(seen["code"], seen["detail"]) for seen in record["problems"]] == [("no_worker_left", "ended")]


async def test_a_job_that_lives_keeps_its_caller(exchange: Exchange) -> None:
    """Its worker's main process stands still for longer than the API waits; the job itself answers in the room."""
    await expect_plan(exchange, ["fr-where"])
    async with (
        exchange.another_worker("still", idle_processes=1) as worker,
        ringing(exchange, SENT_ON, caller="+33640000033") as rung,
    ):
        assert await rung.greeted()
        before = await counted(exchange, "alive")
        os.kill(worker.server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                while await counted(exchange, "alive") == before:  # noqa: ASYNC110 - nor does a figure
                    await asyncio.sleep(0.2)
            await rung.says("fr-where")
        finally:
            os.kill(worker.server.pid, signal.SIGCONT)
        assert rung.unanswered == []
        await rung.phone.hang_up()
        record = await record_of(exchange, rung)
    assert (record["ended_by"], record["problems"], record["transfers"]) == ("caller", [], [])


async def test_a_telephone_that_is_busy_ends_the_callers_line(exchange: Exchange, person_port: int) -> None:
    """The record says what came of it."""
    async with (
        exchange.another_worker("busy", idle_processes=1) as worker,
        SoftPhone(number=PERSON, sip_port=person_port) as person,
        ringing(exchange, SENT_ON, caller="+33640000032") as rung,
    ):
        assert await rung.greeted()
        worker.kill()
        await person.until_rung(seconds=SENT_ON_WITHIN + 5)
        await person.decline()
        await rung.phone.until_closed(LET_GO_WITHIN)
        record = await record_of(exchange, rung)
    assert record["outcome"] == "lost"
    assert [(sent["to"], sent["result"]) for sent in record["transfers"]] == [(PERSON, "busy")]
