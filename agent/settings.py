"""Everything the agent reads from its environment; the only place that does. `.env.example` documents each name."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.recordings.place import Place


class SettingsMissing(Exception):
    """Names the variables that are missing or wrong, and where to put them."""


class Settings(BaseSettings):
    """Keys are SecretStr: they show in no repr and no log. Base URLs default to the providers' public ones."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # a line of .env.example that was left as it is means: not set
        extra="ignore",
        frozen=True,
    )

    livekit_url: str | None = None
    livekit_api_key: str | None = None
    livekit_api_secret: SecretStr | None = None

    openai_api_key: SecretStr
    openai_base_url: HttpUrl = HttpUrl("https://api.openai.com/v1")
    llm_model: str = "gpt-5.4-mini"
    llm_fallback_model: str = "gpt-5.6-luna"
    deepgram_api_key: SecretStr
    deepgram_base_url: HttpUrl = HttpUrl("https://api.deepgram.com/v1")
    eleven_api_key: SecretStr
    eleven_base_url: HttpUrl = HttpUrl("https://api.elevenlabs.io/v1")

    supabase_url: HttpUrl
    supabase_service_role_key: SecretStr | None = None
    supabase_secret_key: SecretStr | None = None

    ava_sealing_keys: SecretStr | None = None  # without it, assistants with a calendar key of their own don't book

    cal_api_key: SecretStr | None = None
    cal_base_url: HttpUrl = HttpUrl("https://api.cal.com")

    langfuse_public_key: str | None = None
    langfuse_secret_key: SecretStr | None = None
    langfuse_base_url: HttpUrl = HttpUrl("https://cloud.langfuse.com")
    langfuse_content: bool = False  # transcripts and prompts in traces: personal data, off unless chosen

    ava_recordings: str = ".ava/recordings"  # or s3://bucket/prefix
    ava_recordings_endpoint: HttpUrl | None = None
    ava_recordings_region: str | None = None
    ava_recordings_access_key_id: str | None = None
    ava_recordings_secret_access_key: SecretStr | None = None

    ava_agent_name: str = "ava"
    ava_data_dir: Path = Path(".ava/agent")
    ava_log_level: str = "INFO"
    ava_idle_processes: int = Field(default=12, ge=1)  # calls of one second that need not wait for a process
    ava_max_calls: int | None = Field(default=None, ge=1)  # at once; None: as many a core as agent/worker.py says
    ava_load_threshold: float = Field(default=0.7, gt=0)  # of the machine's CPU: above it no call is taken
    ava_health_host: str = ""  # every interface: whoever asks after a container's health is outside of it
    ava_health_port: int = 8081
    ava_prometheus_port: int | None = None

    @property
    def store_key(self) -> SecretStr:
        key = self.supabase_secret_key or self.supabase_service_role_key
        if key is None:
            raise SettingsMissing(_advice(["SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY)"]))
        return key

    @property
    def recordings(self) -> Place:
        return Place(
            self.ava_recordings,
            endpoint=str(self.ava_recordings_endpoint) if self.ava_recordings_endpoint else None,
            region=self.ava_recordings_region,
            access_key_id=self.ava_recordings_access_key_id,
            secret_access_key=self.ava_recordings_secret_access_key,
        )

    @property
    def traces(self) -> bool:
        return self.langfuse_public_key is not None and self.langfuse_secret_key is not None


def _advice(problems: list[str]) -> str:
    return "settings: " + "; ".join(problems) + ". Set them in the environment or in .env (see .env.example)."


def load_settings(*, for_worker: bool = False, **values: Any) -> Settings:
    """Raises SettingsMissing with the name of every variable that is missing or wrong; never with a value."""
    problems: dict[str, str] = {}
    settings: Settings | None = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems = {".".join(map(str, p["loc"])).upper(): p["msg"].lower() for p in error.errors()}
    for name in _missing(_Keys(**values), for_worker=for_worker):
        problems.setdefault(name, "missing")
    if settings is None or problems:
        raise SettingsMissing(_advice([f"{name}: {problem}" for name, problem in problems.items()]))
    return settings


class _Keys(BaseSettings):
    """What must not be empty, read apart from `Settings`, so that one run names all that is missing."""

    model_config = Settings.model_config
    openai_api_key: Any = None
    deepgram_api_key: Any = None
    eleven_api_key: Any = None
    supabase_secret_key: Any = None
    supabase_service_role_key: Any = None
    livekit_url: Any = None
    livekit_api_key: Any = None
    livekit_api_secret: Any = None


def _missing(keys: _Keys, *, for_worker: bool) -> list[str]:
    wanted = ["openai_api_key", "deepgram_api_key", "eleven_api_key"]
    if for_worker:
        wanted += ["livekit_url", "livekit_api_key", "livekit_api_secret"]
    empty = [name.upper() for name in wanted if not getattr(keys, name)]
    if not keys.supabase_secret_key and not keys.supabase_service_role_key:
        empty.append("SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY)")
    return empty


_LOOP_BLOCKED_MS = "1000"  # at the framework's 100, a burst of calls spends its time on writing that it has none


def export_livekit(settings: Settings) -> None:
    """livekit-agents hands its link to job processes through these variables only, and what its loop monitor warns of."""
    for level in ("WARN", "ERROR"):
        os.environ.setdefault(f"LIVEKIT_AGENTS_LOOP_BLOCK_{level}_MS", _LOOP_BLOCKED_MS)
    if settings.livekit_url and settings.livekit_api_key and settings.livekit_api_secret:
        os.environ["LIVEKIT_URL"] = settings.livekit_url
        os.environ["LIVEKIT_API_KEY"] = settings.livekit_api_key
        os.environ["LIVEKIT_API_SECRET"] = settings.livekit_api_secret.get_secret_value()
