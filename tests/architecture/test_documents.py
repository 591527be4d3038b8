"""What is written beside the code says the same as the code: prompts, presets, settings, README, lock."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml

from agent.settings import Settings
from contracts.assistant import AssistantConfig, Industry, Language
from contracts.prompting import unknown_names
from control_api.settings import Settings as ApiSettings
from sandbox.elevenlabs_account import FIRST_VOICES, MODELS

ROOT = Path(__file__).parents[2]
PROMPTS = sorted((ROOT / "prompts").glob("*.md"))
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
FIELDS = {**ApiSettings.model_fields, **Settings.model_fields}
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


def test_every_industry_has_a_preset_in_every_language() -> None:
    """None is missing, and no file is there that no owner could choose."""
    wanted = {f"{industry}.{language}.yaml" for industry in get_args(Industry) for language in get_args(Language)}
    assert {path.name for path in (ROOT / "presets").iterdir()} == wanted


def _preset(path: Path) -> AssistantConfig:
    return AssistantConfig.model_validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_preset_is_a_whole_assistant(preset: Path) -> None:
    config = _preset(preset)
    industry, language = preset.stem.split(".")
    assert (config.business.industry, config.language) == (industry, language)
    assert AssistantConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_preset_has_a_voice_that_speaks_its_language(preset: Path) -> None:
    """Hebrew needs the v3 family: the fast models refuse it, and callers would hear nothing."""
    config = _preset(preset)
    assert config.language in MODELS[config.voice.model]
    assert config.voice.voice_id in {voice.voice_id for voice in FIRST_VOICES}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_preset_leaves_nothing_that_an_owner_must_invent(preset: Path) -> None:
    """Rules, signs of urgency and what may then be said, answers with words to find them by, names callers use."""
    config = _preset(preset)
    assert len(config.rules) >= 4
    assert config.urgency.signs
    assert config.urgency.advice
    assert config.urgency.number
    assert len(config.faq) >= 6
    assert [entry.topic for entry in config.faq if not entry.keywords] == []
    assert [service.service_id for service in config.services if not service.aliases] == []
    assert all((config.business.address, config.business.access, config.business.team))
    assert config.farewell
    assert config.after_hours.notice
    assert config.recording.consent
    assert not config.recording.enabled
    assert config.speech_to_text.keyterms


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_every_service_of_a_preset_fits_into_its_opening_hours(preset: Path) -> None:
    """A visit that is longer than any stretch the business is open can't be booked, ever."""
    config = _preset(preset)
    assert config.hours.country
    assert config.hours.closed_on_holidays
    day = date(2026, 1, 1)
    stretches = [
        datetime.combine(day, i.closes) - datetime.combine(day, i.opens)
        for intervals in config.hours.weekly.values()
        for i in intervals
    ]
    longest = max(stretches)
    assert [s.service_id for s in config.services if timedelta(minutes=s.duration_minutes) > longest] == []


# Kept free for fiction by Arcep and Ofcom; Israel keeps none.
_FICTION = {
    "FR": re.compile(r"\+33(?:19900|26191|35301|46571|53649|63998)\d{4}"),
    "GB": re.compile(r"\+44(?:1(?:13|14|15|16|17|18|21|31|41|51|61)4960|2079460|1632960|1914980|289649|2920180)\d{3}"),
    "IL": re.compile(r"\+972[2-489]555\d{4}"),
}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_preset_reaches_nobody_real(preset: Path) -> None:
    """A preset that is published as it is rings and writes to nobody."""
    config = _preset(preset)
    assert _FICTION[config.hours.country or ""].fullmatch(config.transfer.number or "")
    addresses = [config.business.email, config.messages.fallback_email, config.business.website or ".example"]
    assert [address for address in addresses if not (address or "").endswith(".example")] == []


FIELDS = {**ApiSettings.model_fields, **Settings.model_fields}


def test_what_both_deployables_read_means_the_same_to_both() -> None:
    for name in ApiSettings.model_fields.keys() & Settings.model_fields.keys():
        mine, theirs = ApiSettings.model_fields[name], Settings.model_fields[name]
        if not (mine.is_required() or theirs.is_required() or name.endswith("_key")):
            assert mine.get_default() == theirs.get_default(), name


def _documented() -> dict[str, str]:
    """Every NAME=value of .env.example, those commented out included."""
    return {m[1]: m[2] for m in re.finditer(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", ENV, re.MULTILINE)}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = set(_documented())
    assert {field.upper() for field in Settings.model_fields} <= documented
    assert documented <= {field.upper() for field in FIELDS}


def test_documented_values_are_the_defaults() -> None:
    for variable, written in _documented().items():
        default = FIELDS[variable.lower()].get_default()
        if written and not variable.startswith(("LIVEKIT", "SUPABASE")) and default is not None:
            assert written.rstrip("/").lower() == str(default).rstrip("/").lower(), variable


def test_example_holds_no_key() -> None:
    keys = [v for v in _documented() if v.endswith(("_KEY", "_KEYS", "_SECRET", "_TOKEN"))]
    assert keys
    assert [v for v in keys if _documented()[v]] == []


@pytest.mark.parametrize("target", ["demo", "test", "talk", "bench", "load", "agent", "check", "api"])
def test_make_has_what_the_readme_promises(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("words", ["make demo", "make test", "make talk", "make agent", "make api"])
def test_readme_tells_a_newcomer_what_to_type(words: str) -> None:
    assert words in (ROOT / "README.md").read_text()


def test_readme_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    """It begins the record's title, too, and a record fits on a page; what the code names by number is there."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert [number for number, count in Counter(numbers).items() if count > 1] == []
    texts = {record.name: record.read_text() for record in records}
    assert [name for name, text in texts.items() if not text.startswith(f"# {name[:4]} ")] == []
    assert [name for name, text in texts.items() if len(text.splitlines()) > 30] == []
    sources = [path for path in ROOT.rglob("*.py") if not {".venv", "node_modules"} & set(path.parts)]
    named = {number for path in sources for number in re.findall(r"docs/decisions/(\d{4})", path.read_text())}
    assert named <= set(numbers)


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
