"""`ava keys rotate`: every secret is under the newest key afterwards, none is lost, and it can be stopped at any time."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from control_api.cli import app
from control_api.commands.settings import OperatorSettings
from control_api.settings import Settings
from sandbox.database import Database
from store.sealed import SEALED_COLUMNS, SealedColumn, reseal_all
from store.vault import SecretUnreadable, Vault, generate_key

pytestmark = pytest.mark.database

ROWS = 45
OLD, NEW = generate_key().get_secret_value(), generate_key().get_secret_value()
_INSERTS = {
    "calendar_connections": "insert into calendar_connections (connection_id, tenant_id, assistant_id, sealed_key)"
    " values (%(id)s, %(tenant)s, %(assistant)s, %(sealed)s)",
    "carrier_accounts": "insert into carrier_accounts (carrier_id, tenant_id, kind, account_sid, sealed_secret,"
    " termination_username, sealed_termination, created_by) values (%(id)s, %(tenant)s, 'own_twilio',"
    " 'AC' || md5(random()::text), %(sealed)s, 'x', %(sealed)s, 'test')",
    "number_purchases": "insert into number_purchases (purchase_id, tenant_id, source, e164, sealed_routing, created_by, state)"
    " values (%(id)s, %(tenant)s, 'import', '+33100000000', %(sealed)s, 'test', 'failed')",
    "idempotency_keys": "insert into idempotency_keys (tenant_id, key, operation, fingerprint, sealed_answer, subject)"
    " values (%(tenant)s, %(id)s, 'x', 'x', %(sealed)s, 'test')",
}


_IDS = {
    "calendar_connections": "connection_id",
    "carrier_accounts": "carrier_id",
    "number_purchases": "purchase_id",
    "idempotency_keys": "key",
}


class Sealed:
    """Rows of every sealed column, and what is in them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tenant = uuid4()
        self.execute("insert into tenants (tenant_id, name) values (%s, 'x')", self.tenant)

    def execute(self, statement: str, *values: Any, named: dict[str, Any] | None = None) -> None:
        with psycopg.connect(self.database.postgres_url) as connection:
            connection.execute(statement.encode(), named or values)

    def add(self, table: str, key: str, *, count: int = 1) -> None:
        vault = Vault.from_keys(key)
        with psycopg.connect(self.database.postgres_url) as connection:
            for _ in range(count):
                assistant, id_ = uuid4(), uuid4()
                connection.execute(
                    "insert into assistants (assistant_id, tenant_id, name) values (%s, %s, 'x')",
                    (assistant, self.tenant),
                )
                sealed = vault.seal(SecretStr(f"hunter2-{id_}"), context=f"test:{table}:{id_}")
                values = {"id": id_, "tenant": self.tenant, "assistant": assistant, "sealed": sealed}
                connection.execute(_INSERTS[table].encode(), values)

    def of(self, column: SealedColumn) -> dict[UUID, str]:
        """id -> sealed text."""
        rows = self.database.select(
            f"select {_IDS[column.table]}::text as id, {column.column} as sealed from {column.table}"
            f" where tenant_id = %s and {column.column} is not null",
            self.tenant,
        )
        return {UUID(row["id"]): row["sealed"] for row in rows}

    def opened_with(self, key: str, column: SealedColumn) -> int:
        """How many open with this key alone, in their own context, to what was sealed."""
        vault = Vault.from_keys(key)
        found = 0
        for id_, sealed in self.of(column).items():
            found += _opened(vault, sealed, f"test:{column.table}:{id_}") == f"hunter2-{id_}"
        return found


def _opened(vault: Vault, sealed: str, context: str) -> str | None:
    """None: not with these keys, or not in this context."""
    try:
        return vault.unseal(sealed, context=context).get_secret_value()
    except SecretUnreadable:
        return None


@pytest.fixture
def sealed(database: Database) -> Sealed:
    return Sealed(database)


