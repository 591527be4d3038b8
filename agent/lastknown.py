"""The last known good configuration per dialled number, on local disk: what a call runs on while the database is away.
No key is written in the clear: a calendar's own key is sealed, or the calendar is left out; it never falls back to the
worker's CAL_API_KEY."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog
from pydantic import ValidationError

from contracts.assistant import read_config
from contracts.calendar import CalComConnection
from contracts.call import CallContext, InboundCall
from contracts.errors import ConfigUnreadable
from store.vault import SecretUnreadable, Vault, calendar_context

log = structlog.get_logger("agent.lastknown")


class LastKnownGood:
    """One small file per number, replaced whole. Reads and writes run in threads.

    `vault` seals and opens the keys of calendars; without it a calendar with a key of its own is not kept.
    """

    def __init__(self, directory: Path, vault: Vault | None = None) -> None:
        self._directory = directory
        self._vault = vault

    async def keep(self, context: CallContext) -> None:
        """A disk that refuses is logged: the call at hand does not need it."""
        try:
            await asyncio.to_thread(self._write, context)
        except OSError as error:
            log.error("last known good not kept", errno=error.errno)

    async def find(self, inbound: InboundCall) -> CallContext | None:
        """The context as of the last call to this number that the database answered, for the call at hand."""
        stored = await asyncio.to_thread(self._read, inbound.dialed)
        if stored is None:
            return None
        try:
            tenant_id = UUID(stored["tenant_id"])
            return CallContext(
                call_id=inbound.call_id,
                sip_call_id=inbound.sip_call_id,
                dialed=inbound.dialed,
                caller=inbound.caller,
                started_at=inbound.received_at,
                tenant_id=tenant_id,
                assistant_id=UUID(stored["assistant_id"]),
                version=stored["version"],
                config=read_config(stored["config"]),
                calendar=self._opened(stored["calendar"], tenant_id),
                source="last_known_good",
            )
        except (ValidationError, ConfigUnreadable, KeyError, TypeError, ValueError) as error:
            log.warning("last known good is unreadable and was passed over", error=type(error).__name__)
            return None

    def _path(self, dialed: str) -> Path:
        return self._directory / f"{dialed.removeprefix('+')}.json"

    def _write(self, context: CallContext) -> None:
        body = {
            "tenant_id": str(context.tenant_id),
            "assistant_id": str(context.assistant_id),
            "version": context.version,
            "config": context.config.model_dump(mode="json"),
            "calendar": self._sealed(context),
        }
        self._directory.mkdir(parents=True, exist_ok=True)
        part = self._directory / f".{uuid4().hex}.part"
        part.write_text(json.dumps(body, ensure_ascii=False))
        os.chmod(part, 0o600)
        part.replace(self._path(context.dialed))

    def _sealed(self, context: CallContext) -> dict[str, Any] | None:
        calendar = context.calendar
        if calendar is None:
            return None
        kept = calendar.model_dump(mode="json", exclude={"api_key"})
        if calendar.api_key is None:
            return kept
        if self._vault is None:
            return None
        return {**kept, "sealed_key": self._vault.seal(calendar.api_key, context=calendar_context(context.tenant_id))}

    def _opened(self, stored: dict[str, Any] | None, tenant_id: UUID) -> CalComConnection | None:
        if not stored:
            return None
        connection = CalComConnection.model_validate(stored)
        sealed: str | None = stored.get("sealed_key")
        if sealed is None:
            return connection
        try:
            if self._vault is None:
                raise SecretUnreadable("this process can't open sealed keys")
            key = self._vault.unseal(sealed, context=calendar_context(tenant_id))
        except SecretUnreadable as error:
            log.error("last known calendar left out", tenant_id=str(tenant_id), code=error.code)
            return None
        return connection.model_copy(update={"api_key": key})

    def _read(self, dialed: str) -> dict[str, Any] | None:
        try:
            return json.loads(self._path(dialed).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:  # ValueError: neither JSON nor text
            log.warning("last known good is torn and was passed over", error=type(error).__name__)
            return None
