"""The catalogue's checks: they hold, and each of them can fail."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from sandbox.database import Database
from sandbox.migrations import OWNER, bootstrap, migrate
from sandbox.postgres import OutsidePostgres, create_database, drop_database
from tests.database.catalogue import CHECKS, OF_ONESELF, WITHOUT_POLICY, WITHOUT_TENANT, Check, Connection, rows

pytestmark = pytest.mark.database


@pytest.fixture
def catalogue(database_stack: Database) -> Iterator[Connection]:
    with psycopg.connect(database_stack.postgres_url, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="module")
def scratch_url(database_stack: Database) -> Iterator[str]:
    """A database of this file's own, with every migration applied."""
    server, name = OutsidePostgres(database_stack.postgres_url), f"scratch_{uuid4().hex[:8]}"
    create_database(server, name, owner=OWNER)
    bootstrap(server.url(name))
    migrate(server.url(name))
    yield server.url(name)
    drop_database(server, name)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_holds(catalogue: Connection, check: Check) -> None:
    """Of everything that the migrations make."""
    assert check.find(catalogue) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_can_fail(scratch_url: str, check: Check) -> None:
    """A migration that breaks the rule is caught, whoever writes it."""
    with psycopg.connect(scratch_url, row_factory=dict_row) as connection:
        assert check.find(connection) == []
        connection.execute(f"set role {OWNER}".encode())
        connection.execute(check.broken_by.encode())
        connection.execute("reset role")
        assert check.finds in check.find(connection)
        connection.rollback()


def test_there_is_something_to_check(catalogue: Connection) -> None:
    """Queries of the catalogue that find nothing at all would hold as well."""
    [counted] = rows(
        catalogue,
        """
        select
          (select count(*) from pg_tables where schemaname = 'public') as tables,
          (select count(*) from pg_policies where schemaname = 'public') as policies,
          (select count(*) from pg_views where schemaname = 'public') as views,
          (select count(*) from pg_proc where pronamespace = 'public'::regnamespace
            and has_function_privilege('authenticated', oid, 'execute')) as callable
        """,
    )
    assert counted["tables"] >= 15
    assert counted["policies"] >= 12
    assert counted["callable"] >= 15
    assert counted["views"] >= 1


@pytest.mark.parametrize(
    ("exceptions", "statement"),
    [
        (
            WITHOUT_POLICY,
            "select relname from pg_class c where not exists (select from pg_policy where polrelid = c.oid)",
        ),
        (WITHOUT_TENANT, "select tablename from pg_tables where schemaname = 'public'"),
        (OF_ONESELF, "select proname from pg_proc where has_function_privilege('authenticated', oid, 'execute')"),
    ],
    ids=["tables without policy", "tables without tenant", "functions of oneself"],
)
def test_no_exception_is_left_over(catalogue: Connection, exceptions: dict[str, str], statement: str) -> None:
    """What is excepted exists and still needs its exception; each says why."""
    found: set[Any] = {next(iter(row.values())) for row in rows(catalogue, statement)}
    assert set(exceptions) - found == set()
    assert all(exceptions.values())