@pytest.fixture
def ava(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database) -> CliRunner:
    """Where nothing is set but the database's address, and no .env lies."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.model_fields, *OperatorSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AVA_DATABASE_URL", database.postgres_url)
    return CliRunner()


def rotate(ava: CliRunner, *ring: str) -> Result:
    result = ava.invoke(app, ["keys", "rotate", "--json"], env={"AVA_SEALING_KEYS": ",".join(ring)})
    assert "hunter2" not in result.output
    assert not any(key in result.output for key in ring)
    return result


def figures(result: Result, name: str) -> dict[str, int]:
    return {row["column"]: row[name] for row in json.loads(result.stdout)}


def test_every_sealed_column_is_on_the_list(database_stack: Database) -> None:
    """A column that is not on it would be lost with the old key."""
    found = database_stack.select(
        "select table_name as name, column_name as column from information_schema.columns join pg_tables"
        " on schemaname = table_schema and tablename = table_name"
        " where table_schema = 'public' and column_name like 'sealed\\_%%' order by 1, 2"
    )
    assert [(row["name"], row["column"]) for row in found] == sorted((c.table, c.column) for c in SEALED_COLUMNS)
    assert set(_INSERTS) == {column.table for column in SEALED_COLUMNS}


def test_everything_is_under_the_newest_key(ava: CliRunner, sealed: Sealed) -> None:
    """More rows than a batch holds, some new already: all open with the new key alone, and a second run has nothing to do."""
    for table in _INSERTS:  # each fills all sealed columns of its table
        sealed.add(table, OLD, count=ROWS)
        sealed.add(table, NEW, count=2)
    first = rotate(ava, NEW, OLD)
    assert first.exit_code == 0, first.output
    assert figures(first, "rows") == {column.label: ROWS + 2 for column in SEALED_COLUMNS}
    assert figures(first, "resealed") == {column.label: ROWS for column in SEALED_COLUMNS}
    assert {column.label: sealed.opened_with(NEW, column) for column in SEALED_COLUMNS} == figures(first, "rows")
    second = rotate(ava, NEW)
    assert (second.exit_code, set(figures(second, "resealed").values())) == (0, {0})


def test_an_empty_deployment_has_nothing_to_change(ava: CliRunner) -> None:
    """And that is said, in lines as well."""
    said = ava.invoke(app, ["keys", "rotate"], env={"AVA_SEALING_KEYS": NEW})
    assert said.exit_code == 0
    assert said.stdout.splitlines()[0].split() == ["column", "rows", "resealed", "left", "unreadable"]
    assert len(said.stdout.splitlines()) == 1 + len(SEALED_COLUMNS)


def test_what_no_key_opens_is_told_and_the_rest_is_done(ava: CliRunner, sealed: Sealed) -> None:
    """Exit code 1, whose it is and what to do; nothing is overwritten."""
    lost = Fernet.generate_key().decode()
    for key in (OLD, lost, OLD):
        sealed.add("carrier_accounts", key)
    sealed.add("idempotency_keys", OLD)
    sealed.execute("update idempotency_keys set sealed_answer = 'v9:x' where tenant_id = %s", sealed.tenant)
    said = rotate(ava, NEW, OLD)
    assert said.exit_code == 1
    assert figures(said, "unreadable")["carrier_accounts.sealed_secret"] == 1
    assert figures(said, "unreadable")["idempotency_keys.sealed_answer"] == 1
    assert "carrier_accounts.sealed_secret: no key here opens 1 of 3" in said.stderr
    assert str(sealed.tenant) in said.stderr
    column = SEALED_COLUMNS[1]
    assert sealed.opened_with(NEW, column) == 2
    assert sealed.opened_with(lost, column) == 1


class _Interrupted(Exception):
    pass


class _Stopping(Vault):
    """Ends in the middle, as a process does that is stopped."""

    __slots__ = ("left",)
    left: int

    def reseal(self, sealed: str) -> str | None:
        self.left -= 1
        if self.left < 0:
            raise _Interrupted
        return super().reseal(sealed)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.postgres_url, autocommit=True) as opened:
        yield opened


def test_it_can_be_stopped_and_begun_again(ava: CliRunner, sealed: Sealed, connection: psycopg.Connection) -> None:
    """Whole batches are done, the one that was under way is not, and the next run does the rest."""
    column = SEALED_COLUMNS[-1]
    sealed.add(column.table, OLD, count=ROWS)
    stopping = _Stopping([Fernet(NEW.encode()), Fernet(OLD.encode())])
    stopping.left = column.batch + 5
    with pytest.raises(_Interrupted):
        reseal_all(connection, stopping, columns=[column])
    assert sealed.opened_with(NEW, column) == column.batch
    said = rotate(ava, NEW, OLD)
    assert said.exit_code == 0
    assert figures(said, "resealed")[column.label] == ROWS - column.batch
    assert sealed.opened_with(NEW, column) == ROWS


class _Racing(Vault):
    """Before a row is written, somebody else seals another secret there."""

    __slots__ = ("meanwhile",)
    meanwhile: list[Callable[[str], None]]

    def reseal(self, sealed: str) -> str | None:
        newer = super().reseal(sealed)
        if newer is not None and self.meanwhile:
            self.meanwhile.pop()(sealed)
        return newer


def test_what_is_sealed_meanwhile_stays(sealed: Sealed, connection: psycopg.Connection) -> None:
    """An owner changes their key while the rotation holds the old one in hand: theirs is kept, and found by another pass."""
    column = SEALED_COLUMNS[0]
    sealed.add(column.table, OLD, count=3)
    new_one = Vault.from_keys(OLD).seal(SecretStr("of the owner"), context="theirs")
    racing = _Racing([Fernet(NEW.encode()), Fernet(OLD.encode())])

    def owner_changes(was: str) -> None:
        sealed.execute("update calendar_connections set sealed_key = %s where sealed_key = %s", new_one, was)

    racing.meanwhile = [owner_changes]
    (done,) = reseal_all(connection, racing, columns=[column])
    assert (done.rows, done.resealed, done.left, done.is_done) == (3, 3, 0, True)
    assert sealed.opened_with(NEW, column) == 2
    vault = Vault.from_keys(NEW)
    theirs = [_opened(vault, text, "theirs") for text in sealed.of(column).values()]
    assert sorted(filter(None, theirs)) == ["of the owner"]


def test_what_is_changed_all_the_while_is_told(sealed: Sealed, connection: psycopg.Connection) -> None:
    """Not done: the operator is told to run it again, and the old key must stay until then."""
    column = SEALED_COLUMNS[0]
    sealed.add(column.table, OLD)
    old = Vault.from_keys(OLD)

    def reseal_old(was: str) -> None:
        newer = old.seal(SecretStr("again"), context="theirs")
        sealed.execute("update calendar_connections set sealed_key = %s where sealed_key = %s", newer, was)

    racing = _Racing([Fernet(NEW.encode()), Fernet(OLD.encode())])
    racing.meanwhile = [reseal_old] * 50
    (done,) = reseal_all(connection, racing, columns=[column])
    assert (done.left, done.is_done) == (1, False)


def test_a_role_that_does_not_see_every_row_is_refused(ava: CliRunner, sealed: Sealed, database: Database) -> None:
    """Row-level security hides rows in silence: they would be lost with the old key. Aloud instead, and nothing is done."""
    column, role = SEALED_COLUMNS[0], f"reader_{uuid4().hex[:8]}"
    sealed.add(column.table, OLD)
    name = sql.Identifier(role)
    with psycopg.connect(database.postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login password 'hunter3'").format(name))
        admin.execute(sql.SQL("grant usage on schema public to {}").format(name))
        admin.execute(sql.SQL("grant select, update on all tables in schema public to {}").format(name))
        try:
            url = database.postgres_url.replace("//postgres:", f"//{role}:", 1)
            place = url.partition("@")[2]
            said = ava.invoke(
                app,
                ["keys", "rotate", "--database-url", f"postgresql://{role}:hunter3@{place}"],
                env={"AVA_SEALING_KEYS": f"{NEW},{OLD}"},
            )
            assert said.exit_code == 1
            assert "does not see every tenant's rows" in said.stderr
            assert sealed.opened_with(OLD, column) == 1
        finally:
            admin.execute(sql.SQL("drop owned by {}").format(name))
            admin.execute(sql.SQL("drop role {}").format(name))
