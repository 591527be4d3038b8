"""One recording on the worker's disk while its call lives: the audio file, and a slip that says whose it is.

Owns: both files and the slip's lock, which says "this call is alive": nobody else sends or removes them meanwhile. Refuses:
writing audio (the agent's recorder does), and where it goes (`store.recordings.outbox`).
"""

import contextlib
import fcntl
import os
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

SLIP = ".slip.json"
AUDIO = ".ogg"
_SLIP_BYTES = 512  # always: it is overwritten in one write
_OGG_PAGE = b"OggS"
_GRANULES_PER_SECOND = 48_000  # of Opus, whatever it was sampled at
_TAIL = 128 * 1024  # bytes; a page has 64 KiB at most


class Slip(BaseModel):
    """`refused`: the caller did not want it: of this call nothing is recorded any more, in a later job either."""

    model_config = ConfigDict(frozen=True)
    tenant_id: UUID
    call_id: UUID
    mark: str
    started_at: AwareDatetime
    refused: bool = False

    @property
    def key(self) -> str:
        return f"{self.tenant_id}/{self.call_id}/{self.mark}{AUDIO}"


class Tape:
    """Of one live call. Its methods touch the disk: not for the audio loop."""

    def __init__(self, slip: Slip, folder: Path, descriptor: int) -> None:
        self.slip = slip
        self._folder = folder
        self._descriptor: int | None = descriptor

    @classmethod
    def create(cls, folder: Path, *, tenant_id: UUID, call_id: UUID, at: datetime) -> Self | None:
        """None: the caller refused in an earlier job of this call. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob(f"{call_id}.*{SLIP}"):
            earlier = read_slip(path)
            if earlier is not None and earlier.refused:
                return None
        slip = Slip(tenant_id=tenant_id, call_id=call_id, mark=uuid4().hex[:8], started_at=at)
        making = folder / f"{slip.call_id}.{slip.mark}.part"
        descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, slip.model_dump_json().encode().ljust(_SLIP_BYTES))
            making.rename(_slip_of(folder, slip))
        except OSError:
            os.close(descriptor)
            raise
        return cls(slip, folder, descriptor)

    @property
    def audio(self) -> Path:
        return audio_of(_slip_of(self._folder, self.slip))

    def refuse(self) -> None:
        """Erases what was recorded. What stays says only that nothing may be recorded of this call. Raises OSError."""
        if self._descriptor is not None:
            said = self.slip.model_copy(update={"refused": True}).model_dump_json().encode()
            os.pwrite(self._descriptor, said.ljust(_SLIP_BYTES), 0)
        self.audio.unlink(missing_ok=True)

    def release(self) -> None:
        """The call is over: from here on the outbox has it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_slip(path: Path) -> Slip | None:
    """None: it is gone, or can't be read."""
    try:
        return Slip.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def audio_of(slip: Path) -> Path:
    return slip.with_name(slip.name.removesuffix(SLIP) + AUDIO)


def seconds_of(audio: Path) -> float:
    """By the last whole page's own clock; right for a file whose writer was killed, too. 0: there is no sound in it."""
    with audio.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read()
    at = len(tail)
    while (at := tail.rfind(_OGG_PAGE, 0, at)) >= 0:
        granules = int.from_bytes(tail[at + 6 : at + 14], "little", signed=True)
        if len(tail) >= at + 14 and granules >= 0:
            return granules / _GRANULES_PER_SECOND
    return 0.0


def take_over(slip: Path) -> int | None:
    """A descriptor that holds the slip's lock: close it when done. None: its call is alive, or somebody else has it."""
    try:
        descriptor = os.open(slip, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    with contextlib.suppress(OSError):
        os.close(descriptor)
    return None


def _slip_of(folder: Path, slip: Slip) -> Path:
    return folder / f"{slip.call_id}.{slip.mark}{SLIP}"
