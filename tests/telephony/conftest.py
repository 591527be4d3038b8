"""One real line for all tests of this folder: LiveKit, its SIP service, the API, the worker, and numbers brought by an owner.

A program that is missing is a failure that says how to get it, never a skip.
"""

import sys
from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from demo.exchange import LOOPBACK, open_exchange
from demo.owner import ROUND_THE_CLOCK
from demo.ring import expect_plan
from sandbox.programs import BARESIP, get_programs
from sandbox.servers import free_udp_port
from tests.fakes.real_line import AFTER_HOURS, KEYS, PERSON, SHORT_GREETING, Line

_FAILED = pytest.StashKey[bool]()
_QUOTED = 20_000  # characters


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def open_line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    get_programs([BARESIP])
    async with open_exchange(data=tmp_path_factory.mktemp("worker")) as exchange:
        owner, changes = exchange.owner, {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING}
        practice = await owner.puts_on_the_line(["+33478000000", "+33478000001"], allowed=[LOOPBACK], **changes)
        paused = await owner.puts_on_the_line(["+33478000002"], allowed=[LOOPBACK], **changes)
        await owner.sets_status(paused.assistant_id, "paused")
        await owner.brings(["+33478000003"], allowed=[LOOPBACK], assistant_id=None)
        shut = {**changes, "hours": {**ROUND_THE_CLOCK, "weekly": {}}, "after_hours": AFTER_HOURS}
        closed = await owner.puts_on_the_line(["+33478000004"], allowed=[LOOPBACK], **shut)
        port = free_udp_port(also_tcp=True)
        outgoing = f"{LOOPBACK}:{port}"
        for_people = {**changes, "tools": [*practice.config["tools"], "transfer"]}
        warm, behind, cold = [
            await owner.puts_on_the_line(
                [number],
                allowed=[LOOPBACK],
                outgoing=outgoing,
                **{**for_people, "transfer": {"mode": mode, "number": PERSON, "keys": keys}},
            )
            for number, mode, keys in (
                ("+33478000005", "warm", ""),
                ("+33478000008", "warm", KEYS),
                ("+33478000006", "cold", ""),
            )
        ]
        yield Line(
            exchange,
            practice,
            paused=paused,
            closed=closed,
            unassigned="+33478000003",
            warm=warm,
            behind=behind,
            cold=cold,
            person_port=port,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


@pytest_asyncio.fixture(loop_scope="session")
async def line(open_line: Line, request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """The recogniser expects nothing of what an earlier test's callers said. A test that fails tells what the servers said
    during it."""
    exchange = open_line.exchange
    servers = (exchange.line.livekit, exchange.line.sip, exchange.worker)
    before = {server.name: server.log.stat().st_size for server in servers}
    await expect_plan(exchange, ())
    yield open_line
    if request.node.stash.get(_FAILED, False):
        for server in servers:
            said = server.log.read_bytes()[before[server.name] :].decode(errors="replace")
            sys.stderr.write(f"--- {server.name} during this test\n{said[-_QUOTED:]}\n")
