"""What a process holds for all its calls: clients, caches, tables. Built in one place, closed in one place."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from agent.clipcache import ClipCache
from agent.costs import PriceTable
from agent.lastknown import LastKnownGood
from agent.settings import Settings
from contracts.call import CallEvent
from contracts.ports import CallStore
from store.calls import open_store

_HTTP = httpx.Timeout(8.0, connect=2.0)
_STORE_DEADLINE = 5.0


def _nobody(_: CallEvent) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Resources:
    """`clock` gives aware UTC. `watch` sees each event as it is recorded (a terminal, a metric): it must not block."""

    settings: Settings
    store: CallStore
    http: httpx.AsyncClient
    prices: PriceTable
    clips: ClipCache
    known: LastKnownGood
    spool: Path
    clock: Callable[[], datetime]
    watch: Callable[[CallEvent], None] = _nobody


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_resources(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, watch: Callable[[CallEvent], None] = _nobody
) -> AsyncGenerator[Resources]:
    """Needs no provider to be up: what is down is found out, and said, in the call."""
    data = settings.ava_data_dir
    limits = httpx.Limits(max_connections=20, keepalive_expiry=60)
    key = settings.store_key.get_secret_value()
    async with (
        httpx.AsyncClient(timeout=_HTTP, limits=limits) as http,
        aclosing(await open_store(str(settings.supabase_url).rstrip("/"), key, seconds=_STORE_DEADLINE)) as store,
    ):
        yield Resources(
            settings=settings,
            store=store,
            http=http,
            prices=PriceTable.read(),
            clips=ClipCache(data / "clips"),
            known=LastKnownGood(data / "numbers"),
            spool=data / "spool",
            clock=clock,
            watch=watch,
        )
