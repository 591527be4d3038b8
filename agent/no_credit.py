"""A call that came in while its business was out of credit: the caller is put through to a person, or noted for the team, and
hears which of the two. Needs no recogniser, no model and no voice: none of them is paid for it.

Owns: the order of the two, and what is kept. Refuses: which calls these are (the database's, when the call is opened), and
saying why: that is between the business and whoever sends it the bill.
"""

import asyncio
from typing import Any
from uuid import uuid5

import structlog
from livekit.agents import Agent, AgentSession, CloseEvent

from agent.conversation import Conversation
from agent.voice import CannedVoice
from contracts.call import MessageTaken, TransferRequested
from contracts.errors import DomainError

log = structlog.get_logger("agent.no_credit")

_SENTENCE = 15.0  # seconds that one may take to be heard
_LEAVES_WITHIN = 3.0  # a caller who was sent on


async def do_without(session: AgentSession[Any], c: Conversation, voice: CannedVoice) -> None:
    """Returns when the line is down. The call is noted before the caller hears that it is."""
    number = c.context.transfer_to

    def closed(_: CloseEvent) -> None:
        c.ended.set()

    session.on("close", closed)
    log.info("a call without credit", call_id=str(c.context.call_id), transfer=number is not None)
    await c.line.start(session, Agent(instructions=""))
    if number is None or not await _put_through(session, c, voice, number):
        noted = await _note(c)
        if await _say(session, c, voice, "call_noted" if noted and c.context.caller else "paused"):
            c.end("assistant")
    await session.aclose()
    await c.line.hang_up()


async def _put_through(session: AgentSession[Any], c: Conversation, voice: CannedVoice, number: str) -> bool:
    """Cold, whatever the assistant does otherwise: asking a person first takes a voice and a recogniser."""
    is_there = await _say(session, c, voice, "putting_through")
    result = await c.line.transfer(number) if is_there else "abandoned"
    c.recorder.note(TransferRequested(at=c.now(), to=number, result=result))
    if result != "transferred":
        return False
    c.progress.transferred = True
    c.end("assistant")
    try:
        async with asyncio.timeout(_LEAVES_WITHIN):
            await c.ended.wait()
    except TimeoutError:
        log.info("a caller who was sent on is still there", call_id=str(c.context.call_id))
    return True


async def _note(c: Conversation) -> bool:
    """Also for a caller who withholds the number or has hung up: the team sees that somebody rang. Once, whoever of the
    call's jobs does it."""
    try:
        await c.recorder.keep(
            MessageTaken(
                at=c.now(),
                message_id=uuid5(c.context.call_id, "no_credit"),
                callback_number=c.context.caller,
                reason=c.phrases.unanswered,
                urgent=True,
            )
        )
    except DomainError as error:
        log.error("unanswered call not noted", call_id=str(c.context.call_id), code=error.code)
        return False
    c.progress.messages = 1
    return True


async def _say(session: AgentSession[Any], c: Conversation, voice: CannedVoice, clip: str) -> bool:
    """-> whether the caller is still there. One who hangs up closes the session: nothing else interrupts a sentence."""
    if c.ended.is_set():
        return False
    try:
        speech = voice.say(session, clip, allow_interruptions=False)
        async with asyncio.timeout(_SENTENCE):
            await speech
    except TimeoutError:
        log.warning("a sentence took too long", call_id=str(c.context.call_id), clip=clip)
        return True
    except RuntimeError:  # the session is closed, or closing
        return False
    return not speech.interrupted
