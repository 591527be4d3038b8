"""Scenarios are data: they load, they refuse what cannot be, and their expectations can fail."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.call import AssistantSaid, CallEvent, ToolCalled
from demo.expectations import check_expected
from demo.report import CalendarBooking, Records
from demo.scenario import Control, HangUp, Say, Scenario, UnknownScenario, Wait, get_scenario, load_scenarios
from demo.world import merged

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
WANTED = (
    "book-fr book-en book-he reschedule cancel closed-holiday-message calendar-unreachable slot-taken hangup-during-write "
    "no-slots-this-week transfer-asked silence faq noise-only database-away llm-down tts-down-midcall stt-cut "
    "talks-over-everything unknown-number paused"
).split()


def test_every_promised_scenario_is_there() -> None:
    assert set(WANTED) <= set(load_scenarios())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownScenario, match="book-fr"):
        get_scenario("book-it")


def scenario(**changes: Any) -> Scenario:
    base: dict[str, Any] = {"name": "x", "title": "x", "expect": {"outcome": "booked"}}
    return Scenario.model_validate({**base, **changes})


def test_each_step_is_read_as_what_it_is() -> None:
    steps = [
        {"say": "fr-yes", "barge_in": 1.0},
        {"wait": 3},
        {"hang_up": True, "when": "create_booking"},
        {"app": "calcom", "path": "race", "body": {"when": "next_post"}},
    ]
    assert [type(step) for step in scenario(steps=steps).steps] == [Say, Wait, HangUp, Control]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": [{"say": "fr-never-recorded"}]},
        {"steps": [{"say": "fr-yes", "wait": 3}]},
        {"steps": [{"app": "twilio", "path": "faults"}]},
        {"expect": {"outcome": "delighted"}},
        {"dialed": "04 78 00 00 00"},
    ],
)
def test_a_scenario_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scenario(**wrong)


def test_changes_go_into_the_preset_and_leave_the_rest() -> None:
    base = {"limits": {"max_call": 900, "silence_prompt": 8}, "tone": "warm"}
    assert merged(base, {"limits": {"silence_prompt": 4}}) == {
        "limits": {"max_call": 900, "silence_prompt": 4},
        "tone": "warm",
    }
    assert base["limits"] == {"max_call": 900, "silence_prompt": 8}


# what came of a call that went as wanted

BOOKED: dict[str, Any] = {
    "outcome": "booked",
    "ended_by": "assistant",
    "bookings": [{"service": "detartrage", "start": "2026-11-26T14:00", "attendee": "Jean Dupont"}],
    "messages": ["message"],
    "results": {"find_slots": ["none", "slots"]},
    "never_results": {"find_slots": ["unavailable"]},
    "heard": ["slot_gone"],
    "never_heard": ["booked"],
    "interruptions": 1,
}
CALENDAR = CalendarBooking(
    uid="u1", service="detartrage", start="2026-11-26T14:00", end="", status="accepted", attendee="Jean Dupont"
)


def answered(status: str) -> ToolCalled:
    return ToolCalled(at=AT, tool="find_slots", result=f'{{"status": "{status}"}}')


def events(*statuses: str) -> list[CallEvent]:
    return [
        AssistantSaid(at=AT, text="Bonjour", interrupted=True),
        *map(answered, statuses),
        AssistantSaid(at=AT, text="Ce créneau vient d'être pris. Jeudi : dix heures."),
    ]


RECORDS = Records(call={"outcome": "booked", "ended_by": "assistant"}, messages=({"follow_up": "message"},))


def failed(
    *,
    calendar: tuple[CalendarBooking, ...] = (CALENDAR,),
    records: Records = RECORDS,
    happened: list[CallEvent] | None = None,
    unanswered: tuple[str, ...] = (),
) -> set[str]:
    checks = check_expected(
        scenario(expect=BOOKED),
        calendar=calendar,
        records=records,
        events=happened if happened is not None else events("none", "slots"),
        unanswered=unanswered,
    )
    return {check.name for check in checks if not check.ok}


def test_a_call_as_wanted_passes() -> None:
    assert failed() == set()


def test_another_outcome_is_found() -> None:
    other = RECORDS.model_copy(update={"call": {"outcome": "booked", "ended_by": "caller"}})
    assert failed(records=other) == {"the call ended as expected"}


@pytest.mark.parametrize(
    "calendar",
    [
        (),
        (CALENDAR, CALENDAR.model_copy(update={"uid": "u2", "start": "2026-11-26T15:00"})),
        (CALENDAR.model_copy(update={"attendee": "Jean Dupond"}),),
        (CALENDAR.model_copy(update={"status": "cancelled"}),),
    ],
)
def test_another_calendar_is_found(calendar: tuple[CalendarBooking, ...]) -> None:
    assert failed(calendar=calendar) == {"the calendar holds what was agreed"}


def test_another_callers_booking_is_not_ours() -> None:
    foreign = CALENDAR.model_copy(update={"uid": "u3", "foreign": True, "attendee": "Somebody Else"})
    assert failed(calendar=(CALENDAR, foreign)) == set()


def test_a_message_too_few_or_too_many_is_found() -> None:
    name = {"messages are kept as expected"}
    assert failed(records=RECORDS.model_copy(update={"messages": ()})) == name
    assert failed(records=RECORDS.model_copy(update={"messages": ({"follow_up": "message"},) * 2})) == name


def test_results_must_come_and_come_in_order() -> None:
    assert failed(happened=events("slots", "none")) == {"find_slots answered none, slots"}
    assert failed(happened=events("none", "unavailable", "slots")) == {"find_slots never answered unavailable"}


def test_sentences_are_found_by_their_kind() -> None:
    said = AssistantSaid(
        at=AT, text="C'est réservé : Détartrage, jeudi, au nom de X. Puis-je faire autre chose pour vous ?"
    )
    assert failed(happened=[*events("none", "slots"), said]) == {"AVA never said: booked"}
    assert failed(happened=events("none", "slots")[:-1]) == {"AVA said: slot gone"}


def test_an_uninterrupted_ava_and_an_unanswered_caller_are_found() -> None:
    polite = [
        e.model_copy(update={"interrupted": False}) for e in events("none", "slots") if isinstance(e, AssistantSaid)
    ]
    rest = [answered("none"), answered("slots")]
    assert failed(happened=[*polite, *rest]) == {"AVA let herself be interrupted"}
    assert failed(unanswered=("fr-yes",)) == {"the caller was never left without an answer"}
