"""Calls in Supabase: each method is one SQL function and one mapper.

Owns: names and parameters of the functions, how their rows become our types, a deadline a method. Refuses: rules: what is
seen before, which booking stands and which closing counts is decided in SQL (`supabase/migrations`).
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
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
from store.errors import translate_failure

Unseal = Callable[[str], SecretStr]
"""Opens a calendar key as it is stored. Raises ValueError if it can't."""

_log = structlog.get_logger(__name__)


class SupabaseCallStore(CallStore):
    """`seconds` is the deadline of every method; a caller in a hurry wraps its call in `asyncio.timeout` of its own.

    `unseal` opens calendar keys; without it an assistant whose calendar has a key of its own runs without a calendar,
    never on another's key.
    """

    def __init__(self, connection: Connection, *, seconds: float = 5.0, unseal: Unseal | None = None) -> None:
        self._connection = connection
        self._seconds = seconds
        self._unseal = unseal

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        found = await self._call(
            "open_call_v1",
            p_call_id=str(inbound.call_id),
            p_sip_call_id=inbound.sip_call_id,
            p_dialed=inbound.dialed,
            p_caller=inbound.caller,
            p_received_at=inbound.received_at.isoformat(),
            p_ran_on_assistant_id=str(ran_on.assistant_id) if ran_on else None,
            p_ran_on_version=ran_on.version if ran_on else None,
        )
        match found["status"]:
            case "ok":
                return await self._context(found)
            case "number_unknown":
                raise NumberUnknown("no assistant answers the dialled number")
            case "assistant_paused":
                raise AssistantPaused("the assistant of the dialled number is paused or was never published")
            case other:
                raise StoreRejected(f"open_call_v1 answered with a status this version does not know: {other}")

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
                calendar=self._calendar(row["calendar"]),
                language=language_of(row["language"]),
                time_zone=time_zone_of(row["time_zone"]),
            )
            for row in rows
        ]

    async def ping(self) -> None:
        """One row of one table: says that the key is good and the schema is there."""
        table = self._connection.client.table("tenants").select("tenant_id").limit(1)
        await self._answer(table.execute)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _context(self, found: dict[str, Any]) -> CallContext:
        try:
            config = read_config(found["config"])
        except ConfigUnreadable:
            await self._refuse(found["call_id"])
            raise
        return CallContext.model_validate(
            {**found, "config": config, "calendar": self._calendar(found["calendar"]), "source": "database"}
        )

    async def _refuse(self, call_id: str) -> None:
        """The row says why the call was not answered. Best effort: the caller is already being told."""
        try:
            await self._call("refuse_call_v1", p_call_id=call_id, p_refusal="config_unreadable")
        except (StoreUnavailable, StoreRejected) as error:
            _log.warning("store.refusal_not_written", call_id=call_id, code=error.code)

    def _calendar(self, stored: dict[str, Any] | None) -> CalComConnection | None:
        if stored is None:
            return None
        sealed: str | None = stored.get("sealed_key")
        try:
            key = self._open_key(sealed) if sealed else None
        except ValueError:
            _log.error("store.calendar_key_unusable", hint="the calendar is left out; set the key that opens it")
            return None
        try:
            return CalComConnection.model_validate({**stored, "api_key": key})
        except ValidationError as error:
            wrong = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)]
            _log.error("store.calendar_unusable", fields=wrong, hint="the calendar is left out; connect it again")
            return None

    def _open_key(self, sealed: str) -> SecretStr:
        if self._unseal is None:
            raise ValueError("this process can't open sealed keys")
        return self._unseal(sealed)

    async def _call(self, function: str, **parameters: Any) -> Any:
        return await self._answer(self._connection.client.rpc(function, parameters).execute)

    async def _answer(self, execute: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    answer = await execute()
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # a kept connection the other side had closed: all our functions may be sent twice
                    answer = await execute()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise translate_failure(error) from error
        return answer.data


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
