"""AVA rings a SIP telephone: what it hears, what the plan and the records say.

The dispatcher is the API's, run by hand at a moment within calling hours: at night, and on Sundays, it would ring nobody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo

from contracts.hours import OpeningHours
from control_api.planned_calls.calling_hours import CallingHours
from control_api.planned_calls.dispatcher import Dispatcher, Pace
from control_api.planned_calls.livekit_dialer import LiveKitDialer
from control_api.planned_calls.repository import DialingRepository
from demo.exchange import LOOPBACK
from demo.owner import ROUND_THE_CLOCK
from demo.ring import expect_plan
from sandbox.callers import Recording, get_recording
from sandbox.servers import free_udp_port
from sandbox.softphone import SoftPhone
from store.session import open_sessions
from tests.fakes.real_line import SHORT_GREETING, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

NUMBER, CALLEE = "+33478000007", "+33655555555"
ABOUT = "votre rendez-vous de demain"
VOICEMAIL = "Bonjour, vous êtes bien sur la messagerie de Paul. Laissez un message après le bip."
PARIS = ZoneInfo("Europe/Paris")


def in_calling_hours() -> datetime:
    tomorrow = datetime.now(PARIS).replace(hour=11, minute=0) + timedelta(days=1)
    allowed = CallingHours(OpeningHours(time_zone="Europe/Paris", country="FR")).next_allowed(tomorrow, CALLEE)
    assert allowed is not None
    return allowed.replace(hour=11)


@dataclass(frozen=True)
class Business:
    """Rings from NUMBER; whomever it rings has their telephone at `port`."""

    line: Line
    assistant_id: str
    port: int


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def business(open_line: Line) -> Business:
    exchange, port = open_line.exchange, free_udp_port(also_tcp=True)
    changes = {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING}
    made = await exchange.owner.puts_on_the_line([NUMBER], allowed=[LOOPBACK], **changes)
    trunk = SIPOutboundTrunkInfo(name="out", address=f"{LOOPBACK}:{port}", numbers=[NUMBER])
    async with api.LiveKitAPI(exchange.line.url, exchange.line.api_key, exchange.line.api_secret) as livekit:
        await livekit.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
    return Business(open_line, made.assistant_id, port)


@asynccontextmanager
async def dispatching(business: Business) -> AsyncIterator[Dispatcher]:
    exchange, settings = business.line.exchange, business.line.exchange.platform.settings
    assert settings.livekit_api_secret is not None
    sessions = open_sessions(
        exchange.database.url, publishable_key=settings.publishable_key, service_key=settings.service_key
    )
    dialer = LiveKitDialer(
        exchange.line.url, exchange.line.api_key, settings.livekit_api_secret, agent_name=settings.ava_agent_name
    )
    pace = Pace(every=0, at_most=10)
    try:
        yield Dispatcher(DialingRepository(sessions), dialer, clock=in_calling_hours, pace=pace)
    finally:
        await dialer.aclose()
        await sessions.aclose()


async def plan(business: Business, **changes: Any) -> dict[str, Any]:
    """Due now."""
    line = business.line
    wish = {
        "assistant_id": business.assistant_id,
        "kind": "reminder",
        "to": CALLEE,
        "name": "Mme Martin",
        "about": ABOUT,
        "consent": True,
        "not_after": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    planned: dict[str, Any] = await line.exchange.owner.make("/v1/calls", {**wish, **changes})
    line.exchange.database.select(
        "update planned_calls set due_at = now() where planned_call_id = %s returning 1", planned["planned_call_id"]
    )
    return planned


async def plan_in(line: Line, planned: dict[str, Any], *states: str) -> dict[str, Any]:
    """As it stands once it is in one of these states. TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            found: dict[str, Any] = await line.exchange.owner.ask(
                "GET", f"/v1/planned-calls/{planned['planned_call_id']}"
            )
            if found["state"] in states:
                return found
            await asyncio.sleep(0.1)


