"""A failing provider is heard as a sentence, never as silence. The one place where an error becomes words."""

from typing import Any, Literal
from uuid import uuid4

import structlog
from livekit.agents import AgentSession, ErrorEvent
from livekit.agents.llm import LLMError
from livekit.agents.stt import STTError
from livekit.agents.tts import TTSError

from agent.conversation import Conversation
from agent.limits import finish
from agent.voice import CannedVoice
from contracts.call import MessageTaken, ProblemSeen
from contracts.errors import AssistantPaused, DomainError, NumberUnknown

log = structlog.get_logger("agent.apologies")

_PARTS: dict[str, Literal["llm", "stt", "tts"]] = {"llm_error": "llm", "stt_error": "stt", "tts_error": "tts"}

MAX_FAILED_TURNS = 3  # in a row; a caller who has heard the same excuse twice is better called back


def clip_for(error: DomainError) -> str:
    """What a caller hears whom no assistant can answer."""
    match error:
        case NumberUnknown():
            return "number_unknown"
        case AssistantPaused():
            return "paused"
        case _:
            return "technical"


class Apologies:
    """Listens to the session's errors. A turn that failed for good is answered with a canned sentence; the third in a row,
    or ears that are gone, end the call with a follow-up for the team."""

    def __init__(self, session: AgentSession[Any], c: Conversation, voice: CannedVoice) -> None:
        self._session = session
        self._c = c
        self._voice = voice
        self._giving_up = False

    async def on_error(self, event: ErrorEvent) -> None:
        error = event.error
        if not isinstance(error, LLMError | STTError | TTSError) or error.recoverable or self._giving_up:
            return
        part = _PARTS[error.type]
        code = type(error.error).__name__
        log.error("a provider failed", call_id=str(self._c.context.call_id), part=part, code=code)
        self._c.recorder.note(ProblemSeen(at=self._c.now(), part=part, code=code))
        self._c.progress.failed_turns += 1
        if part == "stt" or self._c.progress.failed_turns >= MAX_FAILED_TURNS:
            await self._give_up()
        else:
            self._voice.say(self._session, "say_again")

    async def _give_up(self) -> None:
        self._giving_up = True
        self._c.progress.failed = True
        await self._c.recorder.keep(
            MessageTaken(
                at=self._c.now(),
                message_id=uuid4(),
                callback_number=self._c.context.caller,
                reason="The call ended on a technical failure: please call back.",
                urgent=True,
            )
        )
        await finish(self._session, self._c, self._voice, "give_up", by="failure")

    def answered(self) -> None:
        """AVA spoke: the row of failures is broken."""
        if not self._giving_up:
            self._c.progress.failed_turns = 0
