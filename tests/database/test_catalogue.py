"""What the catalogue must say of every table and function, those of later migrations included."""

import re

import pytest

from sandbox.database import Database

pytestmark = pytest.mark.database

# Tables that no user may read on purpose: name and reason.
WITHOUT_POLICY: dict[str, str] = {}
# Functions that users may call: name and reason.
CALLABLE_BY_USERS: dict[str, str] = {}


def test_every_table_has_row_level_security_and_a_policy(database_stack: Database) -> None:
    """A table without either would be readable by every signed-in user, or by nobody without anyone noticing."""
    rows = database_stack.select(
        """
        select c.relname as name, c.relrowsecurity as secured,
          (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        """
    )
    assert len(rows) >= 10
    assert [row["name"] for row in rows if not row["secured"]] == []
    assert [row["name"] for row in rows if row["policies"] == 0 and row["name"] not in WITHOUT_POLICY] == []


def test_policies_are_for_signed_in_users_and_ask_the_token_once(database_stack: Database) -> None:
    """`(select auth.jwt() ...)` is evaluated once a statement; without the select, once a row."""
    rows = database_stack.select(
        "select tablename, policyname, roles::text[], coalesce(qual, '') || coalesce(with_check, '') as rule"
        " from pg_policies where schemaname = 'public'"
    )
    for row in rows:
        assert row["roles"] == ["authenticated"], row["policyname"]
        calls = re.findall(r"auth\.\w+\(", row["rule"])
        wrapped = re.findall(r"SELECT \(?auth\.\w+\(", row["rule"])
        assert calls, row["policyname"]
        assert len(calls) == len(wrapped), row["policyname"]


def test_columns_policies_ask_for_are_indexed(database_stack: Database) -> None:
    """A policy that scans the table makes every page of every user slow."""
    rows = database_stack.select(
        """
        select p.tablename, (regexp_match(p.qual, '^\\(+(\\w+) (?:=|IN)'))[1] as asked,
          array(
            select a.attname::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = ('public.' || p.tablename)::regclass
          ) as indexed
        from pg_policies p where p.schemaname = 'public'
        """
    )
    assert rows
    assert [row for row in rows if row["asked"] not in row["indexed"]] == []


def test_foreign_keys_are_indexed(database_stack: Database) -> None:
    """Else a delete or an update of the parent reads the whole child."""
    rows = database_stack.select(
        """
        select conrelid::regclass::text as child, conname as name from pg_constraint c
        where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
          select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey)
        )
        """
    )
    assert rows == []


def test_security_definer_functions_fix_their_search_path(database_stack: Database) -> None:
    """A caller's search_path must not decide which table a privileged function means."""
    rows = database_stack.select(
        "select proname, prosecdef, coalesce(proconfig, '{}') as settings from pg_proc"
        " where pronamespace = 'public'::regnamespace"
    )
    assert sum(row["prosecdef"] for row in rows) >= 5
    assert [row["proname"] for row in rows if 'search_path=""' not in row["settings"]] == []


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_functions_are_for_the_service_only(database_stack: Database, role: str) -> None:
    """Hosted projects let both roles execute new functions by default: each migration must take that back."""
    rows = database_stack.select(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and has_function_privilege(%s, oid, 'execute')",
        role,
    )
    assert [row["proname"] for row in rows if row["proname"] not in CALLABLE_BY_USERS] == []


def test_anon_is_granted_nothing(database_stack: Database) -> None:
    """Not on a table, not on a column of one."""
    rows = database_stack.select(
        """
        select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
          and (has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege('anon', c.oid, 'select, insert, update, references'))
        """
    )
    assert rows == []


def test_users_write_nothing_yet(database_stack: Database) -> None:
    """Writing goes through the control plane; sealed keys are not even read."""
    writable = database_stack.select(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and has_table_privilege('authenticated', c.oid, 'insert, update, delete, truncate')"
    )
    assert writable == []
    sealed = database_stack.select(
        "select has_column_privilege('authenticated', 'public.calendar_connections', 'sealed_key', 'select') as readable"
    )
    assert sealed == [{"readable": False}]
