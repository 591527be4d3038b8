"""Nobody takes the call: how long a telephone rings, what the carrier is told, and what becomes of the caller.

The bound is on the trunk in the real LiveKit server; the SIP service (livekit-sip, or its stand-in) keeps it.
"""

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from control_api.numbers.line import Line as Port
from control_api.numbers.livekit_line import LiveKitLine
from control_api.numbers.livekit_shapes import RINGS_SECONDS
from demo.exchange import Exchange, worker_environment
from demo.ring import CALLER, ringing
from sandbox.faults import FaultRule
from sandbox.servers import Server
from sandbox.softphone import NotAnswered, SoftPhone
from sandbox.telephony import TelephoneLine, open_telephony
from tests.fakes.real_line import Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

GIVEN_BACK_WITHIN = RINGS_SECONDS + 2.0
AT_ONCE = 2.0
OWNERS = "+33698765432"
NOBODY = "nobody-of-this-name"


@asynccontextmanager
async def routed(line: TelephoneLine, number: str, *, agent_name: str) -> AsyncGenerator[Port]:
    """A number on that line, as the control plane puts it there, for an agent of that name."""
    port, label = LiveKitLine(line.url, line.api_key, SecretStr(line.api_secret)), f"ava:{uuid4()}"
    try:
        await port.ensure_route(number, label=label, agent_name=agent_name, metadata={})
        yield port
        await port.drop_route(number, label=label)
    finally:
        await port.aclose()


async def given_back(line: TelephoneLine, number: str) -> tuple[float, str]:
    """Dials it in vain -> after how many seconds the telephone was told so, and what."""
    async with SoftPhone(number=CALLER) as phone:
        with pytest.raises(NotAnswered):
            await phone.dial(line.address_of(number), seconds=GIVEN_BACK_WITHIN + 5)
        assert phone.closed.is_set(), "it rings on"
        return phone.closed_at - phone.dialed_at, phone.why_closed


async def test_no_worker(line: Line) -> None:
    """It rings for as long as a worker could still come, then the carrier is told with the one status that makes it go on."""
    number = "+33478000010"
    async with routed(line.exchange.line, number, agent_name=NOBODY):
        seconds, said = await given_back(line.exchange.line, number)
    assert RINGS_SECONDS - 0.5 < seconds < GIVEN_BACK_WITHIN
    assert said.startswith("503")


@asynccontextmanager
async def full_worker(exchange: Exchange, data: Path, *, name: str) -> AsyncGenerator[Server]:
    """A worker of that name, registered, warm, and over its own limit whatever it does."""
    data.mkdir()  # noqa: ASYNC240 - one folder, in a test
    environment = worker_environment(exchange.line, exchange.platform, data, 1)
    worker = Server(
        "the full worker",
        [sys.executable, "-m", "agent", "start"],
        log=data / "worker.log",
        folder=data,
        environment={**environment, "AVA_AGENT_NAME": name, "AVA_LOAD_THRESHOLD": "0.000001"},
        stop_seconds=20.0,
    )

    async def is_full() -> bool:
        return worker.said('"registered worker"') and worker.said("full capacity")

    try:
        await worker.start(is_full, seconds=60.0)
        yield worker
    finally:
        await worker.stop()


async def test_a_worker_that_is_full(line: Line, tmp_path: Path) -> None:
    """LiveKit sends it nothing; to the caller that is the same as no worker, and as soon over."""
    number, name = "+33478000011", "full-of-calls"
    async with (
        full_worker(line.exchange, tmp_path / "full", name=name) as worker,
        routed(line.exchange.line, number, agent_name=name),
    ):
        seconds, said = await given_back(line.exchange.line, number)
        assert not worker.said('"received job request"')
    assert RINGS_SECONDS - 0.5 < seconds < GIVEN_BACK_WITHIN
    assert said.startswith("503")


async def test_livekit_away() -> None:
    """The SIP service is there, the server behind it is not: the carrier is told at once, without a ring."""
    number = "+33478000012"
    async with open_telephony() as alone:
        async with routed(alone, number, agent_name=NOBODY):
            pass  # the line works
        await alone.livekit.stop()
        seconds, said = await given_back(alone, number)
    assert seconds < AT_ONCE
    assert said.startswith("503")


