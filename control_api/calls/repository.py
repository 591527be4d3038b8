"""Calls in the database: one method, one query or one SQL function."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from control_api.calls.wishes import CallFilter, MessageFilter, TimeRange
from control_api.paging import After
from control_api.principal import Principal
from store.session import AsService, Session, Sessions

Row = dict[str, Any]
_SUMMARY = (
    "call_id,assistant_id,assistant_name,version,source,direction,planned_call_id,dialed,caller,started_at,ended_at,duration_seconds,outcome,"
    "refusal,ended_by,summary,turns,tool_calls,booked,message_left,latency_p50_ms,latency_p95_ms,cost_total,"
    "cost_currency,has_recording,redacted_at,test"
)
_DETAIL = f"{_SUMMARY},sip_call_id,usage,cost"
_EVENT = "seq,event_id,at,kind,body"
_BOOKING = (
    "booking_key,at,action,state,service_id,event_type_id,starts_at,ends_at,attendee_name,attendee_phone,"
    "attendee_email,calendar_uid,replaces_uid,detail"
)
_RECORDING = "object_key,started_at,seconds,bytes,stored_at"
_LEFT = "message_id,at,caller_name,callback_number,reason,urgent,follow_up,delivered_at"
_MESSAGE = f"{_LEFT},call_id,call:calls!messages_call_fkey!inner(assistant_id,caller,redacted_at,test)"


@dataclass(frozen=True)
class CallRepository:
    sessions: Sessions

    def _session(self, principal: Principal) -> Session:
        return self.sessions.open(principal.access)

    async def find_page(
        self, principal: Principal, wanted: CallFilter, *, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query: Any = session.table("call_summaries").select(_SUMMARY).eq("tenant_id", str(principal.tenant_id))
        same = {
            "assistant_id": wanted.assistant_id,
            "direction": wanted.direction,
            "dialed": wanted.dialed,
            "caller": wanted.caller,
        }
        for column, value in same.items():
            query = query if value is None else query.eq(column, str(value))
        if wanted.outcomes:
            query = query.in_("outcome", [outcome.value for outcome in wanted.outcomes])
        if wanted.test is not None:
            query = query.is_("test", wanted.test)
        if wanted.min_seconds is not None:
            query = query.gte("duration_seconds", wanted.min_seconds)
        if wanted.max_seconds is not None:
            query = query.lte("duration_seconds", wanted.max_seconds)
        query = _between(query, "started_at", wanted.since, wanted.before)
        return await session.read(_newest_first(query, "started_at", "call_id", after, limit))

    async def find(self, principal: Principal, call_id: UUID) -> Row | None:
        session = self._session(principal)
        rows = await session.read(self._of(session, principal, "call_summaries", _DETAIL, call_id))
        return rows[0] if rows else None

    async def exists(self, principal: Principal, call_id: UUID) -> bool:
        session = self._session(principal)
        return bool(await session.read(self._of(session, principal, "call_summaries", "call_id", call_id)))

    async def find_events(self, principal: Principal, call_id: UUID, *, after: int, limit: int) -> list[Row]:
        """In the order they were stored. `after`: a row's `seq`."""
        session = self._session(principal)
        query = self._of(session, principal, "call_events", _EVENT, call_id)
        return await session.read(query.gt("seq", after).order("seq").limit(limit))

    async def find_bookings(self, principal: Principal, call_id: UUID) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "bookings", _BOOKING, call_id)
        return await session.read(query.order("at").order("booking_key"))

    async def find_messages_of(self, principal: Principal, call_id: UUID) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "messages", _LEFT, call_id)
        return await session.read(query.order("at").order("message_id"))

    async def find_recordings(self, principal: Principal, call_id: UUID) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "call_recordings", _RECORDING, call_id)
        return await session.read(query.order("started_at").order("object_key"))

    async def has_recording(self, key: str) -> bool:
        """Of any tenant: for whoever holds a link to it."""
        session = self.sessions.open(AsService(for_whom="recording link"))
        query = session.table("call_recordings").select("object_key").eq("object_key", key)
        return bool(await session.read(query.not_.is_("stored_at", "null")))

    async def find_removals(self, *, limit: int) -> list[str]:
        """Objects that must go, of all tenants. What is not told gone comes up again, later each time."""
        session = self.sessions.open(AsService(for_whom="retention"))
        return list(await session.call("find_recording_removals_v1", p_limit=limit))

    async def finish_removals(self, keys: list[str]) -> int:
        session = self.sessions.open(AsService(for_whom="retention"))
        return int(await session.call("finish_recording_removals_v1", p_object_keys=keys))

    async def find_unknown_recordings(self, keys: list[str]) -> list[str]:
        """Of these, those that belong to a tenant of ours and to no call."""
        session = self.sessions.open(AsService(for_whom="retention"))
        return list(await session.call("find_unknown_recordings_v1", p_object_keys=keys))

    async def find_messages(
        self, principal: Principal, wanted: MessageFilter, *, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query: Any = session.table("messages").select(_MESSAGE).eq("tenant_id", str(principal.tenant_id))
        if wanted.assistant_id is not None:
            query = query.eq("call.assistant_id", str(wanted.assistant_id))
        if wanted.urgent is not None:
            query = query.is_("urgent", wanted.urgent)
        if wanted.test is not None:
            query = query.is_("call.test", wanted.test)
        query = _between(query, "at", wanted.since, wanted.before)
        return await session.read(_newest_first(query, "at", "message_id", after, limit))

    async def statistics(
        self, principal: Principal, range_: TimeRange, *, assistant_id: UUID | None, time_zone: str | None
    ) -> Row:
        return await self._session(principal).call(
            "call_statistics_v1",
            p_tenant_id=str(principal.tenant_id),
            p_from=range_.since.isoformat(),
            p_to=range_.before.isoformat(),
            p_assistant_id=str(assistant_id) if assistant_id else None,
            p_time_zone=time_zone,
        )

    async def delete(self, principal: Principal, call_id: UUID) -> None:
        session = self._session(principal)
        await session.call("delete_call_v1", p_tenant_id=str(principal.tenant_id), p_call_id=str(call_id))

    async def redact_caller(self, principal: Principal, caller: str) -> Row:
        """One batch -> `calls` and whether there are `more`."""
        session = self._session(principal)
        return await session.call("redact_caller_v1", p_tenant_id=str(principal.tenant_id), p_caller=caller)

    async def delete_caller(self, principal: Principal, caller: str) -> Row:
        """As `redact_caller`."""
        session = self._session(principal)
        return await session.call("delete_caller_v1", p_tenant_id=str(principal.tenant_id), p_caller=caller)

    async def purge_expired(self, *, limit: int) -> int:
        """Of all tenants, each by its own retention -> how many calls went."""
        session = self.sessions.open(AsService(for_whom="retention"))
        return int(await session.call("purge_expired_calls_v1", p_limit=limit))

    async def close_lost(self, *, grace: int, longest: int) -> int:
        """Of all tenants -> how many calls were closed."""
        session = self.sessions.open(AsService(for_whom="stragglers"))
        return int(await session.call("close_lost_calls_v1", p_grace_seconds=grace, p_longest_seconds=longest))

    def _of(self, session: Session, principal: Principal, table: str, columns: str, call_id: UUID) -> Any:
        return (
            session.table(table).select(columns).eq("tenant_id", str(principal.tenant_id)).eq("call_id", str(call_id))
        )


def _between(query: Any, column: str, since: datetime | None, before: datetime | None) -> Any:
    query = query if since is None else query.gte(column, since.isoformat())
    return query if before is None else query.lt(column, before.isoformat())


def _newest_first(query: Any, at: str, row_id: str, after: After | None, limit: int) -> Any:
    """`lte` says no more than the `or`, but in a form in which the index begins at the place."""
    if after is not None:
        query = query.lte(at, after.at).or_(after.filter(at, row_id))
    return query.order(at, desc=True).order(row_id, desc=True).limit(limit)
