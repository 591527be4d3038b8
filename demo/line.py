"""A telephone line inside the process: the caller's and AVA's audio on one 20 ms clock, recorded as stereo.

It stands for the room, SIP and RTP between caller and agent. What it can't show: codecs, jitter, packet loss, the 100 ms
that a real room adds.
"""

import asyncio
import time
import wave
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io

from agent.line import TransferResult
from contracts.call import InboundCall

RATE = 16_000
TICK = 0.02
_TICK_BYTES = int(RATE * TICK) * 2
_SILENCE = b"\0" * _TICK_BYTES
_INPUT_LIMIT = 500  # frames, 10 s: a session that is this far behind has stopped listening
_LOUD = 300  # peak of an s16 frame above which it counts as sound


@dataclass
class Heard:
    """A stretch of AVA's audio as the caller heard it. Seconds on the line's clock."""

    began: float
    ended: float


@dataclass
class Timeline:
    """What both sides sent, tick by tick."""

    caller: list[bytes] = field(default_factory=list[bytes])
    ava: list[bytes] = field(default_factory=list[bytes])

    @property
    def seconds(self) -> float:
        return len(self.caller) * TICK

    def write_wav(self, path: Path) -> None:
        """Stereo s16le at RATE: caller left, AVA right."""
        path.parent.mkdir(parents=True, exist_ok=True)
        left = memoryview(b"".join(self.caller)).cast("h")
        right = memoryview(b"".join(self.ava)).cast("h")
        mixed = bytearray(len(left) * 4)
        view = memoryview(mixed).cast("h")
        view[0::2] = left
        view[1::2] = right
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(mixed)


