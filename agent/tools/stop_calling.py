"""Whoever was rung says that they want no more calls. It is written down before they hear that it is."""

import asyncio
from uuid import uuid5

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.outgoing import Outgoing
from agent.speaking import Context, raw_tool, take_the_floor, told
from contracts.call import MessageTaken
from contracts.errors import DomainError

_DEADLINE = 6.0


class StopCallingTools(Toolset):
    def __init__(self, conversation: Conversation, outgoing: Outgoing) -> None:
        self._c = conversation
        self._outgoing = outgoing
        stop = raw_tool(
            self._stop,
            name="stop_calling",
            description="Use it when the person says they do not want to be called again. Speaks the confirmation itself.",
            properties={},
            once=True,
        )
        super().__init__(id="stop_calling", tools=[stop])

    async def _stop(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        take_the_floor(ctx)
        try:
            async with asyncio.timeout(_DEADLINE):
                await self._outgoing.planned.stop_calling(
                    call_id=c.context.call_id, tenant_id=c.context.tenant_id, number=self._outgoing.ringing.callee
                )
        except (DomainError, TimeoutError):
            await self._leave_it_with_the_team()
            return told(ctx, "noted", c.phrases.stop_calling_noted)
        c.progress.made()
        c.progress.answered += 1
        return told(ctx, "stopped", c.phrases.stopped_calling)

    async def _leave_it_with_the_team(self) -> None:
        """The list did not answer: the wish is kept with the call, and somebody must put the number on the list."""
        c = self._c
        await c.recorder.keep(
            MessageTaken(
                at=c.now(),
                message_id=uuid5(c.context.call_id, "stop_calling"),
                callback_number=c.context.caller,
                reason=c.phrases.stop_calling_wish,
                urgent=True,
            )
        )
        c.progress.messages += 1
        c.progress.made()
