"""Planned calls and the do-not-call list in the database: one method, one query or one SQL function."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import stamina

from contracts.errors import StoreUnavailable
from control_api.paging import After
from control_api.planned_calls.schemas import State
from control_api.principal import Principal
from store.session import AsService, Session, Sessions

Row = dict[str, Any]
_TRIES = 3
_PLANNED = (
    "planned_call_id,assistant_id,kind,callee,callee_name,about,message_id,consent,state,outcome,due_at,not_after,"
    "attempts,attempts_allowed,spacing_minutes,retry_on,on_machine,tries,from_number,call_id,put_off_because,created_by,"
    "created_at,ended_at"
)
_ENTRY = "entry_id,e164,source,note,call_id,created_by,created_at"


@dataclass(frozen=True)
class PlannedCallRepository:
    sessions: Sessions

    def _session(self, principal: Principal) -> Session:
        return self.sessions.open(principal.access)

    async def plan(
        self,
        principal: Principal,
        planned_call_id: UUID,
        *,
        assistant_id: UUID,
        callee: str,
        plan: Mapping[str, Any],
        message_id: UUID | None,
    ) -> Row:
        session = self._session(principal)
        return await session.call(
            "plan_call_v1",
            p_tenant_id=str(principal.tenant_id),
            p_planned_call_id=str(planned_call_id),
            p_assistant_id=str(assistant_id),
            p_callee=callee,
            p_plan=dict(plan),
            p_message_id=str(message_id) if message_id else None,
            p_on_behalf_of=session.on_behalf_of,
        )

    async def cancel(self, principal: Principal, planned_call_id: UUID) -> Row:
        return await self._session(principal).call(
            "cancel_planned_call_v1", p_tenant_id=str(principal.tenant_id), p_planned_call_id=str(planned_call_id)
        )

    async def find(self, principal: Principal, planned_call_id: UUID) -> Row | None:
        session = self._session(principal)
        query = self._of(session, principal, "planned_calls", _PLANNED)
        rows = await session.read(query.eq("planned_call_id", str(planned_call_id)))
        return rows[0] if rows else None

    async def find_page(
        self,
        principal: Principal,
        *,
        assistant_id: UUID | None,
        states: tuple[State, ...],
        after: After | None,
        limit: int,
    ) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "planned_calls", _PLANNED)
        if assistant_id is not None:
            query = query.eq("assistant_id", str(assistant_id))
        if states:
            query = query.in_("state", list(states))
        return await session.read(_newest_first(query, "planned_call_id", after, limit))

    async def find_assistant(self, principal: Principal, assistant_id: UUID) -> Row | None:
        """`status`, and `hours` of what is published: null without."""
        session = self._session(principal)
        query = self._of(session, principal, "assistants", "status,published_version")
        rows = await session.read(query.eq("assistant_id", str(assistant_id)))
        if not rows or rows[0]["published_version"] is None:
            return {**rows[0], "hours": None} if rows else None
        versions = self._of(session, principal, "assistant_versions", "hours:config->hours")
        published = versions.eq("assistant_id", str(assistant_id)).eq("version", rows[0]["published_version"])
        [version] = await session.read(published)
        return {**rows[0], "hours": version["hours"]}

    async def find_message(self, principal: Principal, message_id: UUID) -> Row | None:
        session = self._session(principal)
        query = self._of(session, principal, "messages", "message_id,callback_number")
        rows = await session.read(query.eq("message_id", str(message_id)))
        return rows[0] if rows else None

    async def add_unwanted(self, principal: Principal, entry_id: UUID, *, number: str, note: str) -> Row:
        session = self._session(principal)
        return await session.call(
            "add_do_not_call_v1",
            p_tenant_id=str(principal.tenant_id),
            p_entry_id=str(entry_id),
            p_callee=number,
            p_note=note,
            p_on_behalf_of=session.on_behalf_of,
        )

    async def remove_unwanted(self, principal: Principal, entry_id: UUID) -> None:
        await self._session(principal).call(
            "remove_do_not_call_v1", p_tenant_id=str(principal.tenant_id), p_entry_id=str(entry_id)
        )

    async def find_unwanted(
        self, principal: Principal, *, number: str | None, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "do_not_call", _ENTRY)
        if number is not None:
            query = query.eq("e164", number)
        return await session.read(_newest_first(query, "entry_id", after, limit))

    def _of(self, session: Session, principal: Principal, table: str, columns: str) -> Any:
        return session.table(table).select(columns).eq("tenant_id", str(principal.tenant_id))


@dataclass(frozen=True)
class DialingRepository:
    """The same rows as the service sees them: what is due. All of it may be sent twice, and is, where an answer was lost."""

    sessions: Sessions

    async def claim(self, attempt_id: UUID, *, seconds: int, at_most: int) -> Row | None:
        return await self._again(
            "claim_planned_call_v1", p_attempt_id=str(attempt_id), p_seconds=seconds, p_at_most=at_most
        )

    async def put_off(self, planned_call_id: UUID, attempt_id: UUID, *, until: datetime, because: str) -> None:
        await self._again(
            "put_off_planned_call_v1",
            p_planned_call_id=str(planned_call_id),
            p_attempt_id=str(attempt_id),
            p_due_at=until.isoformat(),
            p_because=because,
        )

    async def purge_expired(self, *, limit: int) -> int:
        return int(await self._again("purge_planned_calls_v1", p_limit=limit))

    async def _again(self, function: str, **parameters: Any) -> Any:
        session = self.sessions.open(AsService(for_whom="dialling"))
        async for attempt in stamina.retry_context(
            on=StoreUnavailable, attempts=_TRIES, timeout=None, wait_initial=0.1, wait_max=1.0, wait_jitter=0.1
        ):
            with attempt:
                return await session.call(function, **parameters)
        raise AssertionError("the last attempt returns or raises")


def _newest_first(query: Any, row_id: str, after: After | None, limit: int) -> Any:
    if after is not None:
        query = query.lte("created_at", after.at).or_(after.filter("created_at", row_id))
    return query.order("created_at", desc=True).order(row_id, desc=True).limit(limit)
