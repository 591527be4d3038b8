"""Calls: what an owner may know of them, and how they are forgotten.

Erasing is the database's (`supabase/migrations`): what arrives later of an erased call is erased on arrival.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import structlog

from control_api.calls.errors import CallNotFound
from control_api.calls.export import Format, header, lines
from control_api.calls.repository import CallRepository, Row
from control_api.calls.schemas import CallDetail, CallSummary, Erased, EventPage, Message, Statistics
from control_api.calls.telling import detail_of, event_of, message_of, statistics_of
from control_api.calls.wishes import CallFilter, MessageFilter, known_zone, reporting_range
from control_api.errors import FieldProblem, InvalidRequest
from control_api.paging import Page, decode, encode, paged
from control_api.principal import Principal

_EXPORT_PAGE = 500  # rows in memory at a time; PostgREST gives 1000 at most
_EVENTS_AT_ONCE = 1000
_MOST_EVENTS = 3000  # of one call in one answer
_PURGE_BATCH = 200
_MOST_BATCHES = 500
_MOST_SEQ = 2**63 - 1
LONGEST_CALL = 7_800
LOST_EVERY = 20.0  # seconds
"""Seconds: the longest call that an assistant may allow (contracts Limits.max_call), and ten minutes for its end."""
_log = structlog.get_logger(__name__)


def _nobody() -> None:
    """Nobody waits for it."""


@dataclass(frozen=True)
class CallService:
    repository: CallRepository
    clock: Callable[[], datetime]
    erased: Callable[[], None] = _nobody
    """Told when something was erased whose recording is to go."""

    async def find_page(
        self, principal: Principal, wanted: CallFilter, *, cursor: str | None, limit: int
    ) -> Page[CallSummary]:
        rows = await self.repository.find_page(principal, wanted, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["started_at"], row["call_id"]))
        return Page(items=[CallSummary.model_validate(row) for row in page], next_cursor=following)

    async def export(self, principal: Principal, wanted: CallFilter, form: Format) -> AsyncGenerator[bytes]:
        """What can be refused is refused before the first byte. Calls that begin meanwhile are not in it."""
        first = await self.repository.find_page(principal, wanted, after=None, limit=_EXPORT_PAGE)

        async def pages() -> AsyncGenerator[bytes]:
            rows = first
            yield header(form)
            while rows:
                yield lines(form, (CallSummary.model_validate(row) for row in rows))
                if len(rows) < _EXPORT_PAGE:
                    return
                place = decode(encode(rows[-1]["started_at"], rows[-1]["call_id"]))
                rows = await self.repository.find_page(principal, wanted, after=place, limit=_EXPORT_PAGE)

        return pages()

    async def get(self, principal: Principal, call_id: UUID) -> CallDetail:
        """Its recordings apart (`control_api.calls.recordings`)."""
        call, events, bookings, messages = await asyncio.gather(
            self.repository.find(principal, call_id),
            self._all_events(principal, call_id),
            self.repository.find_bookings(principal, call_id),
            self.repository.find_messages_of(principal, call_id),
        )
        if call is None:
            raise CallNotFound("there is no such call", reason="call_not_found")
        return detail_of(call, events[:_MOST_EVENTS], bookings, messages, is_complete=len(events) <= _MOST_EVENTS)

    async def find_events(self, principal: Principal, call_id: UUID, *, cursor: str | None, limit: int) -> EventPage:
        after = _decode_seq(cursor)
        exists, rows = await asyncio.gather(
            self.repository.exists(principal, call_id),
            self.repository.find_events(principal, call_id, after=after, limit=limit + 1),
        )
        if not exists:
            raise CallNotFound("there is no such call", reason="call_not_found")
        page = rows[:limit]
        following = _encode_seq(page[-1]["seq"]) if len(rows) > limit else None
        return EventPage(items=[event_of(row) for row in page], next_cursor=following)

    async def find_messages(
        self, principal: Principal, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[Message]:
        rows = await self.repository.find_messages(principal, wanted, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["at"], row["message_id"]))
        return Page(items=[message_of(row) for row in page], next_cursor=following)

    async def statistics(
        self,
        principal: Principal,
        *,
        since: datetime | None,
        before: datetime | None,
        assistant_id: UUID | None,
        time_zone: str | None,
    ) -> Statistics:
        range_ = reporting_range(since, before, now=self.clock())
        zone = known_zone(time_zone) if time_zone else None
        found = await self.repository.statistics(principal, range_, assistant_id=assistant_id, time_zone=zone)
        return statistics_of(found, range_)

    async def delete(self, principal: Principal, call_id: UUID) -> None:
        await self.repository.delete(principal, call_id)
        self.erased()

    async def redact_caller(self, principal: Principal, caller: str) -> Erased:
        done = await _until_done(lambda: self.repository.redact_caller(principal, caller))
        self.erased()
        return done

    async def delete_caller(self, principal: Principal, caller: str) -> Erased:
        done = await _until_done(lambda: self.repository.delete_caller(principal, caller))
        self.erased()
        return done

    async def purge_expired(self) -> int:
        """Calls of all tenants that are older than their tenant keeps them -> how many went. Any number of processes may
        do it at once. What is left after many batches is left to the next time."""
        gone = 0
        for _ in range(_MOST_BATCHES):
            found = await self.repository.purge_expired(limit=_PURGE_BATCH)
            gone += found
            if found < _PURGE_BATCH:
                break
        if gone:
            _log.info("calls.purged", calls=gone)
            self.erased()
        return gone

    async def close_lost(self, *, grace: int) -> int:
        """Calls of all tenants whose caller left `grace` seconds ago, or that are older than any call may be, are closed as
        lost -> how many. Their own closing replaces that if it comes after all."""
        closed = await self.repository.close_lost(grace=grace, longest=LONGEST_CALL)
        if closed:
            _log.warning("calls.lost", closed=closed)
        return closed

    async def _all_events(self, principal: Principal, call_id: UUID) -> list[Row]:
        """At most one more than are shown."""
        found: list[Row] = []
        while len(found) <= _MOST_EVENTS:
            after = found[-1]["seq"] if found else 0
            rows = await self.repository.find_events(principal, call_id, after=after, limit=_EVENTS_AT_ONCE)
            found.extend(rows)
            if len(rows) < _EVENTS_AT_ONCE:
                break
        return found


async def _until_done(erase: Callable[[], Awaitable[Row]]) -> Erased:
    """A batch that is done stays done: a request that breaks off is sent again and does the rest."""
    calls = 0
    while True:
        batch = await erase()
        calls += batch["calls"]
        if not batch["more"]:
            return Erased(calls=calls)


def _encode_seq(seq: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([seq]).encode()).decode().rstrip("=")


def _decode_seq(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = cast("list[Any]", json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        (seq,) = found
        if isinstance(seq, int) and 0 <= seq <= _MOST_SEQ:
            return seq
    except (ValueError, TypeError):
        pass
    problem = FieldProblem(pointer="query.cursor", reason="not a cursor", advice="use next_cursor as it was given")
    raise InvalidRequest("the cursor can't be read", errors=[problem])
