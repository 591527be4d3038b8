"""The terminal: the call as it happens, then what it left behind. Draws from `demo.report` only, so that a call that ran in
another process looks the same."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.call import (
    AssistantSaid,
    BookingRecorded,
    CallerSaid,
    MessageTaken,
    PickedUp,
    ProblemSeen,
    SpeechHeld,
    ToolCalled,
    TransferRequested,
)
from demo.report import CallerDid, CallReport, Check, Entry, Percentiles
from demo.wording import facts_of, latency_words, status_of

_WIDTH = 100
_SOURCES = {
    "cache": "from the cache",
    "voice": "made by the voice, kept for the next call",
    "shipped": "a clip of AVA's own",
}
_INDENT = 17
_LANGUAGES = {"fr": "French", "en": "English", "he": "Hebrew"}
_ACTS = {"interrupts": "talks into her sentence", "noise": "noise", "silent": "says nothing", "hangs_up": "hangs up"}


def open_console(*, quiet: bool = False) -> Console:
    """Never wider than 100 columns, and that wide where there is no terminal to ask."""
    console = Console(highlight=False, quiet=quiet)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    return console


class Screen:
    """Prints one call at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def header(self, *, scenario: str, title: str, business: str, language: str, who: str) -> None:
        body = Text()
        body.append(f"{title}\n", style="bold")
        body.append(f"{who}\n{business} · {_LANGUAGES[language]} · the demo's day is Monday 23 November 2026")
        self._console.print(Panel(body, title=f"AVA · {scenario}", title_align="left", border_style="cyan"))

    def entry(self, entry: Entry) -> None:
        """One moment; nothing is printed for those that others already show."""
        at, moment = entry.seconds, entry.moment
        match moment:
            case CallerSaid():
                self._line(at, "caller", moment.text, "bold green")
            case AssistantSaid():
                self._ava(entry, moment)
            case CallerDid():
                self._act(at, moment)
            case ToolCalled():
                self._tool(at, moment)
            case SpeechHeld():
                self._line(at, "held back", f"{moment.claim}: {moment.text}", "bold red")
            case BookingRecorded():
                self._line(at, "ledger", f"{moment.action} {moment.service_id}: {moment.state.value}", "blue")
            case MessageTaken():
                self._line(at, "message", f"[{moment.follow_up}] {moment.reason}", "blue")
            case TransferRequested():
                self._line(at, "transfer", f"to {moment.to}: {moment.result}", "blue")
            case PickedUp():
                self._line(at, "picked up", f"by a {moment.by}", "blue")
            case ProblemSeen():
                self._line(at, "problem", f"{moment.part}: {moment.code}", "red")

    def _line(self, at: float, who: str, what: str, style: str, *, dim: bool = False) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=6, justify="right")
        grid.add_column(width=9)
        grid.add_column(overflow="fold")
        grid.add_row(Text(f"{at:6.1f}", style="dim"), Text(who, style=style), Text(what, style="dim" if dim else ""))
        self._console.print(grid)

    def _ava(self, entry: Entry, said: AssistantSaid) -> None:
        words = said.text + (" ⟋ interrupted" if said.interrupted else "")
        self._line(entry.seconds, "AVA", words, "bold magenta")
        parts = latency_words(said.latency, entry.on_the_line_ms)
        if parts:
            self._console.print(Text(" " * _INDENT + parts, style="dim"))

    def _act(self, at: float, act: CallerDid) -> None:
        if act.action == "speaks":
            return  # the recogniser's words follow
        if act.action == "world":
            self._line(at, "world", act.what, "yellow", dim=True)
            return
        what = _ACTS[act.action]
        detail = f" ({act.what})" if act.action in ("noise", "silent", "hangs_up") and act.what else ""
        self._line(at, "caller", f"‹ {what}{detail} ›", "green", dim=True)

    def _tool(self, at: float, call: ToolCalled) -> None:
        arguments = ", ".join(f"{k}={v}" for k, v in call.arguments.items() if v not in ("", None))
        what = f"{call.tool}({arguments}) → {status_of(call)} · {call.milliseconds:.0f} ms"
        self._line(at, "tool", what, "cyan", dim=True)

    # afterwards

    def ending(self, report: CallReport) -> None:
        call = report.records.call or {}
        self._console.print()
        self._console.print(
            Group(
                _panel("The calendar (Cal.com stand-in)", _calendar(report)),
                _panel("The call (Postgres)", _records(report, call)),
                _panel("How long the caller waited", _latency(report)),
                _panel("Verdict", _checks(report.verdict.checks)),
            )
        )
        self._console.print(f"Recording  {report.recording}  (left: caller, right: AVA)", soft_wrap=True)
        style = "bold green" if report.verdict.ok else "bold red"
        verdict = (
            "calendar, records and sound agree" if report.verdict.ok else f"{len(report.verdict.failed)} checks failed"
        )
        self._console.print(Text(f"{report.scenario}: {verdict}", style=style))

    def replay(self, report: CallReport) -> None:
        """A call that ran elsewhere."""
        who = f"{report.caller or 'a withheld number'} rings {report.dialed}"
        self.header(
            scenario=report.scenario,
            title=report.title,
            business=report.business,
            language=report.language,
            who=who,
        )
        for entry in report.entries:
            self.entry(entry)
        self.ending(report)

    def summary(self, reports: Sequence[CallReport], *, seconds: float) -> None:
        table = Table(box=None, padding=(0, 1))
        columns = (("scenario", "left"), ("outcome", "left"), ("turns", "right"), ("p50", "right"), ("p95", "right"))
        for name, justify in (*columns, ("cost", "right"), ("s", "right"), ("", "left")):
            table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
        for report in reports:
            line = report.latency.on_the_line
            outcome = str((report.records.call or {}).get("outcome") or "no call")
            ok = Text("ok", style="green") if report.verdict.ok else Text("FAILED", style="bold red")
            cost = f"${report.cost:.3f}" if report.cost is not None else "–"
            numbers = (str(line.turns), _ms(line.p50), _ms(line.p95), cost, f"{report.seconds:.0f}")
            table.add_row(report.scenario, outcome, *numbers, ok)
        self._console.print(_panel("All scenarios", table))
        for report in reports:
            for check in report.verdict.failed:
                self._console.print(Text(f"  {report.scenario}: {check.name} — {check.detail}", style="red"))
        good = sum(1 for r in reports if r.verdict.ok)
        style = "bold green" if good == len(reports) else "bold red"
        self._console.print(Text(f"{good} of {len(reports)} scenarios hold, in {seconds:.0f} s", style=style))


