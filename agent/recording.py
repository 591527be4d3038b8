"""A call as sound, on disk as it goes: the caller on the left, AVA on the right, both on one clock.

Owns: when recording begins and when it ends. AVA's side runs from her first word, so that the notice itself is on it; of the
caller nothing is kept until the notice has been spoken to its end, and nothing at all once they object. Refuses: the wording
(the assistant's), what is an objection (`agent.objections`, `agent.tools.recording`), and where the file goes
(`store.recordings`).

`session.start(record=…)` is not used: it would send the recording to LiveKit Cloud.
"""

import asyncio
from typing import Any

import structlog
from av.error import FFmpegError
from livekit.agents import AgentSession
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle

from agent.conversation import Conversation
from agent.deck import AvaTap, CallerTap, Deck
from agent.notice import is_recorded
from contracts.call import ToolCalled
from store.recordings.outbox import Outbox
from store.recordings.tape import Tape

log = structlog.get_logger("agent.recording")

_FINISHED = 5.0  # seconds for the encoder to write out what it has


class CallRecording:
    """Of one call. Every method may be called at any time; what comes too late does nothing."""

    def __init__(self, session: AgentSession[Any], c: Conversation, tape: Tape, deck: Deck) -> None:
        self._session = session
        self._c = c
        self._tape = tape
        self._deck = deck
        self._repeating: asyncio.Task[None] | None = None
        self.notice_is_due = False
        self.refused = False

    @classmethod
    async def begin(cls, session: AgentSession[Any], c: Conversation, outbox: Outbox) -> "CallRecording | None":
        """After the session has its audio and before AVA's first word. None: this call is not recorded."""
        if not is_recorded(c.config) or session.input.audio is None or session.output.audio is None:
            return None
        context = c.context
        try:
            tape = await asyncio.to_thread(
                outbox.open_tape, tenant_id=context.tenant_id, call_id=context.call_id, at=c.now()
            )
        except OSError as error:
            log.error("call not recorded", call_id=str(context.call_id), errno=error.errno, hint="check AVA_DATA_DIR")
            return None
        if tape is None:
            return None
        deck = Deck(tape.audio)
        session.input.audio = CallerTap(deck, session.input.audio)
        session.output.audio = AvaTap(deck, session.output.audio)
        deck.start()
        return cls(session, c, tape, deck)

    async def follow(self, notice: SpeechHandle) -> None:
        """`notice`: the speech that ends with the notice. One that was spoken over, or was not in it (another job's greeting of
        this call), is due before the next answer."""
        await notice
        if notice.interrupted or not self._is_in(notice):
            self.notice_is_due = True
        elif not self.refused:
            self._deck.keeps_caller = True

    async def repeat_notice(self) -> None:
        """A caller who spoke over it hears it before the answer to what they said."""
        if not self.notice_is_due or self.refused:
            return
        self.notice_is_due = False
        try:
            speech = self._session.say(self._c.config.recording.consent, allow_interruptions=False)
        except RuntimeError:  # the session closes
            return
        self._repeating = asyncio.create_task(self.follow(speech), name="notice")

    async def refuse(self) -> bool:
        """The caller objects: nothing more is recorded, and what was is erased. -> whether that is so."""
        self.refused = True
        await self._finish()
        return await asyncio.to_thread(self._erased)

    async def objected(self) -> None:
        """As code heard it; the model may call its tool on top."""
        if not self.refused:
            self._c.recorder.note(ToolCalled(at=self._c.now(), tool="stop_recording", result="the caller objects"))
            await self.refuse()

    async def close(self) -> None:
        """The call is over: the file is whole, and the outbox's. One that the caller refused is gone, also where they hung up
        on the way."""
        await self._finish()
        if self.refused:
            await asyncio.to_thread(self._erased)
        await asyncio.to_thread(self._tape.release)

    def _is_in(self, speech: SpeechHandle) -> bool:
        said = " ".join(item.text_content or "" for item in speech.chat_items if isinstance(item, ChatMessage))
        return " ".join(self._c.config.recording.consent.split()) in " ".join(said.split())

    def _erased(self) -> bool:
        try:
            self._tape.refuse()
        except OSError as error:
            log.error("recording not erased", call_id=str(self._c.context.call_id), errno=error.errno)
            return False
        return True

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(_FINISHED):
                await self._deck.stop()
        except (TimeoutError, OSError, FFmpegError) as error:
            log.error("recording not finished", call_id=str(self._c.context.call_id), error=type(error).__name__)
