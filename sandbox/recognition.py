"""What the Deepgram stand-in knows of a call: what the caller is going to say, and how far into it he is.

Owns: the scenario's utterances per session, choosing among them by the shape of what is heard, and which words have
been spoken at a given moment. Refuses: sockets, JSON on the wire, time-outs (`sandbox.deepgram`).

Two ways to know the utterance. With a recording named, by comparing levels (`sandbox.hearing.likeness`): robust against
coughs, order, and a connection that was cut in the middle. Without, by counting: the n-th burst of speech is the n-th
utterance, ``pauses`` saying how many inner pauses it holds.

What it cannot show is said in `sandbox.deepgram`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from sandbox.callers import get_recording
from sandbox.hearing import STEP_MS, Levels, Likeness, levels_of, likeness
from sandbox.voice import from_pcm

MAX_UTTERANCES: Final = 200
ENOUGH_STEPS: Final = 50
"""Half a second of speech is compared before the choice is made while the caller still speaks."""

SAME_DB: Final = 2.6
"""The same recording differs by 0.3-2.0 dB through resampling and gain; others by more, unless they are very short."""

_OUT_OF_ORDER_DB: Final = 0.25
_COUNTED_WORD_MS: Final = 330
_LEAD_MS: Final = 120
_FIRST_TOLERANCE: Final = 30
_NEXT_TOLERANCE: Final = 12
_GOES_ON_STEPS: Final = 20
_GOES_ON_DB: Final = 1.5
_WEAK_TAIL_MS: Final = 500
"""So much of a recording's end may be too weak to count as speech; its words are given with what came before."""


class Word(BaseModel):
    """A word of the transcript and when it is heard in the recording, ms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: str = Field(min_length=1)
    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)


class Utterance(BaseModel):
    """One thing the caller will say. ``recording`` names a file of `sandbox.callers`; ``noise`` gives no transcript."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=2_000)
    words: tuple[Word, ...] = ()
    recording: str | None = None
    pauses: int = Field(default=0, ge=0, le=20)
    noise: bool = False

    def timed_words(self) -> tuple[Word, ...]:
        """The words given, else those of ``text`` at an ordinary speed."""
        if self.words:
            return self.words
        step = _COUNTED_WORD_MS
        return tuple(Word(word=w, start_ms=i * step, end_ms=(i + 1) * step) for i, w in enumerate(self.text.split()))


