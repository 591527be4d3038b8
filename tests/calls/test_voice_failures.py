"""A voice that fails: the caller hears a kept clip in the assistant's own voice, else the neutral one that ships."""

import asyncio

import pytest

from agent.clipcache import ClipCache, ClipKey
from agent.phrases import PHRASES
from agent.voice import CANNED, canned_text
from contracts.call import CallOutcome
from tests.fakes.ringing import PATIENCE, QUESTION, House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAY_AGAIN, GIVE_UP = PHRASES["fr"].say_again, PHRASES["fr"].give_up


async def _kept(clips: ClipCache, key: ClipKey) -> bytes:
    async with asyncio.timeout(PATIENCE):
        while (pcm := await clips.get(key)) is None:  # noqa: ASYNC110  # the cache tells nobody when a clip has come
            await asyncio.sleep(0.1)
    return pcm


async def _prepared(house: House, down: asyncio.Event) -> bytes:
    """-> the clip that was prepared, once it was heard."""
    config = house.config(voice={"voice_id": "prepared-voice"})
    clips = house.resources.clips
    async with house.ring(house.seed(config)) as ring:
        await ring.greeted()
        kept = {name: await _kept(clips, ClipKey.of(config, canned_text(PHRASES["fr"], name))) for name in CANNED}
        for operation in ("connect", "speak"):
            await house.fault("elevenlabs", operation, "status", status=503, times=None)
        down.set()
        await ring.asks(QUESTION)
    assert ring.said[-1] == SAY_AGAIN
    middle = len(kept["say_again"]) // 4 * 2
    assert kept["say_again"][middle : middle + 3200] in ring.ava, "the kept clip was played, sample by sample"
    return kept["say_again"]


async def _unprepared(house: House, down: asyncio.Event) -> Ring:
    await down.wait()
    async with house.ring(house.assistant(voice={"voice_id": "voice-that-never-was"})) as ring:
        await ring.greeted()
        for _ in range(3):
            if not ring.line.down.is_set():
                await ring.asks(QUESTION)
        await ring.over()
    return ring


async def test_voice_that_is_down_is_heard_as_clips(house: House) -> None:
    """Two calls: one whose clips were prepared while the voice was there, one that never had a voice."""
    down = asyncio.Event()
    clip, ring = await asyncio.gather(_prepared(house, down), _unprepared(house, down))
    assert clip[:3200] not in ring.ava, "another voice's clip"
    assert ring.line.heard[0].ended - ring.line.heard[0].began > 0.8, "speech, not a click"
    assert ring.said[-1] == GIVE_UP
    assert [p.part for p in ring.problems] == ["tts"] * 3, "clips that can't be prepared are nobody's turn"
    assert ring.rows("messages"), "somebody is told to call back"
    assert ring.row()["outcome"] in (CallOutcome.FAILED, CallOutcome.MESSAGE_TAKEN)
