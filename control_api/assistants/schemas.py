"""What the API takes and gives for assistants.

`AssistantPatch` has every field of `AssistantConfig`, all optional (an architecture test compares them): what is not sent
stays, what is sent replaces the whole field, and null puts a field back to its default.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.assistant import (
    AfterHours,
    AssistantConfig,
    BookingPolicy,
    Business,
    FaqEntry,
    Industry,
    Language,
    LanguageModel,
    Limits,
    MessagePolicy,
    Recording,
    Service,
    SpeechToText,
    Tone,
    ToolName,
    TransferPolicy,
    TurnTaking,
    Urgency,
    Voice,
)
from contracts.hours import OpeningHours
from control_api.errors import FieldProblem

Status = Literal["active", "paused", "archived"]
Name = Field(min_length=1, max_length=120, description="for the owner's eyes; callers hear the business's name")
Note = Field(default="", max_length=500, description="why, for whoever reads the versions later")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AssistantPatch(_Body):
    """Only what is to change. Objects and lists are replaced whole; null puts a field back to its default."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"greeting": "{business}, bonjour !", "tone": "professional"}]},
    )
    name: str | None = Field(default=None, min_length=1, max_length=120)
    note: str | None = Field(default=None, max_length=500)

    persona_name: str | None = None
    business: Business | None = None
    language: Language | None = None
    other_languages: tuple[Language, ...] | None = None
    tone: Tone | None = None
    greeting: str | None = None
    farewell: str | None = None
    rules: tuple[str, ...] | None = None
    hours: OpeningHours | None = None
    after_hours: AfterHours | None = None
    services: tuple[Service, ...] | None = None
    faq: tuple[FaqEntry, ...] | None = None
    voice: Voice | None = None
    speech_to_text: SpeechToText | None = None
    language_model: LanguageModel | None = None
    turn_taking: TurnTaking | None = None
    limits: Limits | None = None
    booking: BookingPolicy | None = None
    tools: frozenset[ToolName] | None = None
    transfer: TransferPolicy | None = None
    urgency: Urgency | None = None
    messages: MessagePolicy | None = None
    recording: Recording | None = None

    def apply(self, current: AssistantConfig) -> AssistantConfig:
        """-> a whole, valid configuration. Raises pydantic.ValidationError where the result is none."""
        return self.apply_stored(current.model_dump(mode="json"))

    def apply_stored(self, stored: Mapping[str, Any]) -> AssistantConfig:
        """As `apply`, onto a configuration as it is stored. A field that this release does not know is refused, too."""
        changed = dict(stored)
        for name in self.config_fields:
            value = getattr(self, name)
            if value is None:
                changed.pop(name, None)
            else:
                changed[name] = self.model_dump(mode="json", include={name})[name]
        return AssistantConfig.model_validate(changed)

    @property
    def config_fields(self) -> set[str]:
        return self.model_fields_set & set(AssistantConfig.model_fields)


class PresetChoice(_Body):
    industry: Industry
    language: Language


class AssistantCreate(_Body):
    """From a preset, with what is to differ; or from a whole configuration."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Accueil",
                    "preset": {"industry": "health", "language": "fr"},
                    "changes": {"persona_name": "Léa"},
                }
            ]
        },
    )
    name: str | None = Field(default=None, min_length=1, max_length=120)
    preset: PresetChoice | None = None
    changes: AssistantPatch | None = None
    config: AssistantConfig | None = None


class PublishRequest(_Body):
    version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="null: the draft")


class RollbackRequest(_Body):
    version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="null: what was live before")


class DuplicateRequest(_Body):
    name: str | None = Field(default=None, min_length=1, max_length=120)


class StatusRequest(_Body):
    status: Status


class ToolSwitches(_Body):
    """true switches on, false off; what is not named stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"booking": True, "transfer": False}]})
    hours: bool | None = None
    faq: bool | None = None
    booking: bool | None = None
    message: bool | None = None
    transfer: bool | None = None
    end_call: bool | None = None

    def apply(self, tools: frozenset[ToolName]) -> frozenset[ToolName]:
        chosen: dict[str, bool] = {name: value for name, value in self.model_dump().items() if value is not None}
        on = {name for name, value in chosen.items() if value}
        off = chosen.keys() - on
        return frozenset(AssistantPatch.model_validate({"tools": sorted((tools | on) - off)}).tools or ())


class AssistantSummary(BaseModel):
    """One line of the list."""

    assistant_id: UUID
    name: str
    status: Status
    preset: str | None = Field(description="what it was made from, as in health.fr")
    draft_version: int
    published_version: int | None = Field(description="null: not live yet")
    revision: int = Field(description="counts every change; the ETag is made of it")
    created_at: datetime
    updated_at: datetime


class AssistantDetail(AssistantSummary):
    """`config` is the draft's; null where this release can't read it, and `problem` says why."""

    config: AssistantConfig | None
    problem: str | None = None


class VersionSummary(BaseModel):
    version: int
    note: str
    created_by: str
    created_at: datetime


class VersionDetail(VersionSummary):
    config: AssistantConfig | None
    problem: str | None = None


class Difference(BaseModel):
    """One place at which two versions differ; the side that lacks it is null."""

    pointer: str
    before: Any = None
    after: Any = None


class VersionDiff(BaseModel):
    before: int
    after: int
    differences: list[Difference]


class Publication(BaseModel):
    version: int
    previous_version: int | None
    kind: Literal["publish", "rollback"]
    published_by: str
    published_at: datetime


class Verdict(BaseModel):
    """`errors` keep it from going live, `warnings` don't."""

    ok: bool
    errors: list[FieldProblem]
    warnings: list[FieldProblem]


class PromptPreview(BaseModel):
    """What callers hear first and what the model is told, at one moment."""

    version: int
    at: datetime
    greeting: str
    prompt: str
    characters: int
