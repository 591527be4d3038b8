"""The tools over a desk in memory: what is written, what is said, in which order, and what the model may name."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import ToolError
from livekit.agents.llm import RawFunctionTool, ToolResult

from agent.tools.booking import BookingTools
from agent.tools.hours import HoursTools
from agent.tools.knowledge import FaqTools
from agent.tools.messages import MessageTools
from agent.tools.roster import toolsets
from agent.tools.transfer import TransferTools
from contracts.call import BookingRecorded, MessageTaken, TransferRequested
from demo.stack import read_preset
from store.spool import JournalFull, pending
from tests.fakes.tool_calls import CALLER, Desk, ToolContext, call_tool, open_conversation


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path) as opened:
        yield opened


def answer(result: ToolResult) -> dict[str, Any]:
    return json.loads(result.output)


def admitted(tools: BookingTools, tool: str, argument: str) -> list[str]:
    """What the schema of this moment lets the model name."""
    for found in tools.admit(tools.tools):
        if isinstance(found, RawFunctionTool) and found.info.name == tool:
            return found.info.raw_schema["parameters"]["properties"][argument]["enum"]
    raise LookupError(tool)


async def _offered(tools: BookingTools, ctx: ToolContext | None = None) -> dict[str, Any]:
    arguments = {"service": "consultation", "day": "jeudi", "part_of_day": "matin"}
    return answer(await call_tool(tools, "find_slots", ctx or ToolContext(), **arguments))


async def _held(tools: BookingTools, slot_id: str = "s1", name: str = "Jean Dupont") -> dict[str, Any]:
    return answer(await call_tool(tools, "hold_slot", ToolContext(), slot_id=slot_id, caller_name=name))


def _booking(slot_id: str = "s1", name: str = "Jean Dupont") -> dict[str, Any]:
    return {"slot_id": slot_id, "caller_name": name, "callback_number": "", "email": ""}


# booking


@pytest.mark.parametrize(("asks", "told"), [(True, "Ask for it"), (False, "As said")])
async def test_an_email_is_asked_for_where_the_owner_wants_it(tmp_path: Path, asks: bool, told: str) -> None:
    """Else it is taken where a caller offers one."""
    config = read_preset("health.fr")
    policy = config.booking.model_copy(update={"ask_email": asks})
    async with open_conversation(tmp_path, booking=policy) as desk:
        tools = [tool for tool in BookingTools(desk.conversation).tools if isinstance(tool, RawFunctionTool)]
        [book] = [tool for tool in tools if tool.info.name == "book_slot"]
        assert book.info.raw_schema["parameters"]["properties"]["email"]["description"].startswith(told)


async def test_schemas_admit_exactly_what_is_on_offer(desk: Desk) -> None:
    tools = BookingTools(desk.conversation)
    assert admitted(tools, "hold_slot", "slot_id") == ["none"], "nothing was offered: nothing can be named"
    assert admitted(tools, "cancel_booking", "booking_ref") == ["none"]
    found = await _offered(tools)
    ids = [slot["id"] for slot in found["slots"]]
    assert ids
    for tool in ("hold_slot", "book_slot", "reschedule_booking"):
        assert admitted(tools, tool, "slot_id") == ids
    assert admitted(tools, "find_slots", "service") == ["consultation", "detartrage", "urgence"]


async def test_found_bookings_and_only_those_can_be_named(desk: Desk) -> None:
    tools = BookingTools(desk.conversation)
    kind = desk.conversation.desk
    assert kind is not None
    start = desk.clock.at.replace(hour=13)
    desk.calendar.seed(kind._event_types["consultation"], start, name="Jean Dupont", phone=CALLER)
    found = answer(await call_tool(tools, "find_my_booking", ToolContext(), caller_name="", phone_or_email=""))
    assert admitted(tools, "cancel_booking", "booking_ref") == [b["ref"] for b in found["bookings"]]


async def test_offer_is_spoken_word_for_word_and_the_model_is_not_asked_again(desk: Desk) -> None:
    ctx = ToolContext()
    tools = BookingTools(desk.conversation)
    arguments = {"service": "consultation", "day": "jeudi", "part_of_day": "matin"}
    result = await call_tool(tools, "find_slots", ctx, **arguments)
    assert ctx.said == [answer(result)["say"]]
    assert not result.reply_required
    assert "vingt-six novembre" in ctx.said[0]


async def test_book_without_hold_reads_back_instead_of_writing(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    result = answer(await call_tool(tools, "book_slot", ctx, **_booking()))
    assert result["status"] == "held"
    assert desk.calendar.bookings == {}
    assert ctx.said[0].endswith("C'est bien ça ?")
    result = answer(await call_tool(tools, "book_slot", ToolContext(), **_booking()))
    assert result["status"] == "booked"


async def test_booking_is_written_uninterruptibly_and_under_the_name_read_back(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    await _held(tools)
    result = answer(await call_tool(tools, "book_slot", ctx, **_booking(name="Somebody Else")))
    [booking] = desk.calendar.bookings.values()
    assert (booking.attendee_name, booking.attendee_phone) == ("Jean Dupont", CALLER)
    assert "Jean Dupont" in result["say"]
    assert ctx.log.index("uninterruptible") < ctx.log.index("said")
    [confirmation] = desk.conversation.confirmations
    assert confirmation.receipt.booking.uid == booking.uid


async def test_booking_called_twice_in_one_breath_is_written_and_said_once(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    await _held(tools)
    first = await call_tool(tools, "book_slot", ctx, **_booking())
    second = await call_tool(tools, "book_slot", ctx, **_booking())
    assert len(desk.calendar.bookings) == 1
    assert len(ctx.said) == 1
    assert not second.reply_required
    assert answer(first)["say"] == answer(second)["say"]


async def test_confirmation_that_the_caller_cut_off_is_said_again_when_asked_for(desk: Desk) -> None:
    tools = BookingTools(desk.conversation)
    await _offered(tools)
    await _held(tools)
    interrupted = ToolContext()
    interrupted.speech_handle.interrupted = True
    result = await call_tool(tools, "book_slot", interrupted, **_booking())
    assert result.reply_required, "the model sees the result and says it with the caller's next words"
    assert interrupted.said == []
    later = ToolContext()
    await call_tool(tools, "book_slot", later, **_booking())
    assert len(later.said) == 1
    assert len(desk.calendar.bookings) == 1


async def test_session_that_closed_during_the_write_loses_no_booking(desk: Desk) -> None:
    tools = BookingTools(desk.conversation)
    await _offered(tools)
    await _held(tools)
    await call_tool(tools, "book_slot", ToolContext(session_closed=True), **_booking())
    assert len(desk.calendar.bookings) == 1
    assert desk.conversation.confirmations[0].speech is None
    assert [e.state for e in desk.events if isinstance(e, BookingRecorded)] == ["intended", "confirmed"]


async def test_slot_that_is_gone_is_told_with_what_is_left(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    await _held(tools)
    desk.calendar.script("book", "taken")
    result = answer(await call_tool(tools, "book_slot", ctx, **_booking()))
    assert result["status"] == "gone"
    assert ctx.said[0].startswith(desk.conversation.phrases.slot_gone)
    assert "s1" not in [slot["id"] for slot in result["slots"]]
    assert desk.conversation.outcome() != "booked"


@pytest.mark.parametrize("operation", ["find_slots", "book"])
async def test_calendar_that_is_away_is_never_told_as_full(desk: Desk, operation: Any) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    if operation == "book":
        await _offered(tools)
        await _held(tools)
        desk.calendar.script("book", "unavailable")
        await call_tool(tools, "book_slot", ctx, **_booking())
    else:
        desk.calendar.script("find_slots", "unavailable", "unavailable")
        await _offered(tools, ctx)
    assert ctx.said == [desk.conversation.phrases.calendar_away]


async def test_lost_answer_is_told_as_a_doubt_and_followed_up(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    await _held(tools)
    desk.calendar.script("book", "unconfirmed_after_commit")
    await call_tool(tools, "book_slot", ctx, **_booking())
    assert ctx.said == [desk.conversation.phrases.doubtful]
    assert [e.follow_up for e in desk.events if isinstance(e, MessageTaken)] == ["booking_doubt"]


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("find_slots", {"day": "jeudi"}, "service"),
        ("find_slots", {"service": "consultation", "day": ["jeudi"]}, "day"),
        ("hold_slot", {"slot_id": "s1"}, "caller_name"),
        ("book_slot", {"slot_id": 7, "caller_name": "x"}, "slot_id"),
        ("cancel_booking", {}, "booking_ref"),
    ],
)
async def test_malformed_arguments_are_answered_by_naming_the_field(
    desk: Desk, tool: str, arguments: dict[str, Any], field: str
) -> None:
    ctx = ToolContext()
    with pytest.raises(ToolError, match=field):
        await call_tool(BookingTools(desk.conversation), tool, ctx, **arguments)
    assert ctx.said == []


async def test_slot_id_that_was_never_offered_writes_nothing(desk: Desk) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    await _offered(tools)
    result = answer(await call_tool(tools, "book_slot", ctx, **_booking("s99")))
    assert result["status"] == "gone"
    assert desk.calendar.bookings == {}


@pytest.mark.parametrize("day", ["quand vous voulez bien", "", "hier"])
async def test_day_that_can_not_be_settled_is_asked_back(desk: Desk, day: str) -> None:
    tools, ctx = BookingTools(desk.conversation), ToolContext()
    arguments = {"service": "consultation", "day": day, "part_of_day": "any"}
    result = answer(await call_tool(tools, "find_slots", ctx, **arguments))
    assert (result["status"], "slots" in result) == ("ask", False)
    assert ctx.said[0].endswith("?")


# hours and questions


async def test_hours_know_holidays_and_the_next_opening(desk: Desk) -> None:
    ctx = ToolContext()
    result = answer(await call_tool(HoursTools(desk.conversation), "check_opening_hours", ctx, day="25 décembre"))
    assert result["status"] == "closed"
    assert "Noël" in ctx.said[0]
    assert "vingt-huit décembre" in ctx.said[0]
    assert desk.conversation.progress.answered == 1


async def test_ambiguous_day_is_asked_back_with_its_readings(desk: Desk) -> None:
    """A Monday: "lundi" may be today or in a week."""
    ctx = ToolContext()
    result = answer(await call_tool(HoursTools(desk.conversation), "check_opening_hours", ctx, day="lundi"))
    assert result["status"] == "ask"
    assert " ou " in ctx.said[0]
    assert desk.conversation.progress.answered == 0


async def test_question_without_an_entry_is_said_to_have_none(desk: Desk) -> None:
    ctx = ToolContext()
    tools = FaqTools(desk.conversation)
    assert answer(await call_tool(tools, "look_up_faq", ctx, question="Vendez-vous des vélos ?"))["status"] == "unknown"
    assert answer(await call_tool(tools, "look_up_faq", ctx, question="Un parking ?"))["status"] == "known"
    assert ctx.said[0] == desk.conversation.phrases.unknown_answer
    assert desk.conversation.progress.answered == 1


# messages


async def test_message_is_on_disk_before_it_is_said_to_be_kept(desk: Desk, tmp_path: Path) -> None:
    on_disk_when_said: list[bool] = []

    class Listening(ToolContext):
        def say(self, text: str, **options: Any) -> Any:
            [journal] = pending(tmp_path)
            on_disk_when_said.append("Rappelez-moi" in journal.read_text())
            return super().say(text, **options)

    ctx = Listening()
    arguments = {"caller_name": "Jean", "callback_number": "", "reason": "Rappelez-moi", "urgent": False}
    await call_tool(MessageTools(desk.conversation), "take_message", ctx, **arguments)
    assert on_disk_when_said == [True]
    [message] = [e for e in desk.events if isinstance(e, MessageTaken)]
    assert message.callback_number == CALLER


async def test_message_that_can_not_be_kept_is_not_said_to_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise JournalFull("the disk takes nothing")

    monkeypatch.setattr(desk.recorder._journal, "append", full)
    ctx = ToolContext()
    with pytest.raises(JournalFull):
        await call_tool(MessageTools(desk.conversation), "take_message", ctx, reason="x")
    assert ctx.said == []
    assert desk.conversation.progress.messages == 0


async def test_message_taken_twice_in_one_breath_is_one_message_said_once(desk: Desk) -> None:
    tools, ctx = MessageTools(desk.conversation), ToolContext()
    for _ in range(2):
        result = await call_tool(tools, "take_message", ctx, reason="Rappelez-moi", caller_name="Jean")
        assert not result.reply_required
    assert len({e.message_id for e in desk.events if isinstance(e, MessageTaken)}) == 1
    assert len(ctx.said) == 1
    await call_tool(tools, "take_message", ctx, reason="Autre chose", caller_name="Jean")
    assert len({e.message_id for e in desk.events if isinstance(e, MessageTaken)}) == 2


async def test_other_number_is_heard_as_said(desk: Desk) -> None:
    ctx = ToolContext()
    spoken = "zéro six douze trente-quatre cinquante-six soixante-dix-huit"
    await call_tool(MessageTools(desk.conversation), "take_message", ctx, reason="x", callback_number=spoken)
    [message] = [e for e in desk.events if isinstance(e, MessageTaken)]
    assert message.callback_number == "+33612345678"


# transfer


@pytest.mark.parametrize("result", ["transferred", "failed", "unavailable"])
async def test_transferred_is_said_only_on_the_lines_word(desk: Desk, result: Any) -> None:
    desk.line.answer = result
    ctx = ToolContext()
    told = answer(await call_tool(TransferTools(desk.conversation), "transfer_to_person", ctx, reason="urgent"))
    phrases = desk.conversation.phrases
    done = result == "transferred"
    assert ctx.said == [phrases.fetching, *([] if done else [phrases.transfer_failed])]
    assert told["status"] == result
    assert desk.conversation.progress.transferred is done
    assert desk.line.asked == [desk.conversation.config.transfer.number]
    [event] = [e for e in desk.events if isinstance(e, TransferRequested)]
    assert event.result == result
    assert (desk.conversation.ended_by == "assistant") is done


# roster


async def test_assistant_has_the_tools_it_can_use(tmp_path: Path) -> None:
    async with open_conversation(tmp_path / "a") as whole:
        assert [t.id for t in toolsets(whole.conversation)] == [
            "hours", "faq", "booking", "message", "transfer", "end_call",
        ]  # fmt: skip
    async with open_conversation(tmp_path / "b", with_desk=False, faq=()) as bare:
        assert [t.id for t in toolsets(bare.conversation)] == ["hours", "message", "transfer", "end_call"]


async def test_every_schema_is_strict(desk: Desk) -> None:
    for toolset in toolsets(desk.conversation):
        for tool in toolset.tools:
            if isinstance(tool, RawFunctionTool):
                parameters = tool.info.raw_schema["parameters"]
                assert parameters["additionalProperties"] is False
                assert parameters["required"] == list(parameters["properties"])
