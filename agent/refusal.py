"""A call that no assistant can answer is told so, in the language of the number's country, and ended. Never silence, never
another tenant's assistant."""

import asyncio
from typing import Any

import structlog
from livekit.agents import Agent, AgentSession

from agent.line import Line
from agent.phrases import PHRASES
from agent.voice import canned_text, shipped_clip
from briefing.languages import language_of

log = structlog.get_logger("agent.refusal")

_LAST_WORDS = 15.0


def silent_session() -> AgentSession[Any]:
    """Says what it is told to, and hears nothing. Needs no provider."""
    return AgentSession[Any](vad=None, aec_warmup_duration=None, session_close_transcript_timeout=0.0)


async def refuse(line: Line, clip: str) -> None:
    """Plays the shipped clip and hangs up. Needs no provider."""
    language = language_of(line.inbound.dialed)
    session = silent_session()
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
