"""ElevenLabs behind what the control plane asks of voices.

Owns: deadlines, bounds on answers, which hosts a sample may be fetched from, and how long what it said is used. Refuses:
shapes (`elevenlabs_wire`), choosing a voice or a model. The key goes to the provider's base address and nowhere else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.assistant import Language
from control_api.recent import Recent
from control_api.voices.elevenlabs_wire import (
    body_of,
    list_of,
    models_from,
    problem_of,
    rows_of,
    unavailable,
    voice_from,
    voices_from,
)
from control_api.voices.errors import ModelUnsuitable, VoiceNotFound
from control_api.voices.model import SpeechModel, Voice, is_voice_id
from control_api.voices.snapshot import Snapshot

_KEEP_SECONDS = 600.0
_READ_SECONDS = 5.0
_LIST_SECONDS = 15.0
_SPEAK_SECONDS = 20.0
_MOST_ANSWER = 8 * 1024 * 1024
_MOST_AUDIO = 2 * 1024 * 1024
_PAGE = 100
_PAGES = 30
_MP3 = "mp3_44100_128"
# Where the provider keeps its samples.
_SAMPLES_AT = ("storage.googleapis.com", "/eleven-public-prod/")
_OWN_DOMAIN = ".elevenlabs.io"


class ElevenLabsLibrary:
    """`base_url` may end with /v1. Without a key every method raises VoicesUnavailable."""

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, api_key: SecretStr | None) -> None:
        self._http = http
        self._base = base_url.rstrip("/").removesuffix("/v1")
        self._origin = httpx.URL(self._base)
        self._key = api_key
        self._found: Recent[str, Voice] = Recent(seconds=_KEEP_SECONDS, most=1000)
        self._voices: Snapshot[Sequence[Voice]] = Snapshot("voices", self._read_voices)
        self._models: Snapshot[Sequence[SpeechModel]] = Snapshot("models", self._read_models)

    async def voices(self) -> Sequence[Voice]:
        return await self._voices.get()

    async def models(self) -> Sequence[SpeechModel]:
        return await self._models.get()

    async def find_voice(self, voice_id: str) -> Voice | None:
        if not is_voice_id(voice_id):
            return None
        known = self._found.get(voice_id)
        if known is not None:
            return known
        try:
            known = voice_from(body_of(await self._ask("GET", f"/v1/voices/{voice_id}")))
        except (VoiceNotFound, ModelUnsuitable):  # 400: an id that never was one
            return None
        if known is not None:
            self._found.put(voice_id, known)
        return known

    async def find_recording(self, url: str) -> bytes | None:
        if not self._is_providers(url):
            return None
        status, data = await self._exchange("GET", url, seconds=_READ_SECONDS, most=_MOST_AUDIO)
        if status >= 500 or status == 429:
            raise problem_of(status, b"")
        return data if status == 200 and _is_mp3(data) else None

    async def speak(self, voice_id: str, text: str, *, language: Language, model: str) -> bytes:
        if not is_voice_id(voice_id):
            raise VoiceNotFound(VoiceNotFound.example)
        body: dict[str, Any] = {"model_id": model}
        if model.startswith(("eleven_v3", "eleven_v4")):
            path = "/v1/text-to-dialogue/stream"
            body |= {"inputs": [{"text": text, "voice_id": voice_id}], "language_code": language}
        else:
            path = f"/v1/text-to-speech/{voice_id}/stream"
            body |= {"text": text} | ({"language_code": language} if model.endswith("_v2_5") else {})
        data = await self._ask(
            "POST", path, body=body, params={"output_format": _MP3}, seconds=_SPEAK_SECONDS, most=_MOST_AUDIO
        )
        if not _is_mp3(data):
            raise unavailable("the voice provider gave an answer that is no sound", seconds=30)
        return data

    async def _read_voices(self) -> Sequence[Voice]:
        found: dict[str, Voice] = {}
        params = {"page_size": str(_PAGE)}
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                for _ in range(_PAGES):
                    body = body_of(await self._ask("GET", "/v2/voices", params=params))
                    found |= {voice.voice_id: voice for voice in voices_from(rows_of(body, "voices"))}
                    token = body.get("next_page_token")
                    if not body.get("has_more") or not isinstance(token, str) or not token:
                        break
                    params = {"page_size": str(_PAGE), "next_page_token": token}
        except TimeoutError:
            raise unavailable("the voice provider did not answer in time: send it again") from None
        return tuple(found.values())

    async def _read_models(self) -> Sequence[SpeechModel]:
        return tuple(models_from(list_of(await self._ask("GET", "/v1/models"))))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        seconds: float = _READ_SECONDS,
        most: int = _MOST_ANSWER,
    ) -> bytes:
        """With the key. Raises what `problem_of` says of any answer but 200."""
        if self._key is None:
            raise unavailable("no voice provider is set up here: its operator must set ELEVEN_API_KEY", seconds=60)
        status, data = await self._exchange(
            method,
            self._base + path,
            params=params,
            json=body,
            headers={"xi-api-key": self._key.get_secret_value()},
            seconds=seconds,
            most=most,
        )
        if status != 200:
            raise problem_of(status, data)
        return data

    async def _exchange(self, method: str, url: str, *, seconds: float, most: int, **options: Any) -> tuple[int, bytes]:
        """-> status and body, `most` bytes at most. Follows no redirect: a sample must come from where it was looked up."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream(method, url, timeout=seconds, follow_redirects=False, **options) as response,
            ):
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > most:
                        raise unavailable("the voice provider's answer is too long", seconds=60)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            slow = isinstance(error, httpx.TimeoutException | TimeoutError)
            what = "did not answer in time" if slow else "can't be reached"
            raise unavailable(f"the voice provider {what}: send it again") from None
        return response.status_code, bytes(body)

    def _is_providers(self, text: str) -> bool:
        """Samples are fetched from the provider's own hosts only, whatever its answer says."""
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL:
            return False
        path = url.raw_path.decode("ascii").lower().replace("%2e", ".")
        if url.userinfo or ".." in path:
            return False
        if (url.scheme, url.host, url.port) == (self._origin.scheme, self._origin.host, self._origin.port):
            return True
        if url.scheme != "https" or url.port is not None:
            return False
        host, folder = _SAMPLES_AT
        return url.host.endswith(_OWN_DOMAIN) or (url.host == host and path.startswith(folder))


def _is_mp3(data: bytes) -> bool:
    """An ID3 tag or an MPEG frame at its beginning."""
    return data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)
