"""A line for measuring: a caller's audio paced in frames of any size and rate, and the moment AVA's answer reaches it.

Owns: two instants, when the caller could last be heard and when the first frame after it was captured. The first is taken
from the line's own clock, not from when the event loop got round to it, so that a blocked loop counts as latency.
Refuses: recording, noise and expectations, which are `demo.line`'s. What it can't show: codecs, jitter, the 100 ms of a
real room.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io

from agent.handover import Consult
from contracts.call import InboundCall, TransferResult

_QUEUED = 200  # frames: a session that is 4 s behind has stopped listening

Tune = Callable[[AgentSession[Any], Agent], Agent]
"""Sees a session and its agent just before they start, and says which agent starts."""


def as_they_are(_: AgentSession[Any], agent: Agent) -> Agent:
    return agent


class _Ear(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="bench caller")
        self.frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue(_QUEUED)

    async def __anext__(self) -> rtc.AudioFrame:
        return await self.frames.get()


class _Mouth(io.AudioOutput):
    """Plays in real time, one tick after another; notes when each frame is captured."""

    def __init__(self, rate: int) -> None:
        capabilities = io.AudioOutputCapabilities(pause=True)
        super().__init__(label="bench caller", capabilities=capabilities, next_in_chain=None, sample_rate=rate)
        self._rate = rate
        self._segments: deque[_Segment] = deque()
        self._paused = False
        self.idle = asyncio.Event()
        self.idle.set()
        self.captured: Callable[[float], None] = lambda _: None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.captured(time.perf_counter())
        await super().capture_frame(frame)
        if not self._segments or self._segments[-1].flushed:
            self._segments.append(_Segment())
            self.idle.clear()
        self._segments[-1].seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._segments:
            self._segments[-1].flushed = True

    def clear_buffer(self) -> None:
        while self._segments:
            self._end(interrupted=True)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def tick(self, seconds: float) -> None:
        if self._paused or not self._segments:
            return
        head = self._segments[0]
        if not head.played:
            self.on_playback_started(created_at=time.time())
        head.played = min(head.seconds, head.played + seconds)
        if head.flushed and head.played >= head.seconds:
            self._end(interrupted=False)

    def _end(self, *, interrupted: bool) -> None:
        segment = self._segments.popleft()
        if not self._segments:
            self.idle.set()
        self.on_playback_finished(playback_position=segment.played, interrupted=interrupted)


class _Segment:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.played = 0.0
        self.flushed = False


class PacedLine:
    """`rate_in`, `rate_out` in Hz, `frame` in seconds. Implements `agent.line.Line`.

    `picked_up_at`: perf_counter when the session was started; `first_audio_at`: of the first frame ever captured.
    """

    def __init__(
        self,
        inbound: InboundCall,
        *,
        rate_in: int = 16_000,
        rate_out: int = 16_000,
        frame: float = 0.02,
        tune: Tune = as_they_are,
    ) -> None:
        self._inbound = inbound
        self._rate = rate_in
        self._frame = frame
        self._frame_bytes = round(rate_in * frame) * 2
        self._tune = tune
        self._ear = _Ear()
        self._mouth = _Mouth(rate_out)
        self._mouth.captured = self._captured
        self._speech = bytearray()
        self._sent_bytes = 0
        self._clock: asyncio.Task[None] | None = None
        self._session: AgentSession[Any] | None = None
        self._down = asyncio.Event()
        self._loud_until: int | None = None  # bytes sent when the caller can last be heard
        self._stopped: asyncio.Future[float] | None = None
        self._answer: asyncio.Future[float] | None = None
        self.picked_up_at = 0.0
        self.first_audio_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    @property
    def rate_in(self) -> int:
        return self._rate

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        self._session = session
        session.input.audio, session.output.audio = self._ear, self._mouth
        chosen = self._tune(session, agent)
        self._clock = asyncio.create_task(self._run())
        self.picked_up_at = time.perf_counter()
        await session.start(chosen)

    async def hang_up(self) -> None:
        self._down.set()
        if self._clock is not None:
            await self._clock

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        return False

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        return "unavailable"

    async def answer_to(self, pcm: bytes, *, heard_to: float, timeout: float) -> tuple[float, float] | None:
        """Says `pcm` (s16le mono at `rate_in`), heard until `heard_to` seconds of it -> perf_counter when that was, and of
        the first frame captured since it began. None: no answer within `timeout` of the end."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        stopped: asyncio.Future[float] = loop.create_future()
        self._answer, self._stopped = answer, stopped
        self._loud_until = self._sent_bytes + len(self._speech) + round(heard_to * self._rate) * 2
        self._speech += pcm
        try:
            async with asyncio.timeout(timeout + len(pcm) / 2 / self._rate):
                first = await answer
                return await stopped, first
        except TimeoutError:
            return None
        finally:
            self._answer = self._stopped = None

    async def cut_answer(self) -> None:
        """What is left of the answer is not waited for."""
        if self._session is not None and self._session.current_speech is not None:
            await self._session.interrupt(force=True)
        await self._mouth.idle.wait()

    def _captured(self, at: float) -> None:
        if not self.first_audio_at.done():
            self.first_audio_at.set_result(at)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(at)

    async def _run(self) -> None:
        begin, count = time.perf_counter(), 0
        while not self._down.is_set():
            count += 1
            due = begin + count * self._frame  # a frame can be sent when its last sample has been taken
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            self._send(due)
            self._mouth.tick(self._frame)

    def _send(self, due: float) -> None:
        piece = bytes(self._speech[: self._frame_bytes]).ljust(self._frame_bytes, b"\0")
        del self._speech[: self._frame_bytes]
        self._sent_bytes += self._frame_bytes
        if self._loud_until is not None and self._sent_bytes >= self._loud_until:
            if self._stopped is not None and not self._stopped.done():
                self._stopped.set_result(due - (self._sent_bytes - self._loud_until) / 2 / self._rate)
            self._loud_until = None
        if self._ear.frames.full():
            self._ear.frames.get_nowait()
        samples = self._frame_bytes // 2
        self._ear.frames.put_nowait(
            rtc.AudioFrame(data=piece, sample_rate=self._rate, num_channels=1, samples_per_channel=samples)
        )
