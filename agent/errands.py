"""What runs beside a call and ends with it. A failing errand is recorded and costs the call nothing."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("agent.errands")

_LIMIT = 64  # an errand past this is a leak, not work


class Errands:
    """Holds its tasks, so that none is lost to the garbage collector, and cancels those that are left at the end."""

    def __init__(self, call_id: str, *, limit: int = _LIMIT) -> None:
        self._call_id = call_id
        self._limit = limit
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, *errands: Coroutine[Any, Any, Any]) -> None:
        for errand in errands:
            if len(self._running) >= self._limit:
                errand.close()
                log.error("too many errands", call_id=self._call_id, limit=self._limit)
                continue
            task = asyncio.create_task(errand)
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("errand failed", call_id=self._call_id, errand=task.get_name(), exc_info=error)

    async def aclose(self) -> None:
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
