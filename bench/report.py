"""From calls to words: tables for the terminal and the README, JSON to keep, and what was wanted against what was reached.

Owns: medians, ratios, wording. Refuses: measuring. A stored result names no machine, no user and no path.
"""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

import psutil

from bench.ablation import AS_IT_IS, CHANGES
from bench.floor import Floor, Latencies
from bench.measure import Spread, percentile
from bench.placed import Kind, Stages, Taken
from bench.tables import aligned, piped

WANTED_OVER_FLOOR = 90.0  # ms, plain turns at p50
WANTED_TOOL_GAIN = 150.0
WANTED_GREETING = 80.0
_WAITED = 1_500.0  # ms: the turn model took the caller for unfinished (its patience is 2.5 s)
_PACKAGES = (
    "livekit-agents",
    "livekit-plugins-deepgram",
    "livekit-plugins-openai",
    "livekit-plugins-elevenlabs",
)


@dataclass(frozen=True)
class Results:
    """`taken`: calls by what they were placed for. `load`: the machine's load average before and after."""

    taken: dict[str, list[Taken]]
    configured: Floor
    probed: Floor
    latencies: Latencies
    load: tuple[float, float]
    repeated: int
    seconds: float

    def turns(self, under: str, kind: Kind) -> list[float]:
        return [ms for taken in self.taken.get(under, ()) for ms in taken.turns[kind]]

    def prompt_turns(self, under: str, kind: Kind) -> list[float]:
        """Without those in which the caller was taken for unfinished."""
        return [ms for ms in self.turns(under, kind) if ms < _WAITED]

    def waited(self, under: str) -> float:
        turns = self.turns(under, "plain") + self.turns(under, "tool")
        return round(sum(ms >= _WAITED for ms in turns) / len(turns), 3) if turns else 0.0

    def greetings(self, under: str) -> list[float]:
        return [taken.greeting_ms for taken in self.taken.get(under, ())]


@dataclass(frozen=True)
class Verdict:
    wanted: str
    measured: str
    reached: bool


def verdicts(results: Results) -> list[Verdict]:
    plain, bare = median(results.turns("ava", "plain")), median(results.turns("bare", "plain"))
    prompt = median(results.prompt_turns("bare", "plain"))
    tool, bare_tool = median(results.turns("ava", "tool")), median(results.prompt_turns("bare", "tool"))
    floor, greeting = results.configured.plain, median(results.greetings("greeting_warm"))
    return [
        Verdict(
            f"plain turns at most the providers' sum + {WANTED_OVER_FLOOR:.0f} ms at p50",
            f"{plain:.0f} ms, the sum is {floor:.0f}: + {plain - floor:.0f}",
            plain <= floor + WANTED_OVER_FLOOR,
        ),
        Verdict(
            "plain turns never slower than the bare session",
            f"{plain:.0f} ms against {prompt:.0f} (its prompt turns; all of them {bare:.0f})",
            plain <= min(bare, prompt),
        ),
        Verdict(
            f"tool turns at least {WANTED_TOOL_GAIN:.0f} ms faster than the bare session",
            f"{tool:.0f} ms against {bare_tool:.0f} (its prompt turns): {bare_tool - tool:.0f} faster",
            tool <= bare_tool - WANTED_TOOL_GAIN,
        ),
        Verdict(
            f"first greeting audio within {WANTED_GREETING:.0f} ms of session start",
            f"{greeting:.0f} ms at p50 (greeting kept from an earlier call)",
            greeting <= WANTED_GREETING,
        ),
    ]


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


# JSON


def as_json(results: Results) -> str:
    names = [name for name in results.taken if name != "warm-up"]
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(results.seconds / 60, 1),
        "machine": machine(),
        "load_average": {"before": round(results.load[0], 2), "after": round(results.load[1], 2)},
        "calls_repeated": results.repeated,
        "stand_ins_ms": asdict(results.latencies),
        "floor_ms": {"configured": results.configured.as_json(), "probed": results.probed.as_json()},
        "wanted": [asdict(verdict) for verdict in verdicts(results)],
        "calls": {name: _group(results, name) for name in names},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _group(results: Results, name: str) -> dict[str, Any]:
    calls = results.taken[name]
    kinds: tuple[Kind, ...] = ("plain", "tool")
    return {
        "calls": len(calls),
        "greeting_ms": _spread(results.greetings(name)),
        "ring_to_greeting_ms": _spread([taken.ring_ms for taken in calls]),
        "turns_ms": {kind: _spread(results.turns(name, kind)) for kind in kinds},
        "prompt_turns_ms": {kind: _spread(results.prompt_turns(name, kind)) for kind in kinds},
        "taken_for_unfinished": results.waited(name),
        "unanswered": sum(taken.unanswered for taken in calls),
        "answered_too_early": sum(taken.too_early for taken in calls),
        "stages_ms": {kind: _stages([s for taken in calls for s in taken.stages[kind]]) for kind in kinds},
        "loop_lag_ms": _lag(calls),
        "cpu_seconds_per_minute": round(_cpu(calls), 2),
        "uss_mb": max(taken.cost.uss_mb for taken in calls),
        "rss_mb": max(taken.cost.rss_mb for taken in calls),
        "uss_growth_mb": median(taken.cost.uss_growth_mb for taken in calls),
        "other_programs_cores": median(taken.cost.elsewhere for taken in calls),
        "each_ms": {kind: [round(ms, 1) for ms in results.turns(name, kind)] for kind in kinds},
    }


