"""Voices: chosen by ear and by what the provider vouches for. The same for every tenant: they are the deployment's account.

A sample that the provider has is passed on; where there is none in the language, a sentence is spoken in it, which costs
characters: kept for a day, and rationed per tenant.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from babel import Locale

from contracts.assistant import Language
from control_api.errors import FieldProblem, InvalidRequest
from control_api.paging import Page
from control_api.principal import Principal
from control_api.voices.errors import ModelUnsuitable, VoiceNotFound
from control_api.voices.model import Fit, Gender, Voice
from control_api.voices.ports import Allowance, VoiceLibrary
from control_api.voices.previews import Preview, PreviewShelf
from control_api.voices.schemas import ModelSummary, VerifiedLanguage, VoiceSummary

LANGUAGES: tuple[Language, ...] = get_args(Language)
_SENTENCES: dict[Language, str] = {
    "fr": "Bonjour, vous êtes bien au cabinet du Parc. Que puis-je faire pour vous ?",
    "en": "Good morning, you have reached the Park practice. How can I help you?",
    "he": "שלום, הגעתם למרפאת הפארק. במה אפשר לעזור?",
}
# Hebrew is spoken by the v3 family only.
_MODELS: dict[Language, str] = {"fr": "eleven_flash_v2_5", "en": "eleven_flash_v2_5", "he": "eleven_v3"}
_RANKS: dict[Fit, int] = {"native": 0, "verified": 1, "possible": 2}
Place = tuple[int, str, str]


@dataclass(frozen=True)
class Wanted:
    """`verified` False: with a language, also voices that only a model makes speak it."""

    language: Language | None
    gender: Gender | None
    search: str
    verified: bool

    def takes(self, voice: Voice) -> bool:
        return (
            (self.gender is None or voice.gender == self.gender)
            and (not self.search or voice.matches(self.search))
            and (self.language is None or not self.verified or voice.fit(self.language) != "possible")
        )

    def place(self, voice: Voice) -> Place:
        """Whose own language it is first, then by name."""
        rank = _RANKS[voice.fit(self.language)] if self.language else 0
        return rank, voice.name.casefold(), voice.voice_id


@dataclass(frozen=True)
class VoiceService:
    library: VoiceLibrary
    shelf: PreviewShelf
    allowance: Allowance

    async def find_page(self, wanted: Wanted, *, cursor: str | None, limit: int) -> Page[VoiceSummary]:
        after = _decode(cursor)
        found = sorted((v for v in await self.library.voices() if wanted.takes(v)), key=wanted.place)
        rest = [voice for voice in found if after is None or wanted.place(voice) > after]
        following = _encode(wanted.place(rest[limit - 1])) if len(rest) > limit else None
        return Page(items=[_summary(voice, wanted.language) for voice in rest[:limit]], next_cursor=following)

    async def get(self, voice_id: str) -> VoiceSummary:
        return _summary(await self._voice(voice_id), None)

    async def models(self) -> list[ModelSummary]:
        return [
            ModelSummary(
                model_id=model.model_id,
                name=model.name,
                languages=sorted(model.languages),
                speaks=[language for language in LANGUAGES if language in model.languages],
            )
            for model in await self.library.models()
        ]

    async def preview(
        self, principal: Principal, voice_id: str, *, language: Language | None, model: str | None
    ) -> Preview:
        voice = await self._voice(voice_id)

        async def make() -> bytes:
            url = voice.recording_of(language, model)
            recording = await self.library.find_recording(url) if url else None
            return recording if recording is not None else await self._spoken(principal, voice, language, model)

        return await self.shelf.get((voice_id, language, model), make)

    async def _spoken(self, principal: Principal, voice: Voice, language: Language | None, model: str | None) -> bytes:
        spoken = language or _own_language(voice)
        chosen = model or _MODELS[spoken]
        await self._insist_on(chosen, spoken)
        await self.allowance.spend(str(principal.tenant_id))
        return await self.library.speak(voice.voice_id, _SENTENCES[spoken], language=spoken, model=chosen)

    async def _insist_on(self, model: str, language: Language) -> None:
        """Before anything is spent."""
        known = {one.model_id: one for one in await self.library.models()}
        if model not in known:
            raise _unsuitable(f"the provider has no model {model}")
        if language not in known[model].languages:
            raise _unsuitable(f"{model} does not speak {Locale.parse(language).get_display_name('en')}")

    async def _voice(self, voice_id: str) -> Voice:
        voice = await self.library.find_voice(voice_id)
        if voice is None:
            raise VoiceNotFound("the provider has no such voice: see GET /v1/voices")
        return voice


def _own_language(voice: Voice) -> Language:
    """English for a voice whose own is none that assistants have."""
    own: dict[str | None, Language] = {language: language for language in LANGUAGES}
    return own.get(voice.language, "en")


def _unsuitable(reason: str) -> ModelUnsuitable:
    advice = "see GET /v1/voices/models"
    return ModelUnsuitable(
        f"{reason}: {advice}", errors=[FieldProblem(pointer="query.model", reason=reason, advice=advice)]
    )


def _summary(voice: Voice, language: Language | None) -> VoiceSummary:
    return VoiceSummary(
        voice_id=voice.voice_id,
        name=voice.name,
        category=voice.category,
        description=voice.description,
        language=voice.language,
        gender=voice.gender,
        accent=voice.accent,
        age=voice.age,
        use_case=voice.use_case,
        languages=_verified(voice),
        fit=voice.fit(language) if language else None,
        preview=f"/v1/voices/{voice.voice_id}/preview",
    )


def _verified(voice: Voice) -> list[VerifiedLanguage]:
    """By language, in the provider's order."""
    found: dict[str, VerifiedLanguage] = {}
    for one in voice.verified:
        entry = found.setdefault(one.language, VerifiedLanguage(language=one.language, models=[], accent=one.accent))
        if one.model and one.model not in entry.models:
            entry.models.append(one.model)
    return list(found.values())


def _encode(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> Place | None:
    """InvalidRequest for what never was a cursor of ours."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = cast("Sequence[Any]", json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        rank, name, voice_id = found
        if not (type(rank) is int and isinstance(name, str) and isinstance(voice_id, str)):
            raise TypeError
    except (ValueError, TypeError, RecursionError) as error:
        problem = FieldProblem(pointer="query.cursor", reason="not a cursor", advice="use next_cursor as it was given")
        raise InvalidRequest("the cursor can't be read", errors=[problem]) from error
    return rank, name, voice_id
