"""A business without credit, on the real line: what its caller hears, and who else picks up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent.phrases import PHRASES
from demo.exchange import LOOPBACK
from demo.heard import checks_of
from demo.owner import ROUND_THE_CLOCK
from demo.ring import Rung, ringing
from sandbox.hearing import levels_of, likeness
from sandbox.softphone import SoftPhone
from sandbox.two_way import RATE
from sandbox.voice import from_pcm, synthesise
from tests.fakes.overhearing import HEARD, hears, says
from tests.fakes.real_line import PERSON, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

_SAME_DB = 7.0  # as in test_inbound.py
FR = PHRASES["fr"]
NOBODY_ELSE: dict[str, Any] = {
    "transfer": {"mode": "off", "number": None},
    "tools": ["hours", "faq", "message", "end_call"],
}


@contextmanager
def without_credit(line: Line) -> Iterator[None]:
    """All of the owner's numbers."""
    database = line.exchange.database
    [row] = database.select("select tenant_id from assistants where assistant_id = %s", line.practice.assistant_id)
    database.select("select set_tenant_credit_v1(%s, true)", row["tenant_id"])
    try:
        yield
    finally:
        database.select("select set_tenant_credit_v1(%s, false)", row["tenant_id"])


def sounds_like(rung: Rung, text: str) -> float:
    """By how many dB the first two seconds that were heard differ from the voice's reading of the text."""
    wanted = levels_of(from_pcm(synthesise(text, "fr", rate_hz=RATE)), RATE)
    began = rung.phone.line.ava.stretches[0].began
    heard = levels_of(from_pcm(rung.phone.line.ava.part(began, began + 2.0)), RATE)
    return likeness(list(heard), wanted, awaited=0, tolerance=30).difference_db


async def record_of(line: Line, rung: Rung) -> dict[str, Any]:
    return await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)


async def test_a_caller_is_told_that_the_call_is_noted(line: Line) -> None:
    """The sentence is the whole call, nobody is paid for it but the carrier, and the team has the number; a call that is
    under way meanwhile goes on."""
    alone = await line.exchange.owner.puts_on_the_line(
        ["+33478000012"], allowed=[LOOPBACK], hours=ROUND_THE_CLOCK, **NOBODY_ELSE
    )
    async with ringing(line.exchange, line.practice.numbers[1], caller="+33655555551") as live:
        assert await live.greeted()
        with without_credit(line):
            async with ringing(line.exchange, alone.numbers[0], caller="+33655555552") as rung:
                await rung.phone.until_closed(25)
        assert not live.phone.closed.is_set()
    assert sounds_like(rung, FR.call_noted) < _SAME_DB
    assert [f"{c.name}: {c.detail}" for c in checks_of(rung.phone.line, turns=1) if not c.ok] == []
    call = await record_of(line, rung)
    assert (call["outcome"], call["refusal"], call["ended_by"]) == ("refused", "no_credit", "assistant")
    used = {name: units for name, units in call["usage"].items() if units and name != "call_seconds"}
    assert (used, [turn["text"] for turn in call["transcript"]]) == ({}, [FR.call_noted])
    assert [(m["callback_number"], m["reason"]) for m in call["messages"]] == [("+33655555552", FR.unanswered)]
    assert (await record_of(line, live))["refusal"] is None


async def test_a_caller_is_put_through_to_a_person(line: Line) -> None:
    """The person's telephone rings, the two talk, and AVA has left."""
    with without_credit(line):
        async with (
            SoftPhone(number=PERSON, sip_port=line.person_port) as person,
            ringing(line.exchange, line.cold.numbers[0], caller="+33655555553") as rung,
        ):
            await person.until_rung(seconds=20.0)
            await person.answer()
            await rung.phone.until_transferred(10)
            await asyncio.sleep(2.0)
            assert not rung.phone.closed.is_set()
            assert hears(person, await says(rung.phone, "fr-pay-card")) > HEARD
            call = await record_of(line, rung)
    assert sounds_like(rung, FR.putting_through) < _SAME_DB
    assert (call["outcome"], call["refusal"], call["ended_by"]) == ("refused", "no_credit", "assistant")
    assert [(t["to"], t["result"]) for t in call["transfers"]] == [(PERSON, "transferred")]
    assert call["messages"] == []
