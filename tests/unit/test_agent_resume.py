"""A call whose job has died, in the hands of the next: nothing is forgotten, nothing is said twice, nothing is booked twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import AgentSession

from agent.conversation import Conversation
from agent.past import Past
from agent.phrases import PHRASES
from agent.recorder import Recorder
from agent.resources import Resources
from agent.resume import go_on, recall
from agent.tools.booking import BookingTools
from calendar_tools.booking import BookingDesk
from calendar_tools.fake import Fault, FaultKind
from calendar_tools.model import Person
from contracts.calendar import CalComConnection
from contracts.call import AssistantSaid, BookingRecorded, CallerSaid, MessageTaken, ToolCalled
from store.spool import pending
from tests.fakes.duties import MemoryDuties
from tests.fakes.tool_calls import MONDAY, Desk, Speech, ToolContext, call_tool, event_types, open_conversation

FR = PHRASES["fr"]
THURSDAY = MONDAY.replace(hour=9) + timedelta(days=3)


@dataclass
class Session:
    said: list[str] = field(default_factory=list[str])
    replies: int = 0

    def say(self, text: str, **_: Any) -> Speech:
        self.said.append(text)
        return Speech()

    def generate_reply(self) -> None:
        self.replies += 1


@dataclass
class Next:
    """The job that goes on: its conversation, what it has read, what it says first."""

    conversation: Conversation
    past: Past
    session: Session
    first: Desk

    @property
    def steps(self) -> list[BookingRecorded]:
        return [event for event in self.first.events if isinstance(event, BookingRecorded)]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path


async def killed(desk: Desk) -> None:
    """The process is no more: what is on its disk is all that is left, and the lock on it is free."""
    desk.recorder._delivery.cancel()
    await desk.recorder._journal.release()


@asynccontextmanager
async def succeeded(desk: Desk, spool: Path, *, elsewhere: bool = False) -> AsyncGenerator[Next]:
    """By another job; `elsewhere`: on another machine, where only the database tells of the call."""
    c = desk.conversation
    known = event_types(c.config)
    mapped = CalComConnection(event_types={name: kind.event_type_id for name, kind in known.items()})
    context = c.context.model_copy(update={"calendar": mapped})
    duties = MemoryDuties(events={context.call_id: list(desk.events)} if elsewhere else {}, away=not elsewhere)
    folder = spool / "elsewhere" if elsewhere else spool
    recorder = await Recorder.open(
        desk.line.inbound, context, spool=folder, store=desk.store, watch=desk.events.append, resumed=True
    )
    booking = BookingDesk(
        desk.calendar,
        event_types=known,
        hours=c.config.hours,
        policy=c.config.booking,
        language=c.language,
        call_id=context.call_id,
        person=Person(caller_id=context.caller),
        ledger=recorder,
        follow_up=recorder.keep,
        resumed=True,
    )
    after = Conversation(context=context, line=desk.line, recorder=recorder, desk=booking, clock=desk.clock)
    past = await recall(after, cast(Resources, SimpleNamespace(spool=folder, duties=duties)))
    session = Session()
    try:
        await go_on(cast("AgentSession[Any]", session), after, past)
        yield Next(after, past, session, desk)
    finally:
        recorder._delivery.cancel()
        await recorder._journal.release()


def talked(desk: Desk, *events: AssistantSaid | CallerSaid | ToolCalled) -> None:
    for event in (AssistantSaid(at=desk.clock(), text="Bonjour."), *events):
        desk.recorder.note(event)
        desk.clock.pass_by(seconds=1)


async def offered_and_held(desk: Desk, tools: BookingTools) -> str:
    """-> the slot that was read back; what the tools did is on record as the scribe writes it."""
    arguments = {"service": "consultation", "day": "jeudi", "part_of_day": "morning"}
    found = await call_tool(tools, "find_slots", ToolContext.after("jeudi matin"), **arguments)
    assert desk.conversation.desk is not None
    slot_id = desk.conversation.desk.offers.ids()[0]
    talked(
        desk,
        CallerSaid(at=desk.clock(), text="jeudi matin"),
        ToolCalled(at=desk.clock(), tool="find_slots", arguments=arguments, result=str(found.output)),
    )
    named = {"slot_id": slot_id, "caller_name": "Jean Dupont"}
    held = await call_tool(tools, "hold_slot", ToolContext.after("le premier"), **named)
    talked(
        desk,
        CallerSaid(at=desk.clock(), text="le premier"),
        ToolCalled(at=desk.clock(), tool="hold_slot", arguments=named, result=str(held.output)),
    )
    return slot_id


async def book(desk: Desk, *faults: FaultKind | Fault | None) -> None:
    """A write is under way when the process dies."""
    booking = desk.conversation.desk
    assert booking is not None
    tools = BookingTools(desk.conversation)
    slot_id = await offered_and_held(desk, tools)
    desk.calendar.script("book", *faults)
    desk.calendar.settle_seconds = 60.0  # the adapter is still looking for its answer
    writing = asyncio.create_task(booking.book(slot_id, booking.attendee("Jean Dupont")))
    async with asyncio.timeout(3):
        while not any(isinstance(event, BookingRecorded) for event in desk.events):  # noqa: ASYNC110 - a plain list
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    await killed(desk)
    for write in booking._writes._known.values():
        write.task.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    desk.calendar.settle_seconds = 0.0


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same machine", "another machine"])
async def test_a_booking_that_was_made_is_found_and_told(spool: Path, elsewhere: bool) -> None:
    """The answer was on its way when the process died. It is on record, and the guard lets her say so."""
    async with open_conversation(spool) as desk:
        await book(desk, Fault("late_commit", 0.0))
        await desk.calendar.drain()
        async with succeeded(desk, spool, elsewhere=elsewhere) as after:
            assert [s.split(" :")[0] for s in after.session.said] == ["C'est réservé"]
            assert [step.state.value for step in after.steps] == ["intended", "confirmed"]
            assert after.conversation.outcome().value == "booked"
            assert len(after.conversation.confirmations) == 1
            assert len(desk.calendar.bookings) == 1


async def test_a_booking_that_was_not_made_is_read_back_again_and_made_once(spool: Path) -> None:
    """A yes then writes under the same key, and looks first: what was on its way may have arrived meanwhile."""
    async with open_conversation(spool) as desk:
        await book(desk, Fault("slow", 60.0))
        async with succeeded(desk, spool) as after:
            c = after.conversation
            assert [s.split(" :")[0] for s in after.session.said] == ["Je récapitule"]
            assert c.desk is not None
            slot_id = next(iter(c.held))
            assert slot_id in c.desk.offers.ids()
            ctx = ToolContext.after("oui")
            await call_tool(
                BookingTools(c), "book_slot", ctx, slot_id=slot_id, caller_name="Jean", callback_number="", email=""
            )
            assert ctx.said[0].startswith("C'est réservé")
            assert [booking.attendee_name for booking in desk.calendar.bookings.values()] == ["Jean Dupont"]
            keys = {step.booking_key for step in after.steps}
            assert len(keys) == 1, "it is the same write"


async def test_a_calendar_that_is_away_leaves_a_doubt_with_the_team(spool: Path) -> None:
    """She says that she can't confirm, not that it failed; the team is told to look."""
    async with open_conversation(spool) as desk:
        await book(desk, Fault("late_commit", 0.0))
        desk.calendar.script("find", "unavailable")
        async with succeeded(desk, spool) as after:
            assert after.session.said == [FR.doubtful]
            [message] = [event for event in desk.events if isinstance(event, MessageTaken)]
            assert message.follow_up == "booking_doubt"
            assert [step.state.value for step in after.steps] == ["intended"]


