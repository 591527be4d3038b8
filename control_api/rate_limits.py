"""How often one address and one principal may ask, and the `RateLimit` headers that say how much is left.

Owns: the two limits. Refuses: counting itself (the `limits` library; in this process' memory, or in Redis when several
processes share one count).
"""

import math
import time
from collections.abc import Mapping
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string
from starlette.requests import Request

from control_api.errors import RateLimited


class RateLimits:
    """`per_address` and `per_principal` as in "600/minute". `storage`: `async+memory://` or `async+redis://host:6379/1`."""

    def __init__(self, *, per_address: str, per_principal: str, storage: str = "async+memory://") -> None:
        self._limiter = SlidingWindowCounterRateLimiter(_kept(storage))
        self._address = parse(per_address)
        self._principal = parse(per_principal)

    async def count_address(self, state: dict[str, Any], address: str) -> None:
        await self._count(state, self._address, "address", address)

    async def count_principal(self, request: Request, subject: str) -> None:
        await self._count(request.scope["state"], self._principal, "principal", subject)

    async def _count(self, state: dict[str, Any], limit: RateLimitItem, policy: str, who: str) -> None:
        allowed = await self._limiter.hit(limit, policy, who)
        stats = await self._limiter.get_window_stats(limit, policy, who)
        reset = max(0, math.ceil(stats.reset_time - time.time()))
        remaining = stats.remaining if allowed else 0
        state["rate_limit"] = {
            "ratelimit-policy": f'"{policy}";q={limit.amount};w={limit.get_expiry()}',
            "ratelimit": f'"{policy}";r={remaining};t={reset}',
        }
        if not allowed:
            wait = max(1, reset)
            raise RateLimited(f"try again in {wait} s", headers={"retry-after": str(wait)})


class Allowance:
    """How often one tenant may do what costs money, beside the limits on requests: "60/hour"."""

    def __init__(self, name: str, limit: str, *, storage: str = "async+memory://") -> None:
        self._name = name
        self._limit = parse(limit)
        self._limiter = SlidingWindowCounterRateLimiter(_kept(storage))

    async def spend(self, who: str) -> None:
        """Raises RateLimited with the time to wait, and then counts nothing."""
        if await self._limiter.hit(self._limit, self._name, who):
            return
        stats = await self._limiter.get_window_stats(self._limit, self._name, who)
        wait = max(1, math.ceil(stats.reset_time - time.time()))
        raise RateLimited(
            f"{self._limit.amount} {self._name} in {self._limit.get_expiry()} s are the most: try again in {wait} s",
            headers={"retry-after": str(wait)},
            reason=self._name.replace(" ", "_"),
        )


def _kept(storage: str) -> Storage:
    kept = storage_from_string(storage)
    if not isinstance(kept, Storage):
        raise ValueError("AVA_RATE_LIMIT_STORAGE must begin with async+, as in async+redis://127.0.0.1:6379/1")
    return kept


def headers_of(state: Mapping[str, Any]) -> dict[str, str]:
    """What this request's last count said; nothing where none was taken."""
    return dict(state.get("rate_limit") or {})
