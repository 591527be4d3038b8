"""Callers' speech and what each of them says, made by ``scripts/make_caller_voices.py`` from ``utterances.yaml``.

Owns: finding and reading a recording. Refuses: making one. The files are 8 kHz mono s16 WAV, as a telephone line gives
them; callers get 24 kHz, the rate of an agent session's audio input.

What they cannot show: how people really speak; no hesitation, accent or emotion, and in Hebrew hardly a vowel.
"""

import json
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from sandbox.voice import from_pcm, resample, to_pcm

FOLDER: Final = Path(__file__).parent
SESSION_HZ: Final = 24_000


@dataclass(frozen=True)
class SpokenWord:
    """A word of the transcript and when it is heard, in ms from the start of the recording."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Recording:
    """``pcm`` is s16le mono at ``rate_hz``. A noise has an empty transcript and no words."""

    utterance_id: str
    language: Literal["fr", "en", "he"]
    transcript: str
    words: tuple[SpokenWord, ...]
    pcm: bytes
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) // 2 * 1000 // self.rate_hz

    def for_deepgram(self) -> dict[str, Any]:
        """The entry that announces this recording to the Deepgram stand-in (``POST /_ctl/transcripts``)."""
        words = [{"word": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms} for w in self.words]
        return {"text": self.transcript, "recording": self.utterance_id, "words": words, "noise": not self.transcript}


@lru_cache(maxsize=1)
def _index() -> Mapping[str, dict[str, Any]]:
    return json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


def known_utterances() -> list[str]:
    return sorted(_index())


@lru_cache(maxsize=32)
def get_recording(utterance_id: str, *, rate_hz: int = SESSION_HZ) -> Recording:
    """Raises KeyError, naming the utterance, if there is none."""
    entry = _index()[utterance_id]
    with wave.open(str(FOLDER / f"{utterance_id}.wav"), "rb") as file:
        pcm, file_hz = file.readframes(file.getnframes()), file.getframerate()
    return Recording(
        utterance_id,
        entry["language"],
        entry["transcript"],
        tuple(SpokenWord(text, start, end) for text, start, end in entry["words"]),
        to_pcm(resample(from_pcm(pcm), file_hz, rate_hz)),
        rate_hz,
    )


def load_caller_audio(utterance_id: str) -> tuple[bytes, str]:
    """s16le mono at 24 kHz, and the transcript. Raises KeyError if there is no such utterance."""
    recording = get_recording(utterance_id)
    return recording.pcm, recording.transcript
