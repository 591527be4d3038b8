"""What a worker's processes take of a machine while calls go on, beside everything else that runs there.

Owns: which process belongs to whom, reading the kernel's counts. Refuses: calls. CPU is of the processor's time as the kernel
counts it, children that have ended meanwhile included; memory is the proportional share (PSS), which counts once what forked
processes have in common.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from bench.measure import percentile

MB = 2**20
WORKER = "worker"
BENCH = "telephones and API"
_TICK = 0.01  # seconds


@dataclass(frozen=True)
class Usage:
    """`cores`: of the machine, by whom. `busy`: all of it, whoever took it. `worker_mb` is the worker's family's, `private_mb`
    what the middle one of the job processes in a call has to itself: None where jobs are no processes. `lag_ms`: p99 of how
    late the telephones' own clock ran."""

    seconds: float
    cores: Mapping[str, float] = field(default_factory=dict[str, float])
    busy: float = 0.0
    worker_mb: float = 0.0
    private_mb: float | None = None
    lag_ms: float = 0.0

    @property
    def worker(self) -> float:
        return self.cores.get(WORKER, 0.0)

    @property
    def elsewhere(self) -> float:
        """Cores that belong to nobody here: other programs, the kernel's own work."""
        return max(0.0, self.busy - sum(self.cores.values()))


@dataclass(frozen=True)
class Groups:
    """Pids at the head of each family, by name. What else this process has started is the stand-ins'."""

    heads: Mapping[str, Sequence[int]]
    rest: str = "stand-ins and database"

    def cpu(self) -> dict[str, float]:
        """Seconds so far."""
        us = psutil.Process()
        every = {process.pid: process for process in us.children(recursive=True)}
        spent = {BENCH: _own(us)}
        for name, pids in self.heads.items():
            family = {process.pid for pid in pids if pid in every for process in _family(every[pid])}
            spent[name] = sum(_with_the_dead(every.pop(pid)) for pid in family if pid in every)
        spent[self.rest] = sum(_with_the_dead(process) for process in every.values())
        return spent

    def memory_mb(self, name: str) -> float:
        """PSS of that family. Takes some ms a process."""
        total = 0
        for pid in self.heads[name]:
            for process in _family(psutil.Process(pid)):
                try:
                    total += process.memory_full_info().pss
                except psutil.NoSuchProcess:
                    continue
        return total / MB


class Watch:
    """From its making until `stop`."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._late: list[float] = []
        self._ticker = asyncio.create_task(self._tick())
        self._began, self._cpu, self._machine = time.perf_counter(), groups.cpu(), _machine()

    def stop(self, *, jobs: Iterable[psutil.Process] = ()) -> Usage:
        """Reads memory too, while all calls are still there. `jobs`: the processes that have one."""
        seconds = time.perf_counter() - self._began
        cpu, machine = self._groups.cpu(), _machine()
        self._ticker.cancel()
        private = sorted(job.memory_full_info().uss / MB for job in jobs)
        return Usage(
            seconds=round(seconds, 1),
            cores={name: round((cpu[name] - self._cpu[name]) / seconds, 3) for name in cpu},
            busy=round((machine - self._machine) / seconds, 3),
            worker_mb=round(self._groups.memory_mb(WORKER), 1),
            private_mb=round(private[len(private) // 2], 1) if private else None,
            lag_ms=round(percentile(self._late, 0.99), 1) if self._late else 0.0,
        )

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + _TICK
            await asyncio.sleep(_TICK)
            self._late.append(max(0.0, (time.perf_counter() - due) * 1000))


def _family(head: psutil.Process) -> list[psutil.Process]:
    try:
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _with_the_dead(process: psutil.Process) -> float:
    """A child that has ended is counted in its parent's from then on."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def _machine() -> float:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq
