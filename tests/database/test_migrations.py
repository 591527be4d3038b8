"""The migrations: from nothing, once each, and all or nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from sandbox.database import Database
from sandbox.migrations import OWNER, SandboxError, bootstrap, find_migrations, migrate
from sandbox.postgres import OutsidePostgres, create_database, drop_database

pytestmark = pytest.mark.database


@pytest.fixture
def empty_url(database_stack: Database) -> Iterator[str]:
    """A database as a new hosted project has it, no migration applied."""
    server, name = OutsidePostgres(database_stack.postgres_url), f"empty_{uuid4().hex[:8]}"
    create_database(server, name, owner=OWNER)
    bootstrap(server.url(name))
    yield server.url(name)
    drop_database(server, name)


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


def test_from_zero_and_again(empty_url: str) -> None:
    """Every migration applies to an empty project, in order, as no superuser; a second run has nothing to do."""
    versions = [migration.version for migration in find_migrations()]
    assert migrate(empty_url) == versions
    assert migrate(empty_url) == []
    written = "\n".join(migration.path.read_text(encoding="utf-8") for migration in find_migrations())
    assert tables(empty_url) == set(re.findall(r"create table public\.(\w+)", written))


def test_a_broken_migration_leaves_nothing_of_itself(empty_url: str, tmp_path: Path) -> None:
    """The file is named, what came before it stays, and once repaired it applies."""
    (tmp_path / "20260101000000_create_first.sql").write_text("create table public.first (a int);")
    broken = tmp_path / "20260102000000_create_second.sql"
    broken.write_text("create table public.second (a int); select nonsense;")
    with pytest.raises(SandboxError, match="20260102000000_create_second"):
        migrate(empty_url, folder=tmp_path)
    assert tables(empty_url) == {"first"}
    broken.write_text("create table public.second (a int);")
    assert migrate(empty_url, folder=tmp_path) == ["20260102000000"]


def test_a_migration_is_no_superuser(empty_url: str, tmp_path: Path) -> None:
    """What hosted Supabase would refuse is refused here."""
    (tmp_path / "20260101000000_create_role.sql").write_text("copy (select 1) to program 'true';")
    with pytest.raises(SandboxError, match="permission denied"):
        migrate(empty_url, folder=tmp_path)


def test_names_are_checked(tmp_path: Path) -> None:
    """A file the CLI would pass over in silence is an error."""
    (tmp_path / "add_things.sql").write_text("select 1;")
    with pytest.raises(SandboxError, match="yyyymmddhhmmss"):
        find_migrations(tmp_path)
