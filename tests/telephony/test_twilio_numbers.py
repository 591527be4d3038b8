"""Numbers bought at Twilio and imported from it ring out: by the sign-in that was made with them, over the trunk's own domain,
past a carrier that asks who calls.

What stands for Twilio here is its REST side (`sandbox.twilio`) and its SIP edge (`sandbox.twilio_edge`), which asks the other.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from livekit import api
from pydantic import SecretStr

from control_api.numbers.line import DigestAuth, WayOut
from control_api.numbers.livekit_line import LiveKitLine
from demo.exchange import LOOPBACK, Exchange, open_exchange
from demo.owner import ROUND_THE_CLOCK, OnTheLine
from demo.platform import environment_of
from demo.ring import expect_plan, ringing
from demo.stack import ROOT
from sandbox.servers import free_udp_port
from sandbox.softphone import SoftPhone
from tests.fakes.calls_out import (
    ABOUT,
    CALLEE,
    HELLO_AND_A_QUESTION,
    Business,
    dispatching,
    picks_up_and_asks,
    plan,
    plan_in,
)
from tests.fakes.overhearing import NOT_HEARD, hears, says, they_talk
from tests.fakes.real_line import PERSON, SHORT_GREETING, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

BOUGHT, IMPORTED = "+13035550100", "+33199000015"


@dataclass(frozen=True)
class AtTwilio:
    """`desk` answers BOUGHT and fetches PERSON; `business` calls from IMPORTED. `account`: the owner's own, with its token."""

    exchange: Exchange
    desk: OnTheLine
    business: Business
    person_port: int
    account: tuple[str, str]

    async def asked(self, method: str, path: str, **form: str) -> Any:
        """With the password of the account that IMPORTED is in."""
        url = f"{self.exchange.platform.urls['twilio']}{path}"
        answer = await self.exchange.platform.http.request(method, url, data=form, auth=self.account)
        return answer.raise_for_status().json()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def exchange(open_line: Line, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """Everybody's; where that has a livekit-sip, which asks the system for *.pstn.twilio.com and would ring Twilio, another
    with the stand-in."""
    if open_line.exchange.line.stand_in:
        yield open_line.exchange
        return
    async with open_exchange(data=tmp_path_factory.mktemp("twilio"), stand_in=True) as other:
        yield other


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def at_twilio(open_line: Line, exchange: Exchange) -> AsyncIterator[AtTwilio]:
    owner, settings = exchange.owner, exchange.platform.settings
    assert settings.twilio_auth_token is not None
    changes: dict[str, Any] = {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING}
    transfer = {"mode": "warm", "number": PERSON, "keys": ""}
    tools = [*open_line.practice.config["tools"], "transfer"]
    desk = await owner.publishes(**changes, tools=tools, transfer=transfer)
    await owner.buys(BOUGHT, country="US", assistant_id=desk.assistant_id)
    caller = await owner.publishes(**changes)
    main = (settings.twilio_account_sid or "", settings.twilio_auth_token.get_secret_value())
    made = await exchange.platform.http.post(
        f"{exchange.platform.urls['twilio']}/2010-04-01/Accounts.json", data={"FriendlyName": "Theirs"}, auth=main
    )
    account = (made.json()["sid"], made.json()["auth_token"])
    await exchange.platform.control("twilio", "numbers", {"e164": IMPORTED, "account_sid": account[0]})
    await owner.imports(IMPORTED, account_sid=account[0], auth_token=account[1], assistant_id=caller.assistant_id)
    ports = [free_udp_port(also_tcp=True) for _ in range(2)]
    exchange.edge.telephones.update({PERSON: (LOOPBACK, ports[0]), CALLEE: (LOOPBACK, ports[1])})
    yield AtTwilio(exchange, desk, Business(exchange, caller.assistant_id, ports[1]), ports[0], account)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def no_refusals(at_twilio: AtTwilio) -> None:
    at_twilio.exchange.edge.refused.clear()


async def test_a_call_back_from_an_imported_number_is_answered_and_on_record(line: Line, at_twilio: AtTwilio) -> None:
    """The telephone sees the number, and AVA says why she calls; nothing was refused on the way, and the edge asked first."""
    exchange, business = at_twilio.exchange, at_twilio.business
    await expect_plan(exchange, HELLO_AND_A_QUESTION)
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await picks_up_and_asks(phone, IMPORTED)
    found = await plan_in(exchange, planned, "done", "given_up")
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", "talked", 1)
    call = await exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")
    assert (call["direction"], call["dialed"], call["caller"]) == ("outbound", IMPORTED, CALLEE)
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "assistant"]
    assert ABOUT in said[0]
    assert call["problems"] == []
    assert exchange.edge.refused == []


