"""Sentences that code speaks outside the model's turns: from the clip cache in the assistant's own voice where they are
kept, else from the neutral clips that ship with AVA, so that a failing voice is still heard."""

import asyncio
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import structlog
from livekit import rtc
from livekit.agents import AgentSession, APIError
from livekit.agents.tts import TTS
from livekit.agents.voice import SpeechHandle

from agent.clipcache import ClipCache, ClipKey, frames
from agent.phrases import PHRASES, Phrases
from agent.providers.tts import SAMPLE_RATE
from calendar_tools.speech import normalise_for_tts
from contracts.assistant import AssistantConfig, Language

log = structlog.get_logger("agent.voice")

# The sentences that must be heard when a provider is down.
CANNED = ("say_again", "cut_off", "give_up", "still_there", "silent_goodbye", "time_is_up", "leading_nowhere")
SHIPPED = (*CANNED, "number_unknown", "paused", "technical", "putting_through", "call_noted")
_SHIPPED_CLIPS = Path(__file__).with_name("clips")
_SYNTHESIS_DEADLINE = 10.0


def canned_text(phrases: Phrases, name: str) -> str:
    return getattr(phrases, name)


async def shipped_clip(language: Language, name: str) -> AsyncIterator[rtc.AudioFrame]:
    """The neutral clip: PCM s16le mono WAV in agent/clips."""
    data = await asyncio.to_thread((_SHIPPED_CLIPS / language / f"{name}.wav").read_bytes)
    with wave.open(BytesIO(data)) as file:
        pcm, rate = file.readframes(file.getnframes()), file.getframerate()
    async for frame in frames(pcm, rate=rate):
        yield frame


class CannedVoice:
    """Speaks the sentences of CANNED for one assistant, whether or not the voice provider is there."""

    def __init__(self, config: AssistantConfig, cache: ClipCache) -> None:
        self._config = config
        self._cache = cache
        self._phrases = PHRASES[config.language]

    async def prepare(self, tts: TTS[Any]) -> None:
        """Synthesises what is not kept yet; once in the life of a voice, and by one of the calls that begin together. Failures
        cost nothing but the nicer clip: `tts` is not the session's, where they would count as failed turns. Closes it."""
        try:
            for name in CANNED:
                text = canned_text(self._phrases, name)
                key = ClipKey.of(self._config, text)
                async with self._cache.making(key) as ours:
                    if ours and await self._cache.get(key) is None:
                        async with asyncio.timeout(_SYNTHESIS_DEADLINE):
                            await self._cache.put(key, await synthesise(tts, text, self._config.language))
        except (APIError, TimeoutError) as error:
            log.warning("clips not prepared", error=type(error).__name__)
        finally:
            await tts.aclose()

    def say(self, session: AgentSession[Any], name: str, *, allow_interruptions: bool = True) -> SpeechHandle:
        text = canned_text(self._phrases, name)
        return session.say(text, audio=self._audio(name, text), allow_interruptions=allow_interruptions)

    async def _audio(self, name: str, text: str) -> AsyncIterator[rtc.AudioFrame]:
        pcm = await self._cache.get(ClipKey.of(self._config, text))
        source = frames(pcm) if pcm else shipped_clip(self._config.language, name)
        async for frame in source:
            yield frame


async def synthesise(tts: TTS[Any], text: str, language: Language) -> bytes:
    """One sentence over the provider's HTTP endpoint -> PCM at SAMPLE_RATE. APIError."""
    parts: list[bytes] = []
    async with tts.synthesize(normalise_for_tts(text, language)) as stream:
        async for audio in stream:
            if audio.frame.sample_rate != SAMPLE_RATE:
                raise ValueError(f"the voice answers at {audio.frame.sample_rate} Hz, not {SAMPLE_RATE}")
            parts.append(bytes(audio.frame.data))
    return b"".join(parts)
