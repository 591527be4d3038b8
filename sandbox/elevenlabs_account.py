"""The account behind the ElevenLabs stand-in: keys, voices, models, limits, output formats, and speech cut into chunks.

Owns: what is the same for sockets and HTTP. Refuses: the wire (`sandbox.elevenlabs`). What it stands for and what it
cannot show is said there.
"""

import asyncio
import contextlib
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from sandbox import mp3
from sandbox.faults import Switchboard
from sandbox.voice import Language, Speech, speak

OPERATIONS: Final = ("connect", "speak", "voices", "models", "subscription", "preview")
KNOBS: Final = {"ttfb_ms": 100, "speed": 10, "max_contexts": 5, "max_concurrent": 0}

_PCM_RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP3 = ((22_050, 32), (24_000, 48), (44_100, 32), (44_100, 64), (44_100, 96), (44_100, 128), (44_100, 192))
_FIRST_CHUNK_MS = 100
_CHUNK_MS = 250
_BREATH_MS = 120
_EUROPEAN = ("en", "fr", "de", "es", "it", "pt", "pl", "nl", "ja", "ko", "zh", "ar", "hi", "sv", "tr", "ru", "el")
MODELS: Final[dict[str, tuple[str, ...]]] = {
    "eleven_flash_v2_5": _EUROPEAN,
    "eleven_turbo_v2_5": _EUROPEAN,
    "eleven_multilingual_v2": _EUROPEAN,
    "eleven_v3": (*_EUROPEAN, "he"),
    "eleven_v3_conversational": (*_EUROPEAN, "he"),
    "eleven_v4": (*_EUROPEAN, "he"),
    "eleven_v4_turbo": (*_EUROPEAN, "he"),
}


class Voice(BaseModel):
    """One voice as ``GET /v2/voices`` gives it (the fields a client reads). ``verified``: languages beside its own;
    ``recorded``: those it has a sample of, which this stand-in serves itself."""

    model_config = ConfigDict(extra="ignore")

    voice_id: str = Field(min_length=1)
    name: str
    category: str = "premade"
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    description: str | None = None
    preview_url: str | None = None
    high_quality_base_model_ids: list[str] = Field(default_factory=lambda: list(MODELS))
    verified: list[str] = Field(default_factory=list[str])
    recorded: list[str] = Field(default_factory=list[str])

    def answer(self, base_url: str) -> dict[str, Any]:
        """``base_url``: where this stand-in is asked."""

        def sample(language: str) -> str | None:
            return f"{base_url}previews/{self.voice_id}/{language}.mp3" if language in self.recorded else None

        own = self.labels.get("language")
        codes: list[str] = [*([own] if own else []), *self.verified]
        verified = [
            {
                "language": code,
                "model_id": model,
                "accent": self.labels.get("accent"),
                "locale": None,
                "preview_url": sample(code),
            }
            for code in dict.fromkeys(codes)
            for model, spoken in MODELS.items()
            if code in spoken
        ]
        return {
            **self.model_dump(exclude={"verified", "recorded"}),
            "preview_url": self.preview_url or (sample(own) if own else None),
            "verified_languages": verified,
            "settings": None,
        }


def _ready_made(voice_id: str, name: str, accent: str, **labels: str) -> Voice:
    """One of the service's own voices that presets choose: every account has them."""
    known = {"language": "en", "gender": "female", "accent": accent, **labels}
    return Voice(voice_id=voice_id, name=name, labels=known, verified=["fr"], recorded=["en", "fr"])


FIRST_VOICES: Final = (
    Voice(
        voice_id="ava-fr-claire-0000001",
        name="Claire",
        labels={"language": "fr", "gender": "female"},
        recorded=["fr"],
    ),
    Voice(voice_id="ava-en-grace-00000001", name="Grace", labels={"language": "en", "gender": "female"}),
    Voice(
        voice_id="ava-he-noa-0000000001",
        name="Noa",
        labels={"language": "he", "gender": "female"},
        recorded=["he"],
    ),
    Voice(voice_id="hpp4J3VqNfWAUOO0d1Us", name="Bella", labels={"gender": "female"}),
    _ready_made("EXAVITQu4vr4xnSDxMaL", "Sarah", "american", age="young", use_case="entertainment_tv"),
    _ready_made("XrExE9yKIg1WjnnlVkGX", "Matilda", "american", age="middle_aged", use_case="informative_educational"),
    _ready_made("Xb7hH8MSUJpSbSDYk0k2", "Alice", "british", age="middle_aged", use_case="advertisement"),
    _ready_made("pFZP5JQG7iQjIQuC4Bku", "Lily", "british", age="middle_aged", use_case="informative_educational"),
)

