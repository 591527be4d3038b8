"""What is wrong with a configuration that is valid in itself: found before a caller finds it.

Owns: the rules that need more than the fields themselves (a voice that exists, a model that speaks the language, a prompt
that is not too long), each with what to do. Refuses: types and ranges (`contracts.assistant`), storing anything.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from babel import Locale

from briefing.prompt import receptionist_prompt
from contracts.assistant import AssistantConfig
from contracts.errors import DomainError
from contracts.prompting import PromptFields
from control_api.assistants.ports import VoiceCatalogue
from control_api.errors import FieldProblem

# About 8,000 tokens: past that the first token of every turn comes noticeably later.
MOST_PROMPT_CHARACTERS = 24_000
_GREETING_NAMES = frozenset({"persona", "business"})
_NAME = re.compile(r"\{([a-z_]+)\}")


@dataclass
class Findings:
    errors: list[FieldProblem] = field(default_factory=list[FieldProblem])
    warnings: list[FieldProblem] = field(default_factory=list[FieldProblem])


async def check(config: AssistantConfig, *, voices: VoiceCatalogue, now: datetime) -> Findings:
    """Never raises for what is wrong with `config`; a voice provider that can't be asked is a warning."""
    found = Findings()
    found.errors.extend(_template_names(config))
    found.errors.extend(_prompt_length(config, now))
    found.errors.extend(_languages(config))
    found.warnings.extend(_holes(config))
    try:
        found.errors.extend([problem async for problem in _voice(config, voices)])
    except DomainError as error:
        if not error.retryable:
            raise
        advice = "it is checked again when you publish"
        found.warnings.append(
            FieldProblem(pointer="/voice", reason="the voice provider can't be asked just now", advice=advice)
        )
    return found


def _template_names(config: AssistantConfig) -> Iterator[FieldProblem]:
    for pointer, text in _texts(config):
        names = set(_NAME.findall(text))
        known = _GREETING_NAMES if pointer == "/greeting" else frozenset[str]()
        for name in sorted(names - known):
            yield FieldProblem(
                pointer=pointer, reason=f"there is no name {{{name}}}", advice=_name_advice(pointer, name)
            )


def _name_advice(pointer: str, name: str) -> str:
    if pointer == "/greeting":
        return "a greeting may use {persona} and {business}; write the rest out"
    in_prompt = name in PromptFields.__dataclass_fields__
    return "names are filled in in the prompt only: write it out" if in_prompt else "write it out, without braces"


def _texts(config: AssistantConfig) -> Iterator[tuple[str, str]]:
    yield "/greeting", config.greeting
    yield "/farewell", config.farewell
    yield "/after_hours/notice", config.after_hours.notice
    yield "/recording/consent", config.recording.consent
    yield "/urgency/advice", config.urgency.advice
    yield "/transfer/when", config.transfer.when
    for index, rule in enumerate(config.rules):
        yield f"/rules/{index}", rule
    for index, entry in enumerate(config.faq):
        yield f"/faq/{index}/answer", entry.answer


def _prompt_length(config: AssistantConfig, now: datetime) -> Iterator[FieldProblem]:
    length = len(receptionist_prompt(config, now=now, caller_known=True))
    if length > MOST_PROMPT_CHARACTERS:
        yield FieldProblem(
            pointer="/rules",
            reason=f"the prompt has {length} characters; {MOST_PROMPT_CHARACTERS} is the most",
            advice="shorten rules, services' notes and topics: a long prompt makes every answer slower",
        )


def _languages(config: AssistantConfig) -> Iterator[FieldProblem]:
    if config.language in config.other_languages:
        yield FieldProblem(
            pointer="/other_languages", reason="the main language is among the others", advice="leave it out there"
        )


def _holes(config: AssistantConfig) -> Iterator[FieldProblem]:
    if not any(config.hours.weekly.values()):
        yield FieldProblem(pointer="/hours/weekly", reason="the business is never open", advice="give its hours")
    if config.hours.closed_on_holidays and not config.hours.country:
        yield FieldProblem(
            pointer="/hours/country", reason="holidays are not known without a country", advice="give it, as in FR"
        )
    if "message" in config.tools and not config.messages.fallback_email:
        yield FieldProblem(
            pointer="/messages/fallback_email", reason="messages reach nobody by e-mail", advice="give an address"
        )
    if config.recording.enabled and not config.recording.consent:
        yield FieldProblem(
            pointer="/recording/consent",
            reason="calls are recorded and callers are not told",
            advice="write the sentence",
        )


async def _voice(config: AssistantConfig, voices: VoiceCatalogue) -> AsyncIterator[FieldProblem]:
    languages = await voices.languages_of(config.voice.model)
    if languages is None:
        yield FieldProblem(
            pointer="/voice/model", reason="the provider has no such model", advice="see GET /v1/voices/models"
        )
    else:
        for language in (config.language, *config.other_languages):
            if language not in languages:
                spoken = Locale.parse(language).get_display_name("en")
                yield FieldProblem(
                    pointer="/voice/model",
                    reason=f"{config.voice.model} does not speak {spoken}",
                    advice="choose a model that does: see GET /v1/voices/models",
                )
    if await voices.find_voice(config.voice.voice_id) is None:
        yield FieldProblem(
            pointer="/voice/voice_id", reason="the provider has no such voice", advice="see GET /v1/voices"
        )


def differences(before: Any, after: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON documents differ: (JSON pointer, before, after), objects member by member, lists as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        for key in sorted({*old, *new}):
            step = key.replace("~", "~0").replace("/", "~1")
            yield from differences(old.get(key), new.get(key), f"{place}/{step}")
    elif before != after:
        yield place or "/", before, after
