"""`./ava` on a real database: migrations applied as an operator applies them, keys changed, tenants and tokens made."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.rows import dict_row
from typer.testing import CliRunner, Result

from control_api.api_keys import hash_key
from control_api.cli import app
from control_api.commands.settings import OperatorSettings
from control_api.settings import Settings
from sandbox.database import Database
from sandbox.migrations import OWNER, bootstrap
from sandbox.postgres import OutsidePostgres, create_database, drop_database
from store.migrations import MigrationFailed, apply_pending, connected, find_migrations, standing, statements
from store.vault import generate_key

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]
ALL = [migration.label for migration in find_migrations()]
Row = dict[str, Any]


@pytest.fixture
def ava(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CliRunner]:
    """Where nothing is set and no .env lies. A command sets up logs for its own process: they are put back."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.model_fields, *OperatorSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    logs = structlog.get_config()
    yield CliRunner()
    structlog.configure(**logs)


@pytest.fixture
def server(ava: CliRunner, database_stack: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """With the settings of an API server on the test's database."""
    monkeypatch.setenv("SUPABASE_URL", database_stack.url)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", database_stack.anon_key)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", database_stack.service_key)
    monkeypatch.setenv("AVA_SEALING_KEYS", generate_key().get_secret_value())
    monkeypatch.setenv("AVA_RECORDINGS", str(tmp_path / "recordings"))
    return ava