SAMPLES: Final[dict[Language, str]] = {
    "fr": "Voici ma voix.",
    "en": "This is my voice.",
    "he": "זה הקול שלי.",
}


def recorded_sample(language: Language) -> bytes:
    """A voice's sample as an MP3 file. Synchronous CPU."""
    speech = speak(SAMPLES[language], language, voice="ava", rate_hz=44_100)
    return b"".join(frame.data for frame in mp3.encode(speech.pcm, 44_100, 128))


class Refusal(Exception):
    """An error in the service's own shape: HTTP status and ``detail``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        return {"detail": {"status": self.code, "message": self.message}}

    def response(self) -> Response:
        return JSONResponse(self.body(), status_code=self.status, headers={"request-id": "stand-in"})


_STATUS_CODES: Final = {
    400: ("invalid_request", "The request is invalid."),
    401: ("invalid_api_key", "Invalid API key"),
    404: ("voice_not_found", "A voice with this voice_id was not found."),
    429: ("too_many_concurrent_requests", "Too many concurrent requests for your plan."),
    503: ("system_busy", "We are experiencing heavy traffic, please try again."),
}


def error_body(status: int) -> dict[str, Any]:
    """The service's body for a status a fault rule asks for without one."""
    code, message = _STATUS_CODES.get(status, ("internal_server_error", "An internal error occurred."))
    return Refusal(status, code, message).body()


@dataclass(frozen=True)
class OutputFormat:
    """``pcm_<rate>`` (s16le mono), ``mp3_<rate>_<kbps>`` or ``ulaw_8000``."""

    name: str
    rate_hz: int
    mp3_kbps: int | None = None

    @classmethod
    def parse(cls, name: str) -> "OutputFormat":
        """Raises Refusal for a format that does not exist (400) or that this stand-in cannot make (501)."""
        codec, _, rest = name.partition("_")
        if codec == "pcm" and rest.isdigit() and int(rest) in _PCM_RATES:
            return cls(name, int(rest))
        if name == "ulaw_8000":
            return cls(name, 8_000)
        made = next(((rate, kbps) for rate, kbps in _MP3 if name == f"mp3_{rate}_{kbps}"), None)
        if made is not None:
            return cls(name, *made)
        if codec in ("opus", "alaw"):
            raise Refusal(501, "stand_in", f"this stand-in speaks pcm_*, mp3_* and ulaw_8000, not {name}")
        raise Refusal(400, "invalid_output_format", f"Output format {name} is not supported.")

    @property
    def media_type(self) -> str:
        if self.mp3_kbps is not None:
            return "audio/mpeg"
        return "audio/pcm" if self.name.startswith("pcm") else "audio/basic"

    def encode(self, pcm: bytes) -> bytes:
        return pcm if self.name.startswith("pcm") else to_ulaw(pcm)


def to_ulaw(pcm: bytes) -> bytes:
    """s16le as G.711 u-law, one byte a sample."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int32)
    sign = np.where(samples < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(samples), 32_635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()


def guess_language(text: str) -> Language:
    """Hebrew by its letters, French by its accents and commonest words, else English."""
    if re.search(r"[\u0590-\u05ff]", text):
        return "he"
    if re.search(r"[éèêàùçôîïœ]|\b(le|la|les|de|du|des|je|vous|est|et|pour|à|bonjour|oui)\b", text.lower()):
        return "fr"
    return "en"


@dataclass(frozen=True)
class Chunk:
    """A piece of audio and the characters heard in it: times in ms from the start of the text's audio."""

    audio: bytes
    start_ms: int
    duration_ms: int
    chars: tuple[tuple[str, int, int], ...]


def _char_times(text: str, speech: Speech) -> list[tuple[str, int, int]]:
    """Each character with its start and duration in ms: words where the voice put them, letters evenly inside."""
    marks = {0: 0, **{w.at_character: w.start_ms for w in speech.words if w.at_character < len(text)}}
    marks[len(text)] = speech.duration_ms
    known = sorted(marks)
    starts = np.maximum.accumulate(np.interp(range(len(text) + 1), known, [marks[k] for k in known]))
    return [(char, int(starts[i]), int(starts[i + 1]) - int(starts[i])) for i, char in enumerate(text)]


