"""Calendar connections in the database. A sealed key is read and written as the service only, for one tenant at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from control_api.calendars.errors import NotConnected
from control_api.principal import Principal
from store.errors import RowNotFound
from store.session import AsService, Session, Sessions

_DETAIL = (
    "assistant_id,provider,region,base_url,key_preview,account,time_zone,event_types,tested_at,test_state,revision,"
    "created_at,updated_at"
)
_NOT_CONNECTED = "calendar_not_connected"
Row = dict[str, Any]


@dataclass(frozen=True)
class NewConnection:
    """What is written when a tested key is kept."""

    region: str
    base_url: str
    sealed_key: str
    key_preview: str
    account: str
    time_zone: str
    event_types: dict[str, int]


@dataclass(frozen=True)
class CalendarRepository:
    sessions: Sessions

    def _service(self, principal: Principal) -> Session:
        return self.sessions.open(AsService(for_whom=principal.subject))

    async def find(self, principal: Principal, assistant_id: UUID) -> Row | None:
        session = self.sessions.open(principal.access)
        query = (
            session.table("calendar_connections")
            .select(_DETAIL)
            .eq("tenant_id", str(principal.tenant_id))
            .eq("assistant_id", str(assistant_id))
        )
        rows = await session.read(query)
        return rows[0] if rows else None

    async def get_with_key(self, principal: Principal, assistant_id: UUID) -> Row:
        """`sealed_key` among the columns. Raises NotConnected."""
        row: Row | None = await self._service(principal).call(
            "find_sealed_calendar_key_v1", **_of(principal, assistant_id)
        )
        if row is None:
            raise not_connected()
        return row

    async def connect(
        self, principal: Principal, assistant_id: UUID, new: NewConnection, *, revision: int | None
    ) -> Row:
        return await self._service(principal).call(
            "connect_calendar_v1",
            **_of(principal, assistant_id),
            p_expected_revision=revision,
            p_region=new.region,
            p_base_url=new.base_url,
            p_sealed_key=new.sealed_key,
            p_key_preview=new.key_preview,
            p_account=new.account,
            p_time_zone=new.time_zone,
            p_event_types=new.event_types,
        )

    async def map_event_types(
        self, principal: Principal, assistant_id: UUID, event_types: dict[str, int], *, revision: int | None
    ) -> Row:
        with _connected():
            return await self.sessions.open(principal.access).call(
                "map_event_types_v1",
                **_of(principal, assistant_id),
                p_expected_revision=revision,
                p_event_types=event_types,
            )

    async def disconnect(self, principal: Principal, assistant_id: UUID, *, revision: int | None) -> None:
        with _connected():
            await self.sessions.open(principal.access).call(
                "disconnect_calendar_v1", **_of(principal, assistant_id), p_expected_revision=revision
            )

    async def record_test(
        self,
        principal: Principal,
        assistant_id: UUID,
        *,
        revision: int,
        state: str,
        account: str | None,
        time_zone: str | None,
    ) -> None:
        await self._service(principal).call(
            "record_calendar_test_v1",
            **_of(principal, assistant_id),
            p_revision=revision,
            p_state=state,
            p_account=account,
            p_time_zone=time_zone,
        )


def not_connected() -> NotConnected:
    return NotConnected(NotConnected.example, reason=_NOT_CONNECTED)


@contextmanager
def _connected() -> Generator[None]:
    """What the database says of a connection that there is not, in this noun's words."""
    try:
        yield
    except RowNotFound as error:
        if error.reason != _NOT_CONNECTED:
            raise
        raise not_connected() from None


def _of(principal: Principal, assistant_id: UUID) -> dict[str, str]:
    return {"p_tenant_id": str(principal.tenant_id), "p_assistant_id": str(assistant_id)}
