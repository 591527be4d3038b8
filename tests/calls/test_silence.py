"""A caller who says nothing, or only makes noise: asked once, then let go."""

import asyncio

import pytest

from agent.phrases import PHRASES
from demo.line import RATE
from sandbox.callers import get_recording
from tests.fakes.ringing import House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT = {"silence_prompt": 2.0, "silence_hang_up": 4.0}


async def test_nobody_there_is_asked_once_and_let_go(house: House) -> None:
    """Voices in the background keep the framework's own timers from ever firing."""

    async def rung(noise: bytes) -> Ring:
        async with house.ring(house.assistant(limits=SHORT), noise=noise) as ring:
            await ring.over()
        return ring

    babble = get_recording("noise-babble", rate_hz=RATE).pcm
    for ring in await asyncio.gather(rung(b""), rung(babble)):
        assert ring.said.count(PHRASES["fr"].still_there) == 1
        assert ring.said[-1] == PHRASES["fr"].silent_goodbye
        assert ring.line.now < 15
        row = ring.row()
        assert (row["outcome"], row["ended_by"]) == ("silent", "limit")
