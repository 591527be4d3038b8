"""The voice."""

from typing import Any

from livekit.agents import NOT_GIVEN, tts
from livekit.plugins import elevenlabs

from agent.sentences import WholeSentences
from agent.settings import Settings
from contracts.assistant import AssistantConfig

# Hz, one channel, s16le. The telephone carries 8 kHz: 16 kHz loses nothing a caller hears, and raw PCM spares the
# MP3 decoder of the plugin's default (27 ms a turn, bench/turns.py).
SAMPLE_RATE = 16_000

# Stability and similarity must be sent with a speed; these are what the provider takes when nothing is sent.
_PROVIDERS_OWN = (0.5, 0.75)


def build_tts(config: AssistantConfig, settings: Settings) -> tts.TTS[Any]:
    described = config.voice
    settings_of_voice = elevenlabs.VoiceSettings(*_PROVIDERS_OWN, speed=described.speed)
    return elevenlabs.TTS(
        voice_id=described.voice_id,
        voice_settings=settings_of_voice if described.speed != 1.0 else NOT_GIVEN,
        model=described.model,
        encoding="pcm_16000",
        language=config.language,
        base_url=str(settings.eleven_base_url).rstrip("/"),
        api_key=settings.eleven_api_key.get_secret_value(),
        word_tokenizer=WholeSentences(),  # the default waits for the beginning of the next sentence
    )
