"""What the API takes and gives for calls."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.assistant import Language
from contracts.call import (
    BookingState,
    CallEvent,
    CallOutcome,
    ConfigSource,
    Cost,
    TransferResult,
    TurnLatency,
    Usage,
)
from contracts.phone import E164
from control_api.paging import Page

FollowUp = Literal["message", "booking_doubt", "calendar_unavailable", "transfer_failed"]


class CallSummary(BaseModel):
    """One line of the list."""

    call_id: UUID
    assistant_id: UUID
    assistant_name: str
    version: int | None = Field(description="of the assistant, that the call ran on; null: none was published")
    source: ConfigSource = Field(description="last_known_good: answered while the database was away")
    direction: Literal["inbound", "outbound"] = Field(description="outbound: the assistant rang")
    planned_call_id: UUID | None = Field(description="that an outbound call comes of")
    dialed: str = Field(description="the business's number, E.164; `web` for a test call")
    caller: str | None = Field(description="who rang, or was rung; null: withheld, or redacted")
    started_at: datetime
    ended_at: datetime | None = Field(description="null: under way")
    duration_seconds: float | None
    outcome: CallOutcome | None = Field(description="null: under way")
    refusal: Literal["assistant_paused", "config_unreadable", "no_credit"] | None = Field(
        description="why it was not answered; no_credit: the caller was put through to a person, or a message says who called"
    )
    ended_by: Literal["caller", "assistant", "limit", "failure"] | None
    summary: str
    turns: int = Field(description="how many times the caller spoke")
    tool_calls: int
    booked: bool = Field(description="an appointment was made that the calendar confirmed")
    message_left: bool
    latency_p50_ms: float | None = Field(description="from the end of the caller's speech to the first sound")
    latency_p95_ms: float | None
    cost_total: Decimal | None
    cost_currency: str | None
    has_recording: bool
    redacted_at: datetime | None = Field(description="since then it names nobody")
    test: bool = Field(
        description="tried from a browser (`…/test-call`): its bookings were rehearsed, are in no calendar, and the figures"
        " leave it out"
    )


class TranscriptTurn(BaseModel):
    """What one side said, in the order it was said."""

    at: datetime
    speaker: Literal["caller", "assistant"]
    text: str
    language: Language | None = None
    interrupted: bool = False
    latency: TurnLatency | None = Field(default=None, description="of an assistant's answer, in milliseconds")


class ToolUse(BaseModel):
    """`arguments` and `result` as the model sent and saw them."""

    at: datetime
    tool: str
    arguments: dict[str, Any]
    result: str
    failed: bool
    milliseconds: float


class HeldSpeech(BaseModel):
    """A sentence the assistant was about to say without anything to show for it, and did not."""

    at: datetime
    claim: str
    text: str


class Transfer(BaseModel):
    at: datetime
    to: str
    result: TransferResult


class CallProblem(BaseModel):
    at: datetime
    part: Literal["stt", "llm", "tts", "calendar", "store", "agent"]
    code: str
    detail: str


class Booking(BaseModel):
    """The last step of one write to the calendar. `intended` and `unconfirmed`: its end is not known yet."""

    booking_key: str
    at: datetime
    action: Literal["book", "reschedule", "cancel"]
    state: BookingState
    service_id: str
    event_type_id: int
    starts_at: datetime
    ends_at: datetime
    attendee_name: str
    attendee_phone: str | None
    attendee_email: str | None
    calendar_uid: str | None
    replaces_uid: str | None
    detail: str


class MessageLeft(BaseModel):
    message_id: UUID
    at: datetime
    caller_name: str
    callback_number: str | None
    reason: str
    urgent: bool
    follow_up: FollowUp = Field(description="anything but `message`: AVA left it, since somebody must look after it")
    delivered_at: datetime | None


class Message(MessageLeft):
    """With the call it was left in."""

    call_id: UUID
    assistant_id: UUID
    caller: str | None = Field(description="who rang; null: withheld, or redacted")
    redacted_at: datetime | None
    test: bool = Field(description="left in a test call")


class Recording(BaseModel):
    """The caller on the left channel, the assistant on the right; Ogg Opus. A call has more than one where its worker was
    lost on the way."""

    started_at: datetime
    seconds: float | None = Field(description="null: it is on its way to where recordings are kept")
    bytes: int | None
    url: str | None = Field(default=None, description="plays without signing in, until `url_expires_at`; null: not yet")
    url_expires_at: datetime | None = None


class CallDetail(CallSummary):
    """Everything that is known of one call."""

    sip_call_id: str = Field(description="by which carrier and LiveKit know it")
    transcript: list[TranscriptTurn]
    tool_uses: list[ToolUse]
    bookings: list[Booking]
    messages: list[MessageLeft]
    transfers: list[Transfer]
    problems: list[CallProblem]
    held_speech: list[HeldSpeech]
    usage: Usage
    cost: Cost | None = Field(description="null: not priced, or under way")
    recordings: list[Recording] = Field(
        default_factory=list[Recording], description="empty: not recorded, or the caller did not want it"
    )
    is_complete: bool = Field(description="false: there are more events than are shown here; read them at /events")


class OtherEvent(BaseModel):
    """A kind of event, or a form of one, that this release does not know."""

    event_id: UUID
    at: datetime
    kind: str
    body: dict[str, Any]


AnyEvent = CallEvent | OtherEvent


class EventPage(Page[AnyEvent]):
    """In the order they arrived."""


class LatencyFigures(BaseModel):
    """Of every answer that a caller waited for."""

    turns: int
    p50_ms: float | None
    p95_ms: float | None


class CostFigures(BaseModel):
    currency: str
    calls: int
    total: Decimal
    average: Decimal


class DayFigures(BaseModel):
    """One day in the zone of the answer, from midnight to midnight, cut at both ends of the range."""

    day: date
    calls: int
    answered: int
    bookings: int
    messages: int
    transfers: int


class Statistics(BaseModel):
    """Of the calls that began in the range, those that AVA placed among them; test calls are left out."""

    since: datetime = Field(serialization_alias="from")
    before: datetime = Field(serialization_alias="to")
    time_zone: str
    calls: int
    ended: int = Field(description="those with an outcome; the others are under way")
    answered: int = Field(description="ended, and neither refused, failed nor lost")
    answer_rate: float | None = Field(description="answered of ended, 0 to 1; null: none has ended")
    refused: int
    bookings: int = Field(description="appointments made that the calendar confirmed")
    rescheduled: int
    cancelled: int
    messages: int
    urgent_messages: int
    transfers: int = Field(description="times a caller was put through")
    total_seconds: float
    average_seconds: float | None = Field(description="of answered calls")
    outcomes: dict[CallOutcome, int]
    latency: LatencyFigures
    costs: list[CostFigures] = Field(description="one per currency, of calls that were priced")
    days: list[DayFigures]


class CallerErasure(BaseModel):
    """In the body and never in an address: addresses are logged on the way."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"caller": "+33611111111"}]})
    caller: E164 = Field(max_length=32, description="E.164")


class Erased(BaseModel):
    calls: int = Field(description="how many calls this request changed; 0 when it was done before")
