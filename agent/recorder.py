"""The call's pen: takes every event off the audio path and sees to it that each reaches the database once.

The journal on disk comes first (store/spool.py); delivery runs beside the call in small batches and again at the end. What
the database does not take lies in the spool for the next sweep.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import structlog

from contracts.call import BookingRecorded, CallClosing, CallContext, CallEvent, InboundCall
from contracts.errors import DomainError, StoreRejected, StoreUnavailable
from contracts.ports import CallStore
from store.spool import Journal, JournalFull, adopt, pending

log = structlog.get_logger("agent.recorder")

_DELIVER_EVERY = 1.0  # seconds between batches
_LAST_DELIVERY = 10.0


class Recorder:
    """`note` never waits and never raises; `keep` and `record` return when the event survives the death of this process."""

    def __init__(
        self, journal: Journal, store: CallStore, *, watch: Callable[[CallEvent], None], resumed: bool
    ) -> None:
        self._journal = journal
        self._store = store
        self._watch = watch
        self._delivery = asyncio.create_task(self._deliver_along(), name="recorder")
        self.resumed = resumed
        self.steps: dict[str, BookingRecorded] = {}  # calendar uid -> the last step recorded of it
        self.lost = 0

    @classmethod
    async def open(
        cls,
        inbound: InboundCall,
        context: CallContext,
        *,
        spool: Path,
        store: CallStore,
        watch: Callable[[CallEvent], None],
        resumed: bool = False,
    ) -> "Recorder":
        """`resumed`: an earlier job of this same call died, or left a journal behind."""
        prefix = str(inbound.call_id)
        earlier = await asyncio.to_thread(lambda: any(path.name.startswith(prefix) for path in pending(spool)))
        journal = await Journal.create(spool, inbound, context=context)
        return cls(journal, store, watch=watch, resumed=resumed or earlier)

    async def adopt(self, spool: Path, call_id: UUID) -> list[CallEvent]:
        """What earlier jobs of this call wrote on this disk becomes this one's to deliver. A disk that refuses is logged."""
        try:
            return await adopt(spool, call_id, self._journal)
        except DomainError as error:
            log.error("an earlier journal is left to the sweep", call_id=str(call_id), code=error.code)
            return []

    def recall(self, events: Sequence[CallEvent]) -> None:
        """What earlier jobs recorded of bookings."""
        self.steps |= {e.calendar_uid: e for e in events if isinstance(e, BookingRecorded) and e.calendar_uid}

    def note(self, event: CallEvent) -> None:
        try:
            self._journal.append(event)
        except (JournalFull, RuntimeError) as error:  # RuntimeError: the journal is finished, the call is over
            self.lost += 1
            log.error("event not kept", kind=event.kind, error=type(error).__name__)
        self._watch(event)

    async def keep(self, event: CallEvent) -> None:
        """Raises JournalUnwritable or JournalFull: then it is not kept."""
        self._journal.append(event)
        self._watch(event)
        await self._journal.durable()

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        """The desk's ledger."""
        if step.calendar_uid:
            self.steps[step.calendar_uid] = step
        if durable:
            await self.keep(step)
        else:
            self.note(step)

    async def close(self, closing: CallClosing) -> bool:
        """Writes the end and delivers what is left. -> whether the database has taken everything."""
        self._delivery.cancel()
        with suppress(asyncio.CancelledError):
            await self._delivery
        await self._journal.close(closing)
        try:
            async with asyncio.timeout(_LAST_DELIVERY):
                delivered = await self._journal.deliver(self._store)
            return delivered.complete and not delivered.rejected
        except (DomainError, TimeoutError) as error:
            log.warning("record left to the sweep", call_id=str(closing.call_id), error=type(error).__name__)
            return False
        finally:
            await self._journal.release()

    async def hand_over(self) -> None:
        """Another job goes on with the call: what is written is delivered, and the end is not ours to write."""
        self._delivery.cancel()
        with suppress(asyncio.CancelledError):
            await self._delivery
        try:
            async with asyncio.timeout(_LAST_DELIVERY):
                await self._journal.deliver(self._store)
                await self._journal.give_away()
        except (DomainError, TimeoutError) as error:
            log.warning("record left to the sweep", error=type(error).__name__)
        finally:
            await self._journal.release()

    async def _deliver_along(self) -> None:
        """While the call runs. A database that is away is asked again at the next beat; nothing piles up but the file."""
        while True:
            await asyncio.sleep(_DELIVER_EVERY)
            try:
                await self._journal.deliver(self._store)
            except (StoreUnavailable, StoreRejected) as error:
                log.info("record waits for the database", code=error.code)
