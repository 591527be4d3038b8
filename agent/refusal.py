"""A call that no assistant can answer is told so, in the language of the number's country, and ended. Never silence, never
another tenant's assistant."""

import asyncio
from typing import Any

import structlog
from livekit.agents import Agent, AgentSession

from agent.line import Line
from agent.phrases import PHRASES
from agent.voice import canned_text, shipped_clip
from contracts.assistant import Language

log = structlog.get_logger("agent.refusal")

_LANGUAGE_OF: dict[str, Language] = {"+33": "fr", "+32": "fr", "+41": "fr", "+352": "fr", "+972": "he"}
_LAST_WORDS = 15.0


def language_of(number: str) -> Language:
    """What is spoken where the dialled number lives; English where we can't know."""
    for prefix in sorted(_LANGUAGE_OF, key=len, reverse=True):
        if number.startswith(prefix):
            return _LANGUAGE_OF[prefix]
    return "en"


async def refuse(line: Line, clip: str) -> None:
    """Plays the shipped clip and hangs up. Needs no provider."""
    language = language_of(line.inbound.dialed)
    session = AgentSession[Any](vad=None, aec_warmup_duration=None, session_close_transcript_timeout=0.0)
    await line.start(session, Agent(instructions=""))
    handle = session.say(
        canned_text(PHRASES[language], clip), audio=shipped_clip(language, clip), allow_interruptions=False
    )
    try:
        async with asyncio.timeout(_LAST_WORDS):
            await handle
    except TimeoutError:
        log.warning("refusal took too long", call_id=str(line.inbound.call_id))
    await session.aclose()
    await line.hang_up()
