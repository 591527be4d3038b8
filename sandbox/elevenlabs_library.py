"""The part of the ElevenLabs stand-in that does not speak: voices with their samples, models, the subscription.

Owns: these answers and ``/_ctl/voices``. Refuses: what the account holds (`sandbox.elevenlabs_account`), speech
(`sandbox.elevenlabs`). What it stands for and what it cannot show is said there.
"""

import asyncio
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.elevenlabs_account import MODELS, SAMPLES, Refusal, Service, Voice, error_body, recorded_sample

_CHARACTER_LIMIT: Final = 1_000_000


class LibraryEndpoints:
    """Over one `Service`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        guard = self._service.switchboard.guard
        return [
            Route("/v1/models", guard("models", self._models, error_body=error_body)),
            Route("/v1/voices", guard("voices", self._voices, error_body=error_body)),
            Route("/v2/voices", guard("voices", self._voices, error_body=error_body)),
            Route("/v1/voices/{voice_id}", guard("voices", self._voice, error_body=error_body)),
            Route("/v1/user/subscription", guard("subscription", self._subscription, error_body=error_body)),
            Route("/previews/{voice_id}/{language}.mp3", guard("preview", self._preview, error_body=error_body)),
            Route("/_ctl/voices", self._add_voices, methods=["POST"]),
        ]

    async def _models(self, request: Request) -> Response:
        if (refused := self._key_refused(request)) is not None:
            return refused
        models = [
            {
                "model_id": model_id,
                "name": model_id,
                "can_do_text_to_speech": True,
                "max_characters_request_subscribed_user": 40_000,
                "languages": [{"language_id": code, "name": code} for code in languages],
            }
            for model_id, languages in MODELS.items()
        ]
        return JSONResponse(models)

    async def _voices(self, request: Request) -> Response:
        if (refused := self._key_refused(request)) is not None:
            return refused
        query = request.query_params
        search, language = query.get("search", "").lower(), query.get("language")
        found = [
            voice
            for voice in self._service.voices.values()
            if search in voice.name.lower() and language in (None, voice.labels.get("language"))
        ]
        if request.url.path.startswith("/v1"):
            return JSONResponse({"voices": [voice.answer(str(request.base_url)) for voice in found]})
        try:
            size, start = int(query.get("page_size", "10")), int(query.get("next_page_token") or "0")
        except ValueError:
            return Refusal(400, "invalid_request", "page_size and next_page_token").response()
        end = start + max(1, min(size, 100))
        more = end < len(found)
        page = [voice.answer(str(request.base_url)) for voice in found[start:end]]
        token = str(end) if more else None
        return JSONResponse({"voices": page, "has_more": more, "total_count": len(found), "next_page_token": token})

    async def _voice(self, request: Request) -> Response:
        if (refused := self._key_refused(request)) is not None:
            return refused
        voice_id = str(request.path_params["voice_id"])
        voice = self._service.voices.get(voice_id)
        if voice is None:
            return Refusal(404, "voice_not_found", f"A voice with the voice_id {voice_id} was not found.").response()
        return JSONResponse(voice.answer(str(request.base_url)))

    async def _preview(self, request: Request) -> Response:
        voice = self._service.voices.get(str(request.path_params["voice_id"]))
        language = str(request.path_params["language"])
        if voice is None or language not in voice.recorded or language not in SAMPLES:
            return Response(status_code=404)
        return Response(await asyncio.to_thread(recorded_sample, language), media_type="audio/mpeg")

    async def _subscription(self, request: Request) -> Response:
        if (refused := self._key_refused(request)) is not None:
            return refused
        return JSONResponse(
            {
                "tier": "creator",
                "status": "active",
                "character_count": self._service.characters_used,
                "character_limit": _CHARACTER_LIMIT,
                "next_character_count_reset_unix": 1_900_000_000,
            }
        )

    def _key_refused(self, request: Request) -> Response | None:
        try:
            self._service.check_key(request)
        except Refusal as refusal:
            return refusal.response()
        return None

    async def _add_voices(self, request: Request) -> Response:
        try:
            voices = TypeAdapter(list[Voice]).validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        self._service.voices.update({voice.voice_id: voice for voice in voices})
        return JSONResponse({"voices": len(self._service.voices)})
