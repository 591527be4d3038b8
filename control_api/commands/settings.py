"""What commands read from the environment that the server does not need; `.env.example` documents each name."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from control_api.settings import SettingsMissing


class OperatorSettings(BaseSettings):
    """All optional: a command asks for what it needs."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    ava_database_url: SecretStr | None = None
    ava_sealing_keys: SecretStr | None = None


def needed_database_url(given: str | None) -> str:
    """Of the option, else of the environment. Raises SettingsMissing."""
    found = SecretStr(given) if given else OperatorSettings().ava_database_url
    if found is None:
        raise SettingsMissing(
            "settings: AVA_DATABASE_URL: missing. It is the database's own address, as in"
            " postgresql://postgres:…@db.<project>.supabase.co:5432/postgres: set it in the environment or in .env, or give"
            " --database-url."
        )
    return found.get_secret_value()


def needed_sealing_keys() -> SecretStr:
    """Raises SettingsMissing."""
    found = OperatorSettings().ava_sealing_keys
    if found is None:
        raise SettingsMissing(
            "settings: AVA_SEALING_KEYS: missing. Set it in the environment or in .env (see .env.example)."
        )
    return found
