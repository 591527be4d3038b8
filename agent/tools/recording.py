"""Not being recorded: the caller's word is enough, and what is said of it is true."""

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.speaking import Context, raw_tool, told


class RecordingTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        stop = raw_tool(
            self._stop,
            name="stop_recording",
            description="The caller does not want this call to be recorded. Stops the recording, erases it, and says so "
            "itself; the call goes on.",
            properties={},
            once=True,
        )
        super().__init__(id="recording", tools=[stop])

    async def _stop(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        if c.recording is not None and not await c.recording.refuse():
            return told(ctx, "failed", c.phrases.recording_not_erased)
        return told(ctx, "stopped", c.phrases.not_recorded)
