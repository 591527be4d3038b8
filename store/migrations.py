"""Migrations: which files there are, which a database has, and applying the others.

Owns: their order, the record of what was applied (`supabase_migrations.schema_migrations`, as the Supabase CLI keeps it, so
that either may apply the next one), and that two who migrate at the same time apply each file once. Refuses: what any file
says, and making roles or `auth.jwt()`: a hosted project has them, `sandbox.migrations` makes them for a plain Postgres.

Needs no superuser and no session that outlives a transaction: it runs through a transaction pooler too.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from contracts.errors import DomainError

MIGRATIONS = Path(__file__).resolve().parents[1] / "supabase" / "migrations"
_CONNECT_SECONDS = 10
# One migration at a time waits this long for another who migrates, this long for a table that somebody holds (everybody
# else waits behind it meanwhile), and may work this long.
_TURN, _TABLE, _WORK = "10min", "10s", "15min"
_LOCK = 7126002
_FILE = re.compile(r"(\d{14})_(\w+)\.sql")
_RECORD = "supabase_migrations.schema_migrations"
_PARTS = re.compile(
    r"""
    --[^\n]* | (?P<block>/\*) | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)
    | (?P<end>;) | (?P<open>\() | (?P<close>\))
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


class MigrationFailed(DomainError):
    """Names the file and what the database said of it, or what is wrong with the database or the folder."""

    code = "migration_failed"


@dataclass(frozen=True)
class Migration:
    version: str
    name: str
    path: Path

    @property
    def label(self) -> str:
        return f"{self.version}_{self.name}"


@dataclass(frozen=True)
class Standing:
    """What a database has. `unknown`: versions it has that no file here does: a newer release was there."""

    applied: tuple[str, ...]
    pending: tuple[Migration, ...]
    unknown: tuple[str, ...]


