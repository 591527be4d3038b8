"""What one call knows about itself while it runs: its snapshot, what it has proved, how far it got. Owned by run_call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle

from agent.handover import Consult
from agent.line import Line
from agent.outgoing import Outgoing
from agent.phrases import PHRASES, Phrases
from agent.recorder import Recorder
from calendar_tools.booking import BookingDesk
from calendar_tools.model import Receipt
from contracts.assistant import AssistantConfig, Language
from contracts.call import CallContext, CallOutcome

EndedBy = Literal["caller", "assistant", "limit", "failure"]


@dataclass
class Progress:
    """Facts the outcome is told from, and what the limits watch. Times in seconds of the loop's clock."""

    caller_turns: int = 0
    turns_since_progress: int = 0
    answered: int = 0  # questions answered by a tool
    messages: int = 0
    transferred: bool = False
    machine: bool = False  # we rang, and an answering machine picked up
    on_hold: bool = False  # a person is being fetched: the caller is not listened to
    none_found: bool = False
    failed: bool = False
    last_heard: float = 0.0  # a final transcript, or the end of AVA's own speech
    failed_turns: int = 0
    tool_calls: int = 0  # since the caller last spoke
    elapsed: float = 0.0  # seconds that an earlier job of the call has had

    def made(self) -> None:
        self.turns_since_progress = 0


@dataclass(frozen=True)
class Confirmation:
    """A write that took effect, and the sentence that says so."""

    receipt: Receipt
    speech: SpeechHandle | None

    @property
    def being_said(self) -> bool:
        return self.speech is not None and not self.speech.done()

    @property
    def heard(self) -> bool:
        """At least its beginning, which says that it is done, came out of the voice."""
        return self.speech is not None and any(
            isinstance(item, ChatMessage) and item.text_content for item in self.speech.chat_items
        )


class Recording(Protocol):
    """Of this call (`agent.recording`), for those who must end it."""

    async def repeat_notice(self) -> None: ...

    async def objected(self) -> None: ...

    async def refuse(self) -> bool: ...

    async def close(self) -> None: ...


@dataclass
class Conversation:
    context: CallContext
    line: Line
    recorder: Recorder
    desk: BookingDesk | None
    clock: Callable[[], datetime]
    outgoing: Outgoing | None = None  # we rang
    consult: Callable[[str], Consult] | None = None  # how a person is asked, given the briefing
    progress: Progress = field(default_factory=Progress)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: EndedBy = "caller"
    has_keys: bool = False  # the caller can type
    read_back: tuple[datetime, ...] = ()  # what is being asked back before a write
    recording: Recording | None = None  # None: nothing is recorded
    confirmations: list[Confirmation] = field(default_factory=list[Confirmation])
    held: dict[str, str] = field(default_factory=dict[str, str])  # slot id -> the name it was read back with

    @property
    def config(self) -> AssistantConfig:
        return self.context.config

    @property
    def language(self) -> Language:
        return self.context.config.language

    @property
    def phrases(self) -> Phrases:
        return PHRASES[self.language]

    @property
    def zone(self) -> ZoneInfo:
        return self.context.config.hours.zone

    def now(self) -> datetime:
        return self.clock()

    def is_open(self) -> bool:
        return self.config.hours.is_open(self.now())

    async def prefetch(self) -> None:
        """The next days' free slots, while the greeting plays."""
        if self.desk is not None:
            await self.desk.prefetch(self.config.booking.prefetch_days)

    def end(self, by: EndedBy) -> None:
        """The first reason stands."""
        if self.ended_by == "caller":
            self.ended_by = by

    def outcome(self) -> CallOutcome:
        """The most that came of the call; of one that was not answered, that."""
        if self.context.without_credit:
            return CallOutcome.REFUSED
        done = {receipt.action for receipt in self.desk.receipts} if self.desk else set[str]()
        for action, outcome in (
            ("book", CallOutcome.BOOKED),
            ("reschedule", CallOutcome.RESCHEDULED),
            ("cancel", CallOutcome.CANCELLED),
        ):
            if action in done:
                return outcome
        ladder = (
            (self.progress.machine, CallOutcome.SILENT),
            (self.progress.transferred, CallOutcome.TRANSFERRED),
            (self.progress.messages > 0, CallOutcome.MESSAGE_TAKEN),
            (self.progress.failed, CallOutcome.FAILED),
            (self.progress.caller_turns == 0, CallOutcome.SILENT),
            (self.progress.answered > 0, CallOutcome.ANSWERED),
        )
        return next((outcome for holds, outcome in ladder if holds), CallOutcome.ABANDONED)
