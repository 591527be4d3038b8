"""What the API takes and gives of onboarding.

What is chosen (a country, a tone, a plan) is one of the choices or refused. What is typed is kept as it is, half an address
included, up to a length: `control_api.onboarding.finishing` says what it still lacks.
"""

from datetime import datetime
from typing import Annotated, Literal, get_args

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from contracts.assistant import Industry, Language, Tone
from contracts.hours import Weekday
from control_api.errors import FieldProblem

Step = Literal["profile", "business", "persona", "voice", "hours", "calendar", "number", "publish", "test_call"]
STEPS: tuple[Step, ...] = get_args(Step)
CAN_BE_SKIPPED: frozenset[Step] = frozenset({"voice", "calendar", "number", "test_call"})
State = Literal["todo", "done", "skipped"]
Job = Literal["receptionist", "appointments", "messages", "switchboard"]


def _known_country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("there is no such country: write its two letters (ISO 3166), as in FR")
    return code


def _different(chosen: list[str]) -> list[str]:
    if len(set(chosen)) != len(chosen):
        raise ValueError("one is named twice: name each once")
    return chosen


Line = Annotated[str, StringConstraints(max_length=120)]
ShortLine = Annotated[str, StringConstraints(max_length=40)]
Address = Annotated[str, StringConstraints(max_length=300)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_known_country)]
Languages = Annotated[list[Language], Field(max_length=3), AfterValidator(_different)]
# Of other people's software: there are too many for a closed list.
Product = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
Products = Annotated[list[Product], Field(max_length=30), AfterValidator(_different)]


class _Answers(BaseModel):
    """All optional. In a PATCH: what is not sent stays, null takes it away, objects are merged, lists replaced."""

    model_config = ConfigDict(extra="forbid")


class Profile(_Answers):
    """Who the owner is and what the business is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"company_name": "Cabinet dentaire du Parc", "phone": "+33 4 78 0"}]},
    )
    contact_name: Line | None = Field(default=None, description="whom we talk to")
    contact_role: Line | None = None
    company_name: Line | None = Field(default=None, description="as callers hear it")
    industry: Industry | None = None
    company_size: Literal["1", "2-5", "6-20", "21-100", "101+"] | None = Field(default=None, description="people")
    country: Country | None = Field(default=None, description="ISO 3166 alpha-2", examples=["FR"])
    language: Language | None = Field(default=None, description="in which AVA's pages speak to the owner")
    address: Address | None = Field(default=None, description="where customers come to")
    access: Address | None = Field(default=None, description="how to get there: parking, floor, code")
    website: Address | None = Field(default=None, description="typed: an address that begins with https://")
    phone: ShortLine | None = Field(default=None, description="typed: E.164, or as it is written in `country`")


class Persona(_Answers):
    name: Line | None = Field(default=None, description="under which the assistant answers")
    greeting: Annotated[str, StringConstraints(max_length=400)] | None = Field(
        default=None, description="typed: may use {business} and {persona}; null: the preset's"
    )
    voice_id: Line | None = Field(default=None, description="of GET /v1/voices; null: the preset's")


class IntervalDraft(_Answers):
    opens: ShortLine | None = Field(default=None, description="typed: HH:MM", examples=["09:00"])
    closes: ShortLine | None = Field(default=None, description="typed: HH:MM; 00:00 is the end of the day")


Intervals = Annotated[list[IntervalDraft], Field(max_length=12)]


class ExceptionDraft(_Answers):
    """One day that differs; without intervals it is closed."""

    day: ShortLine | None = Field(default=None, description="typed: yyyy-mm-dd", examples=["2026-12-24"])
    intervals: Intervals | None = None
    reason: Line | None = None


class HoursDraft(_Answers):
    """`OpeningHours` in the making. To close a day send an empty list for it."""

    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = Field(default=None, examples=["Europe/Paris"])
    weekly: dict[Weekday, Intervals | None] | None = None
    exceptions: Annotated[list[ExceptionDraft], Field(max_length=200)] | None = None
    country: Country | None = Field(default=None, description="whose holidays count; null: the profile's country")
    subdivision: ShortLine | None = Field(default=None, description="ISO 3166-2 without the country, as in 67")
    closed_on_holidays: bool | None = None


class CalendarWish(_Answers):
    """Which account bookings go to. Its key is no onboarding answer: send it to PUT /v1/assistants/{id}/calendar."""

    provider: Literal["calcom"] | None = None
    region: Literal["us", "eu", "self_hosted"] | None = None
    base_url: Address | None = Field(default=None, description="typed: of a self-hosted one")


class Studio(_Answers):
    """What the assistant is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "persona": {"name": "Léa"},
                    "languages": ["fr", "en"],
                    "tone": "warm",
                    "hours": {
                        "time_zone": "Europe/Paris",
                        "weekly": {"monday": [{"opens": "09:00", "closes": "18:00"}], "sunday": []},
                    },
                }
            ]
        },
    )
    persona: Persona | None = None
    job: Job | None = Field(
        default=None,
        description="receptionist: everything the preset does; appointments: books, takes messages; messages: only takes"
        " messages; switchboard: also puts callers through to `transfer_number`",
    )
    languages: Languages | None = Field(default=None, description="the first is the one it answers in")
    tone: Tone | None = None
    guidelines: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None, description="typed: a rule a line, added to the preset's"
    )
    hours: HoursDraft | None = None
    transfer_number: ShortLine | None = Field(default=None, description="typed: who takes callers over")
    fallback_email: Annotated[str, StringConstraints(max_length=254)] | None = Field(
        default=None, description="typed: where messages are sent"
    )
    calendar: CalendarWish | None = None
    apps: Products | None = Field(default=None, description="what else the business works with", examples=[["slack"]])
    crm: Product | None = Field(default=None, examples=["hubspot"])
    plan: Literal["starter", "plus", "pro", "enterprise"] | None = None
    seats: int | None = Field(default=None, ge=1, le=10_000, description="people who will sign in")


class StepChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "done"}]})
    state: State


class StepView(BaseModel):
    step: Step
    state: State
    at: datetime | None = Field(description="since when it is in that state; null: it always was")
    can_be_skipped: bool


class Onboarding(BaseModel):
    """Everything answered so far, and how far that is."""

    profile: Profile
    studio: Studio
    steps: list[StepView] = Field(description="in the order they are meant to be taken")
    percent: int = Field(ge=0, le=100, description="of the steps, done or skipped")
    next_step: Step | None = Field(description="the first that is still to do")
    unfinished: list[FieldProblem] = Field(description="answers that are begun and not good yet; pointers into this")
    revision: int = Field(description="counts every change; the ETag is made of it")
    started_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    first_call_at: datetime | None = Field(description="when the first call that was answered began")
    time_to_first_call_seconds: float | None = Field(description="from started_at to first_call_at; the goal is 600")