async def test_the_database_away(line: Line) -> None:
    """On what the worker knew from the last call, the caller is greeted as ever; the record arrives with the database."""
    exchange = line.exchange
    async with ringing(exchange, line.number, caller="+33655555551") as before:
        assert await before.greeted()
    await exchange.owner.call_of(dialed=line.number, caller=before.caller, after=before.at)
    exchange.database.add_faults(FaultRule(kind="status", status=503, times=None))
    try:
        async with ringing(exchange, line.number, caller="+33655555552") as rung:
            assert await rung.greeted()
            exchange.database.clear_faults()
    finally:
        exchange.database.clear_faults()
    call = await exchange.owner.call_of(dialed=line.number, caller=rung.caller, after=rung.at)
    assert (call["source"], call["ended_by"]) == ("last_known_good", "caller")
    assert call["transcript"][0]["speaker"] == "assistant"


class TestTheCarrier:
    """A number bought at Twilio (its stand-in, which rings the line by SIP as Twilio would)."""

    async def test_takes_the_way_that_the_owner_chose(self, line: Line) -> None:
        """A worker there: answered. None: after ten seconds the owner's telephone rings; he does not pick up: an apology."""
        exchange, owner = line.exchange, line.exchange.owner
        number = await self._bought(line)
        answered = await self._dialed(exchange, number)
        assert (answered["ended"], [tried["status"] for tried in answered["tried"]]) == ("answered", [200])
        assert answered["asked"] == []
        await owner.ask(
            "PATCH",
            f"/v1/numbers/{number}",
            {"fallback": {"kind": "forward", "number": OWNERS}},
            headers={"if-match": "*"},
        )
        async with self._without_worker(exchange, number):
            began = time.monotonic()
            call = await self._dialed(exchange, number, dials="no-answer")
            seconds = time.monotonic() - began
        assert [tried["status"] for tried in call["tried"]] == [503]
        assert RINGS_SECONDS - 0.5 < seconds < GIVEN_BACK_WITHIN
        assert [one["number"] for one in call["dialed"]] == [OWNERS]
        assert (call["asked"], call["ended"]) == ([200, 200], "hangup")
        [heard] = call["heard"]
        assert heard["language"] == "fr-FR"
        again = await self._dialed(exchange, number)
        assert again["ended"] == "answered", "a worker is there again"

    async def _bought(self, line: Line) -> str:
        owner = line.exchange.owner
        offered = await owner.ask("GET", "/v1/available-numbers", params={"country": "US"})
        number = str(offered[0]["e164"])
        body = {"e164": number, "country": "US", "kind": "local", "assistant_id": line.practice.assistant_id}
        made = await owner.make("/v1/numbers/purchases", body)
        assert made["state"] == "active", made
        return number

    async def _dialed(self, exchange: Exchange, number: str, **call: str) -> dict[str, Any]:
        found: dict[str, Any] = await exchange.platform.control(
            "twilio", "calls", {"from": CALLER, "to": number, **call}
        )
        return found

    @asynccontextmanager
    async def _without_worker(self, exchange: Exchange, number: str) -> AsyncGenerator[None]:
        """Its calls are for an agent that nobody is, as if no worker ran."""
        telephone = exchange.line
        port = LiveKitLine(telephone.url, telephone.api_key, SecretStr(telephone.api_secret))
        try:
            [route] = [one for one in (await port.find_routes()).ours if one.numbers == (number,)]
            for name in (NOBODY, exchange.platform.settings.ava_agent_name):
                await port.ensure_route(number, label=route.label, agent_name=name, metadata={})
                if name == NOBODY:
                    yield
        finally:
            await port.aclose()


async def test_the_bound_is_kept_by_the_server(line: Line) -> None:
    """The real server holds the seconds and the status (which is newer than some releases of it), through a replacement too."""
    number = "+33478000013"
    async with routed(line.exchange.line, number, agent_name=NOBODY) as port:
        [route] = [one for one in (await port.find_routes()).ours if one.numbers == (number,)]
        assert route.drift_from(number, agent_name=NOBODY) == ()
        await port.ensure_route(number, label=route.label, agent_name="another", metadata={})
        [route] = [one for one in (await port.find_routes()).ours if one.numbers == (number,)]
        assert route.drift_from(number, agent_name="another") == ()
        assert not route.altered
