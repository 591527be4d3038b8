"""What a speech recogniser's ear does before any word: levels, start and end of speech, which utterance this is.

Owns: the level of 10 ms steps, the energy gate, and recognising a known recording by the shape of its level over time.
Refuses: sockets, clocks, transcripts' wording. Pure and synchronous.

Recognition works because a test's caller is a recording: the level of what arrives, compared with the level of each
recording expected, differs by 1-2 dB where they are the same and by 6 dB or more where they are not, whatever the gain,
and it also tells how far into the recording the caller is. What it cannot show: anything about understanding speech;
a live microphone is never recognised.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float64]

STEP_MS: Final = 10
_FLOOR_DB = -60.0
_ONSET_STEPS = 6
_ONSET_ACTIVE = 5
COMPARED_STEPS: Final = 150
_SHAPE_FLOOR_DB = -30.0
_BEFORE = 10
_ELSEWHERE_DB = 2.0


def levels_of(samples: npt.NDArray[np.float64], rate_hz: int) -> Levels:
    """Level in dB of full scale, one value every 10 ms, each over the last 20 ms."""
    step = rate_hz * STEP_MS // 1000
    count = len(samples) // step
    power = np.square(samples[: count * step]).reshape(count, step).mean(axis=1)
    smoothed = (power + np.concatenate((power[:1], power[:-1]))) / 2
    return np.maximum(10 * np.log10(smoothed + 1e-12), _FLOOR_DB)


@dataclass
class Ear:
    """Turns s16le mono PCM as it arrives into levels."""

    rate_hz: int
    _carry: bytes = field(default=b"", init=False)
    _last_power: float | None = field(default=None, init=False)

    def hear(self, pcm: bytes) -> Iterator[float]:
        step_bytes = self.rate_hz * STEP_MS // 1000 * 2
        data = self._carry + pcm
        for start in range(0, len(data) - step_bytes + 1, step_bytes):
            samples = np.frombuffer(data, dtype="<i2", count=step_bytes // 2, offset=start).astype(np.float64)
            power = float(np.square(samples / 32768).mean())
            before = power if self._last_power is None else self._last_power
            self._last_power = power
            yield max(10 * float(np.log10((power + before) / 2 + 1e-12)), _FLOOR_DB)
        self._carry = data[len(data) - len(data) % step_bytes :]


@dataclass
class SpeechGate:
    """Speech or not, by level over a noise floor that follows the line. ``step`` counts 10 ms steps heard."""

    step: int = 0
    speaking: bool = False
    onset_step: int = 0
    last_active_step: int = 0
    _noise_db: float | None = None
    _recent: list[bool] = field(default_factory=list[bool])

    def hear(self, level_db: float) -> bool:
        """One step further; True on the step where speech is first sure (60 ms after its onset)."""
        noise = min(level_db, -38.0) if self._noise_db is None else self._noise_db
        rise = 0.002 if self.speaking else 0.03
        self._noise_db = max(noise + (rise if level_db > noise else 0.2 * (level_db - noise)), -58.0)
        above_db, least_db = (7.0, -45.0) if self.speaking else (11.0, -39.0)
        active = level_db > max(self._noise_db + above_db, least_db)
        self._recent = [*self._recent[-(_ONSET_STEPS - 1) :], active]
        self.step += 1
        if active:
            self.last_active_step = self.step
        if self.speaking or sum(self._recent) < _ONSET_ACTIVE:
            return False
        self.speaking = True
        self.onset_step = self.step - len(self._recent) + self._recent.index(True)
        return True

    @property
    def silent_ms(self) -> int:
        """Since the last active step."""
        return (self.step - self.last_active_step) * STEP_MS

    def end(self) -> None:
        self.speaking = False
        self._recent = []


def heard_to(pcm: bytes, rate: int) -> float:
    """Seconds into s16le mono speech at which it was last above its own line noise: recordings end in silence."""
    ear, gate = Ear(rate), SpeechGate()
    lead = b"\0" * (rate // 2 * 2)  # the gate learns the line's level before the caller speaks
    for level in ear.hear(lead + pcm):
        gate.hear(level)
    return gate.last_active_step * STEP_MS / 1000 - 0.5


@dataclass(frozen=True)
class Likeness:
    """How well levels heard fit a recording: mean difference in dB, and the recording's step where they begin.

    ``score`` is the difference plus 2 dB when that step is not where it was awaited.
    """

    difference_db: float
    offset: int
    score: float


def likeness(heard: Sequence[float], recording: Levels, *, awaited: int, tolerance: int) -> Likeness:
    """The best fit of the beginning of ``heard`` (at most 1.5 s of it) anywhere in ``recording``, gain left aside.

    A fit within ``tolerance`` steps of ``awaited`` is preferred. What reaches past the recording's end is compared with
    silence.
    """
    window = np.asarray(heard[:COMPARED_STEPS], dtype=np.float64)
    padded = np.concatenate((np.full(_BEFORE, _FLOOR_DB), recording, np.full(len(window), _FLOOR_DB)))
    views = np.lib.stride_tricks.sliding_window_view(padded, len(window))[: len(recording) + _BEFORE]
    ours = np.maximum(window - window.max(), _SHAPE_FLOOR_DB)
    theirs = np.maximum(views - views.max(axis=1, keepdims=True), _SHAPE_FLOOR_DB)
    differences = np.abs(theirs - ours).mean(axis=1)
    elsewhere = np.abs(np.arange(len(differences)) - _BEFORE - awaited) > tolerance
    scores = differences + _ELSEWHERE_DB * elsewhere
    best = int(scores.argmin())
    return Likeness(float(differences[best]), best - _BEFORE, float(scores[best]))
