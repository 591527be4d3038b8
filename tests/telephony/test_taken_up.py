"""Calls that AVA places, and test calls, whose job or worker is killed: somebody else goes on with them as what they were.

A line of its own: what happens to workers here would end other tests' calls. Calls of those who ring AVA: `test_deploys`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.phrases import PHRASES
from demo.api import try_address
from demo.exchange import Exchange, open_exchange
from demo.ring import expect_plan
from demo.workers import Worker
from sandbox.browser import Browser
from sandbox.callers import get_recording
from sandbox.faults import FaultRule
from sandbox.programs import BARESIP, get_programs
from sandbox.softphone import SoftPhone
from tests.fakes.calls_out import ABOUT, Business, dispatching, open_business, plan, plan_in, told_as
from tests.fakes.real_line import SHORT_GREETING
from tests.telephony.test_deploys import RECOVERED_WITHIN, two_workers, words_of
from tests.telephony.test_web_call import ANSWERED, PROBLEM, spoken

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "+33478000020"
CUT_OFF = PHRASES["fr"].cut_off
NO_MORE = "Ne m'appelez plus, s'il vous plaît."
STATE = "document.getElementById('state').innerText"
SAID = "document.getElementById('transcript').innerText"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """Everything but a worker."""
    get_programs([BARESIP])
    async with open_exchange(data=tmp_path_factory.mktemp("taken-up"), idle_processes=0) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def business(exchange: Exchange) -> Business:
    return await open_business(exchange, NUMBER)


@asynccontextmanager
async def rung(business: Business, callee: str) -> AsyncGenerator[tuple[SoftPhone, dict[str, Any]]]:
    """Somebody whose telephone rings, as planned."""
    async with SoftPhone(number=callee, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business, to=callee)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        yield phone, planned


async def kill(exchange: Exchange, what: str, *workers: Worker) -> float:
    """Whoever is in a room -> when."""
    async with asyncio.timeout(10):
        while True:
            jobs = [(w, job) for w in workers for job in w.jobs_in_a_room(exchange.line.livekit_port)]
            if jobs:
                break
            await asyncio.sleep(0.02)
    [(worker, job)] = jobs
    killed_at = time.monotonic()
    os.kill(worker.server.pid if what == "worker" else job.pid, signal.SIGKILL)
    return killed_at


async def hears_again(phone: SoftPhone, since: float) -> float:
    """-> seconds from that moment to AVA's next first sound."""
    async with asyncio.timeout(25):
        while True:
            later = [
                s.began + phone.answered_at for s in phone.line.ava.stretches if s.began + phone.answered_at > since
            ]
            if later:
                return later[0] - since
            await asyncio.sleep(0.02)


async def says(phone: SoftPhone, utterance: str) -> None:
    before = len(phone.line.ava.stretches)
    await phone.say(utterance)
    assert await phone.until_quiet(1.2, after=before, patience=15)


