"""Calls to a business without credit: put through to a person, or noted and told so; and never a word of why."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from agent.handover import Consult
from agent.phrases import PHRASES
from contracts.call import TransferRequested, TransferResult
from demo.line import InProcessLine
from tests.fakes.ringing import ANSWER, QUESTION, House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSON = "+33142000000"
ALONE: dict[str, Any] = {
    "transfer": {"mode": "off", "number": None},
    "tools": ["hours", "faq", "booking", "message", "end_call"],
}
WITH_A_PERSON: dict[str, Any] = {"transfer": {"mode": "warm", "number": PERSON}}
FR, EN = PHRASES["fr"], PHRASES["en"]
PAID = ("openai", "deepgram", "elevenlabs", "calcom")


class LegThatLeaves(InProcessLine):
    """The caller's, once it has been sent on."""

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        await self.caller_hangs_up()
        return await super().transfer(number, consult)


def without_credit(house: House, number: str) -> str:
    house.stack.database.select(
        "update tenants set out_of_credit_since = %s where tenant_id = %s returning 1",
        house.resources.clock() - timedelta(seconds=1),
        house.seeded[number].tenant_id,
    )
    return number


async def rung(
    house: House, number: str, *, caller: str | None = "+33612345678", result: TransferResult = "failed"
) -> Ring:
    kind = LegThatLeaves if result == "transferred" else InProcessLine
    async with house.ring(number, caller=caller, line=partial(kind, transfer=result)) as ring:
        await ring.over()
    assert ring.line.down.is_set()
    assert ring.line.now - ring.line.heard[-1].ended < 1.0, "nothing is waited for behind the last word"
    return ring


def on_record(ring: Ring) -> dict[str, Any]:
    row = ring.row()
    kept = {name: row[name] for name in ("outcome", "refusal", "ended_by", "summary")}
    assert row["closed_at"] is not None
    assert (row["usage"]["stt_seconds"], row["usage"]["llm_input_tokens"], row["usage"]["tts_characters"]) == (0, 0, 0)
    assert {line["item"] for line in row["cost"]["lines"] if Decimal(line["units"])} == {"carrier:*"}, (
        "only the line costs"
    )
    return kept


async def test_a_call_is_noted_for_the_team_and_the_caller_hears_so(house: House) -> None:
    """In the assistant's language, by nobody who is paid; a caller who withholds the number is not told that it was noted."""
    french, english = (without_credit(house, house.assistant(**ALONE, language=one)) for one in ("fr", "en"))
    rings = await asyncio.gather(rung(house, french), rung(house, english), rung(house, french, caller=None))
    assert [ring.said for ring in rings] == [[FR.call_noted], [EN.call_noted], [FR.paused]]
    for ring in rings:
        assert sum(stretch.ended - stretch.began for stretch in ring.line.heard) > 3.0
        assert on_record(ring) == {
            "outcome": "refused", "refusal": "no_credit", "ended_by": "assistant", "summary": "messages: 1",
        }  # fmt: skip
    messages = [row for ring in rings for row in ring.rows("messages")]
    assert [(m["callback_number"], m["reason"], m["urgent"]) for m in messages] == [
        ("+33612345678", FR.unanswered, True),
        ("+33612345678", EN.unanswered, True),
        (None, FR.unanswered, True),
    ]
    for app in PAID:
        assert await house.log(app) == [], f"{app} was asked without credit"


async def test_a_caller_is_put_through(house: House) -> None:
    """To whom the assistant transfers; without a model there is no briefing, whatever its way is otherwise. Nothing is left for
    the team to do."""
    ring = await rung(house, without_credit(house, house.assistant(**WITH_A_PERSON)), result="transferred")
    assert ring.said == [FR.putting_through]
    assert on_record(ring) == {
        "outcome": "refused", "refusal": "no_credit", "ended_by": "assistant", "summary": "transferred",
    }  # fmt: skip
    transfers = [event for _, event in ring.events if isinstance(event, TransferRequested)]
    assert [(event.to, event.result) for event in transfers] == [(PERSON, "transferred")]
    assert ring.rows("messages") == []
    for app in PAID:
        assert await house.log(app) == [], f"{app} was asked without credit"


async def test_a_person_who_is_not_reached_leaves_the_call_noted(house: House) -> None:
    ring = await rung(house, without_credit(house, house.assistant(**WITH_A_PERSON)), result="busy")
    assert ring.said == [FR.putting_through, FR.call_noted]
    assert on_record(ring)["outcome"] == "refused"
    assert [row["callback_number"] for row in ring.rows("messages")] == ["+33612345678"]
    assert [row["body"]["result"] for row in ring.rows("call_events") if row["kind"] == "transfer_requested"] == [
        "busy"
    ]


async def test_who_hangs_up_at_once_is_noted_all_the_same(house: House) -> None:
    """In the middle of either sentence."""
    numbers = [without_credit(house, house.assistant(**kind)) for kind in (ALONE, WITH_A_PERSON)]
    for number in numbers:
        async with house.ring(number) as ring:
            await ring.hears(1)
            await ring.hang_up()
        assert (on_record(ring)["outcome"], on_record(ring)["ended_by"]) == ("refused", "caller")
        assert [row["callback_number"] for row in ring.rows("messages")] == ["+33612345678"]


async def test_a_live_call_is_never_cut(house: House) -> None:
    """Credit runs out while they talk: the call goes on to its end, and the next one is turned away."""
    number = house.assistant(**ALONE)
    async with house.ring(number) as ring:
        await ring.greeted()
        without_credit(house, number)
        await ring.asks(QUESTION)
        await ring.hang_up()
    assert ring.said[-1] == ANSWER
    assert (ring.row()["outcome"], ring.row()["refusal"]) == ("answered", None)
    after = await rung(house, number)
    assert on_record(after)["refusal"] == "no_credit"
