"""Which tools an assistant has."""

from collections.abc import Callable

from livekit.agents.llm import Toolset

from agent.conversation import Conversation
from agent.notice import is_recorded
from agent.tools.booking import BookingTools
from agent.tools.ending import end_call_tool
from agent.tools.hours import HoursTools
from agent.tools.keys import PressKeysTools
from agent.tools.knowledge import FaqTools
from agent.tools.messages import MessageTools
from agent.tools.recording import RecordingTools
from agent.tools.stop_calling import StopCallingTools
from agent.tools.transfer import TransferTools
from contracts.assistant import ToolName

ROSTER: dict[ToolName, Callable[[Conversation], Toolset]] = {
    "hours": HoursTools,
    "faq": FaqTools,
    "booking": BookingTools,
    "message": MessageTools,
    "transfer": TransferTools,
    "end_call": end_call_tool,
}


# What an assistant that only takes messages after hours still does then.
_WHILE_CLOSED: frozenset[ToolName] = frozenset({"hours", "faq", "message", "end_call"})


def toolsets(conversation: Conversation) -> list[Toolset]:
    """In the roster's order, so that the prompt's cached prefix is the same in every call of a version. Whoever was rung can
    always ask for that to end, and may have a phone tree."""
    wanted = conversation.config.tools
    if conversation.config.after_hours.behaviour == "message" and not conversation.is_open():
        wanted &= _WHILE_CLOSED
    if conversation.desk is None:
        wanted -= {"booking"}
    if not conversation.config.faq:
        wanted -= {"faq"}
    sets = [make(conversation) for name, make in ROSTER.items() if name in wanted]
    # saying no, to a recording or to being called, is nothing that an owner could switch off
    if is_recorded(conversation.config):
        sets.append(RecordingTools(conversation))
    if conversation.outgoing is not None:
        sets.append(StopCallingTools(conversation, conversation.outgoing))
        sets.append(PressKeysTools(conversation, conversation.outgoing))
    return sets
