"""The lines of a journal: how a call's record is written down and read back.

Owns: the format: one JSON object a line, UTF-8: first `{"v": 1, "inbound": {…}}`, then `{"context": {…}}`,
`{"event": {…}}` and `{"closing": {…}}` as they happen. A line counts only with its line feed. Refuses: files, sending.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.call import CallClosing, CallContext, CallEvent, InboundCall, RanOn

_FORMAT = 1
_EVENT: TypeAdapter[CallEvent] = TypeAdapter(CallEvent)


class LineUnreadable(ValueError):
    """A whole line that this version can't read."""


@dataclass(frozen=True)
class Line:
    """One event or closing; `end` is the offset in bytes after it, None while it is only in memory."""

    said: CallEvent | CallClosing
    end: int | None


@dataclass
class Reading:
    """What a stretch of a journal holds. `unreadable` counts whole lines."""

    inbound: InboundCall | None = None
    ran_on: RanOn | None = None
    lines: list[Line] = field(default_factory=list[Line])
    unreadable: int = 0
    end: int = 0

    @property
    def closed(self) -> bool:
        return any(isinstance(line.said, CallClosing) for line in self.lines)


def header_line(inbound: InboundCall) -> bytes:
    return _line({"v": _FORMAT, "inbound": inbound.model_dump(mode="json")})


def context_line(context: CallContext) -> bytes:
    """Ids only: what delivery needs after a crash, and an operator to place a journal that could not be delivered."""
    kept = {"call_id", "tenant_id", "assistant_id", "version", "source"}
    return _line({"context": context.model_dump(mode="json", include=kept)})


def event_line(event: CallEvent) -> bytes:
    return b'{"event":' + event.model_dump_json().encode() + b"}\n"


def closing_line(closing: CallClosing) -> bytes:
    return b'{"closing":' + closing.model_dump_json().encode() + b"}\n"


def read_lines(stored: bytes, *, start: int = 0, unwritten: Sequence[bytes] = ()) -> Reading:
    """`stored` are the bytes from offset `start`; `unwritten` are lines that the disk would not take."""
    reading = Reading(end=start)
    *whole, _ = stored.split(b"\n")  # what stands behind the last newline was torn off by a crash, or is nothing
    for raw in whole:
        reading.end += len(raw) + 1
        _take(reading, raw, reading.end)
    for raw in unwritten:
        _take(reading, raw, None)
    return reading


def _take(reading: Reading, raw: bytes, end: int | None) -> None:
    try:
        said = _parse(raw)
    except LineUnreadable:
        reading.unreadable += 1
        return
    if isinstance(said, InboundCall):
        reading.inbound = said
    elif isinstance(said, RanOn):
        reading.ran_on = said
    elif said is not None:
        reading.lines.append(Line(said, end))


def _parse(raw: bytes) -> InboundCall | RanOn | CallEvent | CallClosing | None:
    try:
        found: Any = json.loads(raw)
        match found:
            case {"v": 1, "inbound": inbound}:
                return InboundCall.model_validate(inbound)
            case {"event": event}:
                return _EVENT.validate_python(event)
            case {"closing": closing}:
                return CallClosing.model_validate(closing)
            case {"context": {"source": "last_known_good", **ran_on}}:
                return RanOn.model_validate(ran_on)
            case {"context": _}:
                return None
            case _:
                raise LineUnreadable("a line of no known kind")
    except (ValidationError, ValueError) as error:
        # neither the message nor the cause is passed on: both would quote what was said in the call
        raise LineUnreadable("a line that is not what it should be") from error


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