def _spread(values: Sequence[float]) -> dict[str, Any] | None:
    spread = Spread.of(values)
    return None if spread is None else asdict(spread)


def _lag(calls: Iterable[Taken]) -> dict[str, float]:
    late = [ms for taken in calls for ms in taken.cost.lag_ms]
    return {
        "p50": round(percentile(late, 0.5), 2),
        "p99": round(percentile(late, 0.99), 2),
        "max": round(max(late), 1),
    }


def _cpu(calls: Sequence[Taken]) -> float:
    return sum(taken.cost.cpu_seconds for taken in calls) / sum(taken.cost.seconds for taken in calls) * 60


def _stages(seen: Sequence[Stages]) -> dict[str, float]:
    """Medians, ms after the caller's last sound, of prompt turns."""
    prompt = [stages for stages in seen if stages.frame < _WAITED]

    def middle(moments: list[float]) -> float | None:
        return round(median(moments), 1) if moments else None

    found = {
        "final_transcript": middle([s.heard[-1] for s in prompt if s.heard]),
        "model_asked": middle([s.model[0] for s in prompt if s.model]),
        "calendar_asked": middle([s.calendar[-1] for s in prompt if s.calendar]),
        "model_asked_again": middle([s.model[-1] for s in prompt if len(s.model) > 1]),
        "voice_asked": middle([s.voice[0] for s in prompt if s.voice]),
        "first_frame": middle([s.frame for s in prompt]),
    }
    return {name: ms for name, ms in found.items() if ms is not None}


# tables


def _rows(results: Results) -> list[tuple[str, str, str, str]]:
    """What, AVA, bare, the providers' sum."""
    rows: list[tuple[str, str, str, str]] = []
    floors: dict[Kind, float] = {"plain": results.configured.plain, "tool": results.configured.tool}
    named: tuple[tuple[Kind, str], ...] = (("plain", "plain turn"), ("tool", "turn with a calendar tool"))
    for kind, words in named:
        ava, bare = Spread.of(results.turns("ava", kind)), Spread.of(results.turns("bare", kind))
        prompt = Spread.of(results.prompt_turns("bare", kind))
        assert ava is not None
        assert bare is not None
        assert prompt is not None
        floor = f"{floors[kind]:.0f}"
        rows.append((f"{words}, p50", f"{ava.p50:.0f}", f"{prompt.p50:.0f} (all: {bare.p50:.0f})", floor))
        rows.append((f"{words}, p95", f"{ava.p95:.0f}", f"{prompt.p95:.0f} (all: {bare.p95:.0f})", ""))
        rows.append(("  turns measured", str(ava.n), f"{prompt.n} of {bare.n}", ""))
    early = [str(sum(taken.too_early for taken in results.taken[who])) for who in ("ava", "bare")]
    rows.append(("answered into a pause of the caller's, turns", early[0], early[1], ""))
    greeting = results.configured.tts
    rows.append(("session start to greeting, p50", _middle(results, "greeting_warm"), _middle(results, "bare"), ""))
    rows.append(("  with no greeting kept yet", _middle(results, "greeting_cold"), "", f"{greeting:.0f}"))
    ava_calls, bare_calls = results.taken["ava"], results.taken["bare"]
    ava_lag, bare_lag = _lag(ava_calls), _lag(bare_calls)
    for name in ("p50", "p99", "max"):
        rows.append((f"event loop late, {name}", f"{ava_lag[name]:.1f}", f"{bare_lag[name]:.1f}", ""))
    rows.append(("CPU seconds per call minute", f"{_cpu(ava_calls):.1f}", f"{_cpu(bare_calls):.1f}", ""))
    memory = [median(taken.cost.uss_growth_mb for taken in calls) for calls in (ava_calls, bare_calls)]
    rows.append(("memory a further call adds, MB", f"{memory[0]:.1f}", f"{memory[1]:.1f}", ""))
    return rows


def _middle(results: Results, under: str) -> str:
    values = results.greetings(under)
    return f"{median(values):.0f}" if values else ""


