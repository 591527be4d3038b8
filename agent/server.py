"""LiveKit's AgentServer, with three things that a telephone needs of it: it registers when its processes are warm and not
before, it takes every call of a burst that there is room for, and it says how it is.

What the framework does else. It waits for warm processes for a while and then registers all the same. With no call running it
charges each call that it has said yes to with the threshold's share of an idle process, so that of a burst it takes as many
calls as it has idle processes, whatever the load; LiveKit does not ask again for those it refuses. Here a call is refused for
two reasons: so many are running as this machine carries, or it is over the load threshold now.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import structlog
from livekit.agents import AgentServer
from livekit.agents.ipc.job_executor import JobExecutor

from agent.succession import seat_of
from store.duties import Duty

log = structlog.get_logger("agent.server")

State = Literal["warming", "connecting", "ready", "draining", "failed"]
_LOOK = 0.1


class Server(AgentServer):
    """`most_calls` at once; `warm_processes` must be ready before the first. The names overridden here are the framework's
    private ones of the pinned version: tests/unit/test_agent_server.py fails where one is gone."""

    def __init__(self, *, most_calls: int, warm_processes: int, **options: Any) -> None:
        super().__init__(num_idle_processes=warm_processes, **options)
        self.most_calls = most_calls
        self._warm_processes = warm_processes
        self._is_warm = False
        self._died: Callable[[Duty], None] | None = None
        self.on("worker_started", self._listen)

    @property
    def state(self) -> State:
        if self._connection_failed:
            return "failed"
        if self._draining:
            return "draining"
        if not self._is_warm:
            return "warming"
        return "connecting" if self._connecting or self._id == "unregistered" else "ready"

    @property
    def live_calls(self) -> int | None:
        """Jobs running and jobs promised. None: not known, before there are processes to count."""
        return len(self.active_jobs) + self._reserved_slots if self._is_warm else None

    @property
    def load(self) -> float:
        """As it was last measured (agent/load.py)."""
        return getattr(self, "_worker_load", 0.0)

    @property
    def duties(self) -> Sequence[Duty]:
        return [seat_of(job.job).duty for job in self.active_jobs]

    def when_a_job_dies(self, tell: Callable[[Duty], None]) -> None:
        """`tell` gets the duty of a job whose process ended by a signal or an error."""
        self._died = tell

    def _listen(self) -> None:
        self._proc_pool.on("process_closed", self._closed_process)

    def _closed_process(self, process: JobExecutor) -> None:
        job, code = process.running_job, getattr(process, "exitcode", None)
        if job is not None and code not in (0, None) and self._died is not None:
            self._died(seat_of(job.job).duty)

    async def _connection_task(self) -> None:
        while not (self._is_warm or self._closed):
            ready = self._proc_pool._warmed_proc_queue.qsize()  # pyright: ignore[reportPrivateUsage] - it tells nobody
            self._is_warm = ready >= self._warm_processes
            await asyncio.sleep(0 if self._is_warm else _LOOK)
        log.info("warm", processes=self._warm_processes)
        await super()._connection_task()

    def _get_effective_load(self) -> float:
        """Above the threshold the framework refuses, and tells LiveKit that this worker is full."""
        live = self.live_calls
        if live is None or live >= self.most_calls:
            return math.inf
        return self._worker_load
