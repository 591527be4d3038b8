"""What is written beside the code says the same as the code: prompts, presets, settings, README, lock."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from agent.settings import Settings
from contracts.assistant import AssistantConfig
from contracts.prompting import unknown_names

ROOT = Path(__file__).parents[2]
PROMPTS = sorted((ROOT / "prompts").glob("*.md"))
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
ENV = (ROOT / ".env.example").read_text()


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda p: p.stem)
def test_prompt_uses_only_known_names(prompt: Path) -> None:
    text = prompt.read_text()
    assert unknown_names(text) == set()
    stray = re.sub(r"\{[a-z_]+\}", "", text)
    assert "{" not in stray
    assert "}" not in stray


def test_prompts_hold_markdown_only() -> None:
    assert {p.suffix for p in (ROOT / "prompts").iterdir()} == {".md"}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_preset_is_a_whole_assistant(preset: Path) -> None:
    config = AssistantConfig.model_validate(yaml.safe_load(preset.read_text()))
    industry, language = preset.stem.split(".")
    assert (config.business.industry, config.language) == (industry, language)
    assert AssistantConfig.model_validate(config.model_dump(mode="json")) == config


def _documented() -> dict[str, str]:
    """Every NAME=value of .env.example, those commented out included."""
    return {m[1]: m[2] for m in re.finditer(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", ENV, re.MULTILINE)}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert set(_documented()) == {field.upper() for field in Settings.model_fields}


def test_documented_values_are_the_defaults() -> None:
    for variable, written in _documented().items():
        default = Settings.model_fields[variable.lower()].get_default()
        if written and not variable.startswith(("LIVEKIT", "SUPABASE")) and default is not None:
            assert written.rstrip("/").lower() == str(default).rstrip("/").lower(), variable


def test_example_holds_no_key() -> None:
    keys = [v for v in _documented() if v.endswith(("_KEY", "_SECRET"))]
    assert keys
    assert [v for v in keys if _documented()[v]] == []


@pytest.mark.parametrize("target", ["demo", "test", "talk", "bench", "agent", "check"])
def test_make_has_what_the_readme_promises(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("words", ["make demo", "make test", "make talk", "make agent"])
def test_readme_tells_a_newcomer_what_to_type(words: str) -> None:
    assert words in (ROOT / "README.md").read_text()


def test_readme_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def _plain(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


def test_lock_is_in_step_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {m.lower().replace("_", "-") for m in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}
    assert {_plain(r) for r in wanted} - pinned == set()
    assert lock.count("--hash=sha256:") >= len(pinned), "every wheel is pinned by its hash"


def test_lock_names_no_registry() -> None:
    assert "index-url" not in (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("command", ["start", "check"])
def test_worker_without_keys_names_every_variable_and_ends(command: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "agent", command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2, run.stderr[-2000:]
    for variable in (
        "OPENAI_API_KEY", "DEEPGRAM_API_KEY", "ELEVEN_API_KEY", "SUPABASE_URL", "SUPABASE_SECRET_KEY",
        "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET",
    ):  # fmt: skip
        assert variable in run.stderr, variable
    assert "Traceback" not in run.stderr
