"""A model that lies, calls tools with nonsense, or never stops calling them: the call goes on, and nothing false is said.

Each is a call of its own; they are placed at the same time to keep the suite short, told apart by the caller's words.
"""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.ringing import ANSWER, QUESTION, House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIE = "C'est réservé pour jeudi à dix heures !"
MALFORMED: list[dict[str, Any]] = [
    {"name": "check_opening_hours", "arguments": '{"day": '},
    {"name": "check_opening_hours", "arguments": {"day": ["jeudi"]}},
    {"name": "no_such_tool", "arguments": {}},
]
ENDLESS = [{"name": "check_opening_hours", "arguments": {"day": 5}}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rings(open_house: House) -> dict[str, Ring]:
    """By what the caller said first."""
    house = open_house
    await house.as_on_the_first_day()
    await house.model_says(
        {"when_user_matches": "malformé", "tool_calls": MALFORMED},
        {"when_user_matches": "rendez-vous", "content": LIE},
        {"when_user_matches": "boucle", "tool_calls": ENDLESS, "after": "any", "times": None},
    )

    async def rung(words: str, then: str) -> Ring:
        async with house.ring(house.assistant()) as ring:
            await ring.greeted()
            await ring.asks(words)
            if then:
                await ring.asks(then)
        return ring

    placed = {"C'est malformé.": QUESTION, "Je voudrais un rendez-vous.": "", "Je tourne en boucle.": QUESTION}
    found = await asyncio.gather(*(rung(words, then) for words, then in placed.items()))
    return dict(zip(("malformed", "lie", "endless"), found, strict=True))


async def test_malformed_tool_arguments_do_not_end_the_call(rings: dict[str, Ring]) -> None:
    ring = rings["malformed"]
    assert [call.failed for call in ring.tools if call.tool == "check_opening_hours"] == [False, True]
    assert len(ring.said) >= 3, "the turn that failed was answered with something"
    assert ring.said[-1] == ANSWER
    assert ring.row()["outcome"] == "answered"


async def test_a_lie_is_not_spoken_and_is_recorded(rings: dict[str, Ring]) -> None:
    ring = rings["lie"]
    assert not any("réservé" in sentence for sentence in ring.said), ring.said
    assert len(ring.said) >= 2, "something was said in its place"
    assert [held.text for held in ring.held] == [LIE]
    assert [row["kind"] for row in ring.rows("call_events")].count("speech_held") == 1
    assert not ring.rows("bookings")


async def test_endless_tool_calls_are_bounded_and_the_next_turn_is_answered(rings: dict[str, Ring]) -> None:
    ring = rings["endless"]
    assert 1 <= sum(call.tool == "check_opening_hours" for call in ring.tools) <= 6
    assert ring.said[-1] == ANSWER
    assert not ring.problems
