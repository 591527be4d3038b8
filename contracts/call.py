"""A call: what comes in, the snapshot it runs on, what is recorded of it, how it ended."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.assistant import AssistantConfig, Language
from contracts.calendar import CalComConnection
from contracts.ids import new_event_id
from contracts.phone import E164

ConfigSource = Literal["database", "last_known_good"]  # where the snapshot of a call came from
TransferResult = Literal["transferred", "declined", "busy", "no_answer", "abandoned", "failed", "unavailable"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RanOn(_Frozen):
    """A version, and whose it is. Where the store was away, what the call was answered with: a number may change hands."""

    assistant_id: UUID
    version: int


class InboundCall(_Frozen):
    """Identity comes from here, the SIP layer, never from speech. `caller` None: withheld."""

    call_id: UUID
    sip_call_id: str
    dialed: E164 | Literal["web"]
    caller: E164 | None
    received_at: AwareDatetime
    test_of: RanOn | None = None  # somebody of the business tries this version from a browser; dialed is "web"
    planned_call_id: UUID | None = None  # we rang: `caller` is who was rung, `dialed` still the business's number


class CallContext(_Frozen):
    """The snapshot a call runs on. A change of the assistant never reaches a live call."""

    call_id: UUID
    sip_call_id: str
    dialed: str
    caller: str | None
    started_at: AwareDatetime
    tenant_id: UUID
    assistant_id: UUID
    version: int
    config: AssistantConfig
    calendar: CalComConnection | None
    source: ConfigSource = "database"
    test: bool = False  # tried by the business itself: nothing is written into the calendar
    without_credit: bool = False  # it is not answered: the caller is put through to `transfer_to`, or noted
    transfer_to: str | None = None

    @property
    def ran_on(self) -> RanOn | None:
        """What the store must be told when it opens this call later; None: the snapshot is the store's own."""
        if self.source == "database":
            return None
        return RanOn(assistant_id=self.assistant_id, version=self.version)


class CallOutcome(StrEnum):
    BOOKED = "booked"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    MESSAGE_TAKEN = "message_taken"
    TRANSFERRED = "transferred"
    ANSWERED = "answered"  # a question was answered, nothing else was wanted
    ABANDONED = "abandoned"  # the caller left before anything came of it
    SILENT = "silent"  # nobody spoke
    REFUSED = "refused"  # number unknown, assistant paused, config unreadable, no credit
    FAILED = "failed"  # AVA could not do her work
    LOST = "lost"  # the worker died


class TurnLatency(_Frozen):
    """Milliseconds; None where the part did not take place. `total` is end of the caller's speech -> first audio."""

    total: float | None = None
    endpointing: float | None = None
    stt: float | None = None
    llm_ttft: float | None = None
    tool: float | None = None
    tts_ttfb: float | None = None


class _Event(_Frozen):
    event_id: UUID = Field(default_factory=new_event_id)
    at: AwareDatetime


class CallerSaid(_Event):
    kind: Literal["caller_said"] = "caller_said"
    text: str
    language: Language | None = None


class AssistantSaid(_Event):
    kind: Literal["assistant_said"] = "assistant_said"
    text: str
    interrupted: bool = False
    latency: TurnLatency = TurnLatency()


class ToolCalled(_Event):
    """`arguments` and `result` as the model sent and saw them."""

    kind: Literal["tool_called"] = "tool_called"
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    result: str = ""
    failed: bool = False
    milliseconds: float = 0.0


class PickedUp(_Event):
    """We rang: who answered, as AVA took them."""

    kind: Literal["picked_up"] = "picked_up"
    by: Literal["person", "machine"]


class SpeechHeld(_Event):
    """The speech guard replaced a sentence that had no receipt."""

    kind: Literal["speech_held"] = "speech_held"
    claim: str
    text: str


class BookingState(StrEnum):
    """`intended` is written before the remote write, `unconfirmed` after an unknown answer: both are doubts."""

    INTENDED = "intended"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    ABSENT = "absent"  # looked up later: it was never made


class BookingRecorded(_Event):
    """One step in the life of one booking write; rows of `bookings` are the last step per `booking_key`."""

    kind: Literal["booking_recorded"] = "booking_recorded"
    booking_key: str
    action: Literal["book", "reschedule", "cancel"]
    state: BookingState
    service_id: str
    event_type_id: int
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    attendee_name: str = ""
    attendee_phone: str | None = None
    attendee_email: str | None = None
    calendar_uid: str | None = None
    replaces_uid: str | None = None
    detail: str = ""


class MessageTaken(_Event):
    kind: Literal["message_taken"] = "message_taken"
    message_id: UUID
    caller_name: str = ""
    callback_number: str | None = None
    reason: str
    urgent: bool = False
    follow_up: Literal["message", "booking_doubt", "calendar_unavailable", "transfer_failed"] = "message"


class TransferRequested(_Event):
    kind: Literal["transfer_requested"] = "transfer_requested"
    to: str
    result: TransferResult


class ProblemSeen(_Event):
    kind: Literal["problem_seen"] = "problem_seen"
    part: Literal["stt", "llm", "tts", "calendar", "store", "agent"]
    code: str
    detail: str = ""


_Said = CallerSaid | AssistantSaid | ToolCalled | SpeechHeld | PickedUp
_Done = BookingRecorded | MessageTaken | TransferRequested | ProblemSeen
CallEvent = Annotated[_Said | _Done, Field(discriminator="kind")]


class Usage(_Frozen):
    """Units that are billed. Seconds of audio, tokens, characters."""

    stt_seconds: float = 0.0
    llm_input_tokens: int = 0
    llm_cached_tokens: int = 0
    llm_output_tokens: int = 0
    tts_characters: int = 0
    call_seconds: float = 0.0


class CostLine(_Frozen):
    item: str
    units: Decimal
    unit: str
    amount: Decimal
    currency: str = "USD"
    priced_on: str  # date of the price table's row


class Cost(_Frozen):
    total: Decimal
    currency: str = "USD"
    lines: tuple[CostLine, ...] = ()


class CallClosing(_Frozen):
    """What is written once, at the end."""

    call_id: UUID
    ended_at: AwareDatetime
    outcome: CallOutcome
    ended_by: Literal["caller", "assistant", "limit", "failure"]
    summary: str = ""
    usage: Usage = Usage()
    cost: Cost | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
