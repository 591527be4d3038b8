"""`ava keys`: the keys that seal what tenants entrust to AVA."""

import typer

from control_api.commands.console import WENT_WRONG, AsJson, DatabaseUrl, note, say, say_json, say_table
from control_api.commands.settings import needed_database_url, needed_sealing_keys
from store.migrations import connected
from store.sealed import Resealed, reseal_all
from store.vault import Vault, generate_key

app = typer.Typer(
    help="The keys that seal tenants' secrets (AVA_SEALING_KEYS).", no_args_is_help=True, rich_markup_mode=None
)
_TENANTS_SHOWN = 10


@app.command()
def generate() -> None:
    """Print a new key.

    To change keys: put it in front of AVA_SEALING_KEYS everywhere (API and workers), start them again, run `ava keys rotate`,
    and take the old key away when that says that nothing is left.
    """
    say(generate_key().get_secret_value())


@app.command()
def rotate(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Seal everything again under the newest key, that is the first of AVA_SEALING_KEYS.

    May be stopped and begun again. Exit code 0: the other keys open nothing any more, and may go. 1: some could not be opened.
    """
    vault = Vault.from_keys(needed_sealing_keys())
    with connected(needed_database_url(database_url)) as connection:
        found = reseal_all(connection, vault)
    if as_json:
        say_json([{**_row(one), "tenants": sorted(one.tenants)} for one in found])
    else:
        say_table([_row(one) for one in found], ["column", "rows", "resealed", "left", "unreadable"])
    for one in found:
        _explain(one)
    if not all(one.is_done for one in found):
        raise typer.Exit(WENT_WRONG)


def _row(one: Resealed) -> dict[str, object]:
    return {
        "column": one.label,
        "rows": one.rows,
        "resealed": one.resealed,
        "left": one.left,
        "unreadable": one.unreadable,
    }


def _explain(one: Resealed) -> None:
    if one.unreadable:
        whose = sorted(one.tenants)
        shown = ", ".join(whose[:_TENANTS_SHOWN]) + (", …" if len(whose) > _TENANTS_SHOWN else "")
        note(
            f"{one.label}: no key here opens {one.unreadable} of {one.rows}: add the key they were sealed with, of {shown}"
        )
    if one.left:
        note(f"{one.label}: {one.left} were changed all the while: run this again")
