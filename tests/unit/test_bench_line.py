"""The bench's line times an answer from the moment the caller was last heard, whatever its frames and the loop do."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession

from bench.line import PacedLine
from contracts.call import InboundCall
from contracts.ids import call_id_for


class _Answering(AgentSession[None]):
    """Answers loud audio `after` seconds of silence, as soon as the frame that ends the speech is there."""

    def answer(self, after: float) -> asyncio.Task[None]:
        async def listen() -> None:
            ear, mouth = self.input.audio, self.output.audio
            assert ear is not None
            assert mouth is not None
            heard = False
            async for frame in ear:
                loud = any(frame.data)
                if heard and not loud:
                    await asyncio.sleep(after)
                    pcm = b"\1\0" * 320
                    await mouth.capture_frame(rtc.AudioFrame(pcm, 16_000, 1, 320))
                    mouth.flush()
                    return
                heard = heard or loud

        return asyncio.create_task(listen())

    async def start(self, agent: Agent, **_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # no framework behind it
        return


def _inbound() -> InboundCall:
    sip = uuid4().hex
    return InboundCall(
        call_id=call_id_for(sip), sip_call_id=sip, dialed="+33478000000", caller=None, received_at=datetime.now(UTC)
    )


@pytest.mark.parametrize(("rate", "frame"), [(16_000, 0.02), (24_000, 0.05)])
async def test_an_answer_is_timed_from_the_last_sound_and_not_from_the_end_of_the_recording(
    rate: int, frame: float
) -> None:
    line = PacedLine(_inbound(), rate_in=rate, frame=frame)
    session = _Answering()
    await line.start(session, Agent(instructions=""))
    listening = session.answer(after=0.03)
    speech, tail = b"\5\0" * (rate // 10), b"\0\0" * (rate // 10)
    began = time.perf_counter()
    answer = await line.answer_to(speech + tail, heard_to=0.1, timeout=1.0)
    assert answer is not None
    stopped, first = answer
    # the first silent frame is whole at most two frames after the last sound
    assert 0.03 <= first - stopped < 0.03 + 2 * frame + 0.02
    assert 0.1 <= stopped - began < 0.1 + frame + 0.02
    await listening
    await line.hang_up()


async def test_nobody_answers() -> None:
    line = PacedLine(_inbound())
    await line.start(_Answering(), Agent(instructions=""))
    assert await line.answer_to(b"\5\0" * 800, heard_to=0.05, timeout=0.05) is None
    await line.hang_up()
