"""Building a database: what hosted Supabase has before the first migration, then `supabase/migrations/*.sql`.

Owns: roles, `auth.jwt()` and `auth.uid()`, default privileges. Refuses: what any migration says, their order and the record
of those applied: `store.migrations` applies them here as it does in production.

Migrations run as a role that is no superuser, as on the hosted service: one that needs more fails here too. Tables made
in `public` are granted to anon by default, as there: a migration that forgets to revoke is caught by the tests.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.postgres import SandboxError
from store import migrations
from store.migrations import MIGRATIONS, Migration, MigrationFailed

SEED = Path(__file__).parent.parent / "supabase" / "seed.sql"
OWNER = "ava_migrator"
"""The role that owns the tables; stands for hosted Supabase's `postgres`: may bypass RLS, is no superuser."""

_API_ROLES = ("anon", "authenticated", "service_role")
_ROLES = f"""
do $$
begin
  perform pg_advisory_xact_lock(7126001);
  if not exists (select from pg_roles where rolname = 'anon') then
    create role anon nologin noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'authenticated') then
    create role authenticated nologin noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'service_role') then
    create role service_role nologin noinherit bypassrls;
  end if;
  if not exists (select from pg_roles where rolname = '{OWNER}') then
    create role {OWNER} nologin createrole createdb bypassrls;
  end if;
end
$$
"""
_SCHEMAS = f"""
create schema extensions authorization {OWNER};
create schema auth;
create schema supabase_migrations authorization {OWNER};
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
alter table supabase_migrations.schema_migrations owner to {OWNER};

create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
create function auth.uid() returns uuid language sql stable as $$
  select nullif(coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  ), '')::uuid
$$;
create function auth.role() returns text language sql stable as $$
  select auth.jwt() ->> 'role'
$$;

grant usage on schema public, auth, extensions to anon, authenticated, service_role, {OWNER};
alter default privileges for role {OWNER} in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on sequences to anon, authenticated, service_role;
"""


def find_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """In the order they apply. Raises SandboxError for a file that is not called `yyyymmddhhmmss_verb_noun.sql`."""
    try:
        return migrations.find_migrations(folder)
    except MigrationFailed as error:
        raise SandboxError(str(error)) from error


def create_roles(server_url: str) -> None:
    """The cluster's roles; once per cluster, harmless to repeat and to run at the same time."""
    with psycopg.connect(server_url) as connection:
        connection.execute(sql.SQL(_ROLES))


def create_authenticator(server_url: str, name: str, password: str) -> None:
    """The role PostgREST signs in as: it can do nothing but become one of the three API roles. 8 s a statement."""
    role = sql.Identifier(name)
    with psycopg.connect(server_url) as connection:
        connection.execute(sql.SQL("create role {} login noinherit password {}").format(role, sql.Literal(password)))
        connection.execute(sql.SQL("alter role {} set statement_timeout = '8s'").format(role))
        members = sql.SQL(", ").join(map(sql.Identifier, _API_ROLES))
        connection.execute(sql.SQL("grant {} to {}").format(members, role))


def drop_authenticator(server_url: str, name: str) -> None:
    with psycopg.connect(server_url) as connection:
        connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


def bootstrap(database_url: str) -> None:
    """What a new hosted project has: schemas, auth functions, default privileges."""
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL(_SCHEMAS))


def migrate(database_url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Applies what is not recorded yet, each file in one transaction -> the versions applied now.

    Raises SandboxError naming the file; what came before it stays applied, of the file itself nothing does.
    """
    try:
        with migrations.connected(database_url, role=OWNER) as connection:
            return [migration.version for migration in migrations.apply_pending(connection, folder)]
    except MigrationFailed as error:
        raise SandboxError(str(error)) from error


def run_script(database_url: str, path: Path) -> None:
    """A seed file, in one transaction, as the tables' owner."""
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(OWNER)))
        connection.execute(path.read_bytes())
