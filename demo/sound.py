"""Ears and mouth of a call inside one process: a session's audio in and out, moved by somebody's 20 ms ticks.

Owns: what was played when, tick by tick, and whether the voice was late. Refuses: the clock itself (`demo.line`) and devices
(`demo.microphone`).
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents.voice import io

RATE = 16_000
TICK = 0.02
TICK_BYTES = int(RATE * TICK) * 2
SILENCE = b"\0" * TICK_BYTES
LOUD = 300  # peak of an s16 frame above which it counts as sound
_INPUT_LIMIT = 500  # frames, 10 s: a session that is this far behind has stopped listening


def is_loud(frame: bytes, *, above: int = LOUD) -> bool:
    samples = memoryview(frame).cast("h")
    return bool(samples) and (max(samples) > above or min(samples) < -above)


class Ear(io.AudioInput):
    """Takes frames of TICK_BYTES; the oldest goes when nobody listens."""

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
class Played:
    """One segment of AVA's speech as it was played. Ticks of the line; `ended` is the tick after the last.

    `waits`: runs of ticks in which the segment was open and the voice had not delivered. `pauses`: runs in which the session
    held it back, to see whether the caller really interrupts.
    """

    began: int
    ended: int
    interrupted: bool = False
    waits: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    pauses: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


@dataclass
class _Segment:
    pcm: bytearray = field(default_factory=bytearray)
    read: int = 0
    flushed: bool = False
    played: Played | None = None


def _lengthen(runs: list[tuple[int, int]], tick: int) -> None:
    """`tick` belongs to the last run if it follows it, else begins one."""
    if runs and runs[-1][1] == tick:
        runs[-1] = (runs[-1][0], tick + 1)
    else:
        runs.append((tick, tick + 1))


class Mouth(io.AudioOutput):
    """Plays on ticks, as a telephone does: pausing and clearing take effect at the next one."""

    def __init__(self) -> None:
        super().__init__(
            label="caller", capabilities=io.AudioOutputCapabilities(pause=True), next_in_chain=None, sample_rate=RATE
        )
        self._segments: deque[_Segment] = deque()
        self._paused = False
        self.now = 0  # ticks so far
        self.history: list[Played] = []  # in the order in which they began
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
        tick, self.now = self.now, self.now + 1
        if not self._segments:
            return SILENCE
        segment = self._segments[0]
        if self._paused:
            if segment.played is not None:
                _lengthen(segment.played.pauses, tick)
            return SILENCE
        piece = bytes(segment.pcm[segment.read : segment.read + TICK_BYTES])
        if len(piece) < TICK_BYTES and not segment.flushed:
            if segment.played is not None:
                _lengthen(segment.played.waits, tick)
            return SILENCE  # the voice is late; half a tick would click
        segment.read += len(piece)
        if piece and segment.played is None:
            segment.played = Played(tick, tick)
            self.history.append(segment.played)
            self.on_playback_started(created_at=time.time())
        if segment.played is not None:
            segment.played.ended = tick + 1
        if segment.flushed and segment.read >= len(segment.pcm):
            self._finish(segment, interrupted=False)
        return piece.ljust(TICK_BYTES, b"\0")

    def _finish(self, segment: _Segment, *, interrupted: bool) -> None:
        self._segments.remove(segment)
        if segment.played is not None:
            segment.played.interrupted = interrupted
        self.on_playback_finished(playback_position=segment.read / 2 / RATE, interrupted=interrupted)

    @property
    def busy(self) -> bool:
        return bool(self._segments)
