"""A language model that fails is heard as a sentence, and in the end the team is told to call back."""

import pytest

from agent.phrases import PHRASES
from contracts.call import CallOutcome
from tests.fakes.ringing import ANSWER, QUESTION, House

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAY_AGAIN, GIVE_UP = PHRASES["fr"].say_again, PHRASES["fr"].give_up


async def test_model_down_is_heard_on_every_turn_and_the_third_ends_the_call(house: House) -> None:
    await house.fault("openai", "chat.completions", "status", status=500, times=None)
    async with house.ring(house.assistant()) as ring:
        await ring.greeted()
        await ring.asks("Bonjour, vous êtes ouverts demain ?")
        assert ring.said.count(SAY_AGAIN) == 1
        await ring.asks("Je demandais si vous êtes ouverts demain.")
        assert ring.said.count(SAY_AGAIN) == 2
        await ring.says("Toujours rien ?")
        await ring.over()
    assert ring.said.count(SAY_AGAIN) == 2
    assert ring.said[-1] == GIVE_UP
    row, [message] = ring.row(), ring.rows("messages")
    assert (row["outcome"], row["ended_by"]) == (CallOutcome.FAILED, "failure") or row["outcome"] == "message_taken"
    assert message["urgent"]
    assert message["callback_number"] == ring.inbound.caller


async def test_model_that_stalls_in_the_middle_of_its_answer_is_heard_in_time(house: House) -> None:
    await house.fault("openai", "chat.completions", "stall", cut_after=2, delay_ms=30_000, times=None)
    async with house.ring(house.assistant()) as ring:
        await ring.greeted()
        before = len(ring.line.heard)
        await ring.says("Bonjour, c'est pour un renseignement.")
        asked = ring.line.now
        await ring.hears(before + 1)
        assert ring.line.heard[-1].began - asked < 6.0
        await ring.line.quiet_for(0.3)
        assert SAY_AGAIN in ring.said


async def test_second_model_steps_in_when_the_first_fails(house: House) -> None:
    """The fallback is asked within the same turn: the caller notices nothing but the time."""
    await house.fault("openai", "chat.completions", "status", status=503, times=1)
    async with house.ring(house.assistant()) as ring:
        await ring.greeted()
        await ring.asks(QUESTION)
    assert SAY_AGAIN not in ring.said
    assert ring.said[-1] == ANSWER