def _ablation_rows(results: Results) -> list[tuple[str, str, str]]:
    """Change, plain turns, tool turns: p50 and the difference to AVA as it is in the same rounds."""
    base = f"ablation:{AS_IT_IS.name}"
    if base not in results.taken:
        return []
    rows = [(AS_IT_IS.says, _against(results, base, base, "plain"), _against(results, base, base, "tool"))]
    for change in CHANGES:
        under = f"ablation:{change.name}"
        waited = f", {results.waited(under):.0%} taken for unfinished" if results.waited(under) else ""
        rows.append(
            (f"{change.says}{waited}", _against(results, under, base, "plain"), _against(results, under, base, "tool"))
        )
    cold, warm = results.greetings("greeting_cold"), results.greetings("greeting_warm")
    if cold and warm:
        gain = median(cold) - median(warm)
        rows.append(("greeting not kept (session start to greeting)", f"{median(cold):.0f} ({gain:+.0f})", ""))
    return rows


def _against(results: Results, under: str, base: str, kind: Kind) -> str:
    turns, own = results.prompt_turns(under, kind), results.prompt_turns(base, kind)
    if not turns:
        return ""
    return f"{median(turns):.0f}" + ("" if under == base else f" ({median(turns) - median(own):+.0f})")


def _stage_rows(results: Results) -> list[tuple[str, ...]]:
    names = ("final_transcript", "model_asked", "calendar_asked", "model_asked_again", "voice_asked", "first_frame")
    rows: list[tuple[str, ...]] = []
    for kind in ("plain", "tool"):
        for who in ("ava", "bare"):
            stages = _stages([s for taken in results.taken[who] for s in taken.stages[kind]])
            rows.append((f"{who}, {kind}", *(f"{stages[name]:.0f}" if name in stages else "" for name in names)))
    return rows


_STAGES = ("ms after the caller's last sound", "final text", "model", "calendar", "model again", "voice", "first frame")


def as_table(results: Results) -> str:
    facts = machine()
    lines = [
        f"Latency in ms, from the caller's last sound to the first frame of the answer. {facts['cores']} cores, "
        f"Python {facts['python']}, load {results.load[0]:.1f} before and {results.load[1]:.1f} after, "
        f"{results.repeated} calls repeated, {results.seconds / 60:.1f} minutes.",
        _knobs(results),
        "",
        *aligned([("", "AVA", "bare session", "providers' sum"), *_rows(results)]),
        "",
        *aligned([_STAGES, *_stage_rows(results)]),
    ]
    if ablation := _ablation_rows(results):
        lines += ["", *aligned([("AVA with one thing changed, p50", "plain", "tool"), *ablation])]
    lines.append("")
    lines += [f"{'PASS' if v.reached else 'FAIL'}  {v.wanted}: {v.measured}" for v in verdicts(results)]
    return "\n".join(lines)


def as_markdown(results: Results) -> str:
    """For the README: what, how, and the same tables."""
    facts = machine()
    plain = [median(results.turns("ava", "plain")), median(results.prompt_turns("bare", "plain"))]
    tool = [median(results.turns("ava", "tool")), median(results.prompt_turns("bare", "tool"))]
    lines = [
        f"Milliseconds from the caller's last sound to the first frame of the answer, {facts['cores']} cores, "
        f"Python {facts['python']}, livekit-agents {facts['packages']['livekit-agents']}. {_knobs(results)} "
        "Calls alternate between AVA, which takes turns by voice activity here as in the demo, and a bare `AgentSession` with "
        "the framework's and the plugins' defaults.",
        "",
        f"**AVA answers a plain turn in {plain[0]:.0f} ms (bare takes {plain[1] / plain[0]:.2f} × as long), a turn "
        f"with a calendar tool in {tool[0]:.0f} ms (bare {tool[1] / tool[0]:.2f} ×).**",
        "",
        *piped([("", "AVA", "bare session", "providers' sum"), *_rows(results)]),
        "",
        f"The default turn model took {results.waited('bare'):.0%} of these synthetic callers' turns for unfinished and "
        "waited 2.5 s: the bare column leaves them out, “all” has them in.",
        "",
        "Where the time goes (medians, ms after the caller's last sound):",
        "",
        *piped([("", *_STAGES[1:]), *_stage_rows(results)]),
    ]
    if ablation := _ablation_rows(results):
        head = ("AVA with one thing changed, p50 (difference)", "plain", "tool")
        lines += ["", "What each option bought:", "", *piped([head, *ablation])]
    lines.append("")
    lines += [f"- {'reached' if v.reached else '**missed**'}: {v.wanted}: {v.measured}" for v in verdicts(results)]
    return "\n".join(lines) + "\n"


def _knobs(results: Results) -> str:
    knobs = results.latencies
    return (
        f"The stand-ins take: final transcript {knobs.stt_final} ms after the endpoint, model {knobs.llm_ttft} ms to its "
        f"first token and {knobs.llm_token} a token, voice {knobs.tts_ttfb} ms, calendar {knobs.calendar_read} ms."
    )
