"""Requests against a server, one after another or several at a time: how long each took, and how many a second.

Owns: the client (one connection a lane, kept open) and the figures. Refuses: what is asked.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import aiohttp

from bench.measure import percentile

_DEADLINE = aiohttp.ClientTimeout(total=30)


class BenchFailed(Exception):
    """A request was not answered as it must be: the figures would mean nothing."""


@dataclass(frozen=True)
class Ask:
    """One kind of request. `body` makes the n-th one; None sends none."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Callable[[int], Any] | None = None


@dataclass(frozen=True)
class Figures:
    """Milliseconds; `per_second` with `lanes` requests in flight."""

    n: int
    p50: float
    p99: float
    per_second: float


Step = Callable[[aiohttp.ClientSession, int], Any]


async def send(http: aiohttp.ClientSession, ask: Ask, n: int, **headers: str) -> tuple[Any, Mapping[str, str]]:
    """-> (JSON, headers). Raises BenchFailed for anything but success."""
    data = json.dumps(ask.body(n)).encode() if ask.body else None
    async with http.request(ask.method, ask.url, headers={**ask.headers, **headers}, data=data) as answer:
        content = await answer.read()
        if answer.status >= 300:
            raise BenchFailed(f"{ask.method} {ask.url}: {answer.status} {content[:200]!r}")
        return json.loads(content), answer.headers


@dataclass
class Series:
    """The figures of one subject, gathered over rounds that alternate with the others'."""

    name: str
    step: Step
    milliseconds: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])

    async def one_at_a_time(self, count: int) -> None:
        async with _session() as http:
            for n in range(count):
                began = time.perf_counter()
                await self.step(http, n)
                self.milliseconds.append((time.perf_counter() - began) * 1000)

    async def all_at_once(self, count: int, lanes: int) -> None:
        async def lane(offset: int) -> None:
            async with _session() as http:
                for n in range(offset, count, lanes):
                    await self.step(http, n)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for offset in range(lanes):
                group.create_task(lane(offset))
        self.rates.append(count / (time.perf_counter() - began))

    @property
    def figures(self) -> Figures:
        times = self.milliseconds
        return Figures(
            len(times), round(median(times), 2), round(percentile(times, 0.99), 2), round(median(self.rates))
        )


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=_DEADLINE, cookie_jar=aiohttp.DummyCookieJar())
