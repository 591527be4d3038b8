"""A call's rows, told: events sorted into transcript, tools, transfers, problems.

Owns: reading what is stored, also where a newer worker stored it. Refuses: asking the database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.call import (
    AssistantSaid,
    CallerSaid,
    CallEvent,
    CallOutcome,
    Cost,
    ProblemSeen,
    SpeechHeld,
    ToolCalled,
    TransferRequested,
    Usage,
)
from control_api.calls.schemas import (
    AnyEvent,
    Booking,
    CallDetail,
    CallProblem,
    HeldSpeech,
    Message,
    MessageLeft,
    OtherEvent,
    Statistics,
    ToolUse,
    TranscriptTurn,
    Transfer,
)
from control_api.calls.wishes import TimeRange

Row = Mapping[str, Any]
_EVENT: TypeAdapter[CallEvent] = TypeAdapter(CallEvent)


def event_of(row: Row) -> AnyEvent:
    envelope = {"event_id": row["event_id"], "at": row["at"], "kind": row["kind"]}
    try:
        return _EVENT.validate_python({**row["body"], **envelope})
    except ValidationError:
        return OtherEvent.model_validate({**envelope, "body": row["body"]})


def message_of(row: Row) -> Message:
    call: Row = row["call"]
    return Message.model_validate({**call, **row})


def detail_of(
    call: Row, events: Sequence[Row], bookings: Sequence[Row], messages: Sequence[Row], *, is_complete: bool
) -> CallDetail:
    told = [event_of(row) for row in events]
    told.sort(key=lambda event: event.at)  # stable: what was said at one moment stays in the order it was stored
    transcript = [turn for event in told if (turn := _turn(event)) is not None]
    return CallDetail.model_validate(
        {
            **call,
            "usage": _usage(call["usage"]),
            "cost": _cost(call["cost"]),
            "transcript": transcript,
            "tool_uses": [ToolUse(**_own(e)) for e in told if isinstance(e, ToolCalled)],
            "transfers": [Transfer(**_own(e)) for e in told if isinstance(e, TransferRequested)],
            "problems": [CallProblem(**_own(e)) for e in told if isinstance(e, ProblemSeen)],
            "held_speech": [HeldSpeech(**_own(e)) for e in told if isinstance(e, SpeechHeld)],
            "bookings": [Booking.model_validate(row) for row in bookings],
            "messages": [MessageLeft.model_validate(row) for row in messages],
            "is_complete": is_complete,
        }
    )


def statistics_of(found: Row, range_: TimeRange) -> Statistics:
    rate = round(found["answered"] / found["ended"], 4) if found["ended"] else None
    outcomes = {outcome: found["outcomes"].get(outcome.value, 0) for outcome in CallOutcome}
    told = {**found, "outcomes": outcomes, "answer_rate": rate, "since": range_.since, "before": range_.before}
    return Statistics.model_validate(told)


def _turn(event: AnyEvent) -> TranscriptTurn | None:
    match event:
        case CallerSaid():
            return TranscriptTurn(at=event.at, speaker="caller", text=event.text, language=event.language)
        case AssistantSaid():
            return TranscriptTurn(
                at=event.at,
                speaker="assistant",
                text=event.text,
                interrupted=event.interrupted,
                latency=event.latency,
            )
        case _:
            return None


def _own(event: CallEvent) -> dict[str, Any]:
    return event.model_dump(exclude={"event_id", "kind"})


def _usage(stored: Any) -> Usage:
    try:
        return Usage.model_validate(stored)
    except ValidationError:
        return Usage()


def _cost(stored: Any) -> Cost | None:
    try:
        return Cost.model_validate(stored)
    except ValidationError:
        return None
