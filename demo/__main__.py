"""`python -m demo`: a caller rings, AVA answers and books. `python -m demo talk`: the same agent, typed."""

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from agent import logs
from demo.lanes import LaneFailed, run_lanes, serve_lane
from demo.play import play
from demo.report import CallReport
from demo.scenario import Scenario, UnknownScenario, get_scenario, load_scenarios
from demo.screen import Screen, open_console
from demo.stack import NUMBERS, open_stack
from sandbox.postgres import SandboxError

_DATA = Path(".ava/demo")

_Outcome = tuple[list[CallReport], list[LaneFailed]]  # and what could not be run at all

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Keep = Annotated[Path, typer.Option(help="where recordings go")]
Data = Annotated[Path, typer.Option(help="the agent's own folders; one run at a time")]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    scenario: Annotated[str, typer.Option(help="a name, several with commas, all, or list")] = "book-fr",
    json_file: Annotated[Path | None, typer.Option("--json", help="also write everything as one JSON document")] = None,
    keep: Keep = _DATA / "recordings",
    data: Data = _DATA,
    quiet: Annotated[bool, typer.Option(help="print nothing but what went wrong")] = False,
    lanes: Annotated[int, typer.Option(help="calls at the same time, when there are several", min=1, max=8)] = 4,
) -> None:
    """Rings AVA. Exit code 0 only if calendar, records and sound agree."""
    if context.invoked_subcommand is not None:
        return
    _log_from("CRITICAL")
    if scenario == "list":
        _list()
        return
    try:
        chosen = (
            list(load_scenarios().values()) if scenario == "all" else [get_scenario(n) for n in scenario.split(",")]
        )
        reports, lost = asyncio.run(
            _one(chosen[0], keep, data, quiet) if len(chosen) == 1 else _many(chosen, keep, data, quiet, lanes)
        )
    except UnknownScenario as error:
        raise SystemExit(str(error.args[0])) from None
    except (SandboxError, ValidationError) as error:
        raise SystemExit(f"the demo can't run: {error}") from None
    if json_file is not None:
        _write(json_file, reports, whole=not lost)
    for error in lost:
        print(error, file=sys.stderr)
    failed = [report for report in reports if not report.verdict.ok]
    if quiet:
        for report in failed:
            for check in report.verdict.failed:
                print(f"{report.scenario}: {check.name}: {check.detail}", file=sys.stderr)
    raise SystemExit(1 if failed or lost else 0)


@app.command(hidden=True)
def lane(keep: Keep, data: Data) -> None:
    """One lane of several (`demo.lanes`)."""
    _log_from("ERROR")
    asyncio.run(serve_lane(keep=keep, data=data))


@app.command()
def talk(
    language: Annotated[str, typer.Option(help="fr, en or he")] = "fr",
    mic: Annotated[bool, typer.Option("--mic", help="speak instead of typing, where there is a microphone")] = False,
    real: Annotated[bool, typer.Option("--real", help="the real providers, where .env has their keys")] = False,
) -> None:
    """The same agent, typed by you. /quit hangs up."""
    from demo.talk import run_talk  # keeps the sound library away from the demo

    _log_from("CRITICAL")
    if language not in NUMBERS:
        raise SystemExit(f"no practice speaks {language!r}: choose fr, en or he")
    try:
        asyncio.run(run_talk(language, mic=mic, real=real, data=_DATA / "talk"))
    except SandboxError as error:
        raise SystemExit(f"the demo can't run: {error}") from None


async def _one(scenario: Scenario, keep: Path, data: Path, quiet: bool) -> _Outcome:
    """Shown as it happens."""
    screen = Screen(open_console(quiet=quiet))
    number = scenario.dialed or NUMBERS[scenario.language]
    async with open_stack(data=data / "lane-1") as stack:
        screen.header(
            scenario=scenario.name,
            title=scenario.title,
            business=stack.practices[scenario.language].config.business.name,
            language=scenario.language,
            who=f"{scenario.caller or 'a withheld number'} rings {number}",
        )
        report = await play(stack, scenario, keep=keep, live=screen.entry)
        screen.ending(report)
    return [report], []


async def _many(scenarios: list[Scenario], keep: Path, data: Path, quiet: bool, lanes: int) -> _Outcome:
    """Each shown when it is over."""
    screen, began = Screen(open_console(quiet=quiet)), time.monotonic()
    reports, failed = await run_lanes(scenarios, lanes=lanes, keep=keep, data=data, done=screen.replay)
    screen.summary(reports, seconds=time.monotonic() - began)
    return reports, failed


def _list() -> None:
    console = open_console()
    table = Table.grid(padding=(0, 2))
    for scenario in load_scenarios().values():
        table.add_row(Text(scenario.name, style="bold"), scenario.language, scenario.title)
    console.print(table)


def _write(path: Path, reports: list[CallReport], *, whole: bool) -> None:
    """One call: its document. Several: {"ok", "calls": [...]}."""
    documents = [report.model_dump(mode="json") for report in reports]
    ok = whole and all(report.verdict.ok for report in reports)
    document = documents[0] if len(documents) == 1 else {"ok": ok, "calls": documents}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _log_from(level: str) -> None:
    """On a terminal the conversation is the output: what goes wrong is on the record and in the verdict. A lane has a file."""
    logs.set_up(level, json=False)
    for name in (None, "livekit"):
        logging.getLogger(name).setLevel(level)


if __name__ == "__main__":
    app()