@dataclass
class Expected:
    """An utterance not yet wholly heard.

    ``next_word`` is the first one not yet in a final result; ``anchor_ms`` the connection's audio time at which its
    recording began, once some of it was recognised.
    """

    utterance: Utterance
    words: tuple[Word, ...]
    levels: Levels | None
    next_word: int = 0
    bursts_heard: int = 0
    anchor_ms: int | None = None

    @property
    def done(self) -> bool:
        if self.levels is None:
            return self.bursts_heard > self.utterance.pauses
        return self.bursts_heard > 0 if not self.words else self.next_word >= len(self.words)

    def running(self, at_ms: int) -> bool:
        """Its recording was recognised and is not over at this audio time."""
        if self.anchor_ms is None or self.levels is None:
            return False
        return at_ms < self.anchor_ms + len(self.levels) * STEP_MS

    def fit(self, heard: Sequence[float], at_ms: int) -> Likeness:
        """How well a burst that began at ``at_ms`` fits the recording. Raises ValueError without a recording."""
        if self.levels is None:
            raise ValueError("no recording")
        if self.anchor_ms is None:
            first_ms = self.words[0].start_ms if self.words else _LEAD_MS
            return likeness(heard, self.levels, awaited=first_ms // STEP_MS, tolerance=_FIRST_TOLERANCE)
        awaited = (at_ms - self.anchor_ms) // STEP_MS
        return likeness(heard, self.levels, awaited=awaited, tolerance=_NEXT_TOLERANCE)


@dataclass(frozen=True)
class Choice:
    """Which utterance a burst belongs to, and the recording's time (ms) at the burst's first step."""

    expected: Expected
    offset_ms: int


@dataclass
class Script:
    """A session's utterances in order. Survives the session's reconnections."""

    expected: list[Expected] = field(default_factory=list[Expected])

    def add(self, utterances: Sequence[Utterance]) -> None:
        """Raises ValueError over `MAX_UTTERANCES` outstanding or for an unknown recording."""
        if len(self.expected) + len(utterances) > MAX_UTTERANCES:
            raise ValueError(f"more than {MAX_UTTERANCES} utterances outstanding")
        self.expected.extend(_expect(utterance) for utterance in utterances)

    def copy(self) -> "Script":
        """The same utterances, none of them heard yet."""
        return Script([replace(e, next_word=0, bursts_heard=0, anchor_ms=None) for e in self.expected])

    def outstanding(self) -> list[Expected]:
        return [expected for expected in self.expected if not expected.done]

    def new_connection(self) -> None:
        """Audio time begins at zero again."""
        for expected in self.expected:
            expected.anchor_ms = None

    def choose(self, heard: Sequence[float], at_ms: int, *, complete: bool, same_db: float = SAME_DB) -> Choice | None:
        """The utterance a burst of these levels, begun at ``at_ms`` of audio time, belongs to.

        None if none fits within ``same_db``, or if it is too early to tell (``complete``: the burst is over).
        """
        outstanding = self.outstanding()
        running = next((e for e in outstanding if e.running(at_ms)), None)
        if running is not None and running.anchor_ms is not None:
            awaited_ms = at_ms - running.anchor_ms
            if not complete and len(heard) < _GOES_ON_STEPS:
                return None
            found = running.fit(heard, at_ms)
            if found.difference_db <= same_db + _GOES_ON_DB and found.score == found.difference_db:
                return Choice(running, awaited_ms)
            if (
                complete and len(heard) < ENOUGH_STEPS
            ):  # a letter among others: too short to be told from another's begin
                return Choice(running, awaited_ms)
        if complete or len(heard) >= ENOUGH_STEPS:
            best: tuple[float, Choice] | None = None
            for position, expected in enumerate(e for e in outstanding if e.levels is not None):
                found = expected.fit(heard, at_ms)
                score = found.score + position * _OUT_OF_ORDER_DB
                if found.difference_db <= same_db and (best is None or score < best[0]):
                    best = (score, Choice(expected, found.offset * STEP_MS))
            if best is not None:
                return best[1]
        head = outstanding[0] if outstanding else None
        return Choice(head, _counted_offset(head)) if head is not None and head.levels is None else None

    def begin(self, choice: Choice, at_ms: int) -> None:
        """The burst that began at ``at_ms`` is this: fixes where its recording lies in audio time.

        Words that came before what this connection ever heard are lost, as they are at the service.
        """
        expected = choice.expected
        if expected.levels is None or expected.anchor_ms is not None:
            return
        expected.anchor_ms = at_ms - choice.offset_ms
        first_ms = expected.words[0].start_ms if expected.words else _LEAD_MS
        if choice.offset_ms > first_ms + _FIRST_TOLERANCE * STEP_MS:
            expected.next_word = max(expected.next_word, words_at_end(choice, 0))

    def consumed(self, expected: Expected) -> None:
        """Forget what was wholly heard."""
        if expected.done and expected in self.expected:
            self.expected.remove(expected)


def _counted_offset(expected: Expected) -> int:
    """Where a burst begins in an utterance known only by its text: at the first word not yet said."""
    return expected.words[expected.next_word].start_ms if expected.next_word < len(expected.words) else 0


def _expect(utterance: Utterance) -> Expected:
    if utterance.recording is None:
        return Expected(utterance, () if utterance.noise else utterance.timed_words(), None)
    try:
        recording = get_recording(utterance.recording)
    except KeyError:
        raise ValueError(f"no recording {utterance.recording!r}") from None
    words = utterance.timed_words() if utterance.words or utterance.text else ()
    return Expected(utterance, words, levels_of(from_pcm(recording.pcm), recording.rate_hz))


def words_by(choice: Choice, spoken_ms: int) -> int:
    """How many words of the utterance are over once ``spoken_ms`` of the burst have been heard."""
    position = choice.offset_ms + spoken_ms
    return sum(1 for word in choice.expected.words if word.end_ms <= position)


def words_at_end(choice: Choice, spoken_ms: int) -> int:
    """How many words belong to the utterance up to the end of a burst: those that began well before it."""
    expected = choice.expected
    if expected.levels is None:
        left = expected.utterance.pauses - expected.bursts_heard
        if left <= 0:
            return len(expected.words)
        remaining = len(expected.words) - expected.next_word
        return expected.next_word + max(1, round(remaining / (left + 1)))
    position = choice.offset_ms + spoken_ms
    if spoken_ms and expected.words and expected.words[-1].end_ms - position < _WEAK_TAIL_MS:
        return len(expected.words)
    return sum(1 for word in expected.words if (word.start_ms + word.end_ms) / 2 <= position)
