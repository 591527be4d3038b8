"""What voices answer when something is wrong with them or their provider."""

from functools import partial
from typing import Any

import httpx
from pydantic import SecretStr

from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane
from tests.fakes.voice_provider import voices_anew

PATHS = {
    "list_voices": "/v1/voices",
    "list_voice_models": "/v1/voices/models",
    "get_voice": "/v1/voices/EXAVITQu4vr4xnSDxMaL",
    "preview_voice": "/v1/voices/EXAVITQu4vr4xnSDxMaL/preview",
}


async def _get(plane: ControlPlane, *, path: str) -> httpx.Response:
    return await (await plane.owner()).get(path)


async def _get_with_key(plane: ControlPlane, *, path: str, key: str | None) -> httpx.Response:
    async with voices_anew(plane, eleven_api_key=SecretStr(key) if key else None):
        return await _get(plane, path=path)


def _everywhere(code: str, key: str | None) -> list[Case]:
    return [Case(name, code, partial[Any](_get_with_key, path=path, key=key)) for name, path in PATHS.items()]


CASES: list[Case] = [
    *_everywhere("voices_unavailable", None),
    *_everywhere("voice_quota_exhausted", "spent-key"),
    Case("get_voice", "voice_not_found", partial(_get, path="/v1/voices/nobody")),
    Case("preview_voice", "voice_not_found", partial(_get, path="/v1/voices/nobody/preview")),
    Case(
        "preview_voice",
        "model_unsuitable",
        partial(_get, path="/v1/voices/ava-en-grace-00000001/preview?language=he&model=eleven_flash_v2_5"),
    ),
]
