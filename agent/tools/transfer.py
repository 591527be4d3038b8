"""Putting a person on the line. "Transferred" is recorded, and told to the model, only when the line says so."""

import asyncio
import contextlib

from livekit.agents.llm import ToolResult, Toolset

from agent.consultation import briefing
from agent.conversation import Conversation
from agent.speaking import Arguments, Context, answered, raw_tool, speak, take_the_floor, text, told
from contracts.call import TransferRequested, TransferResult

_ANNOUNCEMENT = 8.0  # seconds that the announcement may take to be heard


class TransferArguments(Arguments):
    reason: str = ""
    caller_name: str = ""


class TransferTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        when = conversation.config.transfer.when or "the caller asks for a person"
        transfer = raw_tool(
            self._transfer,
            name="transfer_to_person",
            description=f"Puts the caller through to a person of the team. Announces it itself. Use it when: {when}",
            properties={
                "reason": text("Why, in a few words of the caller's"),
                "caller_name": text("Who calls, if they have said so; else empty"),
            },
            once=True,
        )
        super().__init__(id="transfer", tools=[transfer])

    async def _transfer(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        said = TransferArguments.read(raw_arguments)
        take_the_floor(ctx)
        number = c.config.transfer.number
        result = await self._put_through(number, said, ctx) if number else "unavailable"
        c.recorder.note(TransferRequested(at=c.now(), to=number or "", result=result))
        if result == "transferred":
            c.progress.transferred = True
            c.progress.made()
            if c.config.transfer.mode != "warm":
                c.end("assistant")  # the caller's leg has left; after a warm one the two end the call themselves
            return answered(result, c.phrases.transferring, spoken=True)
        if result == "abandoned":
            return answered(result, "", spoken=True)
        return told(ctx, result, c.phrases.transfer_failed)

    async def _put_through(self, number: str, said: TransferArguments, ctx: Context) -> TransferResult:
        c = self._c
        announced = speak(ctx, c.phrases.fetching)
        if announced is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ANNOUNCEMENT):
                    await announced.wait_for_playout()
        consult = None
        if c.config.transfer.mode == "warm" and c.consult is not None:
            consult = c.consult(briefing(c, name=said.caller_name, reason=said.reason))
        c.progress.on_hold = True
        try:
            return await c.line.transfer(number, consult)
        finally:
            c.progress.on_hold = False
