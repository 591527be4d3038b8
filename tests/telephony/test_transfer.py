"""Putting a caller through to a person, with a telephone in each of their hands: who hears whom, and what is on record."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from demo.owner import OnTheLine
from demo.ring import Rung, expect_plan, ringing
from sandbox.softphone import SoftPhone
from tests.fakes.overhearing import NOT_HEARD, hears, says, they_talk
from tests.fakes.real_line import KEYS, PERSON, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

WORDS = ("fr-want-person", "fr-yes", "fr-no", "fr-where", "fr-pay-card", "fr-message-crown")
RINGS_WITHIN = 20.0
BRIEFED_WITHIN = 40.0


@asynccontextmanager
async def asking_for_a_person(line: Line, at: OnTheLine, caller: str) -> AsyncGenerator[tuple[Rung, SoftPhone]]:
    """The caller has asked, and the person's telephone rings."""
    await expect_plan(line.exchange, WORDS)
    async with (
        SoftPhone(number=PERSON, sip_port=line.person_port) as person,
        ringing(line.exchange, at.numbers[0], caller=caller) as rung,
    ):
        await rung.greeted()
        await rung.phone.say("fr-want-person")
        await person.until_rung(seconds=RINGS_WITHIN)
        yield rung, person


async def briefed(person: SoftPhone) -> None:
    """AVA has said who calls and has asked; she waits."""
    assert await person.until_speech(patience=BRIEFED_WITHIN)
    assert await person.until_quiet(1.5, patience=BRIEFED_WITHIN)


async def record_of(line: Line, rung: Rung) -> dict[str, Any]:
    return await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)


# warm


async def test_a_person_is_briefed_accepts_by_key_and_the_two_talk(line: Line) -> None:
    """Until the key neither hears the other; then both do, AVA is silent, and the call ends for both when the caller hangs
    up. The record says that they were put through."""
    async with asking_for_a_person(line, line.warm, "+33650000001") as (rung, person):
        assert line.warm.numbers[0] in person.rung_by
        await person.answer()
        await briefed(person)
        assert hears(person, await says(rung.phone, "fr-where")) < NOT_HEARD
        assert hears(rung.phone, await says(person, "fr-where")) < NOT_HEARD
        assert rung.phone.line.ava.speaking, "the caller hears music"
        await person.press("1")
        assert await rung.phone.until_quiet(1.0), "music and announcement are over"
        assert await person.until_quiet(1.0)
        await they_talk(rung.phone, person)
        await rung.phone.hang_up()
        await person.until_closed(6)
    call = await record_of(line, rung)
    assert (call["outcome"], call["ended_by"], call["problems"]) == ("transferred", "caller", [])
    assert [(t["to"], t["result"]) for t in call["transfers"]] == [(PERSON, "transferred")]


async def test_a_person_behind_a_switchboard_is_reached_by_keys(line: Line) -> None:
    """Their telephone hears each key once it has answered, with the wait between them; it is briefed once somebody speaks,
    and the two talk."""
    async with asking_for_a_person(line, line.behind, "+33650000007") as (rung, person):
        await person.answer()
        async with asyncio.timeout(10):
            while len(person.pressed) < len(KEYS) - 1:  # noqa: ASYNC110 - a telephone's event
                await asyncio.sleep(0.05)
        assert "".join(key for _, key in person.pressed) == KEYS.replace("w", "")
        first, second, third = [at for at, _ in person.pressed][:3]
        assert second - first > third - second + 0.3, "half a second is waited"
        assert not await person.until_speech(patience=2.0), "the extension rings"
        assert rung.phone.line.ava.speaking, "the caller hears music"
        await person.say("fr-where")
        await briefed(person)
        await person.press("1")
        assert await rung.phone.until_quiet(1.0), "music and announcement are over"
        assert await person.until_quiet(1.0)
        await they_talk(rung.phone, person)
        await rung.phone.hang_up()
        await person.until_closed(6)
    call = await record_of(line, rung)
    assert [(t["to"], t["result"]) for t in call["transfers"]] == [(PERSON, "transferred")]
    assert len(person.pressed) == len(KEYS) - 1, "once"


