"""Recordings whose call is over, on their way from the worker's disk to where they are kept; each arrives once.

Owns: the folder, the order of the steps, and which files may go from it. The database is told before the object is there
(`claim`) and when it is (`finish`); the key is made with the tape, so that a step whose answer was lost is repeated to no
effect. Refuses: making recordings (`store.recordings.tape`), and forgetting them (the database, the control plane).

    outbox = Outbox(folder, shelf, ledger)
    tape = outbox.open_tape(…); …; tape.release()
    await outbox.sweep()            # sends what waits; after a call, and every minute
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from contracts.errors import StoreRejected, StoreUnavailable
from store.errors import CallNotOpen, StoreMisconfigured
from store.recordings.shelf import RecordingsRefused, RecordingsUnavailable, Shelf
from store.recordings.tape import SLIP, Slip, Tape, audio_of, read_slip, seconds_of, take_over

_REFUSAL_KEPT = timedelta(hours=3)  # longer than a call lasts
_ROWLESS_KEPT = timedelta(days=7)  # a call's record may wait for the database as long as this
_MOST_BYTES = 4 * 1024**3  # of recordings that wait
_log = structlog.get_logger(__name__)


class RecordingLedger(Protocol):
    """What the database knows of recordings. Every method may be sent again. Raises StoreUnavailable, StoreRejected."""

    async def claim_recording(self, call_id: UUID, key: str, *, started_at: datetime) -> bool:
        """False: the call was erased, nobody wants it. CallNotOpen: the call has no row."""
        ...

    async def finish_recording(self, tenant_id: UUID, key: str, *, seconds: float, size: int) -> bool:
        """The object is there. False: the call was erased meanwhile; the object is seen to."""
        ...


@dataclass(frozen=True)
class Sent:
    """`waiting`: left for the next sweep. `dropped`: of erased calls, or without sound."""

    stored: int = 0
    dropped: int = 0
    waiting: int = 0


class Outbox:
    def __init__(self, folder: Path, shelf: Shelf, ledger: RecordingLedger, *, clock: Callable[[], datetime]) -> None:
        self.folder = folder
        self.shelf = shelf
        self._ledger = ledger
        self._clock = clock

    def open_tape(self, *, tenant_id: UUID, call_id: UUID, at: datetime) -> Tape | None:
        """For a thread. None: nothing may be recorded: the caller refused in an earlier job of this call, or too much
        waits on this disk. Raises OSError."""
        if sum(_size(path) for path in self.folder.glob("*.ogg")) > _MOST_BYTES:
            _log.error("recordings.disk_full_of_them", limit_bytes=_MOST_BYTES, hint="is the storage away?")
            return None
        return Tape.create(self.folder, tenant_id=tenant_id, call_id=call_id, at=at)

    async def sweep(self, *, of_call: UUID | None = None) -> Sent:
        """Sends what waits, oldest first, or only that of one call; stops at the first sign that storage or database can't
        take any. Any number of processes may do it at once."""
        stored = dropped = 0
        slips = await asyncio.to_thread(self._slips, of_call)
        for done, path in enumerate(slips):
            try:
                outcome = await self._send(path)
            except (StoreUnavailable, StoreMisconfigured, RecordingsUnavailable, RecordingsRefused) as error:
                left = len(slips) - done
                _log.warning("recordings.waiting", files=left, code=error.code, why=str(error))
                return Sent(stored, dropped, left)
            except (StoreRejected, OSError) as error:
                _log.error("recordings.not_sent", file=path.name, error=type(error).__name__)
                continue
            stored += outcome is True
            dropped += outcome is False
        return Sent(stored, dropped)

    def _slips(self, of_call: UUID | None) -> list[Path]:
        found = self.folder.glob(f"{of_call}.*{SLIP}" if of_call else f"*{SLIP}")
        return sorted(found, key=_modified)

    async def _send(self, path: Path) -> bool | None:
        """Stored, dropped, or None: not now."""
        held = await asyncio.to_thread(take_over, path)
        if held is None:
            return None
        try:
            slip = await asyncio.to_thread(read_slip, path)
            if slip is None:
                _log.error("recordings.slip_unreadable", file=path.name, hint="it and its recording are erased")
                return await _erased(path)
            if slip.refused:
                return await _erased(path) if self._age(slip) > _REFUSAL_KEPT else None
            return await self._deliver(path, slip)
        finally:
            os.close(held)

    async def _deliver(self, path: Path, slip: Slip) -> bool | None:
        audio = audio_of(path)
        seconds, size = await asyncio.to_thread(_measured, audio)
        if seconds <= 0:  # its process ended before there was a sound on disk
            return await _erased(path)
        try:
            wanted = await self._ledger.claim_recording(slip.call_id, slip.key, started_at=slip.started_at)
        except CallNotOpen:
            if self._age(slip) < _ROWLESS_KEPT:
                return None  # its record waits, too
            _log.error("recordings.call_unknown", call_id=str(slip.call_id), hint="its recording is erased")
            return await _erased(path)
        if not wanted:
            return await _erased(path)
        await self.shelf.put(slip.key, audio)
        kept = await self._ledger.finish_recording(slip.tenant_id, slip.key, seconds=seconds, size=size)
        await _erased(path)
        return kept

    def _age(self, slip: Slip) -> timedelta:
        return self._clock() - slip.started_at


async def _erased(path: Path) -> bool:
    """The audio first: what is left by a crash in between is a slip, which names nobody. -> False"""

    def erase() -> None:
        audio_of(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    await asyncio.to_thread(erase)
    return False


def _measured(audio: Path) -> tuple[float, int]:
    try:
        return seconds_of(audio), audio.stat().st_size
    except FileNotFoundError:
        return 0.0, 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
