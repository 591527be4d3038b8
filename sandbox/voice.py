"""A real if plain voice in French, English and Hebrew: espeak-ng from its PyPI wheel, through ctypes.

Owns: the one espeak library of the process (it is not thread-safe: one lock), the speakers, resampling, trimming, and a
small bounded cache. Refuses: files, telephone effects (`sandbox.line_effects`), any provider's protocol.

`speak` is synchronous CPU (about 10 ms for a second of speech): from an event loop call it through
``asyncio.to_thread``.

What it cannot show: how a commercial voice sounds, its prosody or pronunciation (espeak's Hebrew guesses vowels), and
how much text such a voice needs before its first audio.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

import espeakng_loader
import numpy as np
import numpy.typing as npt

Language = Literal["fr", "en", "he"]
Samples = npt.NDArray[np.float64]

_ESPEAK_LANGUAGES: Final[dict[Language, str]] = {"fr": "fr", "en": "en-gb", "he": "he"}
_CACHED_UTTERANCES = 64
_MAX_CHARACTERS = 5_000

# espeak-ng speak_lib.h
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1

_QUIET = 0.004
"""Below this share of the loudest sample espeak's output counts as silence."""
_PEAK = 0.6
"""Every utterance is scaled to this share of full scale: loud enough for any VAD, far from clipping."""


@dataclass(frozen=True)
class Speaker:
    """A way of speaking: an espeak variant, its pitch and how much the pitch moves (both 0-99)."""

    variant: str
    pitch: int
    pitch_range: int


SPEAKERS: Final[dict[str, Speaker]] = {
    "ava": Speaker("f2", 58, 60),
    "man": Speaker("m3", 34, 45),
    "woman": Speaker("f4", 62, 65),
    "elder": Speaker("m5", 26, 30),
    "youth": Speaker("m1", 52, 70),
}


@dataclass(frozen=True)
class WordMark:
    """Where a word of the text is heard: index of its first character, and its start in milliseconds."""

    at_character: int
    start_ms: int


@dataclass(frozen=True)
class Speech:
    """``pcm`` is s16le mono at ``rate_hz``, silent ends trimmed, inner pauses at most ``max_pause_ms``."""

    pcm: bytes
    rate_hz: int
    words: tuple[WordMark, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) // 2 * 1000 // self.rate_hz


