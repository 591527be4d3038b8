"""A booking moves or goes only after the caller's own yes to a question, whatever the model says."""

from datetime import timedelta
from pathlib import Path

import pytest
from livekit.agents import ToolError

from agent.tools.booking import BookingTools
from agent.tools.consent import consent
from calendar_tools.model import EventType
from calendar_tools.results import Found
from contracts.assistant import Language
from tests.fakes.tool_calls import CALLER, MONDAY, Desk, ToolContext, call_tool, open_conversation


def heard(*said: tuple[str, str]) -> ToolContext:
    ctx = ToolContext()
    for who, words in said:
        ctx.history.add_message(role="assistant" if who == "ava" else "user", content=words)
    return ctx


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("fr", [("ava", "J'annule votre rendez-vous. C'est bien ça ?"), ("caller", "Oui, c'est ça.")], True),
        ("fr", [("ava", "C'est bien ça ?"), ("caller", "Non, attendez.")], False),
        ("fr", [("ava", "C'est bien ça ?"), ("caller", "Euh, jeudi peut-être.")], None),
        ("fr", [("ava", "Je regarde."), ("caller", "Oui.")], None),
        ("fr", [("caller", "Oui, annulez mon rendez-vous.")], None),
        ("en", [("ava", "Shall I cancel it?"), ("caller", "Yes please.")], True),
        ("he", [("ava", "לבטל את התור?"), ("caller", "כן, בבקשה.")], True),
        ("fr", [], None),
    ],
)
def test_consent_is_a_yes_to_a_question(language: Language, said: list[tuple[str, str]], expected: bool | None) -> None:
    assert consent(heard(*said).as_context, language) is expected


async def found_booking(d: Desk) -> str:
    kind = EventType("detartrage", 102, 30)
    d.calendar.seed(kind, MONDAY + timedelta(days=3), name="Jean Dupont", phone=CALLER)
    assert d.conversation.desk is not None
    found = await d.conversation.desk.find_mine()
    assert isinstance(found, Found)
    return found.bookings[0].reference


async def test_a_cancellation_without_a_yes_is_read_back_and_the_booking_stands(tmp_path: Path) -> None:
    async with open_conversation(tmp_path) as d:
        reference = await found_booking(d)
        tools = BookingTools(d.conversation)
        ctx = heard(("ava", "Que puis-je faire pour vous ?"), ("caller", "Annulez mon rendez-vous."))
        await call_tool(tools, "cancel_booking", ctx, booking_ref=reference)
        assert d.conversation.desk is not None
        assert d.conversation.desk.receipts == ()
        assert ctx.said[0].endswith("C'est bien ça ?")

        agreed = heard(("ava", ctx.said[0]), ("caller", "Oui, c'est ça."))
        await call_tool(tools, "cancel_booking", agreed, booking_ref=reference)
        assert [receipt.action for receipt in d.conversation.desk.receipts] == ["cancel"]


async def test_a_caller_who_speaks_first_is_answered_and_nothing_is_written(tmp_path: Path) -> None:
    async with open_conversation(tmp_path) as d:
        reference = await found_booking(d)

        class Interrupted(ToolContext):
            def disallow_interruptions(self) -> None:
                raise RuntimeError("the speech handle is interrupted")

        ctx = Interrupted()
        ctx.history.add_message(role="assistant", content="J'annule votre rendez-vous. C'est bien ça ?")
        ctx.history.add_message(role="user", content="Oui, c'est ça.")
        with pytest.raises(ToolError, match="nothing was done"):
            await call_tool(BookingTools(d.conversation), "cancel_booking", ctx, booking_ref=reference)
        assert d.conversation.desk is not None
        assert d.conversation.desk.receipts == ()
