"""`ava numbers`."""

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from control_api.commands.console import WENT_WRONG, AsJson, note, say, say_json, say_table

if TYPE_CHECKING:
    from control_api.numbers.drift import Drift
    from control_api.numbers.reconcile import Report

app = typer.Typer(help="Telephone numbers, over all tenants.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="put right what takes nothing from anybody")] = False,
    tenant: Annotated[UUID | None, typer.Option(help="only this tenant's")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare numbers here with carriers and the line, both ways.

    Exit code 0: they agree, or were made to. 1: something differs, or could not be looked at.
    """
    report = asyncio.run(_reconcile(repair, tenant))
    rows = [_row(one) for one in report.drifts]
    if as_json:
        told = {"unreachable": list(report.unreachable), "advice": list(report.advice)}
        say_json({"compared": report.compared, "drifts": rows, **told})
    else:
        _print(report, rows)
    if not report.clean:
        raise typer.Exit(WENT_WRONG)


async def _reconcile(repair: bool, tenant: UUID | None) -> "Report":
    from control_api.app import reconcile_numbers  # everything the server needs: loaded by the commands that use it
    from control_api.commands.composition import services

    async with services() as provided:
        return await reconcile_numbers(provided, repair=repair, tenant_id=tenant)


def _print(report: "Report", rows: list[dict[str, object]]) -> None:
    if rows:
        say_table(rows, ["kind", "number", "tenant", "repaired", "what"])
    for one in report.unreachable:
        note(f"not looked at: {one}")
    for one in report.advice:
        note(one)
    left = sum(not one.repaired for one in report.drifts)
    say(f"{report.compared} compared, {len(rows)} differ, {left} of them still do")
    if any(one.repairable and not one.repaired for one in report.drifts):
        note("--repair puts right what takes nothing from anybody")


def _row(one: "Drift") -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "number": one.e164,
        "tenant": one.tenant_id,
        "purchase": one.purchase_id,
        "repairable": one.repairable,
        "repaired": one.repaired,
        "what": one.words,
    }
