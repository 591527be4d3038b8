"""What is missing or wrong is named; what is secret is never shown."""

import pytest

from agent.settings import Settings, SettingsMissing, export_livekit, load_settings

KEYS = {
    "openai_api_key": "sk-very-secret",
    "deepgram_api_key": "dg-very-secret",
    "eleven_api_key": "el-very-secret",
    "supabase_url": "https://x.supabase.co",
    "supabase_secret_key": "sb_secret_very-secret",
    "cal_api_key": "cal_very-secret",
    "ava_sealing_keys": "very-secret,very-secret",
    "langfuse_public_key": "pk-lf-1",
    "langfuse_secret_key": "sk-lf-very-secret",
    "livekit_url": "wss://x.livekit.cloud",
    "livekit_api_key": "APIkey",
    "livekit_api_secret": "lk-very-secret",
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def load(*, for_worker: bool = False, without: str = "", **values: object) -> Settings:
    given = {name: value for name, value in {**KEYS, **values}.items() if name != without}
    return load_settings(for_worker=for_worker, _env_file=None, **given)


@pytest.mark.parametrize("name", ["openai_api_key", "deepgram_api_key", "eleven_api_key", "supabase_url"])
def test_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsMissing, match=name.upper()):
        load(without=name)


@pytest.mark.parametrize("name", ["openai_api_key", "deepgram_api_key", "eleven_api_key"])
def test_empty_key_is_as_good_as_missing(name: str) -> None:
    with pytest.raises(SettingsMissing, match=f"{name.upper()}: missing"):
        load(**{name: ""})


@pytest.mark.parametrize("name", ["livekit_url", "livekit_api_key", "livekit_api_secret"])
def test_livekit_is_wanted_by_the_worker_only(name: str) -> None:
    assert load(without=name)
    with pytest.raises(SettingsMissing, match=name.upper()):
        load(for_worker=True, without=name)


def test_one_of_the_two_store_keys_is_enough() -> None:
    assert load(without="supabase_secret_key", supabase_service_role_key="jwt").store_key.get_secret_value() == "jwt"
    with pytest.raises(SettingsMissing, match="SUPABASE_SECRET_KEY"):
        load(without="supabase_secret_key")


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsMissing) as caught:
        load_settings(_env_file=None)
    for name in ("OPENAI_API_KEY", "DEEPGRAM_API_KEY", "ELEVEN_API_KEY", "SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        assert name in str(caught.value)
    assert ".env.example" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("openai_base_url", "very-secret no url"),
        ("ava_idle_processes", "very-secret"),
        ("ava_health_port", "very-secret"),
    ],
)
def test_wrong_variable_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsMissing) as caught:
        load(**{name: value})
    assert name.upper() in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert caught.value.__cause__ is None, "the cause would carry the value"


def test_no_key_shows_in_a_repr() -> None:
    settings = load(for_worker=True)
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in str(settings)
    assert "very-secret" not in repr(settings.model_dump())


def test_lines_of_the_example_that_were_left_empty_mean_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "CAL_API_KEY",
        "AVA_SEALING_KEYS",
        "SUPABASE_SECRET_KEY",
        "AVA_PROMETHEUS_PORT",
    ):
        monkeypatch.setenv(name, "")
    given = {"supabase_service_role_key": "jwt", **{k: KEYS[k] for k in list(KEYS)[:4]}}
    settings = load_settings(_env_file=None, **given)
    assert not settings.traces
    assert settings.cal_api_key is None
    assert settings.ava_sealing_keys is None
    assert settings.store_key.get_secret_value() == "jwt"
    assert settings.ava_prometheus_port is None


def test_wrong_and_missing_are_named_together() -> None:
    with pytest.raises(SettingsMissing) as caught:
        load(for_worker=True, without="livekit_url", ava_health_port="x")
    assert "AVA_HEALTH_PORT" in str(caught.value)
    assert "LIVEKIT_URL" in str(caught.value)


def test_traces_need_both_keys() -> None:
    assert load().traces
    assert not load(without="langfuse_secret_key").traces


def test_livekit_is_handed_on_to_job_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.setenv(name, "before")
    export_livekit(load())
    assert os.environ["LIVEKIT_API_SECRET"] == "lk-very-secret"
    assert os.environ["LIVEKIT_URL"] == "wss://x.livekit.cloud"
