"""Which providers of a typed call are the real ones: those whose keys .env or the environment holds."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.settings import Settings

_PROVIDERS: dict[str, tuple[str, ...]] = {
    "OpenAI": ("openai_api_key", "openai_base_url"),
    "Deepgram": ("deepgram_api_key", "deepgram_base_url"),
    "ElevenLabs": ("eleven_api_key", "eleven_base_url"),
    "Langfuse": ("langfuse_secret_key", "langfuse_public_key", "langfuse_base_url"),
}


class _Keys(BaseSettings):
    """What may be there; nothing is required."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    llm_model: str | None = None
    llm_fallback_model: str | None = None
    deepgram_api_key: SecretStr | None = None
    deepgram_base_url: str | None = None
    eleven_api_key: SecretStr | None = None
    eleven_base_url: str | None = None
    langfuse_secret_key: SecretStr | None = None
    langfuse_public_key: str | None = None
    langfuse_base_url: str | None = None


def real_settings(stand_ins: Settings, *, env_file: str | None = ".env") -> tuple[Settings, list[str]]:
    """`stand_ins` with real providers where a key is set, and a sentence for each provider. The database and the calendar
    stay the demo's: a typed trial books in nobody's diary."""
    keys = _Keys(_env_file=env_file)  # pyright: ignore[reportCallIssue]  # pydantic-settings' own argument, not a field
    changes: dict[str, object] = {}
    notes: list[str] = []
    for provider, (key, *others) in _PROVIDERS.items():
        secret: SecretStr | None = getattr(keys, key)
        if secret is None or not secret.get_secret_value():
            notes.append(f"{provider}: the stand-in ({key.upper()} is not set)")
            continue
        notes.append(f"{provider}: the real one")
        changes[key] = secret
        for other in others:
            default: object = Settings.model_fields[other].default
            changes[other] = getattr(keys, other) or default
    for model in ("llm_model", "llm_fallback_model"):
        if "openai_api_key" in changes and (named := getattr(keys, model)):
            changes[model] = named
    return Settings.model_validate({**stand_ins.model_dump(), **changes}), notes
