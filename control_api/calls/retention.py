"""When callers' data goes. Refuses: what goes (`CallService.purge_expired`, `Recordings`, and the database)."""

import asyncio
from contextlib import suppress
from typing import Final

PURGE_EVERY: Final = 900.0  # seconds
REMOVE_EVERY: Final = 60.0
LOOK_EVERY: Final = 6 * 3600.0


class Bell:
    """Cuts a sleep short: what was just erased need not wait for the next round."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
