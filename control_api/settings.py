"""Everything the control plane reads from its environment; the only place that does. `.env.example` documents each name."""

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

    supabase_url: HttpUrl
    supabase_publishable_key: SecretStr | None = None
    supabase_anon_key: SecretStr | None = None
    supabase_secret_key: SecretStr | None = None
    supabase_service_role_key: SecretStr | None = None
    supabase_jwt_secret: SecretStr | None = None  # only for projects that still sign with HS256
    supabase_auth_url: HttpUrl | None = None  # where users sign in, if not at SUPABASE_URL; ends before /auth/v1

    clerk_issuer: HttpUrl | None = None
    clerk_authorized_parties: str = ""

    ava_sealing_keys: SecretStr
    ava_agent_name: str = "ava"
    ava_log_level: str = "INFO"

    ava_public_url: HttpUrl | None = None  # where this API is reached from outside: carriers ask there
    ava_api_host: str = "127.0.0.1"
    ava_api_port: int = 8080
    ava_api_cors_origins: str = ""
    ava_api_max_body_kib: int = Field(default=1024, ge=16, le=65_536)
    ava_rate_limit_per_address: str = "1200/minute"
    ava_rate_limit_per_principal: str = "600/minute"
    ava_rate_limit_storage: str = "async+memory://"
    ava_api_drain_seconds: int = Field(default=5, ge=0, le=300)

    livekit_url: str | None = None
    livekit_api_key: str | None = None
    livekit_api_secret: SecretStr | None = None
    livekit_public_url: str | None = None  # where browsers find it, if not at LIVEKIT_URL
    livekit_sip_uri: str | None = None  # where a carrier sends calls: sip:<project>.sip.livekit.cloud;transport=tcp
    livekit_sip_uri_standby: str | None = None  # and where those that it does not take

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_api_base_url: HttpUrl = HttpUrl("https://api.twilio.com")
    twilio_trunking_base_url: HttpUrl = HttpUrl("https://trunking.twilio.com")
    twilio_numbers_base_url: HttpUrl = HttpUrl("https://numbers.twilio.com")
    twilio_pricing_base_url: HttpUrl = HttpUrl("https://pricing.twilio.com")

    ava_numbers_completer_seconds: float = Field(
        default=5, ge=0, le=3600
    )  # 0: another process looks for abandoned work
    ava_planned_calls_seconds: float = Field(default=5, ge=0, le=3600)  # 0: another process places planned calls
    ava_calls_out_at_once: int = Field(default=4, ge=1, le=1000)  # of all tenants: each takes a place of those who ring

    ava_lost_call_seconds: int = Field(
        default=90, ge=1, le=3600
    )  # that a worker is given to close a call whose caller left

    ava_stranded_seconds: float = Field(
        default=6, ge=0, le=60
    )  # of a worker's silence, after which its callers are sent on; below 4 one that only starts anew would lose them

    eleven_api_key: SecretStr | None = None
    eleven_base_url: HttpUrl = HttpUrl("https://api.elevenlabs.io/v1")
    cal_us_base_url: HttpUrl = HttpUrl("https://api.cal.com")
    cal_eu_base_url: HttpUrl = HttpUrl("https://api.cal.eu")

    ava_recordings: str = ".ava/recordings"  # or s3://bucket/prefix; the worker's
    ava_recordings_endpoint: HttpUrl | None = None
    ava_recordings_region: str | None = None
    ava_recordings_access_key_id: str | None = None
    ava_recordings_secret_access_key: SecretStr | None = None
    ava_recording_link_seconds: int = Field(default=900, ge=10, le=86_400)

    ava_allow_private_addresses: bool = False  # tenants' own addresses may lead into this deployment's network
    ava_voice_previews_per_tenant: str = "60/hour"
    ava_test_calls_per_tenant: str = "30/hour"

    ava_database_url: SecretStr | None = None

    @property
    def public_url(self) -> str | None:
        return None if self.ava_public_url is None else str(self.ava_public_url).rstrip("/")

    @property
    def publishable_key(self) -> SecretStr:
        return self.supabase_publishable_key or self.supabase_anon_key or SecretStr("")

    @property
    def service_key(self) -> SecretStr:
        return self.supabase_secret_key or self.supabase_service_role_key or SecretStr("")

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
    def livekit(self) -> tuple[str, str, SecretStr] | None:
        """Address, key and secret; None where one is missing."""
        url, key, secret = self.livekit_url, self.livekit_api_key, self.livekit_api_secret
        return (url, key, secret) if url and key and secret else None

    @property
    def livekit_for_browsers(self) -> str | None:
        return self.livekit_public_url or self.livekit_url

    @property
    def cors_origins(self) -> list[str]:
        return _listed(self.ava_api_cors_origins)

    @property
    def authorized_parties(self) -> list[str]:
        return _listed(self.clerk_authorized_parties)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def load_settings(**values: Any) -> Settings:
    """Raises SettingsMissing with the name of every variable that is missing or wrong; never with a value."""
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, p['loc'])).upper()}: {_said(p['type'], p['msg'])}" for p in error.errors()]
        raise SettingsMissing(_advice(problems)) from None
    missing: list[str] = []
    if not settings.publishable_key.get_secret_value():
        missing.append("SUPABASE_PUBLISHABLE_KEY (or SUPABASE_ANON_KEY): missing")
    if not settings.service_key.get_secret_value():
        missing.append("SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY): missing")
    if missing:
        raise SettingsMissing(_advice(missing))
    return settings


def _said(kind: str, message: str) -> str:
    return "missing" if kind == "missing" else message.lower()


def _advice(problems: list[str]) -> str:
    return "settings: " + "; ".join(problems) + ". Set them in the environment or in .env (see .env.example)."
