"""From what an owner answered to the body of `POST /v1/assistants`: the preset of the trade and the language, with changes.

Owns: what answers mean for an assistant. What is true only of the business that a preset was written as (its address, team,
numbers, prices, what it says about itself) is left out: a caller must not hear it of another one.
Refuses: making the assistant.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field

from contracts.assistant import (
    AssistantConfig,
    Business,
    FaqEntry,
    Industry,
    Language,
    MessagePolicy,
    Service,
    Tone,
    ToolName,
    TransferPolicy,
    Voice,
)
from contracts.hours import OpeningHours
from control_api.errors import FieldProblem
from control_api.onboarding.errors import OnboardingIncomplete
from control_api.onboarding.finishing import Answers
from control_api.onboarding.ports import PresetShelf
from control_api.onboarding.schemas import Job

_TOOLS_OF: dict[Job, frozenset[ToolName]] = {
    "receptionist": frozenset({"hours", "faq", "booking", "message", "transfer", "end_call"}),
    "appointments": frozenset({"hours", "faq", "booking", "message", "end_call"}),
    "messages": frozenset({"hours", "faq", "message", "end_call"}),
    "switchboard": frozenset({"hours", "faq", "message", "transfer", "end_call"}),
}


class PresetChosen(BaseModel):
    industry: Industry
    language: Language


class AssistantChanges(BaseModel):
    """Those of an assistant's fields that the answers say something about. What is not here stays as in the preset."""

    persona_name: str | None = None
    business: Business
    other_languages: list[Language]
    tone: Tone | None = None
    greeting: str | None = None
    rules: list[str]
    hours: OpeningHours
    services: list[Service] = Field(description="the preset's, without its prices")
    faq: list[FaqEntry] = Field(description="empty: what a business says about itself is its own")
    voice: Voice | None = None
    tools: list[ToolName]
    transfer: TransferPolicy
    messages: MessagePolicy


class AssistantRequest(BaseModel):
    """Send it to `POST /v1/assistants` as it is."""

    name: str
    preset: PresetChosen
    changes: AssistantChanges


def assistant_request(answers: Answers, presets: PresetShelf) -> AssistantRequest:
    """Raises OnboardingIncomplete for what an assistant can't be made without."""
    industry, languages, hours = answers.profile.industry, answers.studio.languages, answers.hours
    company = (answers.profile.company_name or "").strip()
    if not company or industry is None or not languages or hours is None:
        raise _incomplete(list(_missing(answers)))
    preset = presets.find(industry, languages[0])
    if preset is None:
        raise _incomplete([_missing_one("/profile/industry", "there is no preset for it", "see GET /v1/presets")])
    tools = _tools(answers, preset)
    changes = AssistantChanges(
        business=Business(
            name=company,
            industry=industry,
            address=answers.profile.address or "",
            access=answers.profile.access or "",
            phone=answers.phone,
            website=answers.website,
        ),
        other_languages=languages[1:],
        rules=[*preset.rules, *_rules(answers.studio.guidelines)],
        hours=hours,
        services=[service.model_copy(update={"price": None, "note": ""}) for service in preset.services],
        faq=[],
        tools=sorted(tools),
        transfer=_transfer(answers, preset) if "transfer" in tools else TransferPolicy(mode="off"),
        messages=MessagePolicy(fallback_email=answers.fallback_email),
        **_chosen(answers, preset, presets),
    )
    return AssistantRequest(
        name=company, preset=PresetChosen(industry=industry, language=languages[0]), changes=changes
    )


def _missing(answers: Answers) -> Iterator[FieldProblem]:
    if not (answers.profile.company_name or "").strip():
        yield _missing_one("/profile/company_name", "callers must hear whom they reached", "give the business's name")
    if answers.profile.industry is None:
        yield _missing_one("/profile/industry", "the preset is chosen by it", "choose one")
    if not answers.studio.languages:
        yield _missing_one("/studio/languages", "the preset is chosen by the first of them", "choose at least one")
    if answers.hours is None:
        found = [problem for problem in answers.unfinished() if problem.pointer.startswith("/studio/hours")]
        yield from found or [_missing_one("/studio/hours", "callers ask for them", "give the opening hours")]


def _missing_one(pointer: str, reason: str, advice: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, reason=reason, advice=advice)


def _incomplete(problems: list[FieldProblem]) -> OnboardingIncomplete:
    are = "1 answer is" if len(problems) == 1 else f"{len(problems)} answers are"
    return OnboardingIncomplete(f"{are} missing before there can be an assistant: see errors", errors=problems)


def _tools(answers: Answers, preset: AssistantConfig) -> frozenset[ToolName]:
    tools = _TOOLS_OF[answers.studio.job or "receptionist"]
    tools = tools if answers.studio.job == "switchboard" else tools & preset.tools
    return tools if answers.transfer_number else tools - {"transfer"}


def _transfer(answers: Answers, preset: AssistantConfig) -> TransferPolicy:
    mode = "cold" if preset.transfer.mode == "off" else preset.transfer.mode
    return TransferPolicy(mode=mode, number=answers.transfer_number, when=preset.transfer.when)


def _rules(guidelines: str | None) -> Iterator[str]:
    for line in (guidelines or "").splitlines():
        if rule := line.strip().removeprefix("-").strip():
            yield rule


def _chosen(answers: Answers, preset: AssistantConfig, presets: PresetShelf) -> dict[str, Any]:
    """What was left to the preset is not in it."""
    persona = answers.studio.persona
    greeting = (persona and persona.greeting or "").strip()
    name = (persona and persona.name or "").strip()
    voice = _voice(answers, preset, presets)
    return {
        **({"persona_name": name} if name else {}),
        **({"greeting": greeting} if greeting else {}),
        **({"tone": answers.studio.tone} if answers.studio.tone else {}),
        **({"voice": voice} if voice != preset.voice else {}),
    }


def _voice(answers: Answers, preset: AssistantConfig, presets: PresetShelf) -> Voice:
    """Of the wanted languages only Hebrew needs a model that is slower to speak: the one of the Hebrew presets."""
    voice = preset.voice
    persona = answers.studio.persona
    if persona is not None and (persona.voice_id or "").strip():
        voice = voice.model_copy(update={"voice_id": (persona.voice_id or "").strip()})
    hebrew = presets.find(preset.business.industry, "he")
    if hebrew is not None and "he" in (answers.studio.languages or ()):
        voice = voice.model_copy(update={"model": hebrew.voice.model})
    return voice
