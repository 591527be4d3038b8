"""Who picked up? A person hears who calls and why; a phone tree gets keys; another machine a short message, or nothing, as the
plan says.

Owns: that AVA speaks before her model does, and who was found on record, once in a call. Refuses: ringing (`agent.outgoing`),
telling who it is (`agent.pickup`), the way through menus (`agent.phone_tree`), and what follows a machine (the plan's, in the
database).
"""

import asyncio
from typing import Any

import structlog
from livekit.agents import AgentSession, AMDCategory
from livekit.agents.voice import SpeechHandle

from agent.conversation import Conversation
from agent.outgoing import Outgoing
from agent.phone_tree import through_menus
from agent.pickup import who_answered
from briefing.opening import machine_text, opening_text
from calendar_tools.speech import normalise_for_tts
from contracts.call import PickedUp
from contracts.errors import DomainError
from store.dialling import TryOutcome

log = structlog.get_logger("agent.opening")

_SILENT_SECONDS = 3.0  # who picks up and waits is told who calls
_FIRST_TURN_SECONDS = 1.0  # after the verdict: a "hello?" that is answered by the model would cut the opening off
_MESSAGE_SECONDS = 20.0


async def open_outgoing(session: AgentSession[Any], c: Conversation, outgoing: Outgoing) -> SpeechHandle | None:
    """The opening, begun; None: a machine answered, or they hung up first, and the call ends. UNCERTAIN is spoken to as a
    person."""
    found = await who_answered(session, c, silent=_SILENT_SECONDS)
    category = found.category
    if category is AMDCategory.MACHINE_IVR:
        category = await through_menus(session, c, outgoing, found)
    if c.ended.is_set():
        return None
    if category in (AMDCategory.HUMAN, AMDCategory.UNCERTAIN):
        c.recorder.note(PickedUp(at=c.now(), by="person"))
        return await _to_person(session, c, outgoing)
    log.info("a machine answered", call_id=str(c.context.call_id), category=category.value)
    c.recorder.note(PickedUp(at=c.now(), by="machine"))
    c.progress.machine = True
    c.end("assistant")
    leave = category is AMDCategory.MACHINE_VM and outgoing.ringing.on_machine == "leave_message"
    left = await _leave_message(session, c) if leave else False
    await _tell(c, outgoing, "message_left" if left else "machine")
    session.shutdown(drain=False)
    return None


async def leave_machine(session: AgentSession[Any], c: Conversation, outgoing: Outgoing) -> None:
    """What it has recorded of the job that died is not a message. One that was left whole is told already."""
    c.progress.machine = True
    c.end("assistant")
    await _tell(c, outgoing, "machine")
    session.shutdown(drain=False)


def opening_of(c: Conversation, outgoing: Outgoing) -> str:
    said = outgoing.ringing
    return opening_text(c.config, name=said.callee_name, about=said.about, kind=said.kind)


async def _to_person(session: AgentSession[Any], c: Conversation, outgoing: Outgoing) -> SpeechHandle:
    try:
        async with asyncio.timeout(_FIRST_TURN_SECONDS):
            await outgoing.first_turn.wait()
    except TimeoutError:
        pass
    outgoing.opened = True
    return session.say(opening_of(c, outgoing))


async def _leave_message(session: AgentSession[Any], c: Conversation) -> bool:
    """-> whether all of it was said."""
    text = normalise_for_tts(machine_text(c.config), c.language)
    handle = session.say(text, allow_interruptions=False)
    try:
        async with asyncio.timeout(_MESSAGE_SECONDS):
            await handle
    except TimeoutError:
        return False
    return bool(handle.chat_items) and not handle.interrupted


async def _tell(c: Conversation, outgoing: Outgoing, outcome: TryOutcome) -> None:
    try:
        await outgoing.planned.end(outgoing.ringing, outcome)
    except DomainError as error:
        log.error("outcome not told", call_id=str(c.context.call_id), outcome=outcome, code=error.code)
