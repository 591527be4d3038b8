"""How busy this machine is, as the worker tells LiveKit: the greatest of its CPU's share, its memory's and its event loop's.

Above its threshold the worker declares itself full, and that is what keeps calls away; a worker that reports 1.0 gets none
from LiveKit's server whatever the threshold is, so that the most reported is MOST.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import psutil
from livekit.agents import AgentServer, WorkerOptions

MOST = 0.95
Measure = Callable[[AgentServer], float]
FRAMEWORKS_OWN = cast(
    "Measure",
    WorkerOptions.load_fnc,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - a dataclass's default
)
_LAG_FULL = 0.25  # seconds: LiveKit's offers of jobs, and each job's pings, wait as long
_LOOKS = 0.25
_REMEMBERED = 10  # looks: 2.5 s, as the framework's CPU figure
_CALL_BYTES = 60 * 1024 * 1024  # private memory of a job in a call
_SPARE_CALLS = 4


class LoopLag:
    """By how much the main process's event loop comes late: the median of the last 2.5 s, in seconds."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_REMEMBERED)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            due = time.monotonic() + _LOOKS
            await asyncio.sleep(_LOOKS)
            self._late.append(max(0.0, time.monotonic() - due))

    def seconds(self) -> float:
        late = sorted(self._late)
        return late[len(late) // 2] if late else 0.0


def free_memory() -> int:
    """Bytes that new processes may take without swapping; of the container where it has a limit."""
    free = psutil.virtual_memory().available
    try:
        with open("/sys/fs/cgroup/memory.max") as most, open("/sys/fs/cgroup/memory.current") as now:
            limit = most.read().strip()
            return min(free, int(limit) - int(now.read())) if limit != "max" else free
    except (OSError, ValueError):
        return free


def measured(
    lag: LoopLag, *, cpu: Measure = FRAMEWORKS_OWN, memory: Callable[[], int] = free_memory
) -> Callable[[AgentServer], float]:
    """Memory weighs nothing until it is enough for a few calls only, and then everything."""

    def load(worker: AgentServer) -> float:
        short = memory() < _SPARE_CALLS * _CALL_BYTES
        return min(MOST, max(cpu(worker), lag.seconds() / _LAG_FULL, MOST if short else 0.0))

    return load
