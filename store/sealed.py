"""Every column that holds sealed text, and sealing them all again under the newest key.

Owns: the list (a test compares it with the catalogue: a column that is not on it would be lost with the old key), and going
through it in bounded batches, so that it can be stopped and begun again at any time. Refuses: keys (`store.vault`).

A row is written only if it still holds what was read: what the API seals meanwhile stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from contracts.errors import DomainError
from store.vault import SecretUnreadable, Vault

_PASSES = 5
_KEY = """
select a.attname::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
where i.indrelid = %s::regclass and i.indisprimary order by array_position(i.indkey, a.attnum)
"""


class SealedRowsHidden(DomainError):
    """The database role may not see every row: what it does not see would stay under the old key unnoticed."""

    code = "sealed_rows_hidden"


@dataclass(frozen=True)
class SealedColumn:
    """`batch` rows are in memory at a time. Every such table has a primary key and a `tenant_id`."""

    table: str
    column: str
    batch: int = 200

    @property
    def label(self) -> str:
        return f"{self.table}.{self.column}"


SEALED_COLUMNS = (
    SealedColumn("calendar_connections", "sealed_key"),
    SealedColumn("carrier_accounts", "sealed_secret"),
    SealedColumn("carrier_accounts", "sealed_termination"),
    SealedColumn("number_purchases", "sealed_routing"),
    SealedColumn("idempotency_keys", "sealed_answer", batch=20),  # an answer may be 1 MiB
)


@dataclass
class Resealed:
    """Of one column. `unreadable`: no key of the ring opens them; `tenants`: whose these are. `left`: changed by others each
    time they were about to be written."""

    label: str
    rows: int = 0
    resealed: int = 0
    left: int = 0
    unreadable: int = 0
    tenants: set[str] = field(default_factory=set[str])

    @property
    def is_done(self) -> bool:
        return not self.left and not self.unreadable


def reseal_all(
    connection: psycopg.Connection,
    vault: Vault,
    *,
    columns: Sequence[SealedColumn] = SEALED_COLUMNS,
) -> list[Resealed]:
    """Until nothing older than the newest key is left. `connection` autocommits. Raises SealedRowsHidden, psycopg.Error."""
    return [_reseal_column(connection, vault, column) for column in columns]


def _reseal_column(connection: psycopg.Connection, vault: Vault, column: SealedColumn) -> Resealed:
    """Again from the beginning while others change rows under its hands: what they seal may be under an older key."""
    key = [row[0] for row in connection.execute(_KEY, (f"public.{column.table}",)).fetchall()]
    update = _update(column, key)
    done, resealed = Resealed(column.label), 0
    for _ in range(_PASSES):
        done = Resealed(column.label)
        for rows in _batches(connection, column, key):
            with connection.transaction():
                _see_everything(connection)
                for tenant_id, sealed, *place in rows:
                    done.rows += 1
                    _reseal_row(connection, vault, update, (tenant_id, sealed, place), done)
        resealed += done.resealed
        if not done.left:
            break
    done.resealed = resealed
    return done


def _batches(
    connection: psycopg.Connection, column: SealedColumn, key: Sequence[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """(tenant_id, sealed, *key), in the order of the key."""
    names = sql.SQL(", ").join(map(sql.Identifier, key))
    places = sql.SQL(", ").join(sql.Placeholder() * len(key))
    after: tuple[Any, ...] = ()
    while True:
        further = sql.SQL(" and ({}) > ({})").format(names, places) if after else sql.SQL("")
        query = sql.SQL(
            "select tenant_id, {column}, {key} from {table} where {column} is not null{further} order by {key} limit {batch}"
        ).format(
            column=sql.Identifier(column.column),
            key=names,
            table=sql.Identifier("public", column.table),
            further=further,
            batch=sql.Literal(column.batch),
        )
        with connection.transaction():
            _see_everything(connection)
            rows = _fetched(connection, query, after)
        if rows:
            yield rows
        if len(rows) < column.batch:
            return
        after = rows[-1][2:]


def _fetched(connection: psycopg.Connection, query: sql.Composed, after: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, after).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        raise SealedRowsHidden(
            "this database role does not see every tenant's rows: connect as the tables' owner (postgres on Supabase)"
        ) from error


def _see_everything(connection: psycopg.Connection) -> None:
    """Row-level security would hide rows in silence; off, it refuses aloud to those who may not see past it."""
    connection.execute("set local row_security = off")
    connection.execute("set local lock_timeout = '10s'")
    connection.execute("set local statement_timeout = '60s'")


def _update(column: SealedColumn, key: Sequence[str]) -> sql.Composed:
    """Takes the new text, the key, the text that was read."""
    same = sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in key)
    return sql.SQL("update {table} set {column} = %s where {same} and {column} = %s").format(
        table=sql.Identifier("public", column.table), column=sql.Identifier(column.column), same=same
    )


def _reseal_row(
    connection: psycopg.Connection, vault: Vault, update: sql.Composed, row: tuple[Any, str, list[Any]], done: Resealed
) -> None:
    tenant_id, sealed, place = row
    try:
        newer = vault.reseal(sealed)
    except SecretUnreadable:
        done.unreadable += 1
        done.tenants.add(str(tenant_id))
        return
    if newer is not None:
        written = connection.execute(update, (newer, *place, sealed)).rowcount
        done.resealed += written
        done.left += 1 - written
