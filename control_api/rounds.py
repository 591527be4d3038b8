"""Work that is done again and again while the server runs.

Owns: the pace, that a round which fails costs only itself, and that none outlives the server. Refuses: what the work is.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from contracts.errors import DomainError

_SPREAD = 0.25  # of the pace, to either side: processes that started together don't go together
_log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[object]]
Sleep = Callable[[float], Awaitable[None]]


async def go_round(
    work: Work,
    *,
    name: str,
    every: float,
    sleep: Sleep = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> None:
    """Until it is cancelled. `every`: seconds, give or take a quarter. Whatever goes wrong once is left to the next round."""
    while True:
        await sleep(every * (1 - _SPREAD + 2 * _SPREAD * chance()))
        try:
            await work()
        except DomainError as error:
            _log.warning("round.put_off", work=name, code=error.code)
        except Exception:  # noqa: BLE001 - recorded with its traceback; what is due must be done all the same, next time
            _log.exception("round.broke", work=name)


@asynccontextmanager
async def rounds(work: Work, *, name: str, every: float, sleep: Sleep = asyncio.sleep) -> AsyncGenerator[None]:
    """While this is open. `every` 0: another process does it."""
    task = asyncio.create_task(go_round(work, name=name, every=every, sleep=sleep), name=name) if every else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