async def test_a_person_accepts_by_voice_and_hangs_up_first(line: Line) -> None:
    """The call ends in peace for the caller, too."""
    async with asking_for_a_person(line, line.warm, "+33650000002") as (rung, person):
        await person.answer()
        await briefed(person)
        await person.say("fr-yes")
        assert await rung.phone.until_quiet(1.0)
        assert await person.until_quiet(1.0)
        await they_talk(rung.phone, person)
        await person.hang_up()
        await rung.phone.until_closed(6)
    call = await record_of(line, rung)
    assert (call["outcome"], [t["result"] for t in call["transfers"]]) == ("transferred", ["transferred"])


async def test_a_person_who_declines_leaves_the_caller_with_the_offer_of_a_message(line: Line) -> None:
    """By key, after the briefing: AVA is back with the caller, hears them, and nothing is recorded as transferred."""
    async with asking_for_a_person(line, line.warm, "+33650000003") as (rung, person):
        await person.answer()
        await briefed(person)
        await person.press("2")
        await person.until_closed(10)
        assert await rung.phone.until_quiet(1.2)
        await rung.says("fr-yes")
        assert rung.unanswered == []
    call = await record_of(line, rung)
    assert call["outcome"] != "transferred"
    assert [t["result"] for t in call["transfers"]] == ["declined"]


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "rings in vain"])
async def test_a_person_who_is_not_reached(line: Line, busy: bool) -> None:
    """The caller is told so, in either case, and can speak to AVA again."""
    async with asking_for_a_person(line, line.warm, f"+3365000001{int(busy)}") as (rung, person):
        if busy:
            await person.decline()
        else:
            await person.until_closed(40)
        assert await rung.phone.until_quiet(1.2, patience=20)
        await rung.says("fr-yes")
        assert rung.unanswered == []
    call = await record_of(line, rung)
    assert [t["result"] for t in call["transfers"]] == ["busy" if busy else "no_answer"]


async def test_a_caller_who_hangs_up_during_the_briefing(line: Line) -> None:
    """The person is told, and hung up on; the record says that nobody was put through."""
    async with asking_for_a_person(line, line.warm, "+33650000004") as (rung, person):
        await person.answer()
        await briefed(person)
        said = len(person.line.ava.stretches)
        await rung.phone.hang_up()
        await person.until_closed(12)
        assert len(person.line.ava.stretches) > said, "AVA has said why"
    call = await record_of(line, rung)
    assert (call["outcome"], call["ended_by"]) == ("abandoned", "caller")
    assert [t["result"] for t in call["transfers"]] == ["abandoned"]


# cold


async def test_a_caller_is_sent_on_and_ava_leaves(line: Line) -> None:
    """The caller's telephone rings the person by itself (REFER) and reports that they answered; only then is it recorded."""
    async with asking_for_a_person(line, line.cold, "+33650000005") as (rung, person):
        await person.answer()
        await rung.phone.until_transferred(10)
        await asyncio.sleep(2.0)
        assert not rung.phone.closed.is_set()
        await they_talk(rung.phone, person)
        call = await record_of(line, rung)
        assert (call["outcome"], call["ended_by"]) == ("transferred", "assistant")
        assert [t["result"] for t in call["transfers"]] == ["transferred"]


async def test_a_caller_who_can_not_be_sent_on_is_told_so(line: Line) -> None:
    """The far side is busy: the caller is still AVA's, and gets the offer of a message."""
    async with asking_for_a_person(line, line.cold, "+33650000006") as (rung, person):
        await person.decline()
        assert await rung.phone.until_quiet(1.2)
        await rung.says("fr-yes")
        assert rung.unanswered == []
    call = await record_of(line, rung)
    assert [t["result"] for t in call["transfers"]] == ["busy"]
    assert call["outcome"] != "transferred"
