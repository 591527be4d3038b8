"""What was looked up a moment ago, so that a burst of requests asks once. Bounded in age and in number."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """`seconds` is how long a change elsewhere may go unnoticed here; the oldest goes first when `most` is reached."""

    def __init__(self, *, seconds: float, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        until, value = found
        if until <= self._clock():
            del self._kept[key]
            return None
        return value

    def put(self, key: K, value: V) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (self._clock() + self._seconds, value)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, key: K) -> None:
        self._kept.pop(key, None)

    def forget_where(self, unwanted: Callable[[V], bool]) -> None:
        for key in [key for key, (_, value) in self._kept.items() if unwanted(value)]:
            del self._kept[key]
