"""A store that is late, away or refusing, over one that works."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.call import CallClosing, CallContext, CallEvent, InboundCall, RanOn
from contracts.errors import DomainError
from contracts.ports import CallStore, OpenDoubt


class TroubledStore(CallStore):
    """`late`: seconds before each answer. `error`: raised instead of it. Both may be changed while it is in use."""

    def __init__(self, store: CallStore, *, late: float = 0.0, error: DomainError | None = None) -> None:
        self._store = store
        self.late = late
        self.error = error
        self.opened = 0

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        self.opened += 1
        await self._trouble()
        return await self._store.open_call(inbound, ran_on=ran_on)

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        await self._trouble()
        return await self._store.append_events(call_id, events)

    async def close_call(self, closing: CallClosing) -> None:
        await self._trouble()
        await self._store.close_call(closing)

    async def open_doubts(self, *, older_than: datetime) -> Sequence[OpenDoubt]:
        await self._trouble()
        return await self._store.open_doubts(older_than=older_than)

    async def ping(self) -> None:
        await self._trouble()

    async def _trouble(self) -> None:
        await asyncio.sleep(self.late)
        if self.error is not None:
            raise self.error