async def test_what_was_done_before_is_done(spool: Path) -> None:
    """Its receipt is this job's too: it may be said, moved and cancelled, and its slot is offered to nobody."""
    async with open_conversation(spool) as desk:
        tools = BookingTools(desk.conversation)
        slot_id = await offered_and_held(desk, tools)
        said = ToolContext.after("oui")
        named = {"slot_id": slot_id, "caller_name": "Jean", "callback_number": "", "email": ""}
        done = await call_tool(tools, "book_slot", said, **named)
        talked(
            desk,
            CallerSaid(at=desk.clock(), text="oui"),
            ToolCalled(at=desk.clock(), tool="book_slot", arguments=named, result=str(done.output)),
            AssistantSaid(at=desk.clock(), text=said.said[0]),
        )
        await desk.recorder._journal.durable()
        await killed(desk)
        async with succeeded(desk, spool) as after:
            assert after.session.said == ["Puis-je faire autre chose pour vous ?"]
            c = after.conversation
            assert c.desk is not None
            assert [receipt.action for receipt in c.desk.receipts] == ["book"]
            assert c.desk.references == ("b1",)
            assert slot_id not in c.desk.offers.ids()
            assert c.outcome().value == "booked"


async def test_a_question_without_an_answer_is_answered(spool: Path) -> None:
    """By the model, which has the whole conversation before it."""
    async with open_conversation(spool) as desk:
        talked(desk, CallerSaid(at=desk.clock(), text="Vous avez un parking ?"))
        await desk.recorder._journal.durable()
        await killed(desk)
        async with succeeded(desk, spool) as after:
            assert (after.session.said, after.session.replies) == ([], 1)
            assert [item.type for item in after.past.chat().items] == ["message", "message"]


async def test_with_nothing_open_the_caller_has_the_word(spool: Path) -> None:
    """Silence after the apology would be taken for another cut."""
    async with open_conversation(spool) as desk:
        talked(desk, CallerSaid(at=desk.clock(), text="merci"), AssistantSaid(at=desk.clock(), text="Je vous en prie."))
        await desk.recorder._journal.durable()
        await killed(desk)
        async with succeeded(desk, spool) as after:
            assert after.session.said == [FR.go_on]


async def test_the_journal_of_the_dead_goes_on_in_the_successors(spool: Path) -> None:
    """One file, nothing lost, and no sweep that takes the call for lost while it goes on."""
    async with open_conversation(spool) as desk:
        talked(desk, CallerSaid(at=desk.clock(), text="bonjour"))
        await desk.recorder._journal.durable()
        await killed(desk)
        async with succeeded(desk, spool) as after:
            assert [path.name for path in pending(spool)] == [after.conversation.recorder._journal.path.name]
            await after.conversation.recorder.hand_over()
            kinds = [event.kind for event in desk.store.events(after.conversation.context.call_id)]
            assert kinds == ["assistant_said", "caller_said", "problem_seen"]
            call = desk.store.call(after.conversation.context.call_id)
            assert call.outcome is None


async def test_a_call_that_nobody_had_is_as_any_other(spool: Path) -> None:
    """A successor of a job that never spoke has nothing to go on with."""
    async with open_conversation(spool) as desk:
        await killed(desk)
        async with succeeded(desk, spool) as after:
            assert (after.session.said, after.past.begun) == ([], False)
