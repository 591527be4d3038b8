"""AVA in a call: the framework's Agent with its words guarded and its numbers made speakable."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import datetime

from livekit import rtc
from livekit.agents import Agent, ModelSettings
from livekit.agents.llm import ChatChunk, ChatContext, Tool
from livekit.agents.types import FlushSentinel

from agent.claims import Evidence, SentenceGate, Verdict, judge
from agent.conversation import Conversation
from agent.prompt import receptionist_prompt
from agent.tools.booking import BookingTools
from agent.tools.roster import toolsets
from calendar_tools.speech import normalise_for_tts
from contracts.call import SpeechHeld


class Receptionist(Agent):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        sets = toolsets(conversation)
        self._booking = next((s for s in sets if isinstance(s, BookingTools)), None)
        super().__init__(
            instructions=receptionist_prompt(
                conversation.config,
                now=conversation.now(),
                caller_known=conversation.context.caller is not None,
            ),
            tools=[*sets],
        )

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[ChatChunk | str | FlushSentinel, None]:
        """The model's words pass the speech guard; the slot ids its tools admit are those on offer now."""
        offered = self._booking.admit(tools) if self._booking else tools
        gate = SentenceGate(self._judge, self._held)
        async for chunk in Agent.default.llm_node(self, chat_ctx, offered, model_settings):
            if not isinstance(chunk, ChatChunk) or chunk.delta is None:
                yield chunk
                continue
            for words in gate.push(chunk.delta.content or ""):
                yield words
            yield chunk.model_copy(update={"delta": chunk.delta.model_copy(update={"content": None})})
        for words in gate.flush():
            yield words

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        async for frame in Agent.default.tts_node(self, self._speakable(text), model_settings):
            yield frame

    async def _speakable(self, text: AsyncIterable[str]) -> AsyncGenerator[str, None]:
        async for sentences in text:
            yield normalise_for_tts(sentences, self._c.language)

    def _judge(self, sentence: str) -> Verdict:
        c = self._c
        return judge(sentence, c.language, self._evidence(), today=c.now().astimezone(c.zone).date(), zone=c.zone)

    def _held(self, verdict: Verdict, sentence: str) -> None:
        self._c.recorder.note(SpeechHeld(at=self._c.now(), claim=str(verdict.claim), text=sentence))

    def _evidence(self) -> Evidence:
        c, desk = self._c, self._c.desk
        if desk is None:
            return Evidence(message_taken=c.progress.messages > 0, transferred=c.progress.transferred)

        def local(moments: Iterable[datetime]) -> tuple[datetime, ...]:
            return tuple(moment.astimezone(c.zone) for moment in moments)

        def starts(action: str) -> tuple[datetime, ...]:
            return local(receipt.booking.start for receipt in desk.receipts if receipt.action == action)

        return Evidence(
            booked=starts("book"),
            rescheduled_to=starts("reschedule"),
            cancelled=starts("cancel"),
            existing=local(desk.moments - desk.offers.moments),
            offered=local(desk.offers.moments),
            none_found=c.progress.none_found,
            message_taken=c.progress.messages > 0 or bool(desk.doubts),
            transferred=c.progress.transferred,
            pending_readback=local(c.read_back),
        )