@pytest.fixture
def project(database_stack: Database) -> Iterator[str]:
    """A new hosted project, as a role signs in there that is no superuser: nothing migrated, and no record of it."""
    admin, name = OutsidePostgres(database_stack.postgres_url), f"project_{uuid4().hex[:8]}"
    create_database(admin, name, owner=OWNER)
    bootstrap(admin.url(name))
    with psycopg.connect(admin.url(name), autocommit=True) as connection:
        connection.execute("drop schema supabase_migrations cascade")
        connection.execute(
            sql.SQL("create role {} login password 'hunter2' in role {}").format(
                sql.Identifier(name), sql.Identifier(OWNER)
            )
        )
    place = urlsplit(admin.url(name))
    yield urlunsplit(place._replace(netloc=f"{name}:hunter2@{place.hostname}:{place.port}"))
    drop_database(admin, name)
    with psycopg.connect(database_stack.postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def rows(url: str, statement: str) -> list[Row]:
    with (
        psycopg.connect(url, options=f"-c role={OWNER}") as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(statement.encode()).fetchall()


def migrate(ava: CliRunner, url: str, *options: str) -> Result:
    return ava.invoke(app, ["migrate", "--role", OWNER, *options], env={"AVA_DATABASE_URL": url})


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


_RECORD = "select version, name, statements from supabase_migrations.schema_migrations order by version"
_COLUMNS = (
    "select table_name, column_name, data_type from information_schema.columns"
    " where table_schema = 'public' order by table_name, column_name"
)


class TestMigrate:
    def test_a_new_project_is_brought_to_this_release(
        self, ava: CliRunner, project: str, database_stack: Database
    ) -> None:
        """A dry run says what there is to do and does nothing; then each file is applied, in order, as no superuser, and
        recorded as the Supabase CLI records it; a second run finds nothing to do."""
        dry = done(migrate(ava, project, "--dry-run"))
        assert dry.stdout.splitlines() == [f"would apply {label}" for label in ALL]
        assert rows(project, "select 1 from pg_namespace where nspname = 'supabase_migrations'") == []
        real = done(migrate(ava, project))
        assert (real.stdout.splitlines(), real.stderr) == ([f"applied {label}" for label in ALL], "")
        assert rows(project, _RECORD) == [
            {"version": m.version, "name": m.name, "statements": statements(m.path.read_text())}
            for m in find_migrations()
        ]
        assert done(migrate(ava, project)).stdout == "nothing to apply\n"
        assert done(migrate(ava, project, "--dry-run")).stdout == "nothing to apply\n"
        assert rows(project, _COLUMNS) == database_stack.select(_COLUMNS)

    def test_recorded_statements_are_the_file(self, project: str) -> None:
        """Whoever applies what was recorded, one statement after the other, gets the same database: nothing is torn."""
        with connected(project, role=OWNER) as connection:
            for migration in find_migrations():
                with connection.transaction():
                    for statement in statements(migration.path.read_text(encoding="utf-8")):
                        connection.execute(statement.encode())
        assert len(rows(project, _COLUMNS)) > 100

    def test_two_at_once_apply_each_file_once(self, project: str) -> None:
        """A deployment that starts twice: both end well, and every file was applied by one of them."""
        command = [ROOT / "ava", "migrate", "--role", OWNER, "--json"]
        environment = {**os.environ, "AVA_DATABASE_URL": project}
        both = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=120) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        applied = [label for out, _ in said for label in json.loads(out)["applied"]]
        assert sorted(applied) == ALL

    def test_two_who_both_found_no_record_make_one(self, project: str) -> None:
        """Both look, find none, and wait for their turn: the second sees what the first has made meanwhile."""

        def migrated() -> list[str]:
            with connected(project, role=OWNER) as connection:
                return [migration.label for migration in apply_pending(connection)]

        waiting = (
            "select from pg_locks where locktype = 'advisory' and objid = 7126002 and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        with ThreadPoolExecutor(2) as pool:
            with psycopg.connect(project) as first:
                first.execute("select pg_advisory_xact_lock(7126002)")
                both = [pool.submit(migrated) for _ in range(2)]
                deadline = time.monotonic() + 30
                while len(rows(project, waiting)) < 2 and not any(one.done() for one in both):
                    assert time.monotonic() < deadline, "they never waited"
            applied = [label for one in both for label in one.result(timeout=120)]
        assert sorted(applied) == ALL

    def test_what_the_supabase_cli_applied_is_not_applied_again(self, ava: CliRunner, project: str) -> None:
        """It keeps its record in the same place, and made that itself."""
        first = find_migrations()[0]
        with connected(project, role=OWNER) as connection:
            connection.execute(first.path.read_bytes())
            connection.execute("create schema supabase_migrations")
            connection.execute(
                "create table supabase_migrations.schema_migrations"
                " (version text not null primary key, statements text[], name text)"
            )
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name) values (%s, %s)",
                (first.version, first.name),
            )
        assert done(migrate(ava, project)).stdout.splitlines() == [f"applied {label}" for label in ALL[1:]]

    def test_a_broken_file_is_named_with_its_line(self, project: str, tmp_path: Path) -> None:
        """What came before it stays, of itself nothing does, no row is quoted, and once repaired it applies."""
        (tmp_path / "20260101000000_create_first.sql").write_text("create table public.first (phone text);")
        broken = tmp_path / "20260102000000_fill_first.sql"
        broken.write_text(
            "insert into public.first values ('+33611111111'), ('+33611111111');\n"
            "create unique index first_phone_key on public.first (phone);"
        )
        with (
            pytest.raises(MigrationFailed, match=r"20260102000000_fill_first\.sql: could not create unique") as failed,
            connected(project, role=OWNER) as connection,
        ):
            list(apply_pending(connection, tmp_path))
        assert "+336" not in str(failed.value)
        broken.write_text("select 1;\n\nselect nonsense;")
        with (
            pytest.raises(MigrationFailed, match=r"fill_first\.sql, line 3: column"),
            connected(project, role=OWNER) as connection,
        ):
            list(apply_pending(connection, tmp_path))
        broken.write_text("insert into public.first values ('+33611111111');")
        with connected(project, role=OWNER) as connection:
            assert [migration.version for migration in apply_pending(connection, tmp_path)] == ["20260102000000"]
            assert standing(connection, tmp_path).pending == ()

    def test_a_newer_database_is_told(self, ava: CliRunner, project: str) -> None:
        """After a roll-back of the release: nothing is undone, and the operator knows."""
        done(migrate(ava, project))
        with connected(project, role=OWNER) as connection:
            connection.execute("insert into supabase_migrations.schema_migrations (version) values ('29991231000000')")
        said = done(migrate(ava, project))
        assert "1 migrations that this release does not know" in said.stderr
        assert json.loads(done(migrate(ava, project, "--json")).stdout) == {
            "applied": [], "pending": [], "unknown": ["29991231000000"],
        }  # fmt: skip

    def test_a_plain_postgres_is_told_what_it_lacks(self, ava: CliRunner, database_stack: Database) -> None:
        """Exit code 1, before anything is made there."""
        admin, name = OutsidePostgres(database_stack.postgres_url), f"plain_{uuid4().hex[:8]}"
        create_database(admin, name)
        try:
            said = ava.invoke(app, ["migrate", "--database-url", admin.url(name)])
            assert (said.exit_code, said.stdout) == (1, "")
            assert "auth.jwt() is missing" in said.stderr
        finally:
            drop_database(admin, name)

    @pytest.mark.parametrize("by_option", [True, False])
    def test_a_wrong_password_is_told_and_not_shown(self, ava: CliRunner, project: str, by_option: bool) -> None:
        """Neither the right one nor the wrong one."""
        wrong = project.replace("hunter2", "hunter3")
        arguments = ["migrate", "--database-url", wrong] if by_option else ["migrate"]
        said = ava.invoke(app, arguments, env={"AVA_DATABASE_URL": wrong})
        assert said.exit_code == 1
        assert "refuses the user or the password" in said.stderr
        assert "hunter" not in said.output

    def test_a_role_that_may_not_is_told(self, ava: CliRunner, project: str) -> None:
        """Signed in, but not allowed to make anything: a sentence, no traceback."""
        said = ava.invoke(app, ["migrate", "--role", "anon"], env={"AVA_DATABASE_URL": project})
        assert said.exit_code == 1
        assert "permission denied" in said.stderr