class _Ear(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="caller")
        self.frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue(_INPUT_LIMIT)

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self.frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame

    def push(self, pcm: bytes) -> None:
        frame = rtc.AudioFrame(data=pcm, sample_rate=RATE, num_channels=1, samples_per_channel=len(pcm) // 2)
        if self.frames.full():
            self.frames.get_nowait()
        self.frames.put_nowait(frame)


@dataclass
class _Segment:
    pcm: bytearray = field(default_factory=bytearray)
    read: int = 0
    flushed: bool = False
    started: bool = False


class _Mouth(io.AudioOutput):
    """Plays on the line's ticks, as a telephone does: pausing and clearing take effect at the next tick."""

    def __init__(self, line: "InProcessLine") -> None:
        super().__init__(
            label="caller", capabilities=io.AudioOutputCapabilities(pause=True), next_in_chain=None, sample_rate=RATE
        )
        self._line = line
        self._segments: deque[_Segment] = deque()
        self._paused = False
        self.first_frame_at: float | None = None  # perf_counter of the first frame since it was last reset

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._segments or self._segments[-1].flushed:
            self._segments.append(_Segment())
        if self.first_frame_at is None:
            self.first_frame_at = time.perf_counter()
        self._segments[-1].pcm += bytes(frame.data)

    def flush(self) -> None:
        super().flush()
        if self._segments:
            self._segments[-1].flushed = True

    def clear_buffer(self) -> None:
        for segment in list(self._segments):
            segment.flushed = True
            self._finish(segment, interrupted=True)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def tick(self) -> bytes:
        """The next 20 ms; silence while nothing is there."""
        if self._paused or not self._segments:
            return _SILENCE
        segment = self._segments[0]
        piece = bytes(segment.pcm[segment.read : segment.read + _TICK_BYTES])
        if len(piece) < _TICK_BYTES and not segment.flushed:
            return _SILENCE  # the voice is late; half a tick would click
        segment.read += len(piece)
        if piece and not segment.started:
            segment.started = True
            self.on_playback_started(created_at=time.time())
        if segment.flushed and segment.read >= len(segment.pcm):
            self._finish(segment, interrupted=False)
        return piece.ljust(_TICK_BYTES, b"\0")

    def _finish(self, segment: _Segment, *, interrupted: bool) -> None:
        self._segments.remove(segment)
        self.on_playback_finished(playback_position=segment.read / 2 / RATE, interrupted=interrupted)

    @property
    def busy(self) -> bool:
        return bool(self._segments)


class InProcessLine:
    """`down` is set when either side has hung up. The caller speaks by `say`, and hears by `quiet_for` and `ava_speaking`."""

    def __init__(self, inbound: InboundCall, *, transfer: TransferResult = "failed", noise: bytes = b"") -> None:
        self._inbound = inbound
        self._transfer: TransferResult = transfer
        self._noise = noise
        self._noise_at = 0
        self._speech: deque[bytes] = deque()
        self._ear = _Ear()
        self._mouth = _Mouth(self)
        self._session: AgentSession[Any] | None = None
        self._clock: asyncio.Task[None] | None = None
        self._silent_ticks = 0
        self.timeline = Timeline()
        self.heard: list[Heard] = []
        self.down = asyncio.Event()
        self.started_at = 0.0  # perf_counter when the session was started
        self.caller_stopped_at = 0.0  # perf_counter when the caller's last speech ended
        self.late_ticks = 0
        self._pulse = asyncio.Event()

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    @property
    def mouth(self) -> _Mouth:
        return self._mouth

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        self._session = session
        session.input.audio = self._ear
        session.output.audio = self._mouth
        self.started_at = time.perf_counter()
        if self._clock is None:
            self._clock = asyncio.create_task(self._run())
        await session.start(agent)

    async def hang_up(self) -> None:
        self.down.set()
        if self._clock is not None:
            await self._clock

    async def transfer(self, number: str) -> TransferResult:
        return self._transfer

    # the caller's side

    @property
    def now(self) -> float:
        """Seconds since the line was up."""
        return self.timeline.seconds

    @property
    def ava_speaking(self) -> bool:
        return self._silent_ticks == 0

    async def say(self, pcm: bytes) -> None:
        """Plays speech (s16le mono at RATE) into the line; returns when its last sample is sent."""
        for at in range(0, len(pcm), _TICK_BYTES):
            self._speech.append(pcm[at : at + _TICK_BYTES].ljust(_TICK_BYTES, b"\0"))
        while self._speech and not self.down.is_set():
            await self._next_tick()

    async def quiet_for(self, seconds: float) -> None:
        """Waits until AVA has said nothing for this long, and has nothing waiting to be said."""
        while not self.down.is_set() and (self._silent_ticks * TICK < seconds or self._mouth.busy):
            await self._next_tick()

    async def until_ava_speaks(self) -> None:
        while not self.down.is_set() and not self.ava_speaking:
            await self._next_tick()

    async def caller_hangs_up(self) -> None:
        self.down.set()
        if self._session is not None:
            self._session.shutdown(drain=False)

    # the clock

    async def _next_tick(self) -> None:
        await self._pulse.wait()

    async def _run(self) -> None:
        """Absolute times: a late tick is caught up, so that the line never runs slower than real time."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        count = 0
        while not self.down.is_set():
            self._tick()
            count += 1
            wait = begin + count * TICK - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif wait < -TICK:
                self.late_ticks += 1
                await asyncio.sleep(0)
        self._pulse.set()

    def _tick(self) -> None:
        spoken = self._speech.popleft() if self._speech else b""
        frame = spoken or self._noise_tick()
        self._ear.push(frame)
        if spoken and not self._speech:
            self.caller_stopped_at = time.perf_counter()
            self._mouth.first_frame_at = None
        out = self._mouth.tick()
        self.timeline.caller.append(frame)
        self.timeline.ava.append(out)
        self._listen(out)
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()

    def _noise_tick(self) -> bytes:
        if not self._noise:
            return _SILENCE
        piece = self._noise[self._noise_at : self._noise_at + _TICK_BYTES]
        self._noise_at = (self._noise_at + _TICK_BYTES) % max(1, len(self._noise) - _TICK_BYTES)
        return piece.ljust(_TICK_BYTES, b"\0")

    def _listen(self, out: bytes) -> None:
        samples = memoryview(out).cast("h")
        if max(samples) > _LOUD or min(samples) < -_LOUD:
            if self._silent_ticks > 15 or not self.heard:  # 300 ms of silence begins a new stretch
                self.heard.append(Heard(self.now - TICK, self.now))
            self.heard[-1].ended = self.now
            self._silent_ticks = 0
        else:
            self._silent_ticks += 1
