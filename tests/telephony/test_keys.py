"""A caller types instead of speaking: on the telephone's keys, through SIP and the room, to what is booked and kept."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from demo.ring import booking_plan, expect_plan, ringing
from tests.fakes.real_line import Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

PARIS = ZoneInfo("Europe/Paris")


async def test_a_read_back_is_confirmed_by_the_key_one(line: Line) -> None:
    """As by "oui": it is booked, once, and the transcript has the caller's yes."""
    plan = booking_plan(datetime.now(PARIS).date())[:3]
    await expect_plan(line.exchange, (*plan, "fr-goodbye"))
    before = {row["uid"] for row in await line.exchange.bookings()}
    async with ringing(line.exchange, line.number, caller="+33660000001") as rung:
        await rung.greeted()
        for utterance in plan:
            await rung.says(utterance)
        heard = len(rung.phone.line.ava.stretches)
        await rung.phone.press("1")
        assert await rung.phone.until_quiet(1.2, after=heard)
        await rung.says("fr-goodbye")
        await rung.phone.until_closed(15)
    call = await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)
    assert (call["outcome"], call["booked"]) == ("booked", True)
    assert len([row for row in await line.exchange.bookings() if row["uid"] not in before]) == 1
    assert "Oui." in [turn["text"] for turn in call["transcript"] if turn["speaker"] == "caller"]


async def test_the_key_two_does_not_book(line: Line) -> None:
    """As "non" does not."""
    plan = booking_plan(datetime.now(PARIS).date())[:3]
    await expect_plan(line.exchange, plan)
    before = {row["uid"] for row in await line.exchange.bookings()}
    async with ringing(line.exchange, line.number, caller="+33660000002") as rung:
        await rung.greeted()
        for utterance in plan:
            await rung.says(utterance)
        heard = len(rung.phone.line.ava.stretches)
        await rung.phone.press("2")
        assert await rung.phone.until_quiet(1.2, after=heard)
    call = await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)
    assert call["booked"] is False
    assert {row["uid"] for row in await line.exchange.bookings()} == before


async def test_a_typed_number_is_what_the_caller_said(line: Line) -> None:
    """Ended by the hash key, whatever was mistyped before the star; who calls stays who the line says."""
    await expect_plan(line.exchange, ("fr-where",))
    async with ringing(line.exchange, line.number, caller="+33660000003") as rung:
        await rung.greeted()
        heard = len(rung.phone.line.ava.stretches)
        await rung.phone.press("0699*0687654321#")
        assert await rung.phone.until_quiet(1.2, after=heard)
    call = await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)
    said = [turn["text"] for turn in call["transcript"] if turn["speaker"] == "caller"]
    assert said == ["Mon numéro de téléphone est le 0687654321."]
    assert call["caller"] == "+33660000003"
