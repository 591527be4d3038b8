"""Messages for the team: who, number, reason, urgency. Kept on disk before the caller hears that they are."""

from uuid import UUID, uuid5

from livekit.agents.llm import ToolResult, Toolset
from livekit.agents.voice import SpeechHandle

from agent.conversation import Conversation
from agent.speaking import Arguments, Context, answered, raw_tool, speak, take_the_floor, text
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
        self._taken: dict[UUID, SpeechHandle | None] = {}  # message -> the sentence that says it is kept
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
        take_the_floor(ctx)
        country = c.config.hours.country or "FR"
        number = hear_phone(said.callback_number, c.language, country) if said.callback_number else None
        message_id = uuid5(c.context.call_id, said.model_dump_json())
        if message_id in self._taken:  # the model called twice: it is one message, and is said once
            return answered("taken", c.phrases.message_taken, spoken=self._taken[message_id] is not None)
        await c.recorder.keep(
            MessageTaken(
                at=c.now(),
                message_id=message_id,
                caller_name=said.caller_name,
                callback_number=number or c.context.caller,
                reason=said.reason,
                urgent=said.urgent,
            )
        )
        c.progress.messages += 1
        c.progress.made()
        self._taken[message_id] = speak(ctx, c.phrases.message_taken)
        return answered("taken", c.phrases.message_taken, spoken=self._taken[message_id] is not None)
