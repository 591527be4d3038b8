"""One call's file on disk, written by a thread of its own. Owns: the file, its lock, what the disk has not taken yet.

Refuses: what the lines mean (`store.journal_lines`) and where they go (`store.spool`). While the file is open, its lock
says "this call is alive": nobody else delivers or removes it.
"""

import contextlib
import fcntl
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import structlog

from store.journal_lines import Reading, read_lines

_CHUNK_LINES = 256
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class JournalFile:
    """`put` is for the event loop and never waits; everything else runs on the file's thread, in order, through `run`.

    A disk that refuses (full, gone, read-only) costs no line: lines stay in memory, can be read from there, and are
    written as soon as it takes them again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: deque[bytes] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._descriptor: int | None = None
        self._size = 0
        self._scheduled = False
        self._reported = False
        self._removed = False

    @property
    def waiting(self) -> int:
        """Lines not on disk yet."""
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    def put(self, line: bytes) -> None:
        self._waiting.append(line)
        if not self._scheduled:
            self._scheduled = True
            self._thread.submit(self._write_quietly)

    def run(self, work: Callable[[], T]) -> "Future[T]":
        return self._thread.submit(work)

    def open(self) -> None:
        """Makes the file; it gets its name only once it is locked. Raises OSError."""
        folder, making = self.path.parent, self.path.with_suffix(".part")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            making.rename(self.path)
            _sync_folder(folder)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def sync(self) -> None:
        """Everything put so far is on disk. Raises OSError."""
        self.write()
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)

    def write(self) -> None:
        """Raises OSError; what was not written stays waiting, and the file ends with a whole line."""
        self._scheduled = False
        if not self._waiting:
            return
        descriptor = self._open_descriptor()
        while chunk := list(islice(self._waiting, _CHUNK_LINES)):
            data = b"".join(chunk)
            try:
                _write_all(descriptor, data)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, self._size)
                raise
            self._size += len(data)
            for _ in chunk:
                self._waiting.popleft()

    def read(self, start: int) -> Reading:
        """What is there from offset `start` on, with what the disk would not take."""
        self._write_quietly()
        stored = b"" if self._descriptor is None else os.pread(self._descriptor, self._size - start, start)
        unwritten = [line.rstrip(b"\n") for line in list(self._waiting)]
        return read_lines(stored, start=start, unwritten=unwritten)

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._removed = True

    def close(self) -> None:
        """Writes what can be written and lets go of the lock. Not on the file's own thread: it waits for that."""
        if not self._removed:
            self._thread.submit(self._write_quietly).result()
        self._thread.shutdown(wait=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._waiting and not self._removed:
            _log.error("journal.lines_lost", lines=len(self._waiting), hint="the disk took nothing until the end")

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            self.open()
        assert self._descriptor is not None
        return self._descriptor

    def _write_quietly(self) -> None:
        try:
            self.write()
        except OSError as error:
            if not self._reported:
                self._reported = True
                _log.error("journal.disk_refuses", errno=error.errno, hint="lines are kept in memory meanwhile")
        else:
            self._reported = False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
