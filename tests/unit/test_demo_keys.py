"""A typed call takes the real providers where a key is set, and says which."""

from pathlib import Path

import pytest

from agent.settings import Settings, load_settings
from demo.keys import real_settings

NAMES = (
    "OPENAI_API_KEY OPENAI_BASE_URL DEEPGRAM_API_KEY ELEVEN_API_KEY LANGFUSE_SECRET_KEY LANGFUSE_PUBLIC_KEY LLM_MODEL"
)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in NAMES.split():
        monkeypatch.delenv(name, raising=False)
    return load_settings(
        _env_file=None,
        openai_api_key="sk-demo",
        openai_base_url="http://127.0.0.1:1/v1",
        deepgram_api_key="dg-demo",
        deepgram_base_url="http://127.0.0.1:2/v1",
        eleven_api_key="el-demo",
        eleven_base_url="http://127.0.0.1:3/v1",
        supabase_url="http://127.0.0.1:4",
        supabase_service_role_key="sb_secret_x",
    )


def test_without_keys_nothing_is_real(stand_ins: Settings) -> None:
    settings, notes = real_settings(stand_ins, env_file=None)
    assert settings == stand_ins
    assert all("stand-in" in note for note in notes)


def test_a_key_in_env_file_makes_its_provider_real_and_no_other(stand_ins: Settings, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("OPENAI_API_KEY=sk-real-0123\nLLM_MODEL=a-model\n")
    settings, notes = real_settings(stand_ins, env_file=str(env))
    assert settings.openai_api_key.get_secret_value() == "sk-real-0123"
    assert str(settings.openai_base_url) == "https://api.openai.com/v1"
    assert settings.llm_model == "a-model"
    assert settings.deepgram_base_url == stand_ins.deepgram_base_url
    assert settings.supabase_url == stand_ins.supabase_url
    assert [note for note in notes if "the real one" in note] == ["OpenAI: the real one"]
    assert "sk-real" not in " ".join(notes)


def test_a_base_url_goes_with_its_key(stand_ins: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real-0123")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    settings, _ = real_settings(stand_ins, env_file=None)
    assert str(settings.openai_base_url) == "https://gateway.example/v1"
