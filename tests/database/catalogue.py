"""What the database's catalogue must say of every table, view, policy and function, those of later migrations included.

Owns: the checks, each with a statement that breaks it (the proof that it can fail), and the lists of exceptions, each with its
reason. A check gives the names of what is wrong; none means it holds. Refuses: rows, and who sees them (`test_access`); and
types: that anybody may name one shows nothing and changes nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Connection = psycopg.Connection[dict[str, Any]]

# Tables that no user may read.
WITHOUT_POLICY: Mapping[str, str] = {
    "idempotency_keys": "answers kept for the API to give again: sealed, and of no use to a reader",
    "line_legs": "what LiveKit tells of calls under way: an owner reads the call",
    "recording_removals": "objects that are to go: nobody needs to read them",
    "caller_erasures": "digests of numbers that asked to be forgotten: nobody needs to read them",
    "workers": "which processes live: of no business's concern",
    "call_duties": "which process answers in which room: of no business's concern",
}
# Tables whose rows are of no one tenant.
WITHOUT_TENANT: Mapping[str, str] = {
    "profiles": "a person, who may belong to several tenants: of themselves",
    "workers": "a process, which answers for everybody",
    "call_duties": "known before the call's business is: a room and a process",
}
# Of no business, and read by nobody.
NOBODYS = frozenset(WITHOUT_TENANT) & frozenset(WITHOUT_POLICY)
# Functions that users may call though they do not begin by asking for a role in `p_tenant_id`.
OF_ONESELF: Mapping[str, str] = {
    "ensure_profile_v1": "the profile of the token's own subject",
    "update_profile_v1": "the profile of the token's own subject; a home tenant is asked for its role",
    "create_tenant_v1": "a new tenant, whose first owner the token's subject is",
    "accept_invitation_v1": "the invitation's token is what lets one in",
}
SECRET = "^sealed_|secret|password|(token|key)_hash$|_digest$"

_RELATIONS = "c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')"
_READABLE = "c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f', 'v', 'm')"
_FUNCTIONS = "p.pronamespace = 'public'::regnamespace"


@dataclass(frozen=True)
class Check:
    """`broken_by` is a migration that must not pass; `finds` is what the check then names."""

    name: str
    find: Callable[[Connection], list[str]]
    broken_by: str
    finds: str


def rows(connection: Connection, statement: str, *values: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), values).fetchall()


def _names(statement: str) -> Callable[[Connection], list[str]]:
    """The first column of what a query finds."""

    def find(connection: Connection) -> list[str]:
        return sorted(str(next(iter(row.values()))) for row in rows(connection, statement))

    return find


def _tables_without_policy(connection: Connection) -> list[str]:
    found = _names(
        f"select c.relname from pg_class c where {_RELATIONS}"
        " and not exists (select from pg_policy p where p.polrelid = c.oid)"
    )(connection)
    return [name for name in found if name not in WITHOUT_POLICY]


def _policies_that_ask_per_row(connection: Connection) -> list[str]:
    """`(select auth.jwt() ...)` is evaluated once a statement; without the select, once a row. One that asks the token
    nothing lets everybody in."""
    found = rows(
        connection,
        "select policyname, coalesce(qual, '') || coalesce(with_check, '') as rule from pg_policies"
        " where schemaname = 'public'",
    )
    return [row["policyname"] for row in found if not _asks_once(row["rule"])]


def _asks_once(rule: str) -> bool:
    calls = re.findall(r"auth\.\w+\(", rule)
    return bool(calls) and len(calls) == len(re.findall(r"SELECT \(?auth\.\w+\(", rule))


def _forget_sizes(connection: Connection) -> None:
    """As of tables that were never analysed: of a table known to be tiny the planner may read any index whole."""
    ours = (
        "select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'm', 'i', 'I')"
    )
    connection.execute(f"delete from pg_statistic where starelid in ({ours})".encode())
    connection.execute(f"update pg_class set relpages = 0, reltuples = -1 where oid in ({ours})".encode())


def _read_without_index(connection: Connection) -> list[str]:
    """The planner's own word, for a user who reads a whole table or view. With sequential scans as dear as can be, each one
    that is left has no index to use: of the table, or of what the policy's sub-select reads."""
    leading = {
        row["name"]: row["leading"]
        for row in rows(
            connection,
            "select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid, 1, true) as leading from pg_index i",
        )
    }
    readable = rows(
        connection,
        f"""
        select c.relname as name, (
          select a.attname from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
          order by a.attname <> 'tenant_id', a.attnum limit 1
        ) as shown
        from pg_class c where {_READABLE}
        """,
    )
    found: set[str] = set()
    with connection.transaction(force_rollback=True):
        _forget_sizes(connection)
        connection.execute("set local role authenticated")
        connection.execute("set local enable_seqscan = off")
        connection.execute("""set local "request.jwt.claims" = '{"sub": "somebody"}'""")
        for row in readable:
            if row["shown"] is None:
                continue
            query = sql.SQL("explain (format json) select {} from public.{}")
            named = query.format(sql.Identifier(row["shown"]), sql.Identifier(row["name"]))
            with connection.cursor(row_factory=dict_row) as cursor:
                [plan] = cursor.execute(named).fetchall()
            found |= {
                f"{row['name']} reads all of {scanned}" for scanned in _scanned(plan["QUERY PLAN"][0]["Plan"], leading)
            }
    return sorted(found)


def _scanned(plan: Mapping[str, Any], leading: Mapping[str, str]) -> Iterator[str]:
    """Relations of which every row, or every entry of an index, is looked at."""
    kind, index, bounds = str(plan["Node Type"]), plan.get("Index Name"), str(plan.get("Index Cond", ""))
    is_whole = re.search(rf"\b{re.escape(leading[index])}\b", bounds) is None if index else kind.endswith("Scan")
    if is_whole and kind != "Bitmap Heap Scan" and (index or "Relation Name" in plan):
        yield str(plan.get("Relation Name", index))
    for inner in plan.get("Plans", ()):
        yield from _scanned(inner, leading)


def _unchecked_functions(connection: Connection) -> list[str]:
    """A `security definer` function sees past row-level security: one that users may call asks for their role first."""
    found = rows(
        connection,
        f"""
        select p.proname as name, p.prosrc as body, l.lanname as language, p.prosecdef as definer,
          has_function_privilege('authenticated', p.oid, 'execute') as callable
        from pg_proc p join pg_language l on l.oid = p.prolang where {_FUNCTIONS}
        """,
    )
    bodies = {row["name"]: row for row in found}
    return sorted(
        row["name"]
        for row in found
        if row["callable"] and row["definer"] and row["name"] not in OF_ONESELF and not _asks_role(row, bodies)
    )


_DECLARED = re.compile(r"^\s*declare\b(?P<declared>.*?)\bbegin\b", re.S | re.I)
_FIRST = re.compile(r"\bbegin\s+perform public\.require_role_v1\(\s*p_tenant_id\s*,", re.I)
_PASSED_ON = re.compile(r"^\s*select public\.(?P<name>\w+)\(\s*p_tenant_id\s*[,)][^;]*;?\s*$", re.I)


def _asks_role(function: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> bool:
    body = re.sub(r"--[^\n]*", "", function["body"])
    if function["language"] == "sql":  # one that only passes on to one that asks
        passed = _PASSED_ON.match(body)
        return passed is not None and passed["name"] in others and _asks_role(others[passed["name"]], others)
    declared = _DECLARED.match(body)
    # what a declaration computes is computed before the first statement
    early = re.findall(r"public\.(\w+)\(", declared["declared"]) if declared else []
    begun = body[declared.end("declared") :] if declared else body
    first = _FIRST.search(begun)
    return set(early) <= {"actor_v1"} and first is not None and not begun[: first.start()].strip()


def _foreign_keys_without_tenant(connection: Connection) -> list[str]:
    """A reference to a tenant's row carries the tenant, or goes by a column that another one already ties to the tenant."""
    return _names(
        """
        select c.conname from pg_constraint c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.confrelid <> 'public.tenants'::regclass
          and not exists (
            select from pg_attribute a where a.attrelid = c.conrelid and a.attnum = any (c.conkey) and a.attname = 'tenant_id'
          )
          and not exists (
            select from pg_constraint tied
            where tied.conrelid = c.conrelid and tied.oid <> c.oid and tied.conkey && c.conkey and (
              tied.contype = 'p' or tied.contype = 'f' and exists (
                select from pg_attribute a
                where a.attrelid = tied.conrelid and a.attnum = any (tied.conkey) and a.attname = 'tenant_id'
              )
            )
          )
        """
    )(connection)


def _tables_without_tenant(connection: Connection) -> list[str]:
    found = _names(
        f"""
        select c.relname from pg_class c where {_RELATIONS} and not exists (
          select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull
            and a.atttypid = 'uuid'::regtype
        )
        """
    )(connection)
    return [name for name in found if name not in WITHOUT_TENANT]


def _granted_relations(role: str, privileges: str, columns: str) -> str:
    return f"""
        select c.relname from pg_class c where {_READABLE} and (
          has_table_privilege('{role}', c.oid, '{privileges}') or has_any_column_privilege('{role}', c.oid, '{columns}')
        )
    """


def _granted_sequences(role: str) -> str:
    # has_sequence_privilege fails for what is no sequence, and a condition may be asked first
    return f"""
        select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
          and case when c.relkind = 'S' then has_sequence_privilege('{role}', c.oid, 'usage, select, update') end
    """


_SCRATCH = "create table public.notes (note_id uuid primary key, tenant_id uuid not null references public.tenants"
_ASK = "create policy notes_select on public.notes for select to authenticated using"
_OWN = "array(select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub'))"
_FUNCTION = "create function public.peek_v1(p_tenant_id uuid) returns text"
_BODY = "$$ select tenants.name from public.tenants where tenants.tenant_id = p_tenant_id $$"
_VIEW = "create view public.glimpse with (security_invoker = true) as select tenants.name from public.tenants"

CHECKS: tuple[Check, ...] = (
    Check(
        "tables have row-level security",
        _names(f"select c.relname from pg_class c where {_RELATIONS} and not c.relrowsecurity"),
        f"{_SCRATCH}); revoke all on public.notes from anon, authenticated",
        "notes",
    ),
    Check(
        "tables have a policy, or a reason to have none",
        _tables_without_policy,
        f"{_SCRATCH}); alter table public.notes enable row level security",
        "notes",
    ),
    Check(
        "policies let signed-in users read, and nobody else anything else",
        _names(
            "select policyname from pg_policies where schemaname = 'public'"
            " and (roles <> '{authenticated}' or cmd <> 'SELECT' or permissive <> 'PERMISSIVE')"
        ),
        f"{_SCRATCH}); create policy notes_all on public.notes using (tenant_id = any ({_OWN}))",
        "notes_all",
    ),
    Check(
        "policies ask the token, once a statement",
        _policies_that_ask_per_row,
        f"{_SCRATCH}); {_ASK} (tenant_id in (select tenant_id from public.members where subject = auth.jwt() ->> 'sub'))",
        "notes_select",
    ),
    Check(
        "policies do not let everybody in",
        _policies_that_ask_per_row,
        f"{_SCRATCH}); {_ASK} (true)",
        "notes_select",
    ),
    Check(
        "what policies ask for is read by index",
        _read_without_index,
        f"{_SCRATCH}); alter table public.notes enable row level security; {_ASK} (tenant_id = any ({_OWN}))",
        "notes reads all of notes",
    ),
    Check(
        "what policies ask for can be looked up, not only compared",
        _read_without_index,
        f"{_SCRATCH}); create index on public.notes (tenant_id); alter table public.notes enable row level security;"
        f" {_ASK} (tenant_id in (select unnest({_OWN})))",
        "notes reads all of notes_tenant_id_idx",
    ),
    Check(
        "what policies' sub-selects ask for is read by index",
        _read_without_index,
        f"drop index public.members_subject_idx; {_SCRATCH}); create index on public.notes (tenant_id);"
        f" alter table public.notes enable row level security; {_ASK} (tenant_id = any ({_OWN}))",
        "notes reads all of members_pkey",
    ),
    Check(
        "functions fix their search_path",
        _names(
            f"select p.proname from pg_proc p where {_FUNCTIONS}"
            " and coalesce(not 'search_path=\"\"' = any (p.proconfig), true)"
        ),
        f"{_FUNCTION} language sql security definer as {_BODY}",
        "peek_v1",
    ),
    Check(
        "functions are not for anon",
        _names(
            f"select p.proname from pg_proc p where {_FUNCTIONS} and has_function_privilege('anon', p.oid, 'execute')"
        ),
        f"{_FUNCTION} language sql set search_path = '' as {_BODY}",
        "peek_v1",
    ),
    Check(
        "functions that see past row-level security ask for a role first",
        _unchecked_functions,
        f"{_FUNCTION} language sql security definer set search_path = '' as {_BODY}",
        "peek_v1",
    ),
    Check(
        "functions ask for the role before anything else",
        _unchecked_functions,
        f"{_FUNCTION} language plpgsql security definer set search_path = '' as $$ begin"
        " delete from public.messages where messages.tenant_id = p_tenant_id;"
        " perform public.require_role_v1(p_tenant_id, 'admin'); return ''; end $$",
        "peek_v1",
    ),
    Check(
        "functions declare nothing that acts before the role is asked for",
        _unchecked_functions,
        f"{_FUNCTION} language plpgsql security definer set search_path = '' as $$ declare"
        " v_held public.assistants := public.hold_assistant_v1(p_tenant_id, p_tenant_id, null); begin"
        " perform public.require_role_v1(p_tenant_id, 'admin'); return v_held.name; end $$",
        "peek_v1",
    ),
    Check(
        "functions that users may call carry a version",
        _names(
            f"select p.proname from pg_proc p where {_FUNCTIONS} and p.proname !~ '_v[0-9]+$'"
            " and has_function_privilege('authenticated', p.oid, 'execute')"
        ),
        f"create function public.peek(p_tenant_id uuid) returns text language sql set search_path = '' as {_BODY}",
        "peek",
    ),
    Check(
        "anon is granted no table, view or column",
        _names(
            _granted_relations(
                "anon",
                "select, insert, update, delete, truncate, references, trigger",
                "select, insert, update, references",
            )
        ),
        "grant select (name) on public.tenants to public",
        "tenants",
    ),
    Check("anon is granted no view", _names(_granted_relations("anon", "select", "select")), _VIEW, "glimpse"),
    Check(
        "sequences are for the service only",
        _names(f"{_granted_sequences('anon')} union {_granted_sequences('authenticated')}"),
        "create sequence public.tickets; grant usage on sequence public.tickets to authenticated",
        "tickets",
    ),
    Check(
        "nobody makes things in the schema",
        _names(
            "select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated')"
            " and has_schema_privilege(r.oid, 'public', 'create')"
        ),
        "grant create on schema public to authenticated",
        "authenticated",
    ),
    Check(
        "views read with their reader's rights",
        _names(
            f"""
            select c.relname from pg_class c where {_READABLE} and (
              c.relkind = 'm' and has_any_column_privilege('authenticated', c.oid, 'select')
              or c.relkind = 'v' and coalesce(not 'security_invoker=true' = any (c.reloptions), true)
            )
            """
        ),
        "create view public.glimpse as select tenants.name from public.tenants",
        "glimpse",
    ),
    Check(
        "users write nothing themselves",
        _names(
            _granted_relations(
                "authenticated", "insert, update, delete, truncate, references, trigger", "insert, update, references"
            )
        ),
        "grant update (name) on public.tenants to authenticated",
        "tenants",
    ),
    Check(
        "secrets are read by no user",
        _names(
            f"""
            select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
            where {_READABLE} and a.attnum > 0 and a.attname ~ '{SECRET}'
              and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
            """
        ),
        "grant select on public.calendar_connections to authenticated",
        "calendar_connections.sealed_key",
    ),
    Check(
        "foreign keys are indexed",
        _names(
            """
            select c.conname from pg_constraint c
            where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
              select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey)
            )
            """
        ),
        f"{_SCRATCH})",
        "notes_tenant_id_fkey",
    ),
    Check(
        "references stay within a tenant",
        _foreign_keys_without_tenant,
        f"{_SCRATCH}, call_id uuid references public.calls (call_id))",
        "notes_call_id_fkey",
    ),
    Check(
        "tables belong to tenants, or have a reason not to",
        _tables_without_tenant,
        "create table public.notes (note_id uuid primary key)",
        "notes",
    ),
    Check(
        "rows of a tenant are found by index",
        _names(
            f"""
            select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
            where {_RELATIONS} and not exists (
              select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum
            )
            """
        ),
        f"{_SCRATCH})",
        "notes",
    ),
)
