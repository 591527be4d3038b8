"""What a successor reads out of the records of the job before it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from livekit.agents.llm import ChatMessage

from agent.past import Past
from calendar_tools.model import EventType
from contracts.call import (
    AssistantSaid,
    BookingRecorded,
    BookingState,
    CallerSaid,
    CallEvent,
    MessageTaken,
    PickedUp,
    ToolCalled,
    TurnLatency,
)

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KINDS = {"consultation": EventType("consultation", 101, 30)}
QUESTION = "Je récapitule : consultation, jeudi à 9 heures, au nom de Jean Dupont. C'est bien ça ?"


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def ava(seconds: int, text: str, **more: Any) -> AssistantSaid:
    return AssistantSaid(at=at(seconds), text=text, **more)


def caller(seconds: int, text: str) -> CallerSaid:
    return CallerSaid(at=at(seconds), text=text)


def tool(seconds: int, name: str, result: dict[str, Any], **arguments: Any) -> ToolCalled:
    return ToolCalled(at=at(seconds), tool=name, arguments=arguments, result=json.dumps(result))


def step(seconds: int, state: BookingState, key: str = "k1") -> BookingRecorded:
    return BookingRecorded(
        at=at(seconds),
        booking_key=key,
        action="book",
        state=state,
        service_id="consultation",
        event_type_id=101,
        starts_at=at(86_400),
        ends_at=at(88_200),
    )


OFFERED = tool(
    4,
    "find_slots",
    {
        "status": "slots",
        "say": "Jeudi à 9 heures ou à 10 heures. Qu'est-ce qui vous convient ?",
        "slots": [{"id": "s1", "at": "2026-11-26 09:00"}, {"id": "s2", "at": "2026-11-26 10:00"}],
    },
    service="consultation",
)


def test_disk_and_database_are_one_story() -> None:
    """What both have is there once, in the order in which it happened."""
    greeting, words, answer = ava(0, "Bonjour."), caller(2, "Bonjour"), ava(3, "Oui ?")
    past = Past.of([words, answer], [greeting, words])
    assert past.events == (greeting, words, answer)
    assert [item.text_content for item in past.chat().items if isinstance(item, ChatMessage)] == [
        "Bonjour.",
        "Bonjour",
        "Oui ?",
    ]


def test_nothing_said_to_its_end_is_no_beginning() -> None:
    """A greeting of which half was heard, with what it says of recording, is said anew."""
    assert not Past().begun
    assert not Past((step(1, BookingState.INTENDED),)).begun
    assert Past((ava(0, "Bonjour."),)).begun


def test_tools_are_in_the_conversation_as_the_model_saw_them() -> None:
    """A call and its answer, paired."""
    items = Past((caller(2, "jeudi ?"), OFFERED)).chat().items
    assert [item.type for item in items] == ["message", "function_call", "function_call_output"]
    assert items[1].call_id == items[2].call_id  # type: ignore[union-attr]  # of those two kinds, as just said


def test_offers_are_the_same_slots_under_the_same_names() -> None:
    """The caller may say "the second one" after the interruption."""
    offers = list(Past((OFFERED,)).offers(KINDS, PARIS))
    assert [offer.slot_id for offer in offers] == ["s1", "s2"]
    assert offers[1].slot.start == datetime(2026, 11, 26, 10, tzinfo=PARIS)
    assert offers[1].slot.end - offers[1].slot.start == timedelta(minutes=30)


def test_a_time_that_the_clocks_show_twice_is_not_offered_again() -> None:
    """Which of the two was meant is not in the words."""
    twice = tool(1, "find_slots", {"slots": [{"id": "s1", "at": "2026-10-25 02:30"}]}, service="consultation")
    assert list(Past((twice,)).offers(KINDS, PARIS)) == []


def test_a_slot_keeps_the_name_it_was_read_back_with() -> None:
    """Without it nothing is booked."""
    held = tool(6, "hold_slot", {"status": "held", "say": QUESTION}, slot_id="s1", caller_name="Jean Dupont")
    assert Past((OFFERED, held)).held("fr") == {"s1": "Jean Dupont"}
    refused = tool(6, "hold_slot", {"status": "gone", "say": "…"}, slot_id="s1", caller_name="Jean Dupont")
    assert Past((OFFERED, refused)).held("fr") == {}


@pytest.mark.parametrize(
    ("events", "unheard", "unanswered"),
    [
        ([ava(0, "Bonjour.")], None, False),
        ([ava(0, "Bonjour."), caller(2, "Vous ouvrez quand ?")], None, True),
        ([caller(2, "jeudi"), OFFERED], "Jeudi à 9 heures ou à 10 heures. Qu'est-ce qui vous convient ?", False),
        ([caller(2, "le premier"), ava(5, QUESTION)], "C'est bien ça ?", False),
        (
            [caller(2, "le premier"), ava(5, "Très bien. À quel nom ? Vous pouvez l'épeler.")],
            "À quel nom ? Vous pouvez l'épeler.",
            False,
        ),
        ([caller(2, "merci"), ava(5, "Je vous en prie.")], None, False),
        ([caller(2, "jeudi"), OFFERED, ava(7, "Jeudi à 9 heures."), caller(9, "oui")], None, True),
        ([caller(2, "?"), ToolCalled(at=at(3), tool="find_slots", result="broken")], None, True),
    ],
)
def test_what_the_caller_is_waiting_for(events: list[CallEvent], unheard: str | None, unanswered: bool) -> None:
    """The words that a tool had found and nobody heard; the question that is open; else an answer; else nothing."""
    past = Past(tuple(events))
    assert (past.unheard(), past.unanswered) == (unheard, unanswered)


def test_the_last_step_of_each_write_is_what_is_left_to_do() -> None:
    """A doubt is looked up, a success is a fact, a refusal is neither; a success stands whatever came after it."""
    past = Past(
        (
            step(1, BookingState.INTENDED, "a"),
            step(2, BookingState.CONFIRMED, "a"),
            step(3, BookingState.UNCONFIRMED, "a"),
            step(4, BookingState.INTENDED, "b"),
            step(5, BookingState.INTENDED, "c"),
            step(6, BookingState.REFUSED, "c"),
        )
    )
    assert [(s.booking_key, s.state) for s in past.writes()] == [
        ("a", BookingState.CONFIRMED),
        ("b", BookingState.INTENDED),
    ]


def test_the_outcome_and_the_latencies_are_of_the_whole_call() -> None:
    """Not only of what came after the interruption."""
    message = MessageTaken(at=at(8), message_id=step(0, BookingState.INTENDED).event_id, reason="rappeler")
    doubt = message.model_copy(update={"follow_up": "booking_doubt"})
    past = Past((ava(0, "x", latency=TurnLatency(total=500.0)), caller(2, "y"), OFFERED, message, doubt))
    progress = past.progress()
    assert (progress.caller_turns, progress.messages, progress.answered) == (1, 1, 0)
    assert past.latencies == [500.0]


@pytest.mark.parametrize(
    ("events", "picked_up_by", "begun"),
    [
        ([], None, False),
        ([CallerSaid(at=NOON, text="Allô ?")], None, False),
        ([CallerSaid(at=NOON, text="Allô ?"), PickedUp(at=NOON, by="person")], "person", True),
        ([AssistantSaid(at=NOON, text="Bonjour.")], "person", True),
        ([PickedUp(at=NOON, by="machine"), AssistantSaid(at=NOON, text="Bonjour.")], "machine", False),
    ],
)
def test_a_call_that_we_placed_has_begun_when_a_person_was_found(
    events: list[CallEvent], picked_up_by: str | None, begun: bool
) -> None:
    """A hello alone may be a machine's; what a machine was told is not a conversation."""
    past = Past.of(events, rung=True)
    assert (past.picked_up_by, past.begun) == (picked_up_by, begun)
