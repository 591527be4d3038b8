"""`ava migrate`."""

from typing import Annotated

import typer

from control_api.commands.console import AsJson, DatabaseUrl, note, say, say_json
from control_api.commands.settings import needed_database_url
from store.migrations import Migration, apply_pending, connected, standing


def migrate(
    database_url: DatabaseUrl = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
    role: Annotated[
        str | None, typer.Option(help="become this role first: the tables' owner, where another role signs in")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database to this release: apply what is in supabase/migrations and not in the database.

    Each file is one transaction; two who migrate at once apply each file once. `supabase db push` keeps the same record.
    """
    with connected(needed_database_url(database_url), role=role) as connection:
        before = standing(connection)
        if before.unknown:
            note(f"the database has {len(before.unknown)} migrations that this release does not know: it is older")
        done: list[Migration] = []
        try:
            for migration in () if dry_run else apply_pending(connection):
                done.append(migration)
                if not as_json:
                    say(f"applied {migration.label}")
        finally:
            if as_json:
                left = [m.label for m in before.pending if m not in done]
                say_json({"applied": [m.label for m in done], "pending": left, "unknown": list(before.unknown)})
    if as_json:
        return
    if dry_run:
        for migration in before.pending:
            say(f"would apply {migration.label}")
    if not (before.pending if dry_run else done):
        say("nothing to apply")
