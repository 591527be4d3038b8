"""Recordings of calls: the link to listen to one, and the removal of those that nobody may have any more.

Owns: links (a bucket's own, or one to this API), and what goes from the storage: what the database put on its list when a call
was forgotten, and objects that no row knows. Refuses: making recordings (the worker), and forgetting calls (the database).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import structlog
from pydantic import AwareDatetime, BaseModel, SecretStr, ValidationError

from control_api.calls.errors import RecordingNotFound
from control_api.calls.repository import CallRepository, Row
from control_api.calls.schemas import Recording
from control_api.principal import Principal
from store.recordings.shelf import MEDIA_TYPE, RecordingsRefused, RecordingsUnavailable, Shelf
from store.vault import SecretUnreadable, Vault

PATH = "/v1/recordings/"
_CONTEXT = "recording-link"
_BATCH = 100
_MOST_BATCHES = 100
_MOST_FAILED = 3  # then the storage is away, not one object
_SETTLED = timedelta(hours=1)  # what is younger may be on its way
_log = structlog.get_logger(__name__)


class _Promise(BaseModel):
    """What a link of ours says, sealed."""

    key: str
    until: AwareDatetime


@dataclass(frozen=True)
class Listened:
    path: Path
    name: str


@dataclass(frozen=True)
class Recordings:
    """`link_seconds`: how long a link lasts."""

    repository: CallRepository
    shelf: Shelf
    vault: Vault
    clock: Callable[[], datetime]
    link_seconds: int

    async def of_call(self, principal: Principal, call_id: UUID, *, at: str) -> list[Recording]:
        """With a link each, where its object is there; none of a call that is not the tenant's. `at`: this API's own address.
        A storage that can't be asked for a link costs nothing but the link."""
        rows = await self.repository.find_recordings(principal, call_id)
        return [Recording.model_validate({**row, **await self._link(row, at)}) for row in rows]

    async def _link(self, row: Row, at: str) -> Row:
        if row["stored_at"] is None:
            return {}
        key, until = str(row["object_key"]), self.clock() + timedelta(seconds=self.link_seconds)
        try:
            url = await self.shelf.link(key, seconds=self.link_seconds)
        except (RecordingsUnavailable, RecordingsRefused) as error:
            _log.warning("recordings.no_link", code=error.code)
            return {}
        if url is None:
            promise = SecretStr(_Promise(key=key, until=until).model_dump_json())
            url = f"{at.rstrip('/')}{PATH}{quote(self.vault.seal(promise, context=_CONTEXT))}"
        return {"url": url, "url_expires_at": until}

    async def listen(self, link: str) -> Listened:
        """What a link of ours leads to, as long as its call is not forgotten. Raises RecordingNotFound."""
        try:
            sealed = self.vault.unseal(link, context=_CONTEXT)
            promise = _Promise.model_validate_json(sealed.get_secret_value())
        except (SecretUnreadable, ValidationError):
            raise RecordingNotFound(RecordingNotFound.example) from None
        if promise.until < self.clock() or not await self.repository.has_recording(promise.key):
            raise RecordingNotFound(RecordingNotFound.example)
        path = self.shelf.path_of(promise.key)
        if path is None:
            raise RecordingNotFound(RecordingNotFound.example)
        return Listened(path, f"call-{promise.key.split('/')[1]}{path.suffix}")

    async def remove_listed(self) -> int:
        """What the database wants gone -> how many objects are. One that fails comes up again later. Any number of processes
        may do it at once. Raises RecordingsUnavailable, RecordingsRefused where the storage takes none."""
        gone = failed = 0
        for _ in range(_MOST_BATCHES):
            keys = await self.repository.find_removals(limit=_BATCH)
            for key in keys:
                try:
                    await self.shelf.remove([key])
                except (RecordingsUnavailable, RecordingsRefused) as error:
                    failed += 1
                    if failed >= _MOST_FAILED:
                        raise
                    _log.warning("recordings.not_removed", code=error.code)
                else:
                    gone += await self.repository.finish_removals([key])
            if len(keys) < _BATCH:
                break
        if gone:
            _log.info("recordings.removed", recordings=gone)
        return gone

    async def remove_unknown(self) -> int:
        """Objects of tenants of ours that no row knows: left by a worker or a server that was cut between two steps."""
        gone = 0
        async for page in self.shelf.pages():
            settled = [found.key for found in page if self.clock() - found.changed_at > _SETTLED]
            unknown = await self.repository.find_unknown_recordings(settled) if settled else []
            await self.shelf.remove(unknown)
            gone += len(unknown)
        if gone:
            _log.warning("recordings.unknown_removed", recordings=gone)
        return gone

    @property
    def media_type(self) -> str:
        return MEDIA_TYPE
