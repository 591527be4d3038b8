"""Sending one journal's lines: open the call, append its events, close it; in batches, from wherever one got to.

Owns: the order of the three, what is done about a refusal, and the closing of a call whose job crashed. Refuses: files
(`store.spool`), and deciding what is new (the store does, by event id).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import structlog

from contracts.call import CallClosing, CallEvent, CallOutcome, InboundCall, RanOn
from contracts.errors import AssistantPaused, ConfigUnreadable, StoreRejected
from contracts.ports import CallStore
from store.errors import CallNotOpen, StoreMisconfigured, WebCallOver
from store.journal_lines import Line, Reading

BATCH = 100
_log = structlog.get_logger(__name__)


@dataclass
class Delivery:
    """How far one journal has got. The same for a live call and for one found on disk.

    `ran_on`: the call was answered while the store was away, and the row it opens must say so.
    """

    inbound: InboundCall
    ran_on: RanOn | None = None
    call_id: UUID | None = None
    offset: int = 0
    new: int = 0
    rejected: int = 0
    closed: bool = False

    async def send(self, store: CallStore, lines: Sequence[Line]) -> None:
        """Raises StoreUnavailable, StoreMisconfigured, NumberUnknown; what was accepted before that stays accepted."""
        if self.call_id is None:
            self.call_id = await self._open(store)
        for batch in _batches(lines):
            first = batch[0].said
            if isinstance(first, CallClosing):
                await self._close(store, first)
            else:
                await self._append(store, [line.said for line in batch if not isinstance(line.said, CallClosing)])
            self.offset = batch[-1].end or self.offset

    async def _open(self, store: CallStore) -> UUID:
        try:
            return (await store.open_call(self.inbound, ran_on=self.ran_on)).call_id
        except (AssistantPaused, ConfigUnreadable, WebCallOver):
            # it was answered all the same, on what was known before or beside a job that has closed it: its row exists,
            # and what was said in it belongs there
            return self.inbound.call_id

    async def _append(self, store: CallStore, events: Sequence[CallEvent]) -> None:
        assert self.call_id is not None
        try:
            self.new += await store.append_events(self.call_id, events)
        except CallNotOpen:
            self.call_id = await self._open(store)
            self.new += await store.append_events(self.call_id, events)
        except StoreMisconfigured:
            raise
        except StoreRejected as error:
            if len(events) > 1:  # one bad event must not keep the others back
                for event in events:
                    await self._append(store, [event])
            else:
                self.rejected += 1
                _log.error(
                    "delivery.event_rejected", kind=events[0].kind, event_id=str(events[0].event_id), why=str(error)
                )

    async def _close(self, store: CallStore, closing: CallClosing) -> None:
        assert self.call_id is not None
        closing = closing.model_copy(update={"call_id": self.call_id})
        try:
            await store.close_call(closing)
        except CallNotOpen:
            self.call_id = await self._open(store)
            await store.close_call(closing.model_copy(update={"call_id": self.call_id}))
        except StoreMisconfigured:
            raise
        except StoreRejected as error:
            self.rejected += 1
            _log.error("delivery.closing_rejected", call_id=str(self.call_id), why=str(error))
        self.closed = True


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """At most BATCH events each; a closing alone."""
    for is_closing, group in groupby(lines, key=lambda line: isinstance(line.said, CallClosing)):
        run = list(group)
        size = 1 if is_closing else BATCH
        yield from (run[start : start + size] for start in range(0, len(run), size))


def with_ending(reading: Reading) -> list[Line]:
    """The lines, with the closing that a crashed job could not write."""
    lines, inbound = reading.lines, reading.inbound
    if inbound is None or reading.closed:
        return lines
    times = [line.said.at for line in lines if not isinstance(line.said, CallClosing)]
    ended_at = max(times, default=inbound.received_at)
    lost = CallClosing(call_id=inbound.call_id, ended_at=ended_at, outcome=CallOutcome.LOST, ended_by="failure")
    return [*lines, Line(lost, None)]
