"""The first words. Synthesised once per (voice, model, text), then replayed from disk: the caller hears them at once while
the connections warm up and the next days' slots are fetched."""

from collections.abc import AsyncIterator
from typing import Any, cast

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.tts import TTS
from livekit.agents.voice import SpeechHandle

from agent.clipcache import ClipCache, ClipKey, frames, kept
from agent.conversation import Conversation
from briefing.greeting import greeting_text
from calendar_tools.speech import normalise_for_tts


async def greet(session: AgentSession[Any], c: Conversation, *, cache: ClipCache) -> SpeechHandle:
    """Starts speaking and returns. On a miss the audio streams from the provider and is kept as it passes."""
    text = greeting_text(c.config, is_open=c.is_open())
    key = ClipKey.of(c.config, text)
    pcm = await cache.get(key)
    if pcm is not None:
        return session.say(text, audio=frames(pcm))
    tts = cast("TTS[Any] | None", session.tts)
    if tts is None:
        return session.say(text)
    return session.say(text, audio=kept(cache, key, _spoken(tts, normalise_for_tts(text, c.language))))


async def _spoken(tts: TTS[Any], text: str) -> AsyncIterator[rtc.AudioFrame]:
    async with tts.synthesize(text) as stream:
        async for audio in stream:
            yield audio.frame
