"""A tool's surroundings without a session: what it says is written down, whether it may be interrupted too."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from livekit.agents.llm import ChatContext, RawFunctionTool, ToolResult, Toolset

from agent.conversation import Conversation
from agent.handover import Consult
from agent.recorder import Recorder
from agent.speaking import Context
from calendar_tools.booking import BookingDesk
from calendar_tools.fake import FakeCalendar
from calendar_tools.model import EventType, Person
from contracts.assistant import AssistantConfig
from contracts.call import CallContext, CallEvent, InboundCall, TransferResult
from contracts.ids import call_id_for
from demo.stack import read_preset
from store.memory import MemoryCallStore

MONDAY = datetime.fromisoformat("2026-11-23T09:00:00+01:00").astimezone(UTC)
NUMBER, CALLER = "+33478000000", "+33612345678"


@dataclass
class Speech:
    """Stands for a SpeechHandle: a tool only asks whether it was interrupted."""

    interrupted: bool = False
    chat_items: list[Any] = field(default_factory=list[Any])
    over: bool = False

    def done(self) -> bool:
        return self.over

    async def wait_for_playout(self) -> None:
        """It is said at once."""


@dataclass
class ToolContext:
    """Stands for RunContext and its session. `said` in order; `log` also has what else happened."""

    speech_handle: Speech = field(default_factory=Speech)
    said: list[str] = field(default_factory=list[str])
    log: list[str] = field(default_factory=list[str])
    session_closed: bool = False
    history: ChatContext = field(default_factory=ChatContext.empty)

    @classmethod
    def after(cls, caller: str) -> "ToolContext":
        """The caller's last words before the tool was called."""
        ctx = cls()
        ctx.history.add_message(role="user", content=caller)
        return ctx

    @property
    def session(self) -> "ToolContext":
        return self

    def say(self, text: str, **_: Any) -> Speech:
        if self.session_closed:
            raise RuntimeError("AgentSession is closing")
        self.said.append(text)
        self.log.append("said")
        return Speech()

    def disallow_interruptions(self) -> None:
        self.log.append("uninterruptible")

    async def wait_for_playout(self) -> None:
        self.log.append("silent")

    @asynccontextmanager
    async def with_filler(self, text: str, *, delay: float) -> AsyncGenerator[None]:
        self.log.append(f"filler after {delay}")
        yield

    @property
    def as_context(self) -> Context:
        return cast("Context", self)


@dataclass
class SilentLine:
    inbound: InboundCall
    answer: TransferResult = "transferred"
    asked: list[str] = field(default_factory=list[str])
    pressed: list[str] = field(default_factory=list[str])
    presses: bool = True

    async def start(self, session: Any, agent: Any) -> None: ...

    async def hang_up(self) -> None: ...

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        self.pressed.append(keys)
        return self.presses

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        self.asked.append(number)
        return self.answer


class Clock:
    """Stands still; moved by hand."""

    def __init__(self, at: datetime = MONDAY) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass
class Desk:
    """A conversation with everything behind it in memory."""

    conversation: Conversation
    calendar: FakeCalendar
    store: MemoryCallStore
    events: list[CallEvent]
    line: SilentLine
    clock: Clock

    @property
    def recorder(self) -> Recorder:
        return self.conversation.recorder


def event_types(config: AssistantConfig) -> dict[str, EventType]:
    return {s.service_id: EventType(s.service_id, n, s.duration_minutes) for n, s in enumerate(config.services, 101)}


def inbound_call(*, caller: str | None = CALLER, dialed: str = NUMBER, at: datetime = MONDAY) -> InboundCall:
    sip = f"SCL_{uuid4().hex[:8]}"
    return InboundCall(call_id=call_id_for(sip), sip_call_id=sip, dialed=dialed, caller=caller, received_at=at)


@asynccontextmanager
async def open_conversation(
    spool: Path, *, preset: str = "health.fr", caller: str | None = CALLER, with_desk: bool = True, **changes: Any
) -> AsyncGenerator[Desk]:
    config = read_preset(preset).model_copy(update=changes)
    clock, store, events = Clock(), MemoryCallStore(), list[CallEvent]()
    store.seed_assistant(tenant_name="t", config=config, number=NUMBER)
    inbound = inbound_call(caller=caller)
    context: CallContext = await store.open_call(inbound)
    recorder = await Recorder.open(inbound, context, spool=spool, store=store, watch=events.append)
    calendar, line = FakeCalendar(clock=clock, hours=config.hours), SilentLine(inbound)
    desk = BookingDesk(
        calendar,
        event_types=event_types(config),
        hours=config.hours,
        policy=config.booking,
        language=config.language,
        call_id=context.call_id,
        person=Person(caller_id=caller),
        ledger=recorder,
        follow_up=recorder.keep,
    )
    conversation = Conversation(
        context=context, line=line, recorder=recorder, desk=desk if with_desk else None, clock=clock
    )
    try:
        yield Desk(conversation, calendar, store, events, line, clock)
    finally:
        recorder._delivery.cancel()  # a call that is dropped: what is tested is what is on disk by now
        await recorder._journal.release()


async def call_tool(tools: Toolset, name: str, ctx: ToolContext, **arguments: object) -> ToolResult:
    """As the framework does: by name, with raw arguments."""
    found = next(t for t in tools.tools if isinstance(t, RawFunctionTool) and t.info.name == name)
    return await found(raw_arguments=arguments, ctx=ctx.as_context)
