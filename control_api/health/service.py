"""Readiness: each dependency is asked, its answer kept for a few seconds, and its age told.

Owns: asking all at once with a deadline, and which of them must be there. Refuses: knowing what a dependency is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from contracts.errors import DomainError

_DEADLINE = 3.0
_KEEP = 5.0

State = Literal["ok", "unavailable", "unknown"]


@dataclass(frozen=True)
class Dependency:
    """`required`: without it no request can be answered, and the process is not ready."""

    name: str
    ping: Callable[[], Awaitable[None]]
    required: bool


@dataclass
class _Seen:
    state: State = "unknown"
    detail: str = ""
    at: float | None = None
    last_ok: float | None = None


@dataclass(frozen=True)
class Finding:
    name: str
    required: bool
    state: State
    detail: str
    checked_seconds_ago: float | None
    ok_seconds_ago: float | None


@dataclass
class HealthService:
    dependencies: list[Dependency]
    clock: Callable[[], float] = time.monotonic
    draining: bool = False
    _seen: dict[str, _Seen] = field(default_factory=dict[str, _Seen])
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def drain(self) -> None:
        """From now on not ready: the load balancer sends no more, what runs is finished."""
        self.draining = True

    async def findings(self) -> list[Finding]:
        """Answers from memory what was asked in the last few seconds."""
        async with self._asking:
            await asyncio.gather(*(self._ask(d) for d in self.dependencies if self._is_due(d)))
        return [self._finding(dependency) for dependency in self.dependencies]

    def is_ready(self, findings: list[Finding]) -> bool:
        return not self.draining and all(f.state == "ok" for f in findings if f.required)

    def _is_due(self, dependency: Dependency) -> bool:
        seen = self._seen.get(dependency.name)
        return seen is None or seen.at is None or self.clock() - seen.at >= _KEEP

    async def _ask(self, dependency: Dependency) -> None:
        seen = self._seen.setdefault(dependency.name, _Seen())
        try:
            async with asyncio.timeout(_DEADLINE):
                await dependency.ping()
        except TimeoutError:
            seen.state, seen.detail = "unavailable", f"no answer in {_DEADLINE:g} s"
        except DomainError as error:
            seen.state, seen.detail = "unavailable", error.code
        else:
            seen.state, seen.detail, seen.last_ok = "ok", "", self.clock()
        seen.at = self.clock()

    def _finding(self, dependency: Dependency) -> Finding:
        seen = self._seen.get(dependency.name, _Seen())
        now = self.clock()
        return Finding(
            name=dependency.name,
            required=dependency.required,
            state=seen.state,
            detail=seen.detail,
            checked_seconds_ago=None if seen.at is None else round(now - seen.at, 1),
            ok_seconds_ago=None if seen.last_ok is None else round(now - seen.last_ok, 1),
        )
