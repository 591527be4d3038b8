"""A stereo recorder in a session's audio: what the caller sends on the left, what AVA is heard to say on the right.

Owns: one timeline for both, the encoding (Ogg Opus), and bounded memory. A caller's frame belongs where it arrived, AVA's where
the output reports that it was played: what an interruption cut off was not heard, and is not on the recording. Refuses: when
to record and what for (`agent.recording`).

The framework's own RecorderIO does the same, but for this: it writes 256 KB at a time, so that a process that is killed
loses the last minute or all of a call (bench/recording.py); its queue has no bound; it keeps both sides or none. Here a second
of sound is on disk a second after it is settled.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import structlog
from av.error import FFmpegError
from livekit import rtc
from livekit.agents.voice import io
from numpy.typing import NDArray

log = structlog.get_logger("agent.deck")

Pcm = NDArray[np.int16]

RATE = 16_000  # the room's (agent.line), and one of Opus': nothing is resampled
_BITS_A_SECOND = 40_000  # for both sides together, while they speak
# Opus' mode for voices shares its bits out between the sides: a word's beginning is heard on the other one, at up to -38 dB
_APART = {"application": "lowdelay"}
_WRITE_EVERY = 1.0  # seconds
_ARRIVED = 0.3  # seconds after which nothing more is expected of a moment
_LONGEST_SPEECH = 90.0  # of AVA: what it says of itself only at its end is waited for that long
_MOST_HELD = 240.0  # seconds of both sides in memory, 8 MB: past them the disk has stalled for good
_DRIFT, _PATIENCE, _GONE = 0.1, 1.0, 2.0  # seconds that a stream may be off the clock; for how long; when it was gone


class Track:
    """One side: pieces of sound by their place, until they are taken."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Pcm]] = []
        self._end: int | None = None  # of what follows one another
        self._astray: int | None = None  # when it left the clock
        self.held = 0

    def place(self, at: int, piece: Pcm) -> None:
        """`at`: the sample it began with."""
        self._pieces.append((at, piece))
        self.held += piece.size

    def follow(self, at: int, piece: Pcm) -> None:
        """The next frame of a stream. Frames that were kept waiting come in a bunch and still follow one another: the clock has
        its way only where the stream stays away from it, or was gone."""
        place = at
        if self._end is not None and at - self._end <= _GONE * RATE:
            if abs(at - self._end) <= _DRIFT * RATE:
                self._astray = None
            elif self._astray is None:
                self._astray = at
            if self._astray is None or at - self._astray <= _PATIENCE * RATE:
                place = self._end
        if place != self._end:
            self._astray = None
        self._end = place + piece.size
        self.place(place, piece)

    def take(self, begin: int, end: int) -> Pcm:
        """Silence where nothing was placed; what was placed before `begin` came too late."""
        taken = np.zeros(end - begin, dtype=np.int16)
        left: list[tuple[int, Pcm]] = []
        for at, piece in self._pieces:
            first, last = max(at, begin), min(at + piece.size, end)
            if first < last:
                taken[first - begin : last - begin] = piece[first - at : last - at]
            if at + piece.size > end:
                left.append((max(at, end), piece[max(0, end - at) :]))
        self._pieces, self.held = left, sum(piece.size for _, piece in left)
        return taken


