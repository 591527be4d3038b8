"""Samples of voices that were fetched or spoken before: bounded in bytes and in age, and made once however many ask."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

_KEEP_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Preview:
    """MP3, and a tag that is the same for the same sound."""

    audio: bytes = field(repr=False)
    tag: str

    @classmethod
    def of(cls, audio: bytes) -> "Preview":
        return cls(audio, hashlib.sha256(audio).hexdigest()[:32])


class PreviewShelf:
    """The least recently heard goes first when `most_bytes` is reached."""

    def __init__(
        self, *, most_bytes: int, seconds: float = _KEEP_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Preview]] = OrderedDict()
        self._bytes = 0
        self._making: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @property
    def size(self) -> int:
        return self._bytes

    async def get(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> Preview:
        """What is kept, else what `make` gives. Whoever asks meanwhile waits for it; an error is nobody else's."""
        found = self._find(key)
        if found is not None:
            return found
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:
            found = self._find(key)
            if found is None:
                found = Preview.of(await make())
                self._put(key, found)
            return found

    def _find(self, key: Hashable) -> Preview | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        until, preview = kept
        if until <= self._clock():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return preview

    def _put(self, key: Hashable, preview: Preview) -> None:
        if len(preview.audio) > self._most_bytes:
            return
        self._drop(key)
        self._kept[key] = (self._clock() + self._seconds, preview)
        self._bytes += len(preview.audio)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept[1].audio)
