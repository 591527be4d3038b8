"""Calls in Supabase: each method is one SQL function and one mapper.

Owns: names and parameters of the functions, how their rows become our types, a deadline a method. Refuses: rules: what is
seen before, which booking stands and which closing counts is decided in SQL (`supabase/migrations`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from contracts.assistant import read_config
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, CallClosing, CallContext, CallEvent, InboundCall, RanOn
from contracts.errors import (
    AssistantPaused,
    ConfigUnreadable,
    NumberUnknown,
    StoreRejected,
    StoreUnavailable,
)
from contracts.ports import CallStore, OpenDoubt
from store.client import Connection, connect
from store.doubts import language_of, time_zone_of
from store.errors import WebCallOver
from store.vault import calendar_context

_log = structlog.get_logger(__name__)


class Unseal(Protocol):
    """Opens a calendar key as it is stored (`store.vault.Vault.unseal`). Raises ValueError if it can't."""

    def __call__(self, sealed: str, /, *, context: str) -> SecretStr: ...


class SupabaseCallStore(CallStore):
    """`seconds` is the deadline of every method; a caller in a hurry wraps its call in `asyncio.timeout` of its own.

    `unseal` opens calendar keys; without it an assistant whose calendar has a key of its own runs without a calendar,
    never on another's key.
    """

    def __init__(self, connection: Connection, *, seconds: float = 5.0, unseal: Unseal | None = None) -> None:
        self._connection = connection
        self._seconds = seconds
        self._unseal = unseal

    @property
    def connection(self) -> Connection:
        """For what else is asked of the same database."""
        return self._connection

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        opening = {
            "p_call_id": str(inbound.call_id),
            "p_sip_call_id": inbound.sip_call_id,
            "p_received_at": inbound.received_at.isoformat(),
        }
        if inbound.test_of is not None:
            return await self._open_test_call(inbound.test_of, opening)
        found = await self._call(
            "open_call_v3",
            **opening,
            p_dialed=inbound.dialed,
            p_caller=inbound.caller,
            p_ran_on_assistant_id=str(ran_on.assistant_id) if ran_on else None,
            p_ran_on_version=ran_on.version if ran_on else None,
            p_planned_call_id=str(inbound.planned_call_id) if inbound.planned_call_id else None,
        )
        match found["status"]:
            case "ok" | "no_credit":
                return await self._context(found)
            case "number_unknown":
                raise NumberUnknown("no assistant answers the dialled number")
            case "assistant_paused":
                raise AssistantPaused("the assistant of the dialled number is paused or was never published")
            case other:
                raise StoreRejected(f"open_call_v3 answered with a status this version does not know: {other}")

    async def _open_test_call(self, tried: RanOn, opening: Mapping[str, Any]) -> CallContext:
        found = await self._call(
            "open_test_call_v1", **opening, p_assistant_id=str(tried.assistant_id), p_version=tried.version
        )
        match found["status"]:
            case "ok":
                return await self._context(found)
            case "version_unknown":
                raise NumberUnknown("there is no such version of an assistant to try")
            case "call_over":
                raise WebCallOver("this test call has ended: another one needs another token")
            case other:
                raise StoreRejected(f"open_test_call_v1 answered with a status this version does not know: {other}")

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        if not events:
            return 0
        sent = [_storable(event) for event in events]
        return int(await self._call("append_call_events_v1", p_call_id=str(call_id), p_events=sent))

    async def close_call(self, closing: CallClosing) -> None:
        await self._call("close_call_v1", p_call_id=str(closing.call_id), p_closing=_storable(closing))

    async def open_doubts(self, *, older_than: datetime) -> Sequence[OpenDoubt]:
        rows: list[dict[str, Any]] = await self._call("find_open_doubts_v1", p_older_than=older_than.isoformat())
        return [
            OpenDoubt(
                call_id=UUID(row["call_id"]),
                tenant_id=UUID(row["tenant_id"]),
                booking=BookingRecorded.model_validate(row["booking"]),
                calendar=self._calendar(row["calendar"], UUID(row["tenant_id"])),
                language=language_of(row["language"]),
                time_zone=time_zone_of(row["time_zone"]),
            )
            for row in rows
        ]

    # as store.recordings.outbox.RecordingLedger

    async def claim_recording(self, call_id: UUID, key: str, *, started_at: datetime) -> bool:
        sent = {"p_call_id": str(call_id), "p_object_key": key, "p_started_at": started_at.isoformat()}
        return bool(await self._call("claim_recording_v1", **sent))

    async def finish_recording(self, tenant_id: UUID, key: str, *, seconds: float, size: int) -> bool:
        sent = {"p_tenant_id": str(tenant_id), "p_object_key": key, "p_seconds": seconds, "p_bytes": size}
        return bool(await self._call("finish_recording_v1", **sent))

    async def ping(self) -> None:
        """One row of one table: says that the key is good and the schema is there."""
        table = self._connection.client.table("tenants").select("tenant_id").limit(1)
        await self._connection.answer(table.execute, seconds=self._seconds)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _context(self, found: dict[str, Any]) -> CallContext:
        try:
            config = read_config(found["config"])
        except ConfigUnreadable:
            await self._refuse(found["call_id"])
            raise
        calendar = self._calendar(found["calendar"], UUID(found["tenant_id"]))
        ours = {"config": config, "calendar": calendar, "without_credit": found["status"] == "no_credit"}
        return CallContext.model_validate({**found, **ours, "source": "database"})

    async def _refuse(self, call_id: str) -> None:
        """The row says why the call was not answered. Best effort: the caller is already being told."""
        try:
            await self._call("refuse_call_v1", p_call_id=call_id, p_refusal="config_unreadable")
        except (StoreUnavailable, StoreRejected) as error:
            _log.warning("store.refusal_not_written", call_id=call_id, code=error.code)

    def _calendar(self, stored: dict[str, Any] | None, tenant_id: UUID) -> CalComConnection | None:
        if stored is None:
            return None
        sealed: str | None = stored.get("sealed_key")
        try:
            key = None if sealed is None else self._open_key(sealed, tenant_id)
        except ValueError:
            _log.error(
                "store.calendar_key_unusable",
                tenant_id=str(tenant_id),
                hint="the calendar is left out; set the key that opens it in AVA_SEALING_KEYS, or connect it again",
            )
            return None
        try:
            return CalComConnection.model_validate({**stored, "api_key": key})
        except ValidationError as error:
            wrong = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)]
            _log.error(
                "store.calendar_unusable",
                tenant_id=str(tenant_id),
                fields=wrong,
                hint="the calendar is left out; connect it again",
            )
            return None

    def _open_key(self, sealed: str, tenant_id: UUID) -> SecretStr:
        if self._unseal is None:
            raise ValueError("this process can't open sealed keys")
        return self._unseal(sealed, context=calendar_context(tenant_id))

    async def _call(self, function: str, **parameters: Any) -> Any:
        return await self._connection.call(function, seconds=self._seconds, **parameters)


async def open_store(
    url: str, service_key: str, *, seconds: float = 5.0, unseal: Unseal | None = None
) -> SupabaseCallStore:
    """SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY -> a store to be closed with `aclose`. StoreMisconfigured."""
    return SupabaseCallStore(await connect(url, service_key, seconds=seconds), seconds=seconds, unseal=unseal)


def _storable(model: BaseModel) -> dict[str, Any]:
    """As JSON. Postgres keeps no NUL character in JSON; one in a transcript must not cost the whole batch."""
    text = model.model_dump_json()
    found: dict[str, Any] = json.loads(text.replace("\\u0000", "\\ufffd"))
    return found