def told_as(recording: Recording, text: str) -> dict[str, Any]:
    """The recogniser takes the recording for another text, word by word over the same time."""
    words, length = text.split(), recording.words[-1].end_ms - recording.words[0].start_ms
    begins = [recording.words[0].start_ms + length * n // len(words) for n in range(len(words) + 1)]
    timed = [{"word": word, "start_ms": begins[n], "end_ms": begins[n + 1]} for n, word in enumerate(words)]
    return {**recording.for_deepgram(), "text": text, "words": timed}


async def test_somebody_who_is_rung_hears_who_calls_and_why(line: Line, business: Business) -> None:
    """They say hello, hear the opening, ask, are answered, hang up; the record is a call like any other, outbound."""
    await expect_plan(line.exchange, ["fr-yes", "fr-where"])
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        assert NUMBER in phone.rung_by
        await phone.answer()
        await phone.say("fr-yes")
        assert await phone.until_quiet(1.0, patience=15)
        before = len(phone.line.ava.stretches)
        await phone.say("fr-where")
        assert await phone.until_quiet(1.0, after=before, patience=15)
        await phone.hang_up()
    found = await plan_in(line, planned, "done", "given_up")
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", "talked", 1)
    call = await line.exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")
    assert (call["direction"], call["planned_call_id"]) == ("outbound", planned["planned_call_id"])
    assert (call["dialed"], call["caller"], call["ended_by"]) == (NUMBER, CALLEE, "caller")
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "assistant"]
    assert said[0].startswith("Bonjour Mme Martin, ici")
    assert ABOUT in said[0]
    assert len(said) == 2, said
    assert call["problems"] == []


async def test_a_line_that_is_busy_is_tried_again_later(line: Line, business: Business) -> None:
    """The carrier's own word is kept; nobody is rung meanwhile, and there is no record of a call that was none."""
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.decline()
        found = await plan_in(line, planned, "planned", "given_up")
        assert (found["state"], found["outcome"], found["call_id"]) == ("planned", "busy", None)
        assert [(one["outcome"], one["sip_status"]) for one in found["tries"]] == [("busy", 486)]
        assert await dispatcher.run_once() == 0
    await line.exchange.owner.ask("POST", f"/v1/planned-calls/{planned['planned_call_id']}/cancel")


async def test_an_answering_machine_gets_a_short_message(line: Line, business: Business) -> None:
    """After its own, and AVA hangs up; who calls is on it, and not what it is about."""
    await line.exchange.expects(told_as(get_recording("fr-message-crown"), VOICEMAIL))
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.answer()
        await phone.say("fr-message-crown")
        await phone.until_closed(40)
        assert sum(s.ended - s.began for s in phone.line.ava.stretches) > 3.0
    found = await plan_in(line, planned, "done", "given_up")
    assert (found["state"], found["outcome"]) == ("done", "message_left")
    call = await line.exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")
    assert (call["outcome"], call["ended_by"]) == ("silent", "assistant")
    assert ABOUT not in " ".join(turn["text"] for turn in call["transcript"])


async def test_a_phone_tree_gets_its_key_and_the_person_behind_it_the_opening(line: Line, business: Business) -> None:
    """The far telephone hears the key that the model chose, and no word until somebody speaks; the record has what was
    pressed, and the rest of the call is as any other."""
    await expect_plan(line.exchange, ["fr-menu", "fr-desk-hello", "fr-where"])
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.answer()
        await phone.say("fr-menu")
        async with asyncio.timeout(15):
            while not phone.pressed:  # noqa: ASYNC110 - a telephone's event
                await asyncio.sleep(0.05)
        assert not await phone.until_speech(patience=2.0), "a machine is told nothing"
        await phone.say("fr-desk-hello")
        assert await phone.until_quiet(1.0, patience=20)
        before = len(phone.line.ava.stretches)
        await phone.say("fr-where")
        assert await phone.until_quiet(1.0, after=before, patience=15)
        assert [key for _, key in phone.pressed] == ["1"]
        await phone.hang_up()
    found = await plan_in(line, planned, "done", "given_up")
    assert (found["state"], found["outcome"]) == ("done", "talked")
    call = await line.exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "assistant"]
    assert said[0].startswith("Bonjour Mme Martin, ici")
    assert ABOUT in said[0]
    assert len(said) == 2, said
    [pressed] = [use for use in call["tool_uses"] if use["tool"] == "press_keys"]
    assert pressed["arguments"] == {"keys": "1"}
    assert call["problems"] == []