async def record_of(exchange: Exchange, planned: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """-> the plan at its end, and its call."""
    found = await plan_in(exchange, planned, "done", "given_up")
    return found, await exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")


@pytest.mark.parametrize("what", ["job", "worker"])
async def test_whom_ava_rang_is_talked_with_as_before(exchange: Exchange, business: Business, what: str) -> None:
    """Within 5 s they hear that they were cut off, and not again who calls and why; they are answered, may say that they want
    no more calls, and it is one call, of one try."""
    no_more = told_as(get_recording("fr-message-crown"), NO_MORE)
    known = [get_recording(name).for_deepgram() for name in ("fr-yes", "fr-where")]
    await exchange.expects(*known, no_more)
    callee = f"+3365000000{len(what)}"
    async with (
        two_workers(exchange, f"one {what}", f"two {what}") as (one, two),
        rung(business, callee) as (phone, planned),
    ):
        await phone.answer()
        await says(phone, "fr-yes")
        killed_at = await kill(exchange, what, one, two)
        waited = await hears_again(phone, killed_at)
        sys.stdout.write(f"killed {what}: heard again after {waited:.2f} s\n")
        await phone.until_quiet(1.5, after=len(phone.line.ava.stretches) - 1)
        await says(phone, "fr-where")
        await says(phone, "fr-message-crown")
        await phone.hang_up()
        found, call = await record_of(exchange, planned)
    assert waited < RECOVERED_WITHIN
    words = words_of(call)
    assert words.count(CUT_OFF) == 1
    assert sum(ABOUT in text for text in words) == 1, words
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", "talked", 1)
    assert [one["outcome"] for one in found["tries"]] == ["talked"]
    assert (call["direction"], call["planned_call_id"]) == ("outbound", planned["planned_call_id"])
    assert (call["ended_by"], [problem["code"] for problem in call["problems"]]) == ("caller", ["job_lost"])
    assert [use["tool"] for use in call["tool_uses"]][-1] == "stop_calling"
    listed = await exchange.owner.ask("GET", "/v1/do-not-call", params={"limit": 100})
    assert callee in {entry["number"] for entry in listed["items"]}


@pytest.mark.parametrize("what", ["job", "worker"])
async def test_who_is_being_rung_is_met_by_another(exchange: Exchange, business: Business, what: str) -> None:
    """The telephone rings on, once; whoever picks up hears who calls and why, and nothing of what happened meanwhile."""
    await expect_plan(exchange, ["fr-yes", "fr-where"])
    callee = f"+3365000001{len(what)}"
    async with (
        two_workers(exchange, f"three {what}", f"four {what}") as (one, two),
        rung(business, callee) as (phone, planned),
    ):
        await kill(exchange, what, one, two)
        await asyncio.sleep(5.0)
        assert not phone.closed.is_set()
        await phone.answer()
        await says(phone, "fr-yes")
        await says(phone, "fr-where")
        await phone.hang_up()
        found, call = await record_of(exchange, planned)
    words = words_of(call)
    assert words[0].startswith("Bonjour Mme Martin, ici")
    assert CUT_OFF not in words
    assert sum(ABOUT in text for text in words) == 1
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", "talked", 1)
    assert [one["outcome"] for one in found["tries"]] == ["talked"]


async def test_who_does_not_pick_up_is_told_of_and_not_rung_again(exchange: Exchange, business: Business) -> None:
    """By the one who took the try up: nobody has the carrier's word any more, so that it is the last. It does not take until
    the try's time is over."""
    async with (
        exchange.another_worker("vain", idle_processes=3) as worker,
        rung(business, "+33650000021") as (phone, planned),
    ):
        await kill(exchange, "job", worker)
        await asyncio.sleep(4.0)
        assert not phone.closed.is_set()
        await phone.decline()
        declined_at = time.monotonic()
        found = await plan_in(exchange, planned, "planned", "done", "given_up")
        assert time.monotonic() - declined_at < 5.0
        async with dispatching(business) as dispatcher:
            assert await dispatcher.run_once() == 0
    assert (found["state"], found["outcome"], found["attempts"]) == ("given_up", "unknown", 1)
    assert [one["outcome"] for one in found["tries"]] == ["unknown"]


async def test_a_job_that_dies_before_it_rings_is_its_plans_to_repeat(exchange: Exchange, business: Business) -> None:
    """No successor rings in its place; when the claim has lapsed another job rings them, once, and it is the first try."""
    await expect_plan(exchange, ["fr-yes", "fr-where"])
    database, callee = exchange.database, "+33650000031"
    database.add_faults(
        FaultRule(operation="begin_planned_call_v1", kind="status", status=503, delay_ms=4_000, times=20)
    )
    async with (
        exchange.another_worker("early", idle_processes=3) as worker,
        SoftPhone(number=callee, sip_port=business.port) as phone,
        dispatching(business) as dispatcher,
    ):
        try:
            planned = await plan(business, to=callee)
            assert await dispatcher.run_once() == 1
            await kill(exchange, "job", worker)
            await asyncio.sleep(6.0)
        finally:
            database.clear_faults()
        assert not phone.rung.is_set()
        assert worker.jobs_in_a_room(exchange.line.livekit_port) == []
        found = await plan_in(exchange, planned, "dialing")
        assert (found["attempts"], found["tries"]) == (0, [])
        assert await dispatcher.run_once() == 0, "its claim stands"
        database.select(
            "update planned_calls set claimed_until = now() where planned_call_id = %s returning 1",
            planned["planned_call_id"],
        )
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.answer()
        await says(phone, "fr-yes")
        await says(phone, "fr-where")
        await phone.hang_up()
        found = await plan_in(exchange, planned, "done", "given_up")
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", "talked", 1)


@asynccontextmanager
async def at_the_page(exchange: Exchange, business: Business, folder: Path) -> AsyncGenerator[Browser]:
    """In a test call, in which something was asked and answered."""
    await expect_plan(exchange, ["fr-pay-card"] * 2)  # the recogniser knows each once
    async with Browser(microphone=spoken(folder, "fr-pay-card")) as page:
        await page.opens(try_address(exchange.api_url, exchange.token, business.assistant_id))
        await page.until(
            "document.querySelector('#dial')?.checkVisibility() && !document.querySelector('#dial').disabled"
        )
        await page.clicks("#dial")
        await page.until(f"({ANSWERED}).startsWith('assistant you assistant')", seconds=60)
        await page.until("document.getElementById('party-assistant').dataset.speaking === 'false'")
        yield page


async def test_a_test_call_goes_on_in_the_browser(exchange: Exchange, business: Business, tmp_path: Path) -> None:
    """Whoever tries an assistant hears, and reads, that they were cut off, and is answered again; one record, of a test."""
    async with (
        exchange.another_worker("web", idle_processes=3) as worker,
        at_the_page(exchange, business, tmp_path) as page,
    ):
        killed_at = await kill(exchange, "job", worker)
        await page.until(f"({SAID}).includes({CUT_OFF[:12]!r})")  # words come as they are spoken
        waited = time.monotonic() - killed_at
        sys.stdout.write(f"killed job of a test call: heard again after {waited:.2f} s\n")
        await page.until("document.getElementById('level-assistant').value > 0.02")
        await page.until(f"({SAID}).includes({CUT_OFF!r})")
        assert waited < RECOVERED_WITHIN
        assert await page.evaluate(STATE) == "On the line"
        answers = "document.querySelectorAll('#transcript li[data-speaker=you]').length"
        asked = await page.evaluate(answers)
        await page.until(f"({answers}) > {asked} && ({ANSWERED}).endsWith('assistant')", seconds=60)
        await page.clicks("#hang-up")
        shown = await page.until(
            "document.getElementById('record').checkVisibility() && document.getElementById('record').innerText"
        )
        call = await exchange.owner.ask("GET", f"/v1/calls/{shown.rpartition('/v1/calls/')[2].strip()}")
    words = words_of(call)
    assert (words.count(CUT_OFF), words.count(SHORT_GREETING)) == (1, 1)
    assert (call["test"], call["dialed"], call["ended_by"]) == (True, "web", "caller")
    assert [problem["code"] for problem in call["problems"]] == ["job_lost"]


async def test_a_test_call_that_nobody_goes_on_with_is_over_and_says_so(
    exchange: Exchange, business: Business, tmp_path: Path
) -> None:
    """No worker is left: the page does not stand there as if somebody listened."""
    async with (
        exchange.another_worker("web alone", idle_processes=1) as worker,
        at_the_page(exchange, business, tmp_path) as page,
    ):
        killed_at = await kill(exchange, "worker", worker)
        await page.until(f"{STATE}.includes('waiting for another')", seconds=40)
        await page.until(PROBLEM)
        sys.stdout.write(f"no worker left: the page says so after {time.monotonic() - killed_at:.0f} s\n")
        assert await page.evaluate(STATE) == "The assistant is gone"
        assert "no other came" in await page.reads("#problem")