async def test_a_caller_of_a_bought_number_is_put_through_to_a_person(line: Line, at_twilio: AtTwilio) -> None:
    """Rung from the number over its trunk, briefed alone, and then the two talk."""
    exchange = at_twilio.exchange
    await expect_plan(exchange, ("fr-want-person", "fr-where", "fr-pay-card", "fr-message-crown"))
    async with (
        SoftPhone(number=PERSON, sip_port=at_twilio.person_port) as person,
        ringing(exchange, BOUGHT, caller="+33650000021") as rung,
    ):
        await rung.greeted()
        await rung.phone.say("fr-want-person")
        await person.until_rung(seconds=20)
        assert BOUGHT in person.rung_by
        await person.answer()
        assert await person.until_speech(patience=40)
        assert await person.until_quiet(1.5, patience=40)
        assert hears(person, await says(rung.phone, "fr-where")) < NOT_HEARD
        await person.press("1")
        assert await rung.phone.until_quiet(1.0)
        assert await person.until_quiet(1.0)
        await they_talk(rung.phone, person)
        await rung.phone.hang_up()
        await person.until_closed(6)
    call = await exchange.owner.call_of(dialed=BOUGHT, caller=rung.caller, after=rung.at)
    assert [(one["to"], one["result"]) for one in call["transfers"]] == [(PERSON, "transferred")]
    assert exchange.edge.refused == []


@asynccontextmanager
async def tried(at_twilio: AtTwilio) -> AsyncGenerator[dict[str, Any]]:
    """A call-back that Twilio did not let out -> the plan as it stands after that; cancelled at the end."""
    async with dispatching(at_twilio.business) as dispatcher:
        planned = await plan(at_twilio.business)
        assert await dispatcher.run_once() == 1
        yield await plan_in(at_twilio.exchange, planned, "planned", "given_up")
    await at_twilio.exchange.owner.ask("POST", f"/v1/planned-calls/{planned['planned_call_id']}/cancel")


async def test_a_country_that_twilio_does_not_call_is_told_with_what_to_do(line: Line, at_twilio: AtTwilio) -> None:
    """The carrier's own status, and where its owner allows it; no telephone rang, and there is no record of a call."""
    exchange = at_twilio.exchange
    await exchange.platform.control("twilio", "barred", {"prefixes": ["+336"]})
    try:
        async with tried(at_twilio) as found:
            [one] = found["tries"]
    finally:
        await exchange.platform.control("twilio", "barred", {"prefixes": []})
    assert (one["outcome"], one["sip_status"], found["call_id"]) == ("failed", 403, None)
    assert "Geographic permissions" in one["advice"]
    assert exchange.edge.refused == [(403, "geographic permissions")]


async def test_another_password_is_refused_reported_and_mended(line: Line, at_twilio: AtTwilio) -> None:
    """Somebody set one at Twilio: calls are refused and say so; `./ava numbers reconcile --repair` sets ours again."""
    exchange, business = at_twilio.exchange, at_twilio.business
    account = f"/2010-04-01/Accounts/{at_twilio.account[0]}/SIP/CredentialLists"
    [held] = (await at_twilio.asked("GET", f"{account}.json"))["credential_lists"]
    inside = f"{account}/{held['sid']}/Credentials"
    [row] = (await at_twilio.asked("GET", f"{inside}.json"))["credentials"]
    await asyncio.sleep(1.1)  # Twilio tells the time in seconds
    await at_twilio.asked("POST", f"{inside}/{row['sid']}.json", Password="Somebody-elses-1")
    async with tried(at_twilio) as found:
        [one] = found["tries"]
    assert (one["outcome"], one["sip_status"]) == ("failed", 403)
    assert "reconcile" in one["advice"]
    assert exchange.edge.refused == [(403, "sign-in")]
    assert "another password" in await reconcile(exchange)
    await reconcile(exchange, "--repair")
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.decline()
        found = await plan_in(exchange, planned, "planned", "given_up")
        assert found["tries"][0]["outcome"] == "busy"
    await exchange.owner.ask("POST", f"/v1/planned-calls/{planned['planned_call_id']}/cancel")


@pytest.mark.parametrize("encrypted", [True, False])
async def test_the_real_server_tells_of_a_way_out_as_it_was_made(line: Line, encrypted: bool) -> None:
    """With its encryption: asked for again, it is found right and nothing is made anew."""
    telephony, number, label = line.exchange.line, "+33199000017", f"ava:test-{encrypted}"
    out = WayOut("ava-1.pstn.twilio.com", DigestAuth("ava-name", SecretStr("A-password-12")), encrypted=encrypted)
    own = LiveKitLine(telephony.url, telephony.api_key, SecretStr(telephony.api_secret))
    asked = api.ListSIPOutboundTrunkRequest(numbers=[number])
    async with api.LiveKitAPI(telephony.url, telephony.api_key, telephony.api_secret) as livekit:
        try:
            made: list[str] = []
            for _ in range(2):
                await own.ensure_route(number, label=label, agent_name="nobody", metadata={}, outgoing=out)
                [trunk] = [one for one in (await livekit.sip.list_outbound_trunk(asked)).items if number in one.numbers]
                made.append(trunk.sip_trunk_id)
            [route] = [one for one in (await own.find_routes()).ours if one.label == label]
            assert made[0] == made[1]
            assert route.drift_from(number, agent_name="nobody", outgoing=out) == ()
        finally:
            await own.drop_route(number, label=label)
            await own.aclose()


async def reconcile(exchange: Exchange, *options: str) -> str:
    """As an operator types it -> what it says."""
    environment = {**environment_of(exchange.platform.settings), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = (sys.executable, "-m", "control_api.cli", "numbers", "reconcile", *options)
    run = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await run.communicate()
    assert run.returncode in (0, 1), err.decode()[-2_000:]
    return out.decode()
