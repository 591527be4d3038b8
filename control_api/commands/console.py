"""How commands speak: plain lines for people, JSON for programs, one sentence for what went wrong.

Owns: exit codes (0 done, 1 it went wrong or something is left to do, 2 settings or arguments). Refuses: secrets in any of it;
a command whose point is one prints it itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from contracts.errors import DomainError
from control_api.errors import Problem
from control_api.settings import SettingsMissing
from store.errors import StoreMisconfigured
from store.vault import VaultMisconfigured

WENT_WRONG, WRONGLY_CALLED = 1, 2
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of lines")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="the database's own address; without it AVA_DATABASE_URL is read")
]


class PlainErrors(TyperGroup):
    """What a command lets through is told in a sentence, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingsMissing, VaultMisconfigured, StoreMisconfigured) as error:
            fail(str(error), WRONGLY_CALLED)
        except Problem as problem:
            fail(_with_fields(problem))
        except DomainError as error:
            fail(str(error))


def fail(words: str, code: int = WENT_WRONG) -> NoReturn:
    typer.echo(f"ava: {words}", err=True)
    raise typer.Exit(code)


def say(words: str) -> None:
    typer.echo(words)


def note(words: str) -> None:
    """Beside what is printed: not part of what a program reads."""
    typer.echo(words, err=True)


def say_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Columns as wide as their widest cell; nothing for what is missing."""
    lines = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType] - of any
        case _:
            return str(value)


def _with_fields(problem: Problem) -> str:
    fields = [f"{one.pointer} {one.reason}{f' ({one.advice})' if one.advice else ''}" for one in problem.errors]
    return "; ".join([problem.detail, *fields])