def _panel(title: str, inside: Table | Text) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style="dim")


def _grid(rows: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, Text(value))
    return grid


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _calendar(report: CallReport) -> Table | Text:
    if not report.calendar:
        return Text("no bookings", style="dim")
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for name in ("start", "service", "attendee", "phone", "status", "uid"):
        table.add_column(name)
    for booking in report.calendar:
        mark = " (another caller)" if booking.foreign else " (from before)" if booking.seeded else ""
        table.add_row(
            booking.start.replace("T", " "),
            booking.service,
            booking.attendee + mark,
            booking.phone or "–",
            booking.status,
            booking.uid[:10] + "…",
        )
    return table


def _records(report: CallReport, call: dict[str, Any]) -> Table | Text:
    if not call:
        return Text("no row in the database", style="dim")
    rows = [
        ("call", f"{report.call_id}"),
        (
            "outcome",
            f"{call.get('outcome')}, ended by {call.get('ended_by') or 'refusal'} · {call.get('summary') or '–'}",
        ),
        ("kept", facts_of(report.records)),
    ]
    usage: dict[str, Any] = call.get("usage") or {}
    if usage:
        tokens = f"{usage.get('llm_input_tokens', 0)} in ({usage.get('llm_cached_tokens', 0)} cached)"
        words = f"{usage.get('llm_output_tokens', 0)} out · voice {usage.get('tts_characters', 0)} characters"
        rows.append(("usage", f"STT {usage.get('stt_seconds', 0):.0f} s · LLM {tokens}, {words}"))
        rows.append(("cost", f"{call.get('cost_total')} {call.get('cost_currency')} at list prices"))
    for row in report.records.bookings:
        rows.append(("booking", f"{row['state']} · {row['service_id']} {row['starts_at']} · {row['attendee_name']}"))
    for row in report.records.messages:
        rows.append(("message", f"[{row['follow_up']}] {row['caller_name'] or '–'}: {row['reason']}"))
    return _grid(rows)


def _spread(name: str, measured: Percentiles) -> tuple[str, str]:
    return name, f"p50 {_ms(measured.p50)} · p95 {_ms(measured.p95)} · {measured.turns} turns"


def _latency(report: CallReport) -> Table:
    latency = report.latency
    greeting = f"{_ms(latency.session_to_greeting_ms)} after session start · {_SOURCES[latency.greeting]}"
    return _grid(
        [
            _spread("on the line", latency.on_the_line),
            _spread("agent's own", latency.agent),
            ("greeting", f"{_ms(latency.pick_up_to_greeting_ms)} after pick-up, {greeting}"),
        ]
    )


def _checks(checks: Sequence[Check]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=2)
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold", style="dim")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗", style="bold red")
        grid.add_row(mark, Text(check.name), Text(check.detail))
    return grid