def _before(frames: deque[mp3.MpegFrame], end_ms: float) -> Iterator[bytes]:
    """Takes from the left what begins before ``end_ms``."""
    while frames and frames[0].start_ms < end_ms:
        yield frames.popleft().data


def cut_into_chunks(text: str, speech: Speech, output: OutputFormat) -> list[Chunk]:
    """The speech of one text as the service would send it, a short breath of silence at its end."""
    breath = b"\0\0" * (output.rate_hz * _BREATH_MS // 1000) if speech.pcm else b""
    pcm = speech.pcm + breath
    chars = _char_times(text, speech)
    chunks: list[Chunk] = []
    mpeg = deque(mp3.encode(pcm, output.rate_hz, output.mp3_kbps)) if output.mp3_kbps is not None else None
    start_ms, total_ms = 0, len(pcm) // 2 * 1000 // output.rate_hz
    while start_ms < total_ms:
        end_ms = min(start_ms + (_CHUNK_MS if chunks else _FIRST_CHUNK_MS), total_ms)
        last = end_ms == total_ms
        first_byte = start_ms * output.rate_hz // 1000 * 2
        end_byte = len(pcm) if last else end_ms * output.rate_hz // 1000 * 2
        inside = tuple(c for c in chars if start_ms <= c[1] and (last or c[1] < end_ms))
        if mpeg is None:
            audio = output.encode(pcm[first_byte:end_byte])
        else:
            audio = b"".join(_before(mpeg, float("inf") if last else end_ms))
        chunks.append(Chunk(audio, start_ms, end_ms - start_ms, inside))
        start_ms = end_ms
    return chunks


@dataclass
class Service:
    """What the account holds; one per app."""

    switchboard: Switchboard
    bad_keys: frozenset[str]
    spent_keys: frozenset[str]
    missing_voices: frozenset[str]
    voices: dict[str, Voice] = field(default_factory=dict[str, Voice])
    characters_used: int = 0
    speaking: int = 0

    def reset(self) -> None:
        self.voices = {voice.voice_id: voice for voice in FIRST_VOICES}
        self.characters_used = 0

    def check_key(self, connection: HTTPConnection) -> None:
        key = connection.headers.get("xi-api-key", "")
        if not key or key in self.bad_keys:
            raise Refusal(401, "invalid_api_key", "Invalid API key")
        if key in self.spent_keys:
            raise Refusal(401, "quota_exceeded", "This request exceeds your quota.")

    def check_voice(self, voice_id: str) -> None:
        if voice_id in self.missing_voices:
            raise Refusal(404, "voice_not_found", f"A voice with the voice_id {voice_id} was not found.")

    def check_model(self, model_id: str, language_code: str | None) -> None:
        if model_id not in MODELS:
            raise Refusal(400, "model_not_found", f"A model with model ID {model_id} does not exist")
        if language_code and language_code.partition("-")[0] not in MODELS[model_id]:
            message = f"Model '{model_id}' does not support the language_code {language_code}."
            raise Refusal(400, "unsupported_language", message)

    def language(self, voice_id: str, language_code: str | None, text: str) -> Language:
        voice = self.voices.get(voice_id)
        code = language_code or (voice.labels.get("language") if voice else None)
        short = (code or "").partition("-")[0]
        return short if short in ("fr", "en", "he") else guess_language(text)

    def check_slot(self) -> None:
        limit = self.switchboard.knobs["max_concurrent"]
        if limit and self.speaking >= limit:
            raise Refusal(429, *_STATUS_CODES[429])

    @contextlib.asynccontextmanager
    async def speaking_slot(self) -> AsyncGenerator[None]:
        """Raises Refusal (429) over the account's ``max_concurrent``."""
        self.check_slot()
        self.speaking += 1
        try:
            yield
        finally:
            self.speaking -= 1

    async def chunks(self, text: str, voice_id: str, code: str | None, output: OutputFormat) -> AsyncIterator[Chunk]:
        """The audio of ``text``, paced: the first chunk ``ttfb_ms`` from now, the rest ``speed`` times real time."""
        knobs = self.switchboard.knobs
        due = time.monotonic() + knobs["ttfb_ms"] / 1000
        self.characters_used += len(text)
        language = self.language(voice_id, code, text)
        speech = await asyncio.to_thread(speak, text, language, voice="ava", rate_hz=output.rate_hz)
        for chunk in await asyncio.to_thread(cut_into_chunks, text, speech, output):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            yield chunk
            due += _CHUNK_MS / 1000 / max(1, knobs["speed"])
