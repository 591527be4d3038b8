"""The control plane's embedded world: database, sign-in, and stand-ins for the outside parties it talks to.

Owns: which stand-ins there are and the settings that name them: base URLs differ from a deployment's, nothing else.
Refuses: serving the API (`demo.api`), telephone calls (`demo.stack`).
"""

import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from control_api.settings import Settings, load_settings
from sandbox import livekit, twilio
from sandbox.database import Database
from sandbox.providers import StandIns
from store.vault import generate_key

STAND_INS = ("elevenlabs", "calcom", "issuer", "twilio", "livekit")
CAL_KEY = "cal_live_0123456789abcdef"


@dataclass(frozen=True)
class Platform:
    """`http` is for the stand-ins' controls."""

    database: Database
    urls: Mapping[str, str]
    settings: Settings
    http: httpx.AsyncClient = field(repr=False)

    async def control(self, app: str, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """A stand-in's `/_ctl` -> its JSON. Raises httpx.HTTPStatusError."""
        answer = await self.http.request(method, f"{self.urls[app]}/_ctl/{path}", json=body)
        return answer.raise_for_status().json()

    async def token(self, *, kind: str = "supabase", **wish: Any) -> tuple[str, str]:
        """Somebody signs in -> (token, subject). `kind`: supabase or clerk; the rest as `sandbox.issuer.TokenWish` says."""
        given = {name: value for name, value in wish.items() if value is not None}
        said = await self.control("issuer", "tokens", {"kind": kind, **given})
        return said["token"], said["subject"]


def settings_for(database: Database, urls: Mapping[str, str], **changes: Any) -> Settings:
    """What an operator puts in .env."""
    values: dict[str, Any] = {
        "supabase_url": database.url,
        "supabase_publishable_key": database.anon_key,
        "supabase_secret_key": database.service_key,
        "supabase_auth_url": urls["issuer"],
        "clerk_issuer": f"{urls['issuer']}/clerk",
        "clerk_authorized_parties": "http://localhost:3000",
        "ava_sealing_keys": generate_key(),
        "eleven_api_key": "el-demo",
        "eleven_base_url": f"{urls['elevenlabs']}/v1",
        "cal_us_base_url": urls["calcom"],
        "cal_eu_base_url": urls["calcom"],
        "livekit_url": urls["livekit"],
        "livekit_api_key": livekit.KEY,
        "livekit_api_secret": livekit.SECRET,
        "livekit_sip_uri": "sip:ava.sip.livekit.example;transport=tcp",
        "twilio_account_sid": twilio.ACCOUNT_SID,
        "twilio_auth_token": twilio.AUTH_TOKEN,
        **{f"twilio_{part}_base_url": urls["twilio"] for part in ("api", "trunking", "numbers", "pricing")},
        **changes,
    }
    return load_settings(_env_file=None, **values)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a deployment hands them to a process of its own: secrets in plain."""
    plain: dict[str, str] = {"PATH": os.environ.get("PATH", "")}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None and value != "":
            plain[name.upper()] = str(value.get_secret_value() if isinstance(value, SecretStr) else value)
    return plain


@asynccontextmanager
async def open_platform(
    database: Database, *, running: Mapping[str, str] | None = None, **changes: Any
) -> AsyncGenerator[Platform]:
    """`running`: stand-ins that are up already, by name, as of a `demo.stack.Stack`. `changes` are settings that differ."""
    known = dict(running or {})
    options = {"issuer": {"keys": json.dumps(dict(database.issuer_keys))}, "calcom": {"api_key": CAL_KEY}}
    missing = [name for name in STAND_INS if name not in known]
    starting = StandIns(missing, options=options) if missing else nullcontext(dict[str, str]())
    async with starting as started, httpx.AsyncClient(timeout=30) as http:
        urls = {**known, **started}
        yield Platform(database, urls, settings_for(database, urls, **changes), http)
