"""AssistantConfig: everything one published version of an assistant is. Always complete.

The agent's and the API's images roll at different times: every field added later has a default, and reading ignores
what it does not know (`read_config`), while writing forbids it (`AssistantConfig.model_validate`).
"""

import copy
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from contracts.errors import ConfigUnreadable
from contracts.hours import OpeningHours
from contracts.phone import E164

Language = Literal["fr", "en", "he"]
Industry = Literal["health", "beauty", "legal", "consulting", "ecommerce", "real_estate", "other"]
Tone = Literal["professional", "warm", "dynamic"]
ToolName = Literal["hours", "faq", "booking", "message", "transfer", "end_call"]
_KEYS = "pressed once the number answers: 0-9, *, #, and w to wait half a second; warm only, a SIP REFER presses none"
_Ordered = PlainSerializer(sorted, return_type=list[ToolName], when_used="json")  # one configuration, one JSON text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Business(_Part):
    name: str = Field(min_length=1, max_length=120)
    industry: Industry = "other"
    address: str = ""
    access: str = ""  # how to get there, parking, floor, code
    phone: E164 | None = None
    email: str | None = None
    website: str | None = None
    team: tuple[str, ...] = ()


class Service(_Part):
    """Something that can be booked. `service_id` is what the model names; `event_type` lives in the connection."""

    service_id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str
    duration_minutes: int = Field(ge=5, le=480)
    price: Decimal | None = None
    currency: str = "EUR"
    aliases: tuple[str, ...] = ()  # what callers call it
    note: str = ""


class FaqEntry(_Part):
    topic: str
    answer: str
    keywords: tuple[str, ...] = ()


class ElevenLabsVoice(_Part):
    provider: Literal["elevenlabs"] = "elevenlabs"
    voice_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")  # part of an address
    model: str = "eleven_flash_v2_5"  # speaks no Hebrew: the he presets use the v3 family
    speed: float = Field(default=1.0, ge=0.7, le=1.2)


class DeepgramSpeechToText(_Part):
    provider: Literal["deepgram"] = "deepgram"
    model: str = "nova-3"
    keyterms: tuple[str, ...] = ()


class OpenAILanguageModel(_Part):
    """`model` None: the deployment's LLM_MODEL, so that a shutdown of a model is one change. `fallback` likewise."""

    provider: Literal["openai"] = "openai"
    model: str | None = None
    fallback_model: str | None = None
    temperature: float | None = None


# Each becomes a union on `provider` with its second member.
Voice = ElevenLabsVoice
SpeechToText = DeepgramSpeechToText
LanguageModel = OpenAILanguageModel


class TurnTaking(_Part):
    """Seconds. Defaults are for the telephone: measured in bench/turns.py."""

    detection: Literal["model", "vad"] = "model"
    min_endpointing: float = Field(default=0.3, ge=0.0, le=2.0)
    max_endpointing: float = Field(default=2.5, ge=0.3, le=6.0)
    dictation_min_endpointing: float = Field(default=1.2, ge=0.3, le=5.0)  # while a name, e-mail or number is spelled
    min_interruption: float = Field(default=0.4, ge=0.1, le=2.0)
    false_interruption_timeout: float = Field(default=1.2, ge=0.5, le=5.0)


class Limits(_Part):
    """Wall-clock limits, in seconds, watched outside the turn machinery."""

    max_call: float = Field(default=900.0, ge=30.0, le=7200.0)
    silence_prompt: float = Field(default=8.0, ge=2.0, le=60.0)
    silence_hang_up: float = Field(default=20.0, ge=4.0, le=180.0)
    unproductive_turns: int = Field(default=6, ge=2, le=50)


class BookingPolicy(_Part):
    offered_slots: int = Field(default=3, ge=1, le=6)
    prefetch_days: int = Field(default=7, ge=1, le=21)
    hold_minutes: int = Field(default=5, ge=1, le=30)
    ask_email: bool = False
    identity_tries: int = Field(default=3, ge=1, le=5)


class TransferPolicy(_Part):
    mode: Literal["off", "cold", "warm"] = "off"
    number: E164 | None = None
    keys: str = Field(default="", pattern=r"^[0-9*#w]{0,32}$", description=_KEYS)
    when: str = ""  # in the owner's words, for the prompt

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.mode != "off" and self.number is None:
            raise ValueError("a transfer needs a number: set transfer.number, or transfer.mode to off")
        if self.mode == "cold" and self.keys:
            raise ValueError("a cold transfer presses no keys: set transfer.mode to warm, or leave transfer.keys out")
        return self


class Urgency(_Part):
    signs: tuple[str, ...] = ()
    advice: str = ""  # what may be said: an emergency number, a fast consultation; never medical advice
    number: str | None = None


class MessagePolicy(_Part):
    fallback_email: str | None = None


class Recording(_Part):
    enabled: bool = False
    consent: str = ""


class AfterHours(_Part):
    behaviour: Literal["answer", "message", "closed_notice"] = "answer"
    notice: str = ""


class AssistantConfig(_Part):
    persona_name: str = "Ava"
    business: Business
    language: Language = "fr"
    other_languages: tuple[Language, ...] = ()
    tone: Tone = "warm"
    greeting: str = Field(min_length=1, max_length=400)
    farewell: str = ""
    rules: tuple[str, ...] = ()
    hours: OpeningHours
    after_hours: AfterHours = AfterHours()
    services: tuple[Service, ...] = ()
    faq: tuple[FaqEntry, ...] = ()
    voice: Voice
    speech_to_text: SpeechToText = DeepgramSpeechToText()
    language_model: LanguageModel = OpenAILanguageModel()
    turn_taking: TurnTaking = TurnTaking()
    limits: Limits = Limits()
    booking: BookingPolicy = BookingPolicy()
    tools: Annotated[frozenset[ToolName], _Ordered] = frozenset({"hours", "faq", "message", "end_call"})
    transfer: TransferPolicy = TransferPolicy()
    urgency: Urgency = Urgency()
    messages: MessagePolicy = MessagePolicy()
    recording: Recording = Recording()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({service.service_id for service in self.services}) != len(self.services):
            raise ValueError("two services share a service_id: give each its own")
        if "booking" in self.tools and not self.services:
            raise ValueError("booking is on but there is no service to book: add one, or take booking out of tools")
        if "transfer" in self.tools and self.transfer.mode == "off":
            raise ValueError("the transfer tool is on but transfer.mode is off: set a mode and a number")
        return self

    def service(self, service_id: str) -> Service | None:
        return next((s for s in self.services if s.service_id == service_id), None)


def _prune(data: Any, error: ValidationError) -> Any:
    """`data` without the fields that the validation called extra."""
    for problem in error.errors():
        if problem["type"] != "extra_forbidden":
            continue
        place: Any = data
        for step in problem["loc"][:-1]:
            place = place[step]
        place.pop(problem["loc"][-1], None)
    return data


def read_config(stored: dict[str, Any]) -> AssistantConfig:
    """A stored version -> AssistantConfig; fields this image does not know are ignored.

    Raises ConfigUnreadable with the names of the fields that are missing or wrong, never with their values.
    """
    try:
        return AssistantConfig.model_validate(stored)
    except ValidationError as first:
        try:
            return AssistantConfig.model_validate(_prune(copy.deepcopy(stored), first))
        except ValidationError as error:
            fields = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'config'}: {p['msg']}" for p in error.errors()[:5])
            raise ConfigUnreadable(f"the published version can't be read: {fields}") from error
