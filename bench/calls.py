"""How many calls a worker carries on this machine, over SIP, with conversation. `python -m bench.calls`

Everything is real but the providers: SIP telephones, the SIP service or its stand-in, LiveKit, the worker in processes of its
own, the database. All of it shares this machine, so that what the worker takes is told apart from what the rest takes. Rounds
of ever more calls at once; the largest is the last in which no call fails and p95 of voice-to-voice, as the callers hear it,
is within 20 % of one call's alone. Ways to run it: a process per call, as it ships; all calls in one process; two such workers.

`--ways processes,threads` chooses; `--most 2` ends the ladder early and stores nothing. Results go to bench/results/.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import logs
from agent.settings import Settings
from bench.callers import place, plan_of
from bench.density import LADDER, Climb, Round, turns_of
from bench.density_report import Results, as_json, as_markdown, as_table, line_of
from bench.floor import Latencies
from bench.usage import WORKER, Groups, Usage, Watch
from demo.exchange import LOOPBACK, Exchange, open_exchange
from demo.owner import ROUND_THE_CLOCK
from demo.ring import expect_plan
from demo.workers import AS_IT_SHIPS, Worker
from sandbox.postgres import SandboxError
from sandbox.programs import say_on_terminal

RESULTS = Path(__file__).parent / "results"
NUMBER = "+33478000020"
_GREETING = "Bonjour, cabinet du Parc."
_ANSWER = "Oui, tout à fait."
_THREADED = ("-m", "livekit.agents", "start", str(Path(__file__).with_name("threaded.py")))
_IDLE = 5.0  # seconds in which a worker without calls is watched
_SETTLE = 2.0  # seconds between rounds: the pool of warm processes fills up again
_ENDED_WITHIN = 60.0
_NO_LIMITS = {"max_call": 900, "silence_prompt": 60, "silence_hang_up": 180, "unproductive_turns": 50}


@dataclass(frozen=True)
class Way:
    """To run the same agent."""

    says: str
    command: Sequence[str]
    workers: int = 1


WAYS = {
    "processes": Way("a process per call", AS_IT_SHIPS),
    "threads": Way("all calls in one process", _THREADED),
    "workers": Way("two workers, each all its calls in one process", _THREADED, workers=2),
}


@dataclass
class Run:
    """One way's workers, ready, and the calls placed with them so far."""

    exchange: Exchange
    workers: Sequence[Worker]
    groups: Groups
    climb: Climb

    async def all(self, name: str) -> None:
        """Up the ladder and between its rungs."""
        while (calls := self.climb.next()) is not None:
            self.climb.rounds.append(one := await self._round(calls))
            say_on_terminal(f"{name:10} {line_of(one)}")

    async def _round(self, calls: int) -> Round:
        plan = plan_of(turns_of(calls))
        await expect_plan(self.exchange, plan)
        await Latencies().set(self.exchange.platform.control)
        await self.exchange.platform.control("openai", "script", _replies())
        watch: Watch | None = None
        usage = Usage(0.0)

        def talking(begun: bool) -> None:
            nonlocal watch, usage
            if begun:
                watch = Watch(self.groups)
            elif watch is not None:
                usage = watch.stop(jobs=[job for worker in self.workers for job in worker.jobs_in_a_call()])

        heard = await place(calls, self.exchange.line.address_of(NUMBER), plan, seed=calls, talking=talking)
        await self._until_idle()
        return Round(calls, heard, usage)

    async def _until_idle(self) -> None:
        async with asyncio.timeout(_ENDED_WITHIN):
            while sum([await worker.live_calls() for worker in self.workers]):  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.2)
        await asyncio.sleep(_SETTLE)


def _replies() -> list[dict[str, Any]]:
    return [{"when_user_matches": ".", "content": _ANSWER, "after": "user", "times": None}]


@asynccontextmanager
async def _running(exchange: Exchange, name: str, ladder: Sequence[int]) -> AsyncGenerator[Run]:
    way, warm = WAYS[name], int(Settings.model_fields["ava_idle_processes"].default)
    async with AsyncExitStack() as running:
        workers = [
            await running.enter_async_context(
                exchange.another_worker(f"{name} {number}", idle_processes=warm, command=way.command)
            )
            for number in range(way.workers)
        ]
        line = exchange.line
        groups = Groups(
            {
                WORKER: [worker.server.pid for worker in workers],
                "LiveKit": [line.livekit.pid, line.redis.pid],
                "SIP service": [line.sip.pid],
            }
        )
        await asyncio.sleep(_SETTLE)
        idle = Watch(groups)
        await asyncio.sleep(_IDLE)
        yield Run(exchange, workers, groups, Climb(idle.stop(), ladder))


async def measure(ways: Sequence[str], ladder: Sequence[int]) -> Results:
    climbs: dict[str, Climb] = {}
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="ava-bench-") as folder:
        async with open_exchange(data=Path(folder), idle_processes=0, say=say_on_terminal) as exchange:
            changes: dict[str, Any] = {"hours": ROUND_THE_CLOCK, "greeting": _GREETING, "limits": _NO_LIMITS}
            await exchange.owner.puts_on_the_line([NUMBER], allowed=[LOOPBACK], **changes)
            for name in ways:
                async with _running(exchange, name, ladder) as run:
                    climbs[name] = run.climb
                    await run.all(name)
            stand_in = exchange.line.stand_in
    return Results(
        climbs=climbs,
        says={name: WAYS[name].says for name in ways},
        latencies=Latencies(),
        sip_stand_in=stand_in,
        seconds=time.time() - began,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__)
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--most", type=int, default=LADDER[-1], help="calls at once; fewer than all store nothing")
    given = parser.parse_args(arguments)
    logs.set_up("ERROR", json=False)
    ways = given.ways.split(",")
    if unknown := set(ways) - WAYS.keys():
        parser.error(f"no such way: {', '.join(sorted(unknown))}")
    ladder = [calls for calls in LADDER if calls <= given.most]
    try:
        results = asyncio.run(measure(ways, ladder))
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    print(as_table(results))
    if ladder == list(LADDER):
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "calls.json").write_text(as_json(results))
        (RESULTS / "calls.md").write_text(as_markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
