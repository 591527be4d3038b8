"""Before the first call: is each key accepted? A key that is refused is said with its variable's name and stops the start;
a provider that does not answer is said and does not, because a worker must come up while a provider is down."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import HttpUrl, SecretStr

from agent.settings import Settings
from contracts.errors import DomainError, StoreUnavailable
from store.calls import open_store
from store.recordings.place import VARIABLE as RECORDINGS
from store.recordings.place import PlaceMisconfigured
from store.recordings.shelf import RecordingsRefused, RecordingsUnavailable, open_shelf
from store.vault import VARIABLE, Vault, VaultMisconfigured

_DEADLINE = 5.0
_REFUSED = (401, 403)


@dataclass(frozen=True)
class Finding:
    variable: str
    state: Literal["accepted", "refused", "unreachable"]
    advice: str = ""


async def check_keys(settings: Settings) -> list[Finding]:
    """One cheap read per provider, all at once, at most 5 s."""
    bearer, token = "Bearer {}", "Token {}"
    async with httpx.AsyncClient(timeout=_DEADLINE) as http:
        asked: list[Coroutine[Any, Any, Finding]] = [
            _ask(http, "OPENAI", settings.openai_base_url, "/models", settings.openai_api_key, bearer),
            _ask(http, "DEEPGRAM", settings.deepgram_base_url, "/projects", settings.deepgram_api_key, token),
            _ask(
                http, "ELEVEN", settings.eleven_base_url, "/models", settings.eleven_api_key, "{}", header="xi-api-key"
            ),
            _ask_store(settings),
        ]
        if settings.cal_api_key is not None:
            asked.append(_ask(http, "CAL", settings.cal_base_url, "/v2/me", settings.cal_api_key, bearer))
        return [*_check_vault(settings), *await asyncio.gather(*asked, _check_recordings(settings))]


def _check_vault(settings: Settings) -> list[Finding]:
    if settings.ava_sealing_keys is None:
        return []
    try:
        Vault.from_keys(settings.ava_sealing_keys)
    except VaultMisconfigured as error:
        return [Finding(VARIABLE, "refused", str(error))]
    return [Finding(VARIABLE, "accepted")]


async def _ask(
    http: httpx.AsyncClient,
    prefix: str,
    base: HttpUrl,
    path: str,
    key: SecretStr,
    scheme: str,
    *,
    header: str = "Authorization",
) -> Finding:
    variable = f"{prefix}_API_KEY"
    try:
        answer = await http.get(
            f"{str(base).rstrip('/')}{path}", headers={header: scheme.format(key.get_secret_value())}
        )
    except httpx.HTTPError as error:
        return Finding(f"{prefix}_BASE_URL", "unreachable", f"no answer from {base.host} ({type(error).__name__})")
    if answer.status_code in _REFUSED and not _out_of_quota(answer):
        return Finding(variable, "refused", f"{base.host} answered {answer.status_code}: is it the right key?")
    if answer.is_error:
        return Finding(variable, "unreachable", f"{base.host} answered {answer.status_code}")
    return Finding(variable, "accepted")


def _out_of_quota(answer: httpx.Response) -> bool:
    """ElevenLabs answers 401 for an exhausted plan too: that key is right."""
    return "quota_exceeded" in answer.text


async def _check_recordings(settings: Settings) -> Finding:
    """Writes an object, finds it, removes it."""
    try:
        shelf = open_shelf(settings.recordings)
        with tempfile.NamedTemporaryFile(suffix=".txt") as trial:
            await asyncio.to_thread(Path(trial.name).write_bytes, b"AVA looks whether it may write here.\n")
            async with asyncio.timeout(_DEADLINE):
                await shelf.check(Path(trial.name))
    except (PlaceMisconfigured, RecordingsRefused) as error:
        return Finding(RECORDINGS, "refused", str(error))
    except (RecordingsUnavailable, TimeoutError) as error:
        return Finding(RECORDINGS, "unreachable", str(error) or f"no answer within {_DEADLINE:.0f} s")
    return Finding(RECORDINGS, "accepted")


async def _ask_store(settings: Settings) -> Finding:
    variable = "SUPABASE_SECRET_KEY" if settings.supabase_secret_key else "SUPABASE_SERVICE_ROLE_KEY"
    try:
        store = await open_store(
            str(settings.supabase_url).rstrip("/"), settings.store_key.get_secret_value(), seconds=_DEADLINE
        )
        try:
            await store.ping()
        finally:
            await store.aclose()
    except StoreUnavailable as error:
        return Finding("SUPABASE_URL", "unreachable", str(error))
    except DomainError as error:
        return Finding(variable, "refused", str(error))
    return Finding(variable, "accepted")
