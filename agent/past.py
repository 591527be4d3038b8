"""What an earlier job of this call recorded, read as what its successor needs: the conversation, the offers, the name a slot
was read back with, which writes are open, and what the caller was about to hear. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from livekit.agents.llm import ChatContext, FunctionCall, FunctionCallOutput

from agent.conversation import Progress
from calendar_tools.model import EventType, Slot
from calendar_tools.offers import Offer
from calendar_tools.speech import hear_name
from contracts.assistant import Language
from contracts.call import (
    AssistantSaid,
    BookingRecorded,
    BookingState,
    CallerSaid,
    CallEvent,
    MessageTaken,
    PickedUp,
    ToolCalled,
    TransferRequested,
)

_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_DOUBTS = (BookingState.INTENDED, BookingState.UNCONFIRMED)
_DONE = (BookingState.CONFIRMED, BookingState.RESCHEDULED, BookingState.CANCELLED)
_TELLING = ("check_opening_hours", "look_up_faq")
_LOCAL = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class Past:
    """`events` oldest first. `rung`: we rang. Not `begun`: nothing was said to the end, or it is not known yet who picked up,
    so that the call may begin as any other."""

    events: tuple[CallEvent, ...] = ()
    rung: bool = False

    @staticmethod
    def of(*sources: Sequence[CallEvent], rung: bool = False) -> "Past":
        """From what the disk and the database have of the call, each event once."""
        known = {event.event_id: event for source in sources for event in source}
        return Past(tuple(sorted(known.values(), key=lambda event: event.at)), rung)

    @property
    def begun(self) -> bool:
        if self.rung:
            return self.picked_up_by == "person"
        return any(isinstance(event, CallerSaid | AssistantSaid) for event in self.events)

    @property
    def picked_up_by(self) -> Literal["person", "machine"] | None:
        """None: not known yet. Who has been spoken to is a person, where an earlier release kept the record."""
        for event in reversed(self.events):
            if isinstance(event, PickedUp):
                return event.by
        return "person" if self.spoke else None

    @property
    def spoke(self) -> bool:
        """AVA did, and was heard."""
        return any(isinstance(event, AssistantSaid) for event in self.events)

    def chat(self) -> ChatContext:
        """What was said and what the tools did, as the model saw it."""
        chat = ChatContext.empty()
        for event in self.events:
            match event:
                case CallerSaid() | AssistantSaid():
                    role = "user" if isinstance(event, CallerSaid) else "assistant"
                    chat.add_message(role=role, content=event.text, created_at=event.at.timestamp())
                case ToolCalled():
                    call_id = f"call_{event.event_id.hex}"
                    chat.items.append(
                        FunctionCall(
                            call_id=call_id,
                            name=event.tool,
                            arguments=json.dumps(event.arguments, ensure_ascii=False),
                            created_at=event.at.timestamp(),
                        )
                    )
                    chat.items.append(
                        FunctionCallOutput(
                            call_id=call_id,
                            name=event.tool,
                            output=event.result,
                            is_error=event.failed,
                            created_at=event.at.timestamp(),
                        )
                    )
                case _:
                    pass
        return chat

    def progress(self) -> Progress:
        told = [event for event in self.events if isinstance(event, ToolCalled) and not event.failed]
        return Progress(
            caller_turns=sum(isinstance(event, CallerSaid) for event in self.events),
            answered=sum(event.tool in _TELLING for event in told),
            messages=sum(isinstance(e, MessageTaken) and e.follow_up == "message" for e in self.events),
            transferred=any(isinstance(e, TransferRequested) and e.result == "transferred" for e in self.events),
        )

    @property
    def latencies(self) -> list[float]:
        answers = (event.latency.total for event in self.events if isinstance(event, AssistantSaid))
        return [total for total in answers if total is not None]

    def writes(self) -> list[BookingRecorded]:
        """The last step of each booking write that took effect or whose end is not known, in the order they were begun."""
        last: dict[str, BookingRecorded] = {}
        for event in self.events:
            if isinstance(event, BookingRecorded):
                standing = last.get(event.booking_key)
                if standing is None or standing.state not in _DONE:
                    last[event.booking_key] = event
        return [step for step in last.values() if step.state in (*_DOUBTS, *_DONE)]

    def offers(self, kinds: Mapping[str, EventType], zone: ZoneInfo) -> Iterator[Offer]:
        """Every slot that was put to the caller. A time that the clocks show twice is left out: it is offered anew if asked
        for."""
        services: dict[str, str] = {}
        for event in self.events:
            if not isinstance(event, ToolCalled):
                continue
            service = event.arguments.get("service") or services.get(str(event.arguments.get("slot_id")))
            for row in _slots(event):
                kind = kinds.get(service or "")
                start = _moment(row.get("at"), zone)
                if kind is None or start is None:
                    continue
                services[str(row["id"])] = kind.service_id
                slot = Slot(kind.event_type_id, start, start + timedelta(minutes=kind.minutes))
                yield Offer(str(row["id"]), slot, kind.service_id)

    def held(self, language: Language) -> dict[str, str]:
        """Slot id -> the name it was read back with."""
        names: dict[str, str] = {}
        for event in self.events:
            if isinstance(event, ToolCalled) and _result(event).get("status") == "held":
                said = str(event.arguments.get("caller_name", ""))
                names[str(event.arguments.get("slot_id"))] = hear_name(said, language) or said.strip()
        return names

    def unheard(self) -> str | None:
        """What code had decided to say and the caller has not heard, or AVA's question that is still open. None: nothing, or
        the caller spoke last (`unanswered`)."""
        tail = self._since_the_caller()
        words = [event.text for event in tail if isinstance(event, AssistantSaid)]
        if words:
            sentences = [sentence.strip() for sentence in _SENTENCE.findall(words[-1])]
            asked = [n for n, sentence in enumerate(sentences) if sentence.endswith("?")]
            return " ".join(sentences[asked[-1] :]) if asked else None
        results = [_result(event) for event in tail if isinstance(event, ToolCalled)]
        return next((str(result["say"]) for result in reversed(results) if result.get("say")), None)

    @property
    def unanswered(self) -> bool:
        """The caller spoke last, and no tool has found words for it."""
        spoke = any(isinstance(event, CallerSaid) for event in self.events)
        answered = any(isinstance(event, AssistantSaid) for event in self._since_the_caller())
        return spoke and not answered and self.unheard() is None

    def _since_the_caller(self) -> Sequence[CallEvent]:
        last = max((n for n, event in enumerate(self.events) if isinstance(event, CallerSaid)), default=-1)
        return self.events[last + 1 :]


def _result(event: ToolCalled) -> dict[str, Any]:
    try:
        found = json.loads(event.result or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _slots(event: ToolCalled) -> list[dict[str, Any]]:
    found = _result(event).get("slots")
    rows = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict) and "id" in row]


def _moment(local: Any, zone: ZoneInfo) -> datetime | None:
    try:
        start = datetime.strptime(str(local), _LOCAL).replace(tzinfo=zone)
    except ValueError:
        return None
    return None if start.utcoffset() != start.replace(fold=1).utcoffset() else start
