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
from agent.outgoing import PlannedCalls
from agent.settings import Settings
from contracts.call import CallEvent
from contracts.ports import CallStore
from store.calls import open_store
from store.client import trusted_authorities
from store.dialling import SupabasePlannedCalls
from store.duties import Duties, SupabaseDuties
from store.recordings.outbox import Outbox
from store.recordings.shelf import open_shelf
from store.vault import Vault

_HTTP = httpx.Timeout(8.0, connect=2.0)
_STORE_DEADLINE = 5.0
_DUTY_DEADLINE = 1.5  # somebody waits in silence meanwhile


def nobody(_: CallEvent) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Resources:
    """`clock` gives aware UTC. `watch` sees each event as it is recorded (a terminal, a metric): it must not block."""

    settings: Settings
    store: CallStore
    duties: Duties
    planned: PlannedCalls
    http: httpx.AsyncClient
    prices: PriceTable
    clips: ClipCache
    known: LastKnownGood
    spool: Path
    recordings: Outbox
    clock: Callable[[], datetime]
    watch: Callable[[CallEvent], None] = nobody


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_resources(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, watch: Callable[[CallEvent], None] = nobody
) -> AsyncGenerator[Resources]:
    """Needs no provider to be up: what is down is found out, and said, in the call. Raises VaultMisconfigured,
    PlaceMisconfigured."""
    data = settings.ava_data_dir
    limits = httpx.Limits(max_connections=20, keepalive_expiry=60)
    key = settings.store_key.get_secret_value()
    vault = Vault.from_keys(settings.ava_sealing_keys) if settings.ava_sealing_keys else None
    unseal = vault.unseal if vault else None
    shelf = open_shelf(settings.recordings)
    async with (
        httpx.AsyncClient(timeout=_HTTP, limits=limits, verify=trusted_authorities()) as http,
        aclosing(
            await open_store(str(settings.supabase_url).rstrip("/"), key, seconds=_STORE_DEADLINE, unseal=unseal)
        ) as store,
    ):
        yield Resources(
            settings=settings,
            store=store,
            duties=SupabaseDuties(store.connection, seconds=_DUTY_DEADLINE),
            planned=SupabasePlannedCalls(store.connection, seconds=_STORE_DEADLINE),
            http=http,
            prices=PriceTable.read(),
            clips=ClipCache(data / "clips"),
            known=LastKnownGood(data / "numbers", vault),
            spool=data / "spool",
            recordings=Outbox(data / "tapes", shelf, store, clock=clock),
            clock=clock,
            watch=watch,
        )
