"""What the API takes and gives for calendars. A key comes in and never goes out: answers hold its preview."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, StringConstraints

from control_api.calendars.ports import Region
from control_api.errors import FieldProblem

State = Literal["ok", "key_refused", "unreachable", "misconfigured"]
ServiceId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$", max_length=40)]
EventTypeId = Annotated[int, Field(ge=1, le=2**31 - 1)]
EventTypeMap = Annotated[
    dict[ServiceId, EventTypeId],
    Field(max_length=200, description="service_id -> event_type_id", examples=[{"checkup": 101}]),
]


def _sendable(key: SecretStr) -> SecretStr:
    """Without the spaces that come along when it is pasted."""
    text = key.get_secret_value().strip()
    if len(text) < 8 or not all("!" <= letter <= "~" for letter in text):
        raise ValueError("this is no API key: it has at least 8 letters, digits and signs, and no space among them")
    return SecretStr(text)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CalendarConnect(_Body):
    """The key is tested before it is kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"region": "eu", "api_key": "cal_live_…", "event_types": {"checkup": 101}},
                {"region": "self_hosted", "base_url": "https://cal.example.org", "api_key": "cal_…"},
            ]
        },
    )
    provider: Literal["calcom"] = "calcom"
    region: Region = Field(description="where the account is: cal.com, cal.eu, or a server of your own")
    base_url: HttpUrl | None = Field(
        default=None, description="of a server of your own; https, and it ends before /v2", max_length=300
    )
    api_key: Annotated[SecretStr, AfterValidator(_sendable)] = Field(
        min_length=8, max_length=512, description="Cal.com: Settings, Developer, API keys"
    )
    event_types: EventTypeMap | None = Field(
        default=None, description="null: what was mapped stays, as far as the account still has it"
    )


class EventTypeMapping(_Body):
    """Which event type books which service; a service left out can't be booked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"event_types": {"checkup": 101}}]})
    event_types: EventTypeMap


class CalendarDetail(BaseModel):
    """One assistant's calendar. `warnings` keep nothing from working as it is set, and are probably not meant."""

    assistant_id: UUID
    provider: Literal["calcom"]
    region: Region | None = Field(description="null: the account of this deployment, connected by its operator")
    base_url: str | None
    key_preview: str | None = Field(examples=["cal_live_…3f9c"])
    account: str = Field(description="the account's user name at Cal.com")
    time_zone: str = Field(description="the account's time zone at Cal.com", examples=["Europe/Paris"])
    event_types: dict[str, int] = Field(description="service_id -> event_type_id", examples=[{"checkup": 101}])
    unmapped_services: list[str] = Field(description="services that can't be booked, since no event type is set")
    warnings: list[FieldProblem]
    tested_at: datetime | None
    test_state: State | None
    revision: int = Field(description="another one after every change; the ETag is made of it")
    created_at: datetime
    updated_at: datetime


class CalendarTest(BaseModel):
    """What became of one attempt to use the connection. `message` is for its owner."""

    state: State
    message: str
    latency_ms: int | None = Field(description="until Cal.com answered; null: it was not asked")
    account: str | None
    time_zone: str | None
    warnings: list[FieldProblem]
    tested_at: datetime


class MappedService(BaseModel):
    service_id: str
    name: str
    duration_minutes: int
    fits: bool = Field(description="false: another duration is booked than the service has")


class EventTypeSummary(BaseModel):
    """An event type of the account."""

    event_type_id: int
    title: str
    slug: str
    duration_minutes: int = Field(description="what is booked")
    duration_choices: list[int] = Field(description="what people may choose on its page at Cal.com; calls don't")
    hidden: bool = Field(description="not shown on the account's page at Cal.com; it can be booked by calls")
    services: list[MappedService] = Field(description="the services that it is mapped to")
