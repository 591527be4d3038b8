"""AVA rings a SIP telephone: what it hears, what the plan and the records say."""

import asyncio

import pytest
import pytest_asyncio

from demo.ring import expect_plan
from sandbox.callers import get_recording
from sandbox.softphone import SoftPhone
from tests.fakes.calls_out import (
    ABOUT,
    CALLEE,
    HELLO_AND_A_QUESTION,
    Business,
    dispatching,
    open_business,
    picks_up_and_asks,
    plan,
    plan_in,
    told_as,
)
from tests.fakes.real_line import Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+33478000007"
VOICEMAIL = "Bonjour, vous êtes bien sur la messagerie de Paul. Laissez un message après le bip."


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def business(open_line: Line) -> Business:
    return await open_business(open_line.exchange, NUMBER)


async def test_somebody_who_is_rung_hears_who_calls_and_why(line: Line, business: Business) -> None:
    """They say hello, hear the opening, ask, are answered, hang up; the record is a call like any other, outbound."""
    await expect_plan(line.exchange, HELLO_AND_A_QUESTION)
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await picks_up_and_asks(phone, NUMBER)
    found = await plan_in(line.exchange, planned, "done", "given_up")
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
        found = await plan_in(line.exchange, planned, "planned", "given_up")
        assert (found["state"], found["outcome"], found["call_id"]) == ("planned", "busy", None)
        assert [(one["outcome"], one["sip_status"]) for one in found["tries"]] == [("busy", 486)]
        assert await dispatcher.run_once() == 0
    await line.exchange.owner.ask("POST", f"/v1/planned-calls/{planned['planned_call_id']}/cancel")


async def test_an_answering_machine_gets_a_short_message(line: Line, business: Business) -> None:
    """After its own, and AVA hangs up; who calls is on it, and not what it is about."""
    await line.exchange.expects(told_as(get_recording("fr-want-christmas"), VOICEMAIL))
    async with SoftPhone(number=CALLEE, sip_port=business.port) as phone, dispatching(business) as dispatcher:
        planned = await plan(business)
        assert await dispatcher.run_once() == 1
        await phone.until_rung()
        await phone.answer()
        await phone.say("fr-want-christmas")  # its sound: what is shorter than 2.5 s, or pauses, is a person's
        await phone.until_closed(40)
        assert sum(s.ended - s.began for s in phone.line.ava.stretches) > 3.0
    found = await plan_in(line.exchange, planned, "done", "given_up")
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
            while not phone.pressed:  # noqa: ASYNC110 - a key that is heard wakes nobody
                await asyncio.sleep(0.05)
        assert not await phone.until_speech(patience=2.0), "a machine is told nothing"
        await phone.say("fr-desk-hello")
        assert await phone.until_quiet(1.0, patience=20)
        before = len(phone.line.ava.stretches)
        await phone.say("fr-where")
        assert await phone.until_quiet(1.0, after=before, patience=15)
        assert [key for _, key in phone.pressed] == ["1"]
        await phone.hang_up()
    found = await plan_in(line.exchange, planned, "done", "given_up")
    assert (found["state"], found["outcome"]) == ("done", "talked")
    call = await line.exchange.owner.ask("GET", f"/v1/calls/{found['call_id']}")
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "assistant"]
    assert said[0].startswith("Bonjour Mme Martin, ici")
    assert ABOUT in said[0]
    assert len(said) == 2, said
    [pressed] = [use for use in call["tool_uses"] if use["tool"] == "press_keys"]
    assert pressed["arguments"] == {"keys": "1"}
    assert call["problems"] == []
