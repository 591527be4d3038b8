"""What the API takes and gives for planned calls and the do-not-call list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, computed_field, model_validator

from contracts.phone import E164

Kind = Literal["call_back", "reminder"]
State = Literal["planned", "dialing", "answered", "done", "given_up", "cancelled", "refused"]
Outcome = Literal[
    "talked",
    "silent",
    "message_left",
    "machine",
    "busy",
    "no_answer",
    "declined",
    "failed",
    "unknown",
    "too_late",
    "do_not_call",
]
Repeatable = Literal["busy", "no_answer", "machine", "failed"]
_SIGN_IN = "the carrier did not take the trunk's sign-in: an operator looks with ./ava numbers reconcile --repair"
_ADVICE: Mapping[int, str] = {
    401: _SIGN_IN,
    403: "the carrier does not let this call out: at Twilio, allow the country under Voice, Settings, Geographic permissions;"
    " then see that the number may be shown to whom it calls, and that the trunk's sign-in is in order (an operator looks with"
    " ./ava numbers reconcile)",
    404: "the carrier knows no such number: see whether it is right",
    407: _SIGN_IN,
    503: "the carrier could not be reached, or takes no more calls: it may pass",
}
_FIRST, _LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _thinkable(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise ValueError("no call can be planned then: write a time between the years 2020 and 2100")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_thinkable)]


class RetryPlan(BaseModel):
    """Past calling hours a try waits for the next ones."""

    model_config = ConfigDict(extra="forbid")
    attempts: int = Field(
        default=3, ge=1, le=5, description="how often the telephone may ring, the first time included"
    )
    spacing_minutes: int = Field(default=60, ge=5, le=1440, description="from the end of one try to the next")
    on: list[Repeatable] = Field(
        default_factory=lambda: list[Repeatable](("busy", "no_answer", "machine", "failed")),
        max_length=4,
        description="after which there is another try; `machine`: no message was left on it, or a phone tree led to nobody; "
        "`failed`: the carrier failed",
    )


class CallPlan(BaseModel):
    """Whom to call, why, and when. Name a number or a message, never both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "assistant_id": "2f1c8a52-7f0e-4a59-9b39-0c9d5f0e6c11",
                    "kind": "reminder",
                    "to": "+33611111111",
                    "name": "Mme Martin",
                    "about": "votre rendez-vous de demain à 10 heures",
                    "consent": True,
                }
            ]
        },
    )
    assistant_id: UUID = Field(description="that calls, from its own number")
    kind: Kind = "call_back"
    to: E164 | None = Field(default=None, max_length=32, description="E.164")
    message_id: UUID | None = Field(default=None, description="of a message: its number is called back")
    name: str = Field(default="", max_length=80, description="of whom is called, as the assistant says it")
    about: str = Field(
        min_length=1, max_length=200, description="said first, after 'I am calling about': in the assistant's language"
    )
    consent: bool = Field(
        default=False,
        description="you say that they agreed to be called; needed unless they left a message and are called back",
    )
    not_before: Moment | None = Field(default=None, description="without it, as soon as calling hours allow")
    not_after: Moment | None = Field(default=None, description="without it, three days after it may begin")
    retry: RetryPlan = Field(default_factory=RetryPlan)
    on_machine: Literal["leave_message", "hang_up"] = Field(
        default="leave_message", description="when an answering machine answers; a phone tree gets keys in either case"
    )

    @model_validator(mode="after")
    def _one_callee(self) -> Self:
        if (self.to is None) == (self.message_id is None):
            raise ValueError("a call goes to a number or to whoever left a message: give either `to` or `message_id`")
        return self


class Try(BaseModel):
    at: datetime = Field(description="when the telephone rang")
    outcome: Outcome
    sip_status: int | None = Field(default=None, description="the carrier's, where nobody answered")

    @computed_field(description="what may be done about it; null: nothing, or nothing is wrong")
    @property
    def advice(self) -> str | None:
        return _ADVICE.get(self.sip_status or 0) if self.outcome == "failed" else None


class PlannedCall(BaseModel):
    planned_call_id: UUID
    assistant_id: UUID
    kind: Kind
    to: str | None = Field(validation_alias="callee", description="null: erased")
    name: str = Field(validation_alias="callee_name")
    about: str
    message_id: UUID | None
    consent: Literal["message_left", "stated"] = Field(description="why they may be called")
    state: State
    outcome: Outcome | None = Field(
        description="of the last try; `unknown`: nobody reported its end, there is no other"
    )
    due_at: datetime = Field(description="of the next try, or of the last")
    not_after: datetime
    attempts: int = Field(description="how often the telephone rang")
    attempts_allowed: int
    spacing_minutes: int
    retry_on: list[Repeatable]
    on_machine: Literal["leave_message", "hang_up"]
    tries: list[Try]
    from_number: str | None = Field(description="null: not dialled yet")
    call_id: UUID | None = Field(description="of the call that came of it, under /v1/calls")
    put_off_because: str | None = Field(description="why it was not dialled when it was due")
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class Unwanted(BaseModel):
    """In the body and never in an address: addresses are logged on the way."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"number": "+33611111111"}]})
    number: E164 = Field(max_length=32, description="E.164")
    note: str = Field(default="", max_length=200)


class DoNotCallEntry(BaseModel):
    entry_id: UUID
    number: str = Field(validation_alias="e164")
    source: Literal["asked", "added"] = Field(description="asked: said so in a call; added: put here by your team")
    note: str
    call_id: UUID | None = Field(description="the call in which they asked")
    created_by: str
    created_at: datetime
