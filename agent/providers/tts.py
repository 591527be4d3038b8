"""The voice."""

from typing import Any

from livekit.agents import tts
from livekit.plugins import elevenlabs

from agent.sentences import WholeSentences
from agent.settings import Settings
from contracts.assistant import AssistantConfig

# Hz, one channel, s16le. The telephone carries 8 kHz: 16 kHz loses nothing a caller hears, and raw PCM spares the
# MP3 decoder of the plugin's default (50 ms a turn, bench/turns.py).
SAMPLE_RATE = 16_000


def build_tts(config: AssistantConfig, settings: Settings) -> tts.TTS[Any]:
    described = config.voice
    return elevenlabs.TTS(
        voice_id=described.voice_id,
        model=described.model,
        encoding="pcm_16000",
        language=config.language,
        base_url=str(settings.eleven_base_url).rstrip("/"),
        api_key=settings.eleven_api_key.get_secret_value(),
        word_tokenizer=WholeSentences(),  # the default waits for the beginning of the next sentence
    )
