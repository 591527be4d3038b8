"""`./ava` as operators type it, as far as no database is needed."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_api.cli import app
from control_api.commands.settings import OperatorSettings
from control_api.settings import Settings
from store.vault import Vault

ROOT = Path(__file__).parents[2]
TENANT = "6f6d6c2a-51b4-4b8e-9d0f-0f9f6f1f8a11"
RING = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def ava(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """Where nothing is set and no .env lies."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.model_fields, *OperatorSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    return CliRunner()


def test_help_names_every_command(ava: CliRunner) -> None:
    """What there is, and that each says what it does."""
    said = ava.invoke(app, ["--help"])
    assert said.exit_code == 0
    for word in ("migrate", "keys", "numbers", "tenants", "tokens", "calls", "openapi"):
        assert word in said.stdout
        assert ava.invoke(app, [word, "--help"]).exit_code == 0


def test_the_launcher_runs_from_anywhere(tmp_path: Path) -> None:
    """`./ava` finds the project whatever folder it is called from, also through a link."""
    link = tmp_path / "ava"
    link.symlink_to(ROOT / "ava")
    said = subprocess.run(
        [link, "keys", "generate"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert Vault.from_keys(said.stdout.strip())


def test_a_new_key_is_printed_alone(ava: CliRunner) -> None:
    """It can go straight into a file; each is another."""
    first, second = [ava.invoke(app, ["keys", "generate"]) for _ in range(2)]
    assert (first.exit_code, first.stderr) == (0, "")
    assert Vault.from_keys(f"{first.stdout.strip()},{second.stdout.strip()}")


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (["migrate"], "AVA_DATABASE_URL"),
        (["keys", "rotate"], "AVA_SEALING_KEYS"),
        (["tenants", "create", "--name", "Nova", "--owner", "user_1"], "SUPABASE_URL"),
        (["tenants", "credit", TENANT], "SUPABASE_URL"),
        (["tokens", "list", "--tenant", TENANT], "SUPABASE_URL"),
        (["tokens", "create", "--tenant", TENANT, "--name", "x", "--scope", "calls:read"], "SUPABASE_URL"),
        (["numbers", "reconcile"], "SUPABASE_URL"),
        (["calls", "purge"], "SUPABASE_URL"),
    ],
)
def test_a_setting_that_is_missing_is_named(ava: CliRunner, arguments: list[str], variable: str) -> None:
    """Exit code 2, one sentence that says where to put it, no traceback."""
    said = ava.invoke(app, arguments)
    assert said.exit_code == 2
    assert said.stdout == ""
    assert said.stderr.startswith("ava: settings: ")
    assert f"{variable}: missing" in said.stderr
    assert ".env" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["tokens", "create", "--tenant", "x", "--name", "x", "--scope", "calls:read"], "--tenant"),
        (["tokens", "create", "--tenant", TENANT, "--name", "x", "--scope", "calls:rule"], "calls:rule"),
        (["tokens", "create", "--tenant", TENANT, "--name", "x", "--scope", "team:write"], "team:write"),
        (["tokens", "create", "--tenant", TENANT, "--name", "", "--scope", "calls:read"], "--name"),
        (["tokens", "create", "--tenant", TENANT, "--name", "x", "--scope", "calls:read", "--days", "0"], "--days"),
        (["tokens", "revoke", "--tenant", TENANT, "x"], "key_id"),
        (["tenants", "create", "--name", "x" * 121, "--owner", "user_1"], "--name"),
        (["tenants", "create", "--name", "Nova", "--owner", " "], "--owner"),
        (["tenants", "create", "--name", "Nova"], "--owner"),
        (["tenants", "credit", "x", "--out"], "tenant_id"),
        (["tenants", "credit", TENANT, "--lots"], "--lots"),
        (["dance"], "dance"),
    ],
)
def test_a_wrong_argument_is_named(ava: CliRunner, arguments: list[str], wrong: str) -> None:
    """Exit code 2, before anything is asked of anybody."""
    said = ava.invoke(app, arguments)
    assert said.exit_code == 2
    assert wrong in said.stderr


def test_a_ring_that_is_none_is_told_without_its_text(ava: CliRunner) -> None:
    """The place of the wrong key is named, no key is."""
    env = {"AVA_SEALING_KEYS": f"{RING},hunter2hunter2", "AVA_DATABASE_URL": "postgresql://localhost/x"}
    said = ava.invoke(app, ["keys", "rotate"], env=env)
    assert said.exit_code == 2
    assert "key 2 of 2" in said.stderr
    assert RING not in said.output
    assert "hunter2" not in said.output


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://postgres:hunter2@127.0.0.1:1/postgres", "can't be reached"),
        ("postgres//hunter2", "is no database address"),
        ("host=127.0.0.1 port=1 password=hunter2", "can't be reached"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(ava: CliRunner, url: str, words: str) -> None:
    """Exit code 1: it may be right and the database down."""
    said = ava.invoke(app, ["migrate", "--database-url", url])
    assert said.exit_code == 1
    assert words in said.stderr
    assert "hunter2" not in said.output


def test_openapi_needs_no_settings(ava: CliRunner) -> None:
    """The document is printed alone, whole, with every operation under an id of its own."""
    said = ava.invoke(app, ["openapi"])
    assert said.exit_code == 0, said.stderr
    document = json.loads(said.stdout)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) > 50
    assert "get_onboarding" in ids
    assert '"format": "time"' not in said.stdout  # which would have an offset; opening hours have none
