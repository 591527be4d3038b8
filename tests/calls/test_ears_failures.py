"""Speech recognition that is refused, and recognition that is cut in the middle of a call."""

import pytest

from agent.phrases import PHRASES
from tests.fakes.ringing import ANSWER, QUESTION, House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_recognition_refused_at_start_is_said_and_followed_up(house: House) -> None:
    await house.fault("deepgram", "listen", "status", status=401, times=None)
    async with house.ring(house.assistant()) as ring:
        await ring.over()
    assert ring.said[-1] == PHRASES["fr"].give_up
    assert ring.line.heard[-1].ended - ring.line.heard[0].began > 2.0
    [message] = ring.rows("messages")
    assert message["urgent"]
    assert message["callback_number"] == ring.inbound.caller
    assert ring.row()["ended_by"] == "failure"
    assert [p.part for p in ring.problems] == ["stt"]


async def test_recognition_cut_in_mid_call_is_back_for_the_next_turn(house: House) -> None:
    async with house.ring(house.assistant()) as ring:
        await ring.greeted()
        await house.stack.post("deepgram", "drop", {"session": str(ring.inbound.call_id)})
        await ring.line.quiet_for(0.8)
        await ring.asks(QUESTION)
    assert ring.understood == [QUESTION]
    assert ring.said[-1] == ANSWER
    assert ring.problems == []
