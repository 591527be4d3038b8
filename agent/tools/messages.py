"""Messages for the team: who, number, reason, urgency. Kept on disk before the caller hears that they are."""

from uuid import uuid4

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.speaking import Arguments, Context, raw_tool, text, told
from calendar_tools.speech import hear_phone
from contracts.call import MessageTaken


class MessageArguments(Arguments):
    caller_name: str = ""
    callback_number: str = ""
    reason: str
    urgent: bool = False


class MessageTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        take = raw_tool(
            self._take,
            name="take_message",
            description="Keeps a message for the team, once the caller has said what it is about. "
            "Speaks the confirmation itself.",
            properties={
                "caller_name": text("Who it is from; empty if not said"),
                "callback_number": text(
                    "The number to call back as the caller said it; empty for the one they call from"
                ),
                "reason": text("What it is about, in the caller's words"),
                "urgent": {"type": "boolean"},
            },
            once=True,
        )
        super().__init__(id="message", tools=[take])

    async def _take(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        said = MessageArguments.read(raw_arguments)
        ctx.disallow_interruptions()
        country = c.config.hours.country or "FR"
        number = hear_phone(said.callback_number, c.language, country) if said.callback_number else None
        await c.recorder.keep(
            MessageTaken(
                at=c.now(),
                message_id=uuid4(),
                caller_name=said.caller_name,
                callback_number=number or c.context.caller,
                reason=said.reason,
                urgent=said.urgent,
            )
        )
        c.progress.messages += 1
        c.progress.made()
        return told(ctx, "taken", c.phrases.message_taken)
