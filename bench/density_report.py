"""From rounds of calls to words: a table per way to run the worker, JSON to keep.

Owns: wording. Refuses: measuring, judging (`bench.density`). A stored result names no machine, no user and no path.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bench.density import SLACK, Climb, Round
from bench.floor import Latencies
from bench.measure import Spread
from bench.report import machine
from bench.tables import aligned, piped
from bench.usage import BENCH

_HEAD = (
    "calls",
    "pick-up p50",
    "p95",
    "voice-to-voice p50",
    "p95",
    "turns",
    "failed",
    "worker, % of a core",
    "a call",
    "MB a call",
    "rest, % of a core",
    "machine busy",
    "holds",
)


@dataclass(frozen=True)
class Results:
    """By way to run the worker: its rounds, and what it is in words."""

    climbs: Mapping[str, Climb]
    says: Mapping[str, str]
    latencies: Latencies
    sip_stand_in: bool
    seconds: float


def line_of(one: Round) -> str:
    """While it runs."""
    waits, usage = one.voice_to_voice, one.usage
    told = f"p50 {waits.p50:.0f} p95 {waits.p95:.0f} ms of {waits.n} turns" if waits else "no turn answered"
    return (
        f"{one.calls:2} calls: {told}, worker {usage.worker:.2f} of {usage.busy:.2f} cores busy, "
        f"failed: {_failed(one)}, telephones' clock late by {usage.lag_ms:.0f} ms (p99)"
    )


def as_table(results: Results) -> str:
    lines = [f"{_setting(results)} {results.seconds / 60:.1f} minutes."]
    for name, climb in results.climbs.items():
        lines += ["", f"{results.says[name]}: {_verdict(climb)}", *aligned([_HEAD, *_rows(climb)]), *_shares(climb)]
    return "\n".join(lines)


def as_markdown(results: Results) -> str:
    lines = [_setting(results)]
    for name, climb in results.climbs.items():
        lines += ["", f"**{results.says[name].capitalize()}: {_verdict(climb)}**", "", *piped([_HEAD, *_rows(climb)])]
        lines += ["", *_shares(climb)]
    return "\n".join(lines) + "\n"


def as_json(results: Results) -> str:
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(results.seconds / 60, 1),
        "machine": machine(),
        "sip_service": "stand-in" if results.sip_stand_in else "livekit-sip",
        "stand_ins_ms": asdict(results.latencies),
        "slack": SLACK,
        "ways": {
            name: {
                "says": results.says[name],
                "largest": climb.largest,
                "idle": {"cores": climb.idle.worker, "mb": climb.idle.worker_mb},
                "rounds": [_round(one, climb) for one in climb.rounds],
            }
            for name, climb in results.climbs.items()
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _round(one: Round, climb: Climb) -> dict[str, Any]:
    usage = one.usage
    return {
        "calls": one.calls,
        "holds": one.holds(climb.rounds[0]),
        "pick_up_ms": _spread(one.pick_up),
        "voice_to_voice_ms": _spread(one.voice_to_voice),
        "answered_too_early": one.too_early,
        "failed": one.failed,
        "cpu_percent_of_a_core_per_call": round(100 * climb.cpu_of_a_call(one), 1),
        "mb_per_call": round(climb.mb_of_a_call(one), 1),
        "mb_private_to_a_job": usage.private_mb,
        "cores": {**usage.cores, "elsewhere": round(usage.elsewhere, 3), "busy": usage.busy},
        "telephones_late_ms_p99": usage.lag_ms,
        "seconds": usage.seconds,
    }


def _spread(spread: Spread | None) -> dict[str, float] | None:
    return asdict(spread) if spread else None


def _setting(results: Results) -> str:
    facts, knobs = machine(), results.latencies
    sip = "a stand-in for livekit-sip" if results.sip_stand_in else "livekit-sip"
    return (
        f"{facts['cores']} cores, Python {facts['python']}, livekit-agents {facts['packages']['livekit-agents']}, {sip}. "
        "Milliseconds: pick-up from INVITE to 200, voice-to-voice from the caller's last audible sound to AVA's first, both at "
        "the caller's telephone. CPU while all are talking, memory at its end; a call's share is what the worker takes more "
        "than without calls. Everything runs on this one machine: “rest” is LiveKit, the SIP service, the telephones, the "
        f"stand-ins and the database. The stand-ins take: final transcript {knobs.stt_final} ms after the endpoint, model "
        f"{knobs.llm_ttft} ms to its first token, voice {knobs.tts_ttfb} ms. A round holds when no call fails and p95 of "
        f"voice-to-voice is within {SLACK:.0%} of one call's."
    )


def _verdict(climb: Climb) -> str:
    broke = [one for one in climb.rounds if not one.holds(climb.rounds[0])]
    at_least = "" if broke else "at least "
    idle = f"{100 * climb.idle.worker:.0f} % of a core and {climb.idle.worker_mb:.0f} MB"
    return f"{at_least}{climb.largest} calls at once. Without calls the worker takes {idle}."


def _rows(climb: Climb) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for one in sorted(climb.rounds, key=lambda one: one.calls):
        usage = one.usage
        rows.append(
            (
                str(one.calls),
                *_middle_and_tail(one.pick_up),
                *_middle_and_tail(one.voice_to_voice),
                str(one.voice_to_voice.n if one.voice_to_voice else 0),
                _failed(one),
                f"{100 * usage.worker:.0f}",
                f"{100 * climb.cpu_of_a_call(one):.1f}",
                f"{climb.mb_of_a_call(one):.1f}",
                f"{100 * (sum(usage.cores.values()) - usage.worker):.0f}",
                f"{100 * usage.busy / machine()['cores']:.0f} %",
                "yes" if one.holds(climb.rounds[0]) else "no",
            )
        )
    return rows


def _middle_and_tail(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.p50:.0f}", f"{spread.p95:.0f}") if spread else ("", "")


def _failed(one: Round) -> str:
    return ", ".join(f"{count} {why}" for why, count in one.failed.items()) or "0"


def _shares(climb: Climb) -> list[str]:
    """Who takes the machine, where most are talking."""
    most = max(climb.rounds, key=lambda one: one.calls).usage
    parts = [f"{name} {100 * cores:.0f} %" for name, cores in most.cores.items() if name != BENCH]
    parts.append(f"{BENCH} {100 * most.cores.get(BENCH, 0.0):.0f} %")
    calls = max(one.calls for one in climb.rounds)
    private = f" A job process has {most.private_mb:.0f} MB to itself." if most.private_mb else ""
    return [f"With {calls} calls, of one core: {', '.join(parts)}, others {100 * most.elsewhere:.0f} %.{private}"]
