"""Both directions of a call as the far end's telephone hears and sends them, on one clock, while the call is on.

Owns: putting what a telephone records, as it grows, where the wall clock says it belongs, and telling speech from silence
in it. Refuses: the telephone (`sandbox.softphone`), words.

A telephone writes each frame when it comes or goes; a frame is placed by when it is found there, which is exact to the
interval between two looks (`LOOK_SECONDS`) and to how late this process runs.
"""

import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.hearing import STEP_MS, Ear, SpeechGate

RATE: Final = 8_000
LOOK_SECONDS: Final = 0.02
_HEADER_BYTES = 44
_SLACK = 0.08  # seconds that a track may run behind the clock before silence is put in: frames come in bunches
_PAUSE_MS = 300


@dataclass
class Stretch:
    """Speech without a pause of 300 ms. Seconds since the call was answered; `ended` is its last sound so far."""

    began: float
    ended: float


@dataclass
class Track:
    """One direction. `pcm` is s16le mono at RATE; its n-th second is the call's n-th second."""

    pcm: bytearray = field(default_factory=bytearray)
    stretches: list[Stretch] = field(default_factory=list[Stretch])
    speaking: bool = False
    received: int = 0  # bytes that really came
    put_in: float = 0.0  # seconds of silence put in, where no frame came
    _ear: Ear = field(default_factory=lambda: Ear(RATE))
    _gate: SpeechGate = field(default_factory=SpeechGate)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / RATE

    @property
    def silent_for(self) -> float:
        """Seconds since the last sound, or since the beginning."""
        return self.seconds - (self.stretches[-1].ended if self.stretches else 0.0)

    def take(self, pcm: bytes, now: float) -> None:
        """`pcm` is found at `now`, seconds since the call was answered."""
        late = now - self.seconds - len(pcm) / 2 / RATE
        if late > _SLACK:
            missing = round(late * RATE) * 2
            self.put_in += late
            self._append(b"\0" * missing)
        self.received += len(pcm)
        self._append(pcm)

    def _append(self, pcm: bytes) -> None:
        self.pcm += pcm
        for level in self._ear.hear(pcm):
            if self._gate.hear(level):
                self.stretches.append(Stretch(self._gate.onset_step * STEP_MS / 1000, 0.0))
                self.speaking = True
            if self.speaking:
                self.stretches[-1].ended = self._gate.last_active_step * STEP_MS / 1000
                if self._gate.silent_ms >= _PAUSE_MS:
                    self._gate.end()
                    self.speaking = False

    def part(self, began: float, ended: float) -> bytes:
        return bytes(self.pcm[round(began * RATE) * 2 : round(ended * RATE) * 2])


class Growing:
    """A WAV file that somebody else is writing: what is new in it since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = _HEADER_BYTES

    def look(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: len(new) // 2 * 2]
        self._read += len(whole)
        return whole


@dataclass(frozen=True)
class Spoken:
    """What the caller said: seconds since the call was answered, of its first sample and its last audible sound."""

    what: str
    began: float
    ended: float


@dataclass
class TwoWay:
    """`caller` is what was sent, `ava` what was heard."""

    caller: Track = field(default_factory=Track)
    ava: Track = field(default_factory=Track)
    spoken: list[Spoken] = field(default_factory=list[Spoken])

    def answer_to(self, spoken: Spoken) -> float | None:
        """Milliseconds from his last audible sound to her first; negative: she spoke before he had ended. None: never."""
        later = [s for s in self.spoken if s.began > spoken.began]
        until = later[0].began if later else float("inf")
        for stretch in self.ava.stretches:
            if spoken.began < stretch.began < until and stretch.ended > spoken.ended:
                return (stretch.began - spoken.ended) * 1000
        return None

    def write_wav(self, path: Path) -> None:
        """Stereo s16le at RATE: caller left, AVA right."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tracks = [np.frombuffer(bytes(track.pcm), dtype="<i2") for track in (self.caller, self.ava)]
        both = np.zeros((max(map(len, tracks)), 2), dtype="<i2")
        for channel, samples in enumerate(tracks):
            both[: len(samples), channel] = samples
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(both.tobytes())


def loudest(pcm: bytes) -> int:
    """Peak of s16le samples."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int32)
    return int(np.abs(samples).max(initial=0))


def between(stretches: Sequence[Stretch], until: float, *, margin: float = 0.1) -> list[tuple[float, float]]:
    """The silences around and between stretches, each shortened by `margin` seconds at both ends."""
    edges = [(s.began, s.ended) for s in stretches]
    begins = [0.0, *(ended for _, ended in edges)]
    ends = [*(began for began, _ in edges), until]
    return [(a + margin, b - margin) for a, b in zip(begins, ends, strict=True) if b - a > 2 * margin]
