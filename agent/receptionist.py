"""AVA in a call: the framework's Agent with its words guarded and its numbers made speakable."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from datetime import datetime, time

from livekit import rtc
from livekit.agents import Agent, ModelSettings, StopResponse
from livekit.agents.llm import ChatChunk, ChatContext, ChatMessage, Tool
from livekit.agents.types import FlushSentinel

from agent.claims import Evidence, SentenceGate, Verdict, judge, times_in, written_sentences
from agent.conversation import Conversation
from agent.sentences import without_marks
from agent.tools.booking import BookingTools
from agent.tools.roster import toolsets
from briefing.opening import outgoing_note
from briefing.prompt import read_prompt, receptionist_prompt
from calendar_tools.speech import normalise_for_tts
from contracts.assistant import AssistantConfig
from contracts.call import SpeechHeld

Answer = ChatChunk | str | FlushSentinel


class Generation:
    """One answer of the model on its way through the guard."""

    def __init__(
        self, judge: Callable[[str], Verdict], note: Callable[[Verdict, str], None], *, second: bool = False
    ) -> None:
        self._gate = SentenceGate(judge, self._held)
        self._note = note
        self._unsaid = ""  # the gate's replacement: once in a turn is enough
        self._second = second
        self._holding = False
        self._called = False

    @property
    def left_hanging(self) -> bool:
        """A claim was held and nothing is under way that could prove it."""
        return self._holding and not self._called

    async def guarded(self, answer: AsyncIterable[Answer]) -> AsyncGenerator[Answer, None]:
        async for chunk in answer:
            if not isinstance(chunk, ChatChunk) or chunk.delta is None:
                yield chunk
                continue
            self._called = self._called or bool(chunk.delta.tool_calls)
            for words in self._gate.push(chunk.delta.content or ""):
                if self._sayable(words):
                    yield words
            yield chunk.model_copy(update={"delta": chunk.delta.model_copy(update={"content": None})})
        for words in self._gate.flush():
            if self._sayable(words):
                yield words

    def _sayable(self, words: str) -> bool:
        return not (self._second and self._unsaid and words.strip() == self._unsaid)

    def _held(self, verdict: Verdict, sentence: str) -> None:
        self._holding = True
        self._unsaid = verdict.replacement.strip()
        self._note(verdict, sentence)


class Receptionist(Agent):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        sets = toolsets(conversation)
        rung = conversation.outgoing.ringing if conversation.outgoing else None
        texts = [entry.answer for entry in conversation.config.faq] + ([rung.about] if rung else [])
        self._opening = opening_times(conversation.config, also=[rung.about] if rung else [])
        self._written = written_sentences(texts)
        self._booking = next((s for s in sets if isinstance(s, BookingTools)), None)
        super().__init__(
            instructions=receptionist_prompt(
                conversation.config,
                now=conversation.now(),
                caller_known=conversation.context.caller is not None,
                note=outgoing_note(name=rung.callee_name, about=rung.about, kind=rung.kind) if rung else "",
            ),
            tools=[*sets],
        )

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:
        """Whoever we rang says hello, or is a machine: AVA's opening is the answer, said by code."""
        outgoing = self._c.outgoing
        if outgoing is not None and not outgoing.opened:
            outgoing.first_turn.set()
            raise StopResponse
        if self._c.recording is not None:
            await self._c.recording.repeat_notice()

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[Answer, None]:
        """The model's words pass the speech guard; the slot ids its tools admit are those on offer now. A model whose claim
        was held and that called no tool is told so and asked once more: "one moment" must not be followed by silence."""
        offered = self._booking.admit(tools) if self._booking else tools
        generation = Generation(self._judge, self._held)
        async for chunk in generation.guarded(Agent.default.llm_node(self, chat_ctx, offered, model_settings)):
            yield chunk
        if not generation.left_hanging:
            return
        corrected = chat_ctx.copy()
        corrected.add_message(role="system", content=read_prompt("correction"))
        second = Generation(self._judge, self._held, second=True)
        async for chunk in second.guarded(Agent.default.llm_node(self, corrected, offered, model_settings)):
            yield chunk
        if second.left_hanging:
            yield self._c.phrases.say_again

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        async for frame in Agent.default.tts_node(self, self._speakable(text), model_settings):
            yield frame

    async def _speakable(self, text: AsyncIterable[str]) -> AsyncGenerator[str, None]:
        async for sentences in text:
            yield normalise_for_tts(await without_marks(sentences), self._c.language)

    def _judge(self, sentence: str) -> Verdict:
        c = self._c
        return judge(sentence, c.language, self._evidence(), today=c.now().astimezone(c.zone).date(), zone=c.zone)

    def _held(self, verdict: Verdict, sentence: str) -> None:
        self._c.recorder.note(SpeechHeld(at=self._c.now(), claim=str(verdict.claim), text=sentence))

    def _evidence(self) -> Evidence:
        c, desk = self._c, self._c.desk
        if desk is None:
            return Evidence(
                message_taken=c.progress.messages > 0,
                transferred=c.progress.transferred,
                opening_moments=self._opening,
                written=self._written,
            )

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
            opening_moments=self._opening,
            written=self._written,
        )


def opening_times(config: AssistantConfig, *, also: Iterable[str] = ()) -> frozenset[time]:
    """Times of day that may be said of the business: when it opens and closes, and what its owner's answers name."""
    intervals = [i for day in config.hours.weekly.values() for i in day]
    intervals += [i for exception in config.hours.exceptions for i in exception.intervals]
    texts = (*(entry.answer for entry in config.faq), *also)
    written = {at for text in texts for at in times_in(text, config.language)}
    return frozenset({i.opens for i in intervals} | {i.closes for i in intervals} | written)
