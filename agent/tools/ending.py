"""Hanging up: the framework's end_call, with the farewell said by code, so that no model latency stands before it."""

from livekit.agents.beta.tools import EndCallTool
from livekit.agents.llm import Toolset

from agent.conversation import Conversation


def end_call_tool(conversation: Conversation) -> EndCallTool:
    async def say_farewell(event: Toolset.ToolCalledEvent) -> None:
        conversation.end("assistant")
        if conversation.outgoing is not None:  # the owner's thanks somebody for calling
            farewell = conversation.phrases.farewell_rung
        else:
            farewell = conversation.config.farewell or conversation.phrases.farewell
        event.ctx.session.say(farewell, allow_interruptions=False)

    return EndCallTool(
        extra_description="Says goodbye itself.",
        delete_room=False,  # the room goes with the session (RoomLine): a shutdown callback would come seconds later
        end_instructions=None,
        on_tool_called=say_farewell,
    )
