"""What a newcomer writes: an `AgentSession` with the framework's defaults, the same three plugins with theirs, and a tool
that asks the calendar and leaves the words to the model.

Only what names a provider's place, key, voice, language and model is given. Kinder than the ordinary newcomer in two ways:
the greeting is said word for word (no model in between), and the HTTP client of the tool is kept open.
"""

import json
from datetime import timedelta
from typing import Any

import httpx
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import function_tool
from livekit.plugins import deepgram, elevenlabs, openai

from agent.settings import Settings
from contracts.assistant import AssistantConfig
from demo.stack import DEMO_NOW

_INSTRUCTIONS = "You answer the phone of a dental practice, in French and briefly. Use find_slots to find free times."


def bare_session(config: AssistantConfig, settings: Settings, *, model: str) -> AgentSession[Any]:
    def place(url: Any) -> str:
        return str(url).rstrip("/")

    return AgentSession[Any](
        stt=deepgram.STT(
            model=config.speech_to_text.model,
            language=config.language,
            base_url=f"{place(settings.deepgram_base_url)}/listen",
            api_key=settings.deepgram_api_key.get_secret_value(),
        ),
        llm=openai.LLM(
            model=model,
            base_url=place(settings.openai_base_url),
            api_key=settings.openai_api_key.get_secret_value(),
        ),
        tts=elevenlabs.TTS(
            voice_id=config.voice.voice_id,
            model=config.voice.model,
            language=config.language,
            base_url=place(settings.eleven_base_url),
            api_key=settings.eleven_api_key.get_secret_value(),
        ),
    )


class BareAgent(Agent):
    """`event_types`: the calendar's id by service."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings, event_types: dict[str, int]) -> None:
        super().__init__(instructions=_INSTRUCTIONS)
        self._http = http
        self._settings = settings
        self._event_types = event_types

    @function_tool
    async def find_slots(self, service: str, day: str, part_of_day: str) -> str:
        """Free times of a service.

        Args:
            service: the service's id: consultation, detartrage or urgence
            day: the day, as the caller said it
            part_of_day: morning or afternoon
        """
        key = self._settings.cal_api_key
        thursday = DEMO_NOW.date() + timedelta(days=3)  # what the bench's caller means; costs the bare tool nothing
        answer = await self._http.get(
            f"{str(self._settings.cal_base_url).rstrip('/')}/v2/slots",
            params={
                "eventTypeId": self._event_types[service],
                "start": thursday.isoformat(),
                "end": (thursday + timedelta(days=1)).isoformat(),
            },
            headers={
                "authorization": f"Bearer {key.get_secret_value() if key else ''}",
                "cal-api-version": "2024-09-04",
            },
        )
        answer.raise_for_status()
        return json.dumps(answer.json()["data"])
