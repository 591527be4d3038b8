"""A phone tree has answered a call that AVA placed: the model chooses keys, and whoever comes behind them is waited for.

Owns: the way through menus, and its limits: how many, how long in all, how long of silence. Refuses: what is said to whoever
comes (`agent.opening`), pressing (`agent.tools.keys`).

Nobody has heard who calls until a person is there: to a machine nothing is said. The call's own limits (`agent.limits`) begin
with the opening; until then these hold, with the assistant's own numbers.
"""

import asyncio
from typing import Any

import structlog
from livekit.agents import NOT_GIVEN, AgentSession, AMDCategory
from livekit.agents.llm import ChatMessage

from agent.conversation import Conversation
from agent.outgoing import Outgoing
from agent.pickup import Pickup, who_answered
from agent.tools.keys import TOOLSET
from briefing.prompt import read_prompt

log = structlog.get_logger("agent.phone_tree")

_MENUS = 6  # a tree that is deeper, or goes in a circle, leads nowhere
_LONGEST = 180.0  # seconds until a person, queues included
_UNDECIDED = 4.0  # after an announcement's last word: a machine's verdict takes 2.5 s and the model's answer
_CHOOSING = 25.0  # the model's answer and the keys: 20 of them take 10 s


async def through_menus(session: AgentSession[Any], c: Conversation, outgoing: Outgoing, menu: Pickup) -> AMDCategory:
    """-> who is there in the end. MACHINE_IVR: the menus led nowhere. UNCERTAIN: it asks for no key, but for who calls."""
    time = asyncio.get_running_loop().time
    began = time()
    try:
        async with asyncio.timeout(min(_LONGEST, c.config.limits.max_call)):
            found = await _through(session, c, outgoing, menu)
    except TimeoutError:
        found = AMDCategory.MACHINE_IVR
    c.progress.elapsed += time() - began
    log.info("through a phone tree", call_id=str(c.context.call_id), found=found.value)
    return found


async def _through(session: AgentSession[Any], c: Conversation, outgoing: Outgoing, menu: Pickup) -> AMDCategory:
    behind_keys = False
    for _ in range(_MENUS):
        keys = await _choose(session, outgoing, menu)
        if keys is None:
            break
        if not keys and not behind_keys:
            return AMDCategory.UNCERTAIN
        behind_keys = True
        outgoing.first_turn.clear()
        menu = await _whoever_comes(session, c)
        if menu.category is not AMDCategory.MACHINE_IVR or c.ended.is_set():
            return menu.category
    return AMDCategory.MACHINE_IVR


async def _choose(session: AgentSession[Any], outgoing: Outgoing, menu: Pickup) -> str | None:
    """-> the keys that were pressed, none where none is asked for. None: there is no answer of the model's, or none that could
    be pressed."""
    outgoing.pressed = None
    try:
        async with asyncio.timeout(_CHOOSING):
            await session.generate_reply(
                user_input=NOT_GIVEN if _on_record(session, menu.words) else menu.words,
                instructions=read_prompt("phone_tree"),
                tools=[TOOLSET],
                tool_choice="required",
                allow_interruptions=False,
            )
    except TimeoutError:
        await session.interrupt(force=True)
    except RuntimeError:  # the call is over
        return None
    return outgoing.pressed


def _on_record(session: AgentSession[Any], words: str) -> bool:
    """The framework keeps a machine's turn where it was told apart before the turn ended, and drops it where after."""
    last = next((item for item in reversed(session.history.items) if isinstance(item, ChatMessage)), None)
    return last is not None and last.role == "user" and (last.text_content or "").split() == words.split()


async def _whoever_comes(session: AgentSession[Any], c: Conversation) -> Pickup:
    """An announcement ("please hold") is nobody yet, and what is heard next is judged without it. UNAVAILABLE: nobody spoke for
    as long as the assistant bears silence."""
    silent = c.config.limits.silence_hang_up
    while True:
        found = await who_answered(session, c, silent=silent, undecided=_UNDECIDED)
        if found.category is not AMDCategory.UNCERTAIN or c.ended.is_set():
            return found
        if not found.words:
            return Pickup(AMDCategory.MACHINE_UNAVAILABLE)
        silent = max(_UNDECIDED, c.config.limits.silence_hang_up - _UNDECIDED)