class _Event(ctypes.Structure):
    """``espeak_EVENT``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


@dataclass
class _Take:
    """What espeak gave for one text so far."""

    pcm: bytearray = field(default_factory=bytearray)
    words: list[WordMark] = field(default_factory=list[WordMark])


_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """The library, loaded. Every method must be called under ``_library_lock``."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = espeakng_loader.get_data_path().encode()
        self.rate_hz: int = self._library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data_path, _DONT_EXIT)
        if self.rate_hz <= 0:
            raise RuntimeError("espeak-ng did not start")
        self._take = _Take()
        # ctypes keeps no reference of its own to a callback
        self._callback: Callable[..., Any] = _SynthCallback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._take.pcm += ctypes.string_at(samples, count * 2)
        index = 0
        while events and events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._take.words.append(WordMark(event.text_position - 1, event.audio_position))
            index += 1
        return 0

    def take(self, text: str, voice: str, speaker: Speaker, words_per_minute: int) -> _Take:
        self._take = _Take()
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in (
            (_RATE, words_per_minute),
            (_PITCH, speaker.pitch),
            (_RANGE, speaker.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        failed = self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if failed:
            raise RuntimeError(f"espeak-ng answered {failed}")
        self._library.espeak_Synchronize()
        return self._take


_library_lock = threading.Lock()


@lru_cache(maxsize=1)
def _espeak() -> _Espeak:
    return _Espeak()


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Band-limited change of sampling rate (frequency domain, exact ratio) for whole utterances, not streams."""
    if from_hz == to_hz or len(samples) == 0:
        return samples
    divisor = int(np.gcd(from_hz, to_hz))
    unit_in, unit_out = from_hz // divisor, to_hz // divisor
    margin = from_hz // 50
    wanted = round(len(samples) * to_hz / from_hz)
    padded = np.pad(samples, (0, margin + -(len(samples) + margin) % unit_in))
    count_out = len(padded) // unit_in * unit_out
    spectrum = np.fft.rfft(padded)[: count_out // 2 + 1]
    resampled = np.fft.irfft(spectrum, count_out) * (count_out / len(padded))
    return np.asarray(resampled[:wanted], dtype=np.float64)


def to_pcm(samples: Samples) -> bytes:
    """Samples in -1..1 as s16le; anything louder is clipped."""
    return np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> Samples:
    """s16le as samples in -1..1."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768


@dataclass(frozen=True)
class _Span:
    start: int
    end: int


def _silent_spans(samples: Samples, rate_hz: int) -> list[_Span]:
    """Silences of at least one 10 ms frame, in samples."""
    frame = rate_hz // 100
    count = len(samples) // frame
    peaks = np.abs(samples[: count * frame]).reshape(count, frame).max(axis=1)
    quiet = np.concatenate(([False], peaks < _QUIET * max(float(np.abs(samples).max()), 1e-9), [False]))
    edges = np.flatnonzero(quiet[1:] != quiet[:-1])
    return [_Span(int(a) * frame, int(b) * frame) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _tighten(samples: Samples, rate_hz: int, max_pause_ms: int | None) -> tuple[Samples, list[_Span]]:
    """Without the silence at both ends and with shorter pauses; also what was cut out, in old positions."""
    frame = rate_hz // 100
    keep = None if max_pause_ms is None else max_pause_ms * rate_hz // 1000
    cuts: list[_Span] = []
    for span in _silent_spans(samples, rate_hz):
        if span.start == 0 or span.end + frame > len(samples):
            cuts.append(_Span(span.start, len(samples) if span.start else span.end))
        elif keep is not None and span.end - span.start > keep:
            middle = span.start + keep // 2
            cuts.append(_Span(middle, middle + span.end - span.start - keep))
    pieces: list[Samples] = []
    position = 0
    for cut in cuts:
        pieces.append(samples[position : cut.start])
        position = cut.end
    pieces.append(samples[position:])
    return np.concatenate(pieces), cuts


def _moved(mark: WordMark, cuts: list[_Span], rate_hz: int) -> WordMark:
    at = mark.start_ms * rate_hz // 1000
    removed = sum(min(cut.end, at) - cut.start for cut in cuts if cut.start < at)
    return WordMark(mark.at_character, max(0, at - removed) * 1000 // rate_hz)


@lru_cache(maxsize=_CACHED_UTTERANCES)
def speak(
    text: str,
    language: Language,
    *,
    voice: str = "ava",
    rate_hz: int = 16_000,
    words_per_minute: int = 165,
    max_pause_ms: int | None = 200,
) -> Speech:
    """``text`` spoken, with the time of each word. Blocking: see the module's docstring.

    ``voice`` is a key of `SPEAKERS`. A text without anything to say (punctuation, blanks) gives no samples. Raises
    KeyError for an unknown voice or language, ValueError for a text over 5,000 characters.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ValueError(f"text of {len(text)} characters, at most {_MAX_CHARACTERS}")
    speaker = SPEAKERS[voice]
    with _library_lock:
        engine = _espeak()
        take = engine.take(text, f"{_ESPEAK_LANGUAGES[language]}+{speaker.variant}", speaker, words_per_minute)
        source_hz = engine.rate_hz
    samples = from_pcm(bytes(take.pcm))
    if not take.words or not len(samples) or float(np.abs(samples).max()) == 0.0:
        return Speech(b"", rate_hz, ())
    tight, cuts = _tighten(samples, source_hz, max_pause_ms)
    resampled = resample(tight, source_hz, rate_hz)
    scaled = resampled * (_PEAK / max(float(np.abs(resampled).max()), 1e-9))
    words = tuple(_moved(mark, cuts, source_hz) for mark in take.words)
    return Speech(to_pcm(scaled), rate_hz, words)


def synthesise(
    text: str, language: Language, *, voice: str = "ava", rate_hz: int = 16_000, words_per_minute: int = 165
) -> bytes:
    """``text`` as s16le mono PCM at ``rate_hz``: `speak` without the word times."""
    return speak(text, language, voice=voice, rate_hz=rate_hz, words_per_minute=words_per_minute).pcm
