"""Everything that one demo call left behind, as one document: what the terminal shows is read from it, and JSON=file is it."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.call import (
    AssistantSaid,
    BookingRecorded,
    CallerSaid,
    MessageTaken,
    PickedUp,
    ProblemSeen,
    SpeechHeld,
    ToolCalled,
    TransferRequested,
    TurnLatency,
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class CallerDid(_Part):
    """What the caller did on the line. `what`: the words that were sent, or a description."""

    kind: Literal["caller_did"] = "caller_did"
    action: Literal["speaks", "interrupts", "noise", "silent", "hangs_up", "world"]
    what: str = ""


Moment = Annotated[
    CallerDid
    | CallerSaid
    | AssistantSaid
    | ToolCalled
    | SpeechHeld
    | BookingRecorded
    | MessageTaken
    | TransferRequested
    | PickedUp
    | ProblemSeen,
    Field(discriminator="kind"),
]


class Entry(_Part):
    """A moment of the call. `seconds` since the line was up. `on_the_line_ms`: end of the caller's last audible sound to
    the first frame of AVA's answer, as measured on the line; only on the turn that answers."""

    seconds: float
    moment: Moment
    on_the_line_ms: float | None = None


class Turn(_Part):
    """Milliseconds in `latency` as the agent measured them."""

    who: Literal["caller", "ava"]
    text: str
    seconds: float
    interrupted: bool = False
    latency: TurnLatency | None = None
    on_the_line_ms: float | None = None


class Check(_Part):
    """One thing that had to be true."""

    group: Literal["records", "audio", "expected"]
    name: str
    ok: bool
    detail: str = ""


class Percentiles(_Part):
    """Milliseconds; None without a turn to measure."""

    p50: float | None = None
    p95: float | None = None
    turns: int = 0


class LatencySummary(_Part):
    on_the_line: Percentiles
    agent: Percentiles
    pick_up_to_greeting_ms: float | None = None
    session_to_greeting_ms: float | None = None
    greeting: Literal["cache", "voice", "shipped"] = "voice"  # where its audio came from
    late_ticks: int = 0  # 20 ms ticks of the line's clock that came late: this machine was busy


class CalendarBooking(_Part):
    uid: str
    service: str
    start: str  # the business's wall clock
    end: str
    status: str
    attendee: str
    phone: str | None = None
    seeded: bool = False  # it was there before the call
    foreign: bool = False  # another caller took it
    booking_key: str | None = None


class Records(_Part):
    """Rows as Postgres holds them."""

    call: dict[str, Any] | None = None
    bookings: tuple[dict[str, Any], ...] = ()
    messages: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()


class Verdict(_Part):
    ok: bool
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]


class CallReport(_Part):
    scenario: str
    title: str
    language: str
    business: str
    preset: str
    dialed: str
    caller: str | None
    clock: str  # the demo's, when the call came in
    call_id: str
    entries: tuple[Entry, ...]
    turns: tuple[Turn, ...]
    calendar: tuple[CalendarBooking, ...]
    records: Records
    recording: str
    seconds: float
    latency: LatencySummary
    cost: Decimal | None
    verdict: Verdict
