"""How fast AVA answers, beside a bare `AgentSession` and beside what its providers alone would take. `python -m bench.turns`

Calls alternate, AVA then bare, so that a machine that slows down slows both. `--quick` takes a few turns and no ablation
(CI); `--check` exits 1 when a wanted number is missed. Results go to bench/results/.
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from agent import logs
from bench.ablation import AS_IT_IS, CHANGES, Change
from bench.floor import Floor, Latencies, configured, probed
from bench.placed import BARE, Bench, Kind, Subject, Taken
from bench.report import Results, as_json, as_markdown, as_table, verdicts
from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from demo.stack import Stack, open_stack

RESULTS = Path(__file__).parent / "results"
_TURNS: list[Kind] = ["plain", "tool", "plain", "tool", "plain", "tool", "plain"]
_REPEATS = 2  # of a call during which the machine was busy with something else


@dataclass(frozen=True)
class Size:
    calls: int  # pairs, of _TURNS each
    greetings: int  # pairs of AVA with nothing kept and AVA with its greeting kept
    rounds: int  # of the ablation

    @staticmethod
    def of(quick: bool) -> "Size":
        return Size(calls=1, greetings=1, rounds=0) if quick else Size(calls=9, greetings=6, rounds=2)


@dataclass
class Run:
    """A bench in progress: the calls placed so far."""

    bench: Bench
    clips: Path
    seed: int = 1
    repeated: int = 0
    taken: dict[str, list[Taken]] = field(default_factory=dict[str, list[Taken]])

    async def place(self, subject: Subject, plan: Sequence[Kind], *, under: str | None = None) -> None:
        taken = await self._once(subject, plan)
        for _ in range(_REPEATS):
            if not taken.cost.disturbed:
                break
            self.repeated += 1
            taken = await self._once(subject, plan)
        self.taken.setdefault(under or subject.name, []).append(taken)
        _say(_line(under or subject.name, taken))

    async def _once(self, subject: Subject, plan: Sequence[Kind]) -> Taken:
        return await self.bench.place(subject, list(plan), dice=random.Random(self.seed))

    async def pairs(self, ava: Subject, count: int) -> None:
        for number in range(count):
            self.seed = number
            for subject in (ava, BARE):
                await self.place(subject, _TURNS)

    async def greetings(self, ava: Subject, count: int) -> None:
        for _ in range(count):
            shutil.rmtree(self.clips, ignore_errors=True)
            await self.place(ava, [], under="greeting_cold")
            await self.place(ava, [], under="greeting_warm")

    async def ablation(self, subjects: dict[str, tuple[Change, Subject]], rounds: int) -> None:
        for number in range(rounds):
            self.seed = 100 + number
            for change, subject in subjects.values():
                for _ in range(change.calls):
                    await self.place(subject, change.plan, under=f"ablation:{change.name}")


def bench_config(config: AssistantConfig) -> AssistantConfig:
    """The caller of a bench never gets anywhere: AVA must not tire of it."""
    return config.model_copy(update={"limits": config.limits.model_copy(update={"unproductive_turns": 50})})


def seed(stack: Stack, config: AssistantConfig, number: str) -> None:
    stack.database.seed_assistant(
        tenant_name=config.business.name,
        config=config,
        number=number,
        calendar=CalComConnection(event_types=stack.practices["fr"].event_types),
    )


async def measure(size: Size) -> Results:
    latencies, load, began = Latencies(), os.getloadavg(), time.time()
    with tempfile.TemporaryDirectory(prefix="ava-bench-") as folder:
        data = Path(folder)
        async with open_stack(data=data) as stack, httpx.AsyncClient(timeout=10) as http:
            await stack.open_for("fr")
            await latencies.set(stack.post)
            practice = stack.practices["fr"]
            config = bench_config(practice.config)
            bench = Bench(stack, config, http)
            subjects: dict[str, tuple[Change, Subject]] = {}
            for index, change in enumerate((AS_IT_IS, *CHANGES)):
                number = f"+334780001{index:02d}"
                seed(stack, change.config(config), number)
                subjects[change.name] = (change, change.subject(number, stack.resources.settings))
            floor = await _probe(stack, latencies, config)
            run = Run(bench, data / "clips")
            ava = subjects[AS_IT_IS.name][1]
            for subject in (ava, BARE):  # what the process loads once is not any call's
                await run.place(subject, ["plain", "tool"], under="warm-up")
            await run.pairs(ava, size.calls)
            await run.greetings(ava, size.greetings)
            await run.ablation(subjects, size.rounds)
    return Results(
        taken=run.taken,
        configured=configured(latencies),
        probed=floor,
        latencies=latencies,
        load=(load[0], os.getloadavg()[0]),
        repeated=run.repeated,
        seconds=time.time() - began,
    )


async def _probe(stack: Stack, latencies: Latencies, config: AssistantConfig) -> Floor:
    return await probed(
        stack,
        latencies,
        voice_id=config.voice.voice_id,
        tts_model=config.voice.model,
        event_type=stack.practices["fr"].event_types["detartrage"],
    )


def _line(name: str, taken: Taken) -> str:
    turns = "  ".join(f"{kind} {' '.join(f'{ms:.0f}' for ms in taken.turns[kind])}" for kind in taken.turns)
    return f"{name:26} greeting {taken.greeting_ms:4.0f}  {turns}  other programs {taken.cost.elsewhere:.1f} core"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="4 plain and 3 tool turns of each, no ablation, stores nothing"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 when a wanted number is missed")
    parser.add_argument("--store", action="store_true", help="store the results of a quick run too")
    given = parser.parse_args(arguments)
    logs.set_up("ERROR", json=False)
    results = asyncio.run(measure(Size.of(given.quick)))
    print(as_table(results))
    if not given.quick or given.store:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "turns.json").write_text(as_json(results))
        (RESULTS / "turns.md").write_text(as_markdown(results))
    missed = [verdict for verdict in verdicts(results) if not verdict.reached]
    return 1 if given.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