def find_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """In the order they apply. Raises MigrationFailed for a file that is not called `yyyymmddhhmmss_verb_noun.sql`."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        name = _FILE.fullmatch(path.name)
        if name is None:
            raise MigrationFailed(f"{path.name}: a migration is called yyyymmddhhmmss_verb_noun.sql")
        found.append(Migration(name[1], name[2], path))
    if len({migration.version for migration in found}) != len(found):
        raise MigrationFailed(f"two migrations in {folder} share a version")
    return found


@contextmanager
def connected(database_url: str, *, role: str | None = None) -> Generator[psycopg.Connection]:
    """Autocommitting, as `role` where one is given (not through a pooler). Raises MigrationFailed, of what is done with it
    too."""
    try:
        connection = psycopg.connect(
            database_url, autocommit=True, connect_timeout=_CONNECT_SECONDS, prepare_threshold=None
        )
    except psycopg.Error as error:
        raise MigrationFailed(_no_way_in(error)) from None  # its text and its cause may quote the address
    try:
        with connection:
            if role is not None:
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            yield connection
    except psycopg.Error as error:
        raise MigrationFailed(f"the database refused: {_said(error)}") from error


def standing(connection: psycopg.Connection, folder: Path = MIGRATIONS) -> Standing:
    """Changes nothing."""
    _insist_on_supabase(connection)
    files = find_migrations(folder)
    applied = _applied(connection)
    pending = tuple(migration for migration in files if migration.version not in applied)
    unknown = applied - {migration.version for migration in files}
    return Standing(tuple(sorted(applied)), pending, tuple(sorted(unknown)))


def apply_pending(connection: psycopg.Connection, folder: Path = MIGRATIONS) -> Iterator[Migration]:
    """Each file in one transaction; gives it when it is applied. What somebody else applied meanwhile is passed over.

    Raises MigrationFailed naming the file: what came before it stays applied, of the file itself nothing does.
    """
    pending = standing(connection, folder).pending
    _make_record(connection)
    for migration in pending:
        if _apply(connection, migration):
            yield migration
    connection.execute("notify pgrst, 'reload schema'")


def statements(text: str) -> list[str]:
    """The file's statements, each with the comments before it, as the CLI records them. Knows strings, quoted names, dollar
    quotes, nested comments and parentheses; not `begin atomic` bodies."""
    found: list[str] = []
    start = place = depth = 0
    while part := _PARTS.search(text, place):
        place = _comment_end(text, part.end()) if part["block"] else part.end()
        depth = max(0, depth + bool(part["open"]) - bool(part["close"]))
        if part["end"] and depth == 0:
            found.append(text[start:place])
            start = place
    found.append(text[start:])
    return [trimmed for statement in found if (trimmed := statement.rstrip().rstrip(";").strip())]


def _comment_end(text: str, place: int) -> int:
    depth = 1
    while depth and (mark := _COMMENT.search(text, place)):
        depth += 1 if mark[0] == "/*" else -1
        place = mark.end()
    return place if depth == 0 else len(text)


def _applied(connection: psycopg.Connection) -> set[str]:
    if not _has_record(connection):
        return set()
    rows = connection.execute(f"select version from {_RECORD}".encode()).fetchall()
    return {str(row[0]) for row in rows}


def _has_record(connection: psycopg.Connection) -> bool:
    """Read from the catalogue itself: `to_regclass` answers from the session's cache, which after the wait for one's turn
    may still say that what somebody else made meanwhile is not there."""
    row = connection.execute(
        "select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'"
    ).fetchone()
    return row is not None


def _make_record(connection: psycopg.Connection) -> None:
    """As the CLI does, where nobody has yet: not even `if not exists` is allowed to those who may not create."""
    with _turn(connection):
        if not _has_record(connection):
            connection.execute("create schema if not exists supabase_migrations")
            connection.execute(
                "create table supabase_migrations.schema_migrations"
                " (version text not null primary key, statements text[], name text)"
            )


@contextmanager
def _turn(connection: psycopg.Connection) -> Generator[None]:
    """A transaction in which nobody else migrates."""
    with connection.transaction():
        _set(connection, "set local statement_timeout", _WORK)
        _set(connection, "set local lock_timeout", _TURN)
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        _set(connection, "set local lock_timeout", _TABLE)
        yield


def _set(connection: psycopg.Connection, setting: LiteralString, value: str) -> None:
    connection.execute(sql.SQL(setting + " = {}").format(sql.Literal(value)))


def _apply(connection: psycopg.Connection, migration: Migration) -> bool:
    text = migration.path.read_text(encoding="utf-8")
    try:
        with _turn(connection):
            done = connection.execute(
                "select from supabase_migrations.schema_migrations where version = %s", (migration.version,)
            )
            if done.fetchone() is not None:
                return False
            connection.execute(text.encode())
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (migration.version, migration.name, statements(text)),
            )
    except psycopg.Error as error:
        raise MigrationFailed(f"{migration.path.name}{_line(text, error)}: {_said(error)}") from error
    return True


def _said(error: psycopg.Error) -> str:
    """Without the detail, which quotes rows."""
    return error.diag.message_primary or f"no answer ({type(error).__name__})"


def _line(text: str, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    return f", line {text[: int(position)].count(chr(10)) + 1}" if position else ""


def _insist_on_supabase(connection: psycopg.Connection) -> None:
    """What every migration stands on. Raises MigrationFailed saying what is missing."""
    missing = [
        *(row[0] for row in connection.execute(
            "select name from unnest(array['anon', 'authenticated', 'service_role']) as name"
            " where not exists (select from pg_roles where rolname = name)"
        )),
        *(row[0] for row in connection.execute("select 'auth.jwt()' where to_regprocedure('auth.jwt()') is null")),
    ]  # fmt: skip
    if missing:
        raise MigrationFailed(
            f"this is no Supabase database: {', '.join(missing)} is missing; use the database of a Supabase project, or"
            " make what it has first"
        )


def _no_way_in(error: psycopg.Error) -> str:
    said = str(error)
    if "password authentication failed" in said or "no password supplied" in said:
        return "the database refuses the user or the password in AVA_DATABASE_URL"
    if isinstance(error, psycopg.OperationalError):
        return "the database of AVA_DATABASE_URL can't be reached: check its host and port, and whether it is up"
    return "AVA_DATABASE_URL is no database address: write it as postgresql://postgres:…@host:5432/postgres"
