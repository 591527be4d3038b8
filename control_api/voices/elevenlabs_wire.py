"""ElevenLabs' answers, as far as voices need them: shapes in, our types out, and what an error answer means. Pure.

What the provider says is taken as it comes from outside: rows that lack what they need are left out, texts are cut and cleaned.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from control_api.errors import Problem
from control_api.voices.errors import ModelUnsuitable, VoiceNotFound, VoiceQuotaExhausted, VoicesUnavailable
from control_api.voices.model import SpeechModel, Verified, Voice, gender_of, is_voice_id

_LANGUAGE = re.compile(r"^[a-z]{2,3}$")


def unavailable(detail: str, *, seconds: int = 5) -> VoicesUnavailable:
    return VoicesUnavailable(detail, headers={"retry-after": str(seconds)})


def body_of(data: bytes) -> dict[str, Any]:
    """An object. VoicesUnavailable for anything else."""
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise unavailable("the voice provider gave an answer that can't be read", seconds=30)
    return cast("dict[str, Any]", found)


def list_of(data: bytes) -> list[Any]:
    """A list. VoicesUnavailable for anything else."""
    return rows_of(body_of(b'{"rows":' + data + b"}"), "rows")


def rows_of(body: dict[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    if not isinstance(found, list):
        raise unavailable("the voice provider gave an answer that can't be read", seconds=30)
    return cast("list[Any]", found)


def problem_of(status: int, data: bytes) -> Problem:
    """An answer of 300 or more. A used-up quota comes as 401, like a wrong key: only `detail.status` tells them apart."""
    said = _status(data)
    if said == "quota_exceeded":
        return VoiceQuotaExhausted(VoiceQuotaExhausted.example, headers={"retry-after": "3600"})
    if status in (401, 403):
        return unavailable("the voice provider refuses this server's key: its operator must look", seconds=60)
    if said in ("voice_not_found", "invalid_uid") or status == 404:
        return VoiceNotFound("the provider has no such voice: see GET /v1/voices")
    if status in (400, 422):
        return ModelUnsuitable("the model does not take this voice or language: see GET /v1/voices/models")
    return unavailable(f"the voice provider is busy or out of order (HTTP {status}): send it again")


def _status(data: bytes) -> str:
    try:
        detail: Any = json.loads(data).get("detail")
        return str(detail.get("status", ""))
    except (ValueError, AttributeError, RecursionError):
        return ""


def voices_from(rows: list[Any]) -> list[Voice]:
    return [voice for row in rows if (voice := voice_from(row)) is not None]


def voice_from(row: Any) -> Voice | None:
    """None for what can't be asked for by its id."""
    told = _object(row)
    labels = _object(told.get("labels"))
    voice_id = told.get("voice_id")
    if not isinstance(voice_id, str) or not is_voice_id(voice_id):
        return None
    return Voice(
        voice_id=voice_id,
        name=_text(told.get("name"), 120),
        category=_text(told.get("category"), 40),
        description=_text(told.get("description"), 1000),
        language=_language(labels.get("language")),
        gender=gender_of(_text(labels.get("gender"), 40)),
        accent=_text(labels.get("accent"), 80),
        age=_text(labels.get("age"), 40),
        use_case=_text(labels.get("use_case"), 80),
        recording=_text(told.get("preview_url"), 2000) or None,
        verified=tuple(_verified(told.get("verified_languages"))),
    )


def _verified(rows: Any) -> Iterator[Verified]:
    for row in cast("list[Any]", rows) if isinstance(rows, list) else ():
        told = _object(row)
        language = _language(told.get("language"))
        if language is not None:
            yield Verified(
                language=language,
                model=_text(told.get("model_id"), 64),
                accent=_text(told.get("accent"), 80),
                recording=_text(told.get("preview_url"), 2000) or None,
            )


def models_from(rows: list[Any]) -> list[SpeechModel]:
    """Those that make speech of text."""
    return [
        SpeechModel(
            model_id=_text(told.get("model_id"), 64),
            name=_text(told.get("name"), 120),
            languages=frozenset(_languages(told.get("languages"))),
        )
        for told in map(_object, rows)
        if told.get("can_do_text_to_speech") is True and _text(told.get("model_id"), 64)
    ]


def _languages(rows: Any) -> Iterator[str]:
    for row in cast("list[Any]", rows) if isinstance(rows, list) else ():
        language = _language(_object(row).get("language_id"))
        if language is not None:
            yield language


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _language(value: Any) -> str | None:
    """ "en-US" -> "en"."""
    code = value.partition("-")[0].lower() if isinstance(value, str) else ""
    return code if _LANGUAGE.match(code) else None


def _text(value: Any, most: int) -> str:
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()[:most]