class TestTenantsAndTokens:
    def test_a_tenant_for_somebody(self, server: CliRunner, database_stack: Database) -> None:
        """Its id is printed alone; the subject owns it; asking again with the same id makes one."""
        tenant_id, subject = str(uuid4()), f"user_{uuid4().hex}"
        arguments = ["tenants", "create", "--name", " Cabinet Nova ", "--owner", subject, "--id", tenant_id]
        assert [done(server.invoke(app, arguments)).stdout for _ in range(2)] == [f"{tenant_id}\n"] * 2
        found = database_stack.select(
            "select name, subject, role from tenants join members using (tenant_id) where tenant_id = %s", tenant_id
        )
        assert found == [{"name": "Cabinet Nova", "subject": subject, "role": "owner"}]
        said = done(server.invoke(app, [*arguments[:-2], "--json"]))
        assert json.loads(said.stdout)["tenant_id"] != tenant_id

    def test_an_id_that_is_somebody_elses(self, server: CliRunner, tenant: str) -> None:
        """Nothing is said of whose it is."""
        said = server.invoke(app, ["tenants", "create", "--name", "x", "--owner", "user_2", "--id", tenant])
        assert (said.exit_code, said.stdout, said.stderr) == (1, "", "ava: there is no such tenant\n")

    def test_credit_from_running_out_to_coming_back(
        self, server: CliRunner, tenant: str, database_stack: Database
    ) -> None:
        """Looked at, taken, taken again, given back: each says how things are; a program reads the same."""

        def credit(*arguments: str) -> str:
            return done(server.invoke(app, ["tenants", "credit", tenant, *arguments])).stdout

        assert credit() == "has credit\n"
        since = credit("--out")
        assert since.startswith("out of credit since 2")
        assert [credit("--out"), credit()] == [since, since]
        [row] = database_stack.select("select out_of_credit_since from tenants where tenant_id = %s", tenant)
        read = json.loads(credit("--json"))
        assert (read["tenant_id"], datetime.fromisoformat(read["out_of_credit_since"])) == (
            tenant,
            row["out_of_credit_since"],
        )
        assert credit("--restored") == "has credit\n"
        assert json.loads(credit("--restored", "--json")) == {"tenant_id": tenant, "out_of_credit_since": None}

    @pytest.mark.parametrize("change", [[], ["--out"], ["--restored"]])
    def test_credit_of_a_tenant_there_is_not(self, server: CliRunner, change: list[str]) -> None:
        """Exit code 1 and a sentence."""
        said = server.invoke(app, ["tenants", "credit", str(uuid4()), *change])
        assert (said.exit_code, said.stdout, said.stderr) == (1, "", "ava: there is no such tenant\n")

    def test_a_token_from_making_to_revoking(self, server: CliRunner, tenant: str, database_stack: Database) -> None:
        """Printed alone and once, kept as a hash, listed without it, revoked for good."""
        made = done(server.invoke(app, [
            "tokens", "create", "--tenant", tenant, "--name", "site", "--scope", "calls:read", "--scope", "numbers:read",
            "--days", "30",
        ]))  # fmt: skip
        key = made.stdout.strip()
        kept = database_stack.select("select * from api_keys where tenant_id = %s", tenant)
        assert [(row["key_hash"], sorted(row["scopes"])) for row in kept] == [
            (hash_key(key), ["calls:read", "numbers:read"])
        ]
        assert timedelta(days=29) < kept[0]["expires_at"] - datetime.now(UTC) < timedelta(days=30)
        listed = done(server.invoke(app, ["tokens", "list", "--tenant", tenant]))
        key_id = str(kept[0]["key_id"])
        assert listed.stdout.splitlines()[0].split()[:2] == ["key_id", "name"]
        assert key_id in listed.stdout
        assert key not in listed.output
        for _ in range(2):
            gone = done(server.invoke(app, ["tokens", "revoke", key_id, "--tenant", tenant]))
            assert gone.stdout.startswith(f"revoked {key_id}")
        (row,) = json.loads(done(server.invoke(app, ["tokens", "list", "--tenant", tenant, "--json"])).stdout)
        assert (row["key_id"], row["revoked_at"] is not None, "key" in row) == (key_id, True, False)

    def test_all_pages_of_tokens_are_listed(self, server: CliRunner, tenant: str, database_stack: Database) -> None:
        """More than one page of them."""
        database_stack.select(
            "insert into api_keys (key_id, tenant_id, name, preview, key_hash, scopes, created_by)"
            " select gen_random_uuid(), %s, 'k' || n, '…', %s || n, '{calls:read}', 'test' from generate_series(1, 130) n"
            " returning 1",
            tenant,
            tenant,
        )
        said = done(server.invoke(app, ["tokens", "list", "--tenant", tenant, "--json"]))
        assert {row["name"] for row in json.loads(said.stdout)} == {f"k{n}" for n in range(1, 131)}

    @pytest.mark.parametrize(
        "arguments",
        [
            ["tokens", "list"],
            ["tokens", "create", "--name", "x", "--scope", "calls:read"],
            ["tokens", "revoke", str(uuid4())],
        ],
    )
    def test_a_tenant_there_is_not(self, server: CliRunner, arguments: list[str]) -> None:
        """Exit code 1 and a sentence; nothing is made."""
        said = server.invoke(app, [*arguments, "--tenant", str(uuid4())])
        assert (said.exit_code, said.stdout, said.stderr) == (1, "", "ava: there is no such tenant\n")

    def test_a_token_of_another_tenant_is_not_revoked(
        self, server: CliRunner, tenant: str, database_stack: Database
    ) -> None:
        """Tenant and key must belong together."""
        made = done(server.invoke(
            app, ["tokens", "create", "--tenant", tenant, "--name", "x", "--scope", "calls:read", "--json"]
        ))  # fmt: skip
        key_id = json.loads(made.stdout)["key_id"]
        other = done(server.invoke(app, ["tenants", "create", "--name", "x", "--owner", "user_2"])).stdout.strip()
        said = server.invoke(app, ["tokens", "revoke", key_id, "--tenant", other])
        assert (said.exit_code, said.stderr) == (1, "ava: there is no such key\n")
        assert (
            database_stack.select("select revoked_at from api_keys where key_id = %s", key_id)[0]["revoked_at"] is None
        )

    def test_a_database_that_refuses_the_key(self, server: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        """Exit code 2: a setting is wrong; the key is not shown."""
        monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_of_another_project")
        said = server.invoke(app, ["tokens", "list", "--tenant", str(uuid4())])
        assert said.exit_code == 2
        assert "refused the key" in said.stderr
        assert "sb_secret_of" not in said.output


@pytest.fixture
def tenant(server: CliRunner) -> str:
    made = server.invoke(app, ["tenants", "create", "--name", "Nova", "--owner", f"user_{uuid4().hex}"])
    return done(made).stdout.strip()


class TestPurge:
    def test_calls_past_their_time_go(self, server: CliRunner, tenant: str, database_stack: Database) -> None:
        """Those that are older than their tenant keeps them, and no other."""
        database_stack.select("update tenants set retention_days = 30 where tenant_id = %s returning 1", tenant)
        (assistant,) = database_stack.select(
            "insert into assistants (tenant_id, name) values (%s, 'x') returning assistant_id", tenant
        )
        database_stack.select(
            "insert into calls (call_id, tenant_id, assistant_id, sip_call_id, dialed, started_at, outcome)"
            " select gen_random_uuid(), %s, %s, gen_random_uuid()::text, '+33100000000', now() - n * interval '20 days',"
            " 'answered' from generate_series(0, 3) n returning 1",
            tenant,
            assistant["assistant_id"],
        )
        assert int(done(server.invoke(app, ["calls", "purge"])).stdout.split()[0]) >= 2
        left = database_stack.select("select count(*) as calls from calls where tenant_id = %s", tenant)
        assert left == [{"calls": 2}]
        assert json.loads(done(server.invoke(app, ["calls", "purge", "--json"])).stdout) == {
            "calls": 0,
            "recordings": 0,
        }


class TestNumbers:
    def test_what_can_not_be_looked_at_is_told(self, server: CliRunner) -> None:
        """A deployment without a telephone line: exit code 1, since nobody knows."""
        said = server.invoke(app, ["numbers", "reconcile"])
        assert said.exit_code == 1, said.output
        assert "not looked at: the telephone line" in said.stderr
        assert "compared" in said.stdout