class Encoder:
    """The file. On one thread at a time, never the loop's."""

    def __init__(self, path: Path) -> None:
        # each page, a second of sound, goes to the disk when it is whole
        self._container = av.open(path, mode="w", format="ogg", options={"flush_packets": "1"})
        self._stream: Any = self._container.add_stream("libopus", rate=RATE, layout="stereo", options=_APART)
        self._stream.bit_rate = _BITS_A_SECOND

    def write(self, left: Pcm, right: Pcm) -> None:
        both = np.stack([left, right], axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = RATE
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()


class Deck:
    """`keeps_caller`: until it is set, the left side is silence. `failed`: the disk has taken nothing for too long."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self.now = clock
        self._left, self._right = Track(), Track()
        self._began = clock()
        self._cursor = 0
        self._running = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deck")
        self._encoder: Encoder | None = None
        self._writing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Lock()
        self.keeps_caller = False
        self.failed = False
        self.speaking_since: float | None = None  # AVA's sound that has not said yet when it was played

    @property
    def running(self) -> bool:
        return self._running

    def start(self) -> None:
        self._began = self.now()
        self._running = True
        self._writing = asyncio.create_task(self._write_along(), name="deck")

    def heard(self, began: float, frame: rtc.AudioFrame) -> None:
        """Of the caller."""
        if self._running and self.keeps_caller:
            self._hold(self._left.follow, began, samples_of(frame))

    def played(self, began: float, piece: Pcm) -> None:
        """Of AVA."""
        if self._running:
            self._hold(self._right.place, began, piece)

    async def stop(self) -> None:
        """The file is whole. Raises OSError, FFmpegError; may be cut, and repeated."""
        self._running = False
        async with self._stopping:
            if self._writing is None:
                return
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            if not self.failed:
                await self._write(self._at(self.now()))
                await self._on_thread(self._close)
            self._thread.shutdown(wait=False)
            self._writing = None

    def _hold(self, put: Callable[[int, Pcm], None], began: float, piece: Pcm) -> None:
        if self._left.held + self._right.held > _MOST_HELD * RATE:
            self._fail("the disk takes nothing")
        else:
            put(self._at(began), piece)

    def _at(self, moment: float) -> int:
        return round((moment - self._began) * RATE)

    def _settled(self) -> int:
        now = self.now()
        settled = now - _ARRIVED
        if self.speaking_since is not None:
            settled = max(min(settled, self.speaking_since), now - _LONGEST_SPEECH)
        return self._at(settled)

    async def _write_along(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_EVERY)
            try:
                await self._write(self._settled())
            except (OSError, FFmpegError) as error:
                self._fail(f"the disk refuses it: {type(error).__name__}")
                return

    async def _write(self, until: int) -> None:
        if until <= self._cursor:
            return
        left, right = (track.take(self._cursor, until) for track in (self._left, self._right))
        self._cursor = until
        await self._on_thread(lambda: self._encode(left, right))

    async def _on_thread(self, work: Callable[[], None]) -> None:
        """In order, also behind work whose waiter was cut."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _encode(self, left: Pcm, right: Pcm) -> None:
        if self._encoder is None:
            self._encoder = Encoder(self._path)
        self._encoder.write(left, right)

    def _close(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.close()

    def _fail(self, why: str) -> None:
        self._running, self.failed = False, True
        self._left, self._right = Track(), Track()
        log.error("recording stopped", why=why, hint="what is on disk so far is kept")


class CallerTap(io.AudioInput):
    """Lets the session hear what it heard, and the deck too."""

    def __init__(self, deck: Deck, source: io.AudioInput) -> None:
        super().__init__(label="deck", source=source)
        self._deck = deck
        self._inner = source

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await anext(self._inner)
        self._deck.heard(self._deck.now() - frame.duration, frame)
        return frame


class AvaTap(io.AudioOutput):
    """Passes on what the session says; the deck gets of it what was played."""

    def __init__(self, deck: Deck, output: io.AudioOutput) -> None:
        super().__init__(
            label="deck",
            next_in_chain=output,
            sample_rate=output.sample_rate,
            capabilities=io.AudioOutputCapabilities(pause=True),
        )
        self._deck = deck
        self._said: list[Pcm] = []  # of the speech at hand
        self._started_at: float | None = None
        self._reported = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        began = self._deck.now()
        if self.next_in_chain is not None:
            await self.next_in_chain.capture_frame(frame)
        await super().capture_frame(frame)
        if self._deck.running:
            if self._deck.speaking_since is None:
                self._deck.speaking_since = began
            self._said.append(samples_of(frame))

    def flush(self) -> None:
        super().flush()
        if self.next_in_chain is not None:
            self.next_in_chain.flush()

    def clear_buffer(self) -> None:
        if self.next_in_chain is not None:
            self.next_in_chain.clear_buffer()

    def on_playback_started(self, *, created_at: float) -> None:
        super().on_playback_started(created_at=created_at)
        if self._started_at is None:
            self._started_at = created_at

    def on_playback_progressed(self, *, started_at: float, offset: float, duration: float) -> None:
        super().on_playback_progressed(started_at=started_at, offset=offset, duration=duration)
        self._reported = True
        self._played(started_at, offset, duration)

    def on_playback_finished(
        self, *, playback_position: float, interrupted: bool, synchronized_transcript: str | None = None
    ) -> None:
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript=synchronized_transcript,
        )
        if not self._reported:  # an output that tells only of begin and end
            began = self._started_at if self._started_at is not None else self._deck.now() - playback_position
            self._played(began, 0.0, playback_position)
        self._deck.speaking_since = None
        self._said, self._started_at, self._reported = [], None, False

    def _played(self, began: float, offset: float, duration: float) -> None:
        if not self._said:
            return
        if len(self._said) > 1:
            self._said = [np.concatenate(self._said)]
        piece = self._said[0][round(offset * RATE) : round((offset + duration) * RATE)]
        if piece.size:
            self._deck.played(began, piece)


def samples_of(frame: rtc.AudioFrame) -> Pcm:
    """Mono at RATE."""
    pcm: Pcm = np.frombuffer(bytes(frame.data), dtype=np.int16)
    if frame.num_channels > 1:
        pcm = pcm.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    if frame.sample_rate == RATE:
        return pcm
    wanted = round(pcm.size * RATE / frame.sample_rate)
    places = np.arange(wanted) * (frame.sample_rate / RATE)
    return np.interp(places, np.arange(pcm.size), pcm).astype(np.int16)
