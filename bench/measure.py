"""The instruments: percentiles, how late the event loop runs, what a call costs the process.

Owns: numbers and their units. Refuses: calls (`bench.placed`) and words about numbers (`bench.report`).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

import psutil

_TICK = 0.005  # seconds


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank. ValueError for no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(share * 1000 * len(ordered)) // 1000) - 1))]


@dataclass(frozen=True)
class Spread:
    """Milliseconds."""

    n: int
    p50: float
    p95: float
    low: float
    high: float

    @staticmethod
    def of(milliseconds: Sequence[float]) -> "Spread | None":
        if not milliseconds:
            return None
        return Spread(
            n=len(milliseconds),
            p50=round(median(milliseconds), 1),
            p95=round(percentile(milliseconds, 0.95), 1),
            low=round(min(milliseconds), 1),
            high=round(max(milliseconds), 1),
        )


@dataclass
class Cost:
    """What one call took of this process. CPU includes the caller's side of the line, which is the same for all."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    uss_mb: float = 0.0  # of the process, at the call's end
    rss_mb: float = 0.0
    uss_growth_mb: float = 0.0  # during the call
    elsewhere: float = 0.0  # cores that neither we nor our children used: other programs on the machine
    lag_ms: list[float] = field(default_factory=list[float])

    @property
    def disturbed(self) -> bool:
        """The loop was so late that turns of this call say more of the machine than of the agent."""
        return bool(self.lag_ms) and percentile(self.lag_ms, 0.99) > 20.0


@asynccontextmanager
async def measured() -> AsyncGenerator[Cost]:
    """Fills the cost when the block ends. Memory is read before and after it, never during: that blocks for 10 ms."""
    process, cost = psutil.Process(), Cost()
    before, began = process.memory_full_info().uss, time.perf_counter()
    cpu, family, machine = _cpu(process), _family(process), _machine()
    ticker = asyncio.create_task(_tick(cost.lag_ms))
    try:
        yield cost
    finally:
        ticker.cancel()
        cost.seconds = time.perf_counter() - began
        cost.cpu_seconds = _cpu(process) - cpu
        others = (_machine() - machine) - (_family(process) - family)
        cost.elsewhere = round(max(0.0, others) / cost.seconds, 2)
        memory = process.memory_full_info()
        cost.rss_mb, cost.uss_mb = round(memory.rss / 2**20, 1), round(memory.uss / 2**20, 1)
        cost.uss_growth_mb = round((memory.uss - before) / 2**20, 1)


async def _tick(late_ms: list[float]) -> None:
    while True:
        due = time.perf_counter() + _TICK
        await asyncio.sleep(_TICK)
        late_ms.append(max(0.0, (time.perf_counter() - due) * 1000))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _family(process: psutil.Process) -> float:
    total = _cpu(process)
    for child in process.children(recursive=True):
        try:
            total += _cpu(child)
        except psutil.NoSuchProcess:
            continue
    return total


def _machine() -> float:
    times = psutil.cpu_times()
    return times.user + times.system + times.nice
