"""Pressing keys towards whoever was rung, because a phone tree asks for them. On calls that AVA places only.

Owns: what a key is, how many are taken at once, and that AVA is silent while they are pressed and after them: what comes next
is for the other side to say. Refuses: which keys lead where (the model's), and sending them (`agent.line`).
"""

import asyncio
import re

from livekit.agents import ToolError
from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.outgoing import Outgoing
from agent.speaking import Arguments, Context, answered, raw_tool, take_the_floor, text

TOOLSET = "press_keys"
_TAKEN = re.compile(r"[0-9*#]{0,20}")  # a customer's number, with what ends it
_OWN_WORDS = 8.0  # seconds that what AVA says before the keys may take


class KeysArguments(Arguments):
    keys: str = ""


class PressKeysTools(Toolset):
    def __init__(self, conversation: Conversation, outgoing: Outgoing) -> None:
        self._c = conversation
        self._outgoing = outgoing
        press = raw_tool(
            self._press,
            name="press_keys",
            description="Presses keys of the telephone, where an automatic menu asks for them. Say nothing with it: after the "
            "keys, wait for what is said.",
            properties={
                "keys": text(
                    "The keys in their order, digits, * and #, as in 1 or 204#; empty if the menu asks for none"
                )
            },
            once=True,
        )
        super().__init__(id=TOOLSET, tools=[press])

    async def _press(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c, outgoing = self._c, self._outgoing
        keys = "".join(KeysArguments.read(raw_arguments).keys.split())
        if not _TAKEN.fullmatch(keys) or (not keys and outgoing.opened):
            raise ToolError("nothing was pressed: keys are 1 to 20 digits, * and #, and nothing else, as in 1 or 204#")
        if c.progress.on_hold or c.progress.transferred:
            raise ToolError("nothing was pressed: the call is being put through")
        take_the_floor(ctx)
        try:
            async with asyncio.timeout(_OWN_WORDS):
                await ctx.wait_for_playout()
        except TimeoutError as error:
            raise ToolError("nothing was pressed: too much was said before it; press without a word") from error
        pressed = await c.line.press(keys) if keys else True
        c.progress.last_heard = asyncio.get_running_loop().time()  # it is theirs to speak
        if not pressed:
            return answered("not_pressed", "", spoken=not outgoing.opened)
        outgoing.pressed = keys
        return answered("pressed" if keys else "waiting", "", spoken=True)
