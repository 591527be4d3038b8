"""A failing provider is heard as a sentence, never as silence. The one place where an error becomes words."""

import asyncio
from typing import Any, Literal

import structlog
from livekit.agents import AgentSession, ErrorEvent
from livekit.agents.llm import LLMError
from livekit.agents.stt import STTError
from livekit.agents.tts import TTSError

from agent.conversation import Conversation
from agent.limits import give_up
from agent.voice import CANNED, CannedVoice, canned_text
from contracts.call import ProblemSeen
from contracts.errors import AssistantPaused, DomainError, NumberUnknown

log = structlog.get_logger("agent.apologies")

_PARTS: dict[str, Literal["llm", "stt", "tts"]] = {"llm_error": "llm", "stt_error": "stt", "tts_error": "tts"}

_TICK = 0.05  # seconds
_SETTLED = 0.1  # of nothing being generated after the caller's turn: no answer is on its way
_TURN_ENDS = 3.0  # longer than any endpointing: a turn that was answered half, or that never came

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
        self._waiting = False
        self._answered_turns = 0
        self._own = frozenset(canned_text(c.phrases, name) for name in CANNED)

    async def on_error(self, event: ErrorEvent) -> None:
        error = event.error
        if not isinstance(error, LLMError | STTError | TTSError) or error.recoverable or self._giving_up:
            return
        if self._c.progress.transferred:
            return  # nobody listens to AVA any more
        part = _PARTS[error.type]
        code = type(error.error).__name__
        log.error("a provider failed", call_id=str(self._c.context.call_id), part=part, code=code)
        self._c.recorder.note(ProblemSeen(at=self._c.now(), part=part, code=code))
        if part == "llm" and not await self._turn_went_unanswered():
            return
        self._c.progress.failed_turns += 1
        if part == "stt" or self._c.progress.failed_turns >= MAX_FAILED_TURNS:
            await self._give_up()
        else:
            self._answered_turns = self._c.progress.caller_turns
            self._voice.say(self._session, "say_again")

    async def _turn_went_unanswered(self) -> bool:
        """The model is asked before the caller's turn is over, and sometimes again when it is: an excuse spoken at the first
        error would be taken for talking over the caller, and the turn then ends in silence. False: it was answered, or
        another error of the same turn is waiting already."""
        if self._waiting:
            return False
        self._waiting = True
        try:
            quiet = 0.0
            said = self._answered_turns
            while quiet < _TURN_ENDS:
                await asyncio.sleep(_TICK)
                if self._answered_turns > said:
                    return False
                if self._session.user_state == "speaking" or self._session.current_speech is not None:
                    quiet = 0.0
                elif self._c.progress.caller_turns > self._answered_turns and quiet >= _SETTLED:
                    return True
                else:
                    quiet += _TICK
            return True
        finally:
            self._waiting = False

    async def _give_up(self) -> None:
        self._giving_up = True
        await give_up(self._session, self._c, self._voice)

    def answered(self, words: str) -> None:
        """AVA spoke. Her own excuses, and her asking into a silence, do not break the row of failures."""
        if words.strip() in self._own or self._giving_up:
            return
        self._answered_turns = self._c.progress.caller_turns
        self._c.progress.failed_turns = 0
