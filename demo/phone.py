"""`make phone`: a telephone line on this machine, a number on it, and AVA behind it.

Any softphone that reaches loopback can dial the address that is printed; with CALL=1 the line rings itself with a caller
who speaks recordings, and tells what came of it: what was said, how long the caller waited as his telephone heard it, the
booking, where the recording lies.
"""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from demo.api import try_address
from demo.exchange import LOOPBACK, Exchange, open_exchange
from demo.heard import checks_of
from demo.owner import ROUND_THE_CLOCK, OnTheLine
from demo.report import Check
from demo.ring import CALLER, Rung, booking_plan, expect_plan, ringing
from demo.screen import open_console
from demo.stack import read_preset
from observing.logs import set_up
from sandbox.callers import get_recording, known_utterances
from sandbox.postgres import SandboxError
from sandbox.programs import BARESIP, get_programs, say_on_terminal
from sandbox.softphone import NotAnswered

_DATA = Path(".ava/phone")
_NUMBER = "+33478000000"
_ZONE = ZoneInfo("Europe/Paris")
_RECORDED = {"enabled": True, "consent": read_preset("health.fr").recording.consent}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def main(
    call: Annotated[bool, typer.Option("--call", help="ring it, with a caller who books")] = False,
    keep: Annotated[Path, typer.Option(help="where recordings and logs go")] = _DATA,
) -> None:
    """Exit code 0 only if, with --call, the call was answered and booked, and everything agrees."""
    set_up("ERROR", json=False)
    try:
        ok = asyncio.run(_run(call, keep))
    except (SandboxError, NotAnswered) as error:
        raise SystemExit(f"no telephone: {error}") from None
    raise SystemExit(0 if ok else 1)


async def _run(call: bool, keep: Path) -> bool:
    if call:
        await asyncio.to_thread(get_programs, [BARESIP])
    console = open_console()
    async with open_exchange(data=(keep / "worker").absolute(), build=True, say=say_on_terminal) as exchange:
        line = await exchange.owner.puts_on_the_line(
            [_NUMBER], allowed=[LOOPBACK], hours=ROUND_THE_CLOCK, recording=_RECORDED
        )
        service = "a stand-in of livekit-sip" if exchange.line.stand_in else "livekit-sip"
        console.print(f"{line.config['business']['name']} answers at [bold]{exchange.line.address_of(_NUMBER)}[/bold]")
        console.print(
            f"LiveKit {exchange.line.url}, {service}, API {exchange.api_url}, worker log {exchange.worker.log}"
        )
        if call:
            return await _calls(exchange, line, keep, console)
        console.print("Call it from your browser:", soft_wrap=True)
        console.print(try_address(exchange.api_url, exchange.token, line.assistant_id), soft_wrap=True, highlight=False)
        await expect_plan(exchange, [name for name in known_utterances() if get_recording(name).transcript])
        console.print("Dial it with a softphone on this machine; no password. Ctrl-C stops it.")
        console.print(
            "AVA's recogniser is a stand-in here: it knows the recordings of sandbox/callers, not your voice."
        )
        await _until_stopped()
        return True


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


async def _calls(exchange: Exchange, line: OnTheLine, keep: Path, console: Console) -> bool:
    plan = booking_plan(datetime.now(_ZONE).date())
    await expect_plan(exchange, plan)
    console.print(f"{CALLER} rings…")
    async with ringing(exchange, _NUMBER) as rung:
        await rung.talks(plan)
    recording = keep / "recordings" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.wav"
    await asyncio.to_thread(rung.phone.line.write_wav, recording)
    record = await exchange.owner.call_of(dialed=_NUMBER, caller=CALLER, after=rung.at)
    checks = [*checks_of(rung.phone.line, turns=len(plan)), *_agreement(record, await exchange.bookings(), rung)]
    console.print(_told(record, rung))
    console.print(_waited(rung))
    for booking in record["bookings"]:
        start = datetime.fromisoformat(booking["starts_at"]).astimezone(_ZONE)
        console.print(f"booked: {booking['service_id']}, {start:%A %d %B %H:%M}, {booking['attendee_name']}")
    for check in checks:
        console.print(f"{'[green]✓' if check.ok else '[red]✗'}[/] {check.name}: {check.detail}")
    console.print(f"as the telephone heard it (caller left, AVA right): {recording}")
    kept = recording.with_suffix(".ogg")
    await asyncio.to_thread(kept.write_bytes, await exchange.owner.recording_of(record["call_id"]))
    console.print(f"as AVA recorded it, by the link in GET /v1/calls/{record['call_id']}: {kept}")
    return all(check.ok for check in checks)


def _agreement(record: dict[str, Any], diary: list[dict[str, Any]], rung: Rung) -> list[Check]:
    """The caller, the record and the calendar tell of the same call."""
    uids = {row["uid"] for row in diary if row["status"] == "accepted"}
    written = [booking["calendar_uid"] for booking in record["bookings"] if booking["state"] == "confirmed"]
    return [
        _check("the call's outcome is a booking", record["outcome"] == "booked", str(record["outcome"])),
        _check(
            "the calendar has what the record says", bool(written) and set(written) == uids, f"{len(uids)} bookings"
        ),
        _check("everything the caller said was answered", not rung.unanswered, ", ".join(rung.unanswered) or "always"),
    ]


def _check(name: str, ok: bool, detail: str) -> Check:
    return Check(group="records", name=name, ok=ok, detail=detail)


def _told(record: dict[str, Any], rung: Rung) -> Table:
    """The transcript as the API has it, with each answer's wait as the telephone heard it."""
    waits = iter([rung.phone.line.answer_to(spoken) for spoken in rung.phone.line.spoken])
    table = Table(title="What was said", title_justify="left", box=None, pad_edge=False)
    for name, width in (("", 7), ("", None), ("on the line", 11), ("agent", 8)):
        table.add_column(name, width=width, overflow="fold", justify="right" if name else "left")
    asked = False
    for turn in record["transcript"]:
        if turn["speaker"] == "caller":
            asked = True
            table.add_row("caller", turn["text"], "", "")
            continue
        wait = next(waits, None) if asked else None
        asked = False
        latency: dict[str, Any] = turn["latency"] or {}
        table.add_row("AVA", turn["text"], _ms(wait), _ms(latency.get("total")))
    return table


def _waited(rung: Rung) -> str:
    phone = rung.phone
    waits = sorted(ms for spoken in phone.line.spoken if (ms := phone.line.answer_to(spoken)) is not None)
    greeting = phone.line.ava.stretches[0].began if phone.line.ava.stretches else None
    middle = _ms(waits[len(waits) // 2]) if waits else "–"
    return (
        f"picked up after {phone.answered_at - phone.dialed_at:.2f} s, greeted "
        f"{'never' if greeting is None else f'{greeting:.2f} s'} later; "
        f"end of the caller's words to AVA's first sound: median {middle}, longest {_ms(waits[-1] if waits else None)}"
    )


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


if __name__ == "__main__":
    sys.exit(app())
