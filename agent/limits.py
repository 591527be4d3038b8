"""Wall-clock limits, outside the turn machinery: they hold when noise keeps the framework's own timers from firing, when
a model calls tools without end, when one never returns, and when a transcript never comes."""

import asyncio
from typing import Any
from uuid import uuid4

import structlog
from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

from agent.conversation import Conversation, EndedBy
from agent.voice import CannedVoice
from contracts.call import MessageTaken
from contracts.errors import DomainError

log = structlog.get_logger("agent.limits")

_TICK = 0.1  # seconds
_LOOP = 10  # tool calls in a row without a word of the caller: a turn needs three
_THINKING = 30.0  # seconds without a sound: no tool may take as long (a booking's write has 25)
_LAST_WORDS = 12.0  # the longest a last sentence may take before the line is cut


async def watch(session: AgentSession[Any], c: Conversation, voice: CannedVoice, *, after: SpeechHandle) -> None:
    """Runs for the call's length; returns when it has ended the call. `after`: the greeting. A business that only gives
    notice while it is closed ends the call of somebody who rang behind it."""
    time = asyncio.get_running_loop().time
    limits = c.config.limits
    if c.outgoing is None and c.config.after_hours.behaviour == "closed_notice" and not c.is_open():
        await after
        c.end("assistant")
        return session.shutdown(drain=True)
    c.progress.last_heard = thought_since = time()
    started = time() - c.progress.elapsed
    asked, heard = False, 0
    while True:
        await asyncio.sleep(_TICK)
        now = time()
        if c.ended_by != "caller" or c.progress.transferred:
            return None  # the call is ending already, or the caller talks with a person, as long as they like
        if c.progress.on_hold:
            c.progress.last_heard = thought_since = now
            continue
        if session.agent_state in ("speaking", "thinking"):
            c.progress.last_heard = max(c.progress.last_heard, now)
        thought_since = now if session.agent_state != "thinking" else thought_since
        if c.progress.tool_calls >= _LOOP or now - thought_since >= _THINKING:
            return await give_up(session, c, voice)
        silent = now - c.progress.last_heard
        if now - started >= limits.max_call:
            return await finish(session, c, voice, "time_is_up", by="limit")
        if c.progress.turns_since_progress >= limits.unproductive_turns and session.agent_state == "listening":
            await _tell_the_team(c, c.phrases.no_way_on, urgent=False)
            return await finish(session, c, voice, "leading_nowhere", by="limit")
        if asked and silent >= limits.silence_hang_up - limits.silence_prompt:
            return await finish(session, c, voice, "silent_goodbye", by="limit")
        if not asked and silent >= limits.silence_prompt:
            asked = True
            heard, c.progress.last_heard = c.progress.caller_turns, now  # the answer's time begins with the question
            await _take_the_word(session)
            voice.say(session, "still_there", allow_interruptions=False)  # noise must not swallow the question
        if asked and c.progress.caller_turns > heard:
            asked = False


async def give_up(session: AgentSession[Any], c: Conversation, voice: CannedVoice) -> None:
    """AVA can't do her work: a follow-up for the team, the sentence that says so, and the line goes down."""
    c.progress.failed = True
    await _tell_the_team(c, c.phrases.call_back, urgent=True)
    await finish(session, c, voice, "give_up", by="failure")


async def _tell_the_team(c: Conversation, reason: str, *, urgent: bool) -> None:
    message = MessageTaken(
        at=c.now(), message_id=uuid4(), callback_number=c.context.caller, reason=reason, urgent=urgent
    )
    try:
        await c.recorder.keep(message)
    except DomainError as error:
        log.error("follow-up not kept", call_id=str(c.context.call_id), code=error.code)


async def finish(session: AgentSession[Any], c: Conversation, voice: CannedVoice, clip: str, *, by: EndedBy) -> None:
    """Last words, then the session closes; a caller who talks over them does not keep the line open."""
    c.end(by)
    log.info("ending the call", call_id=str(c.context.call_id), clip=clip, by=by)
    await _take_the_word(session)
    handle = voice.say(session, clip, allow_interruptions=False)
    try:
        async with asyncio.timeout(_LAST_WORDS):
            await handle
    except TimeoutError:
        log.warning("last words took too long", call_id=str(c.context.call_id))
    session.shutdown(drain=False)


async def _take_the_word(session: AgentSession[Any]) -> None:
    """Noise that sounds like a voice holds a sentence back for as long as it lasts: what is said next would wait behind it."""
    if session.current_speech is not None:
        await session.interrupt(force=True)
