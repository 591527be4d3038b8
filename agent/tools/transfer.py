"""Putting a person on the line. "Transferred" is said only when the line says so."""

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.speaking import Arguments, Context, raw_tool, take_the_floor, text, told
from contracts.call import TransferRequested


class TransferArguments(Arguments):
    reason: str = ""


class TransferTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        when = conversation.config.transfer.when or "the caller asks for a person"
        transfer = raw_tool(
            self._transfer,
            name="transfer_to_person",
            description=f"Puts the caller through to a person of the team. Use it when: {when}",
            properties={"reason": text("Why, in a few words")},
            once=True,
        )
        super().__init__(id="transfer", tools=[transfer])

    async def _transfer(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        TransferArguments.read(raw_arguments)
        take_the_floor(ctx)
        number = c.config.transfer.number
        result = await c.line.transfer(number) if number else "unavailable"
        c.recorder.note(TransferRequested(at=c.now(), to=number or "", result=result))
        if result != "transferred":
            return told(ctx, result, c.phrases.transfer_failed)
        c.progress.transferred = True
        c.progress.made()
        c.end("assistant")
        return told(ctx, "transferred", c.phrases.transferring)
