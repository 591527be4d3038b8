"""The last known good configuration per dialled number, on local disk: what a call runs on while the database is away.
No key is written: a connection read from here uses the worker's own CAL_API_KEY."""

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

log = structlog.get_logger("agent.lastknown")


class LastKnownGood:
    """One small file per number, replaced whole. Reads and writes run in threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

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
            return CallContext(
                call_id=inbound.call_id,
                sip_call_id=inbound.sip_call_id,
                dialed=inbound.dialed,
                caller=inbound.caller,
                started_at=inbound.received_at,
                tenant_id=UUID(stored["tenant_id"]),
                assistant_id=UUID(stored["assistant_id"]),
                version=stored["version"],
                config=read_config(stored["config"]),
                calendar=CalComConnection.model_validate(stored["calendar"]) if stored["calendar"] else None,
                source="last_known_good",
            )
        except (ValidationError, ConfigUnreadable, KeyError, TypeError, ValueError) as error:
            log.warning("last known good is unreadable and was passed over", error=type(error).__name__)
            return None

    def _path(self, dialed: str) -> Path:
        return self._directory / f"{dialed.removeprefix('+')}.json"

    def _write(self, context: CallContext) -> None:
        calendar = context.calendar.model_dump(mode="json", exclude={"api_key"}) if context.calendar else None
        body = {
            "tenant_id": str(context.tenant_id),
            "assistant_id": str(context.assistant_id),
            "version": context.version,
            "config": context.config.model_dump(mode="json"),
            "calendar": calendar,
        }
        self._directory.mkdir(parents=True, exist_ok=True)
        part = self._directory / f".{uuid4().hex}.part"
        part.write_text(json.dumps(body, ensure_ascii=False))
        os.chmod(part, 0o600)
        part.replace(self._path(context.dialed))

    def _read(self, dialed: str) -> dict[str, Any] | None:
        try:
            return json.loads(self._path(dialed).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:  # ValueError: neither JSON nor text
            log.warning("last known good is torn and was passed over", error=type(error).__name__)
            return None
