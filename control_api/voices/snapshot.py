"""A whole list as an outside party gave it: read anew when it is old, and used a while longer when that fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from contracts.errors import DomainError

T = TypeVar("T")

_FRESH_SECONDS = 600.0
_STALE_SECONDS = 3600.0
_PAUSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Snapshot(Generic[T]):
    """One reading at a time. After a failure that is retryable nothing is asked for a moment: whoever comes then is given the
    old list, or the same error where there is none."""

    def __init__(
        self, name: str, read: Callable[[], Awaitable[T]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._read = read
        self._clock = clock
        self._kept: tuple[float, T] | None = None
        self._failed: tuple[float, DomainError] | None = None
        self._reading = asyncio.Lock()

    async def get(self) -> T:
        kept = self._younger_than(_FRESH_SECONDS)
        if kept is not None:
            return kept[1]
        async with self._reading:
            kept = self._younger_than(_FRESH_SECONDS)
            return kept[1] if kept is not None else await self._renewed()

    async def _renewed(self) -> T:
        if self._failed is not None and self._clock() < self._failed[0]:
            return self._old_or(self._failed[1])
        try:
            value = await self._read()
        except DomainError as error:
            if not error.retryable:
                raise
            _log.warning("snapshot.not_renewed", what=self._name, code=error.code)
            self._failed = self._clock() + _PAUSE_SECONDS, error
            return self._old_or(error)
        self._kept, self._failed = (self._clock(), value), None
        return value

    def _old_or(self, error: DomainError) -> T:
        old = self._younger_than(_STALE_SECONDS)
        if old is None:
            raise error
        return old[1]

    def _younger_than(self, seconds: float) -> tuple[float, T] | None:
        return self._kept if self._kept is not None and self._clock() - self._kept[0] < seconds else None
