"""Speech recognition that is refused, and recognition that is cut in the middle of a call."""

import pytest

from agent.clipcache import ClipKey
from agent.phrases import PHRASES
from agent.providers.tts import SAMPLE_RATE
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


async def test_last_words_are_said_whole_however_often_recognition_is_refused_meanwhile(house: House) -> None:
    """A slow voice's sentence of 7 s: the recogniser is asked twice a second, and refuses each time."""
    config = house.config(voice={"speed": 0.8})  # a voice of its own: clips are kept by voice
    slow = bytes(range(256)) * (7 * SAMPLE_RATE * 2 // 256)
    await house.resources.clips.put(ClipKey.of(config, PHRASES["fr"].give_up), slow)
    await house.fault("deepgram", "listen", "status", status=401, times=None)
    async with house.ring(house.seed(config)) as ring:
        await ring.over()
    assert ring.said[-1] == PHRASES["fr"].give_up
    assert ring.line.heard[-1].ended - ring.line.heard[0].began > 6.5


async def test_recognition_cut_in_mid_call_is_back_for_the_next_turn(house: House) -> None:
    async with house.ring(house.assistant()) as ring:
        await ring.greeted()
        await house.stack.post("deepgram", "drop", {"session": str(ring.inbound.call_id)})
        await ring.line.quiet_for(0.8)
        await ring.asks(QUESTION)
    assert ring.understood == [QUESTION]
    assert ring.said[-1] == ANSWER
    assert ring.problems == []
