"""Speech to text."""

from typing import Any

from livekit.agents import stt
from livekit.plugins import deepgram

from agent.settings import Settings
from contracts.assistant import AssistantConfig
from contracts.call import CallContext

_KEYTERM_LIMIT = 50  # Deepgram takes about 500 tokens of key terms in all


def keyterms(config: AssistantConfig) -> list[str]:
    """What this business's callers say and a general model mishears: names of the house, the team, the services."""
    terms = [
        config.business.name,
        *config.business.team,
        *(s.name for s in config.services),
        *config.speech_to_text.keyterms,
    ]
    return list(dict.fromkeys(t for t in terms if t))[:_KEYTERM_LIMIT]


def build_stt(context: CallContext, settings: Settings) -> stt.STT[Any]:
    described = context.config.speech_to_text
    return deepgram.STT(
        model=described.model,
        language=context.config.language,
        base_url=f"{str(settings.deepgram_base_url).rstrip('/')}/listen",
        api_key=settings.deepgram_api_key.get_secret_value(),
        keyterm=keyterms(context.config),
        tags=[str(context.call_id)],
        smart_format=False,  # digits and dates stay as said: calendar_tools.speech reads them
        mip_opt_out=True,
    )
