"""The journal of a call and its delivery: the one way a call's record reaches the store, whatever happens on the way.

Owns: writing every event to a file of its own before anything else is done with it, sending from that file, removing it
when the store has accepted everything, and the folder of files whose call is over. Database away, job crashed and the
ordinary call are one mechanism. Refuses: what is recorded (the agent's recorder) and what counts twice (the store's
functions are idempotent: sending again after a lost answer or a crash changes nothing).

    journal = await Journal.create(directory, inbound, context=context)
    journal.append(event)                  # from the audio loop: never waits
    await journal.durable()                # before a remote write: what was appended survives a crash
    await journal.deliver(store)           # as often as wanted while the call runs
    await journal.close(closing)
    await journal.deliver(store)           # complete: the file is gone; StoreUnavailable: it waits for a sweep
    await journal.release()                # always

    await sweep(directory, store)          # calls whose process is gone; run at start and every minute

Files are locked while their call lives. What can't be read or is refused by the store goes to `quarantine/`, never away.
"""

import asyncio
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import structlog

from contracts.call import (
    BookingRecorded,
    CallClosing,
    CallContext,
    CallEvent,
    InboundCall,
    MessageTaken,
)
from contracts.errors import (
    DomainError,
    NumberUnknown,
    StoreRejected,
    StoreUnavailable,
)
from contracts.ports import CallStore
from store.delivery import Delivery, with_ending
from store.errors import StoreMisconfigured
from store.journal_file import JournalFile
from store.journal_lines import Reading, closing_line, context_line, event_line, header_line, read_lines

QUARANTINE = "quarantine"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SpoolLimits:
    """Past these, a journal keeps only what must not be lost: bookings, messages and the closing."""

    journal_bytes: int = 16 * 1024 * 1024
    directory_bytes: int = 512 * 1024 * 1024
    waiting_lines: int = 2_000


class JournalUnwritable(DomainError):
    """The disk does not take the journal. Events are kept in memory and can still be delivered."""

    code = "journal_unwritable"
    retryable = True


class JournalFull(DomainError):
    """Twice the allowed lines wait for the disk: not even a booking is taken any more."""

    code = "journal_full"


class JournalInUse(DomainError):
    """The call of this journal is alive, or somebody else is delivering it."""

    code = "journal_in_use"
    retryable = True


@dataclass(frozen=True)
class Delivered:
    """`new` events the store had not seen. `complete`: the closing is accepted too and the file is out of the way.
    `rejected` lines were refused for good: the file is in quarantine."""

    new: int
    rejected: int
    complete: bool


@dataclass(frozen=True)
class Swept:
    """`left` files wait for the next sweep, because of `stopped_by` if it is set; `in_use` belong to live calls."""

    complete: int = 0
    quarantined: int = 0
    in_use: int = 0
    left: int = 0
    stopped_by: DomainError | None = None


class Journal:
    """The journal of one live call. Not for more than one event loop; `append` only from that loop."""

    def __init__(self, file: JournalFile, inbound: InboundCall, *, limits: SpoolLimits, thin: bool) -> None:
        self._file = file
        self._limits = limits
        self._thin = thin
        self._delivery = Delivery(inbound)
        self._delivering = asyncio.Lock()
        self._released = False
        self._complete = False
        self._taken = 0
        self.dropped = 0
        """Events not kept because a limit was reached: never a booking, a message or a closing."""

    @classmethod
    async def create(
        cls,
        directory: Path,
        inbound: InboundCall,
        *,
        context: CallContext | None = None,
        limits: SpoolLimits | None = None,
    ) -> Self:
        """A new file, locked, its first lines on disk. A disk that refuses is logged: the journal then lives in memory.

        A job that is started again for the same call gets a file of its own; both are delivered to the same record.
        """
        limits = limits or SpoolLimits()
        file = JournalFile(directory / f"{inbound.call_id}-{uuid4().hex[:8]}.jsonl")
        used = await asyncio.to_thread(_used_bytes, directory)
        thin = used > limits.directory_bytes
        if thin:
            _log.error("spool.full", used_bytes=used, limit_bytes=limits.directory_bytes, hint="is the database away?")
        file.put(header_line(inbound))
        journal = cls(file, inbound, limits=limits, thin=thin)
        if context is not None:
            journal.opened(context)
        try:
            await asyncio.wrap_future(file.run(file.sync))
        except OSError as error:
            _log.error("journal.not_on_disk", errno=error.errno, hint="check the spool folder: this call is in memory")
        return journal

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()

    @property
    def path(self) -> Path:
        return self._file.path

    def opened(self, context: CallContext) -> None:
        """What the call runs on. From the database: its row exists, so delivery need not open it again. Else the row
        that delivery opens gets this version, after a crash too."""
        self._file.put(context_line(context))
        self._delivery.ran_on = context.ran_on
        if context.source == "database":
            self._delivery.call_id = context.call_id

    def append(self, event: CallEvent) -> None:
        """Takes `event`; returns at once. Raises JournalFull; RuntimeError after the journal is finished."""
        self._refuse_if_finished()
        essential = isinstance(event, BookingRecorded | MessageTaken)
        waiting = self._file.waiting
        crowded = self._thin or waiting >= self._limits.waiting_lines or self._file.size >= self._limits.journal_bytes
        if crowded and not essential:
            self.dropped += 1
            if self.dropped == 1:
                _log.error("journal.dropping", waiting=waiting, size=self._file.size)
            return
        if waiting >= 2 * self._limits.waiting_lines:
            raise JournalFull("the disk has taken nothing for too long")
        self._taken += 1
        self._file.put(event_line(event))

    async def durable(self) -> None:
        """Returns when everything appended so far is on disk (fdatasync). Raises JournalUnwritable."""
        self._refuse_if_finished()
        try:
            await asyncio.wrap_future(self._file.run(self._file.sync))
        except OSError as error:
            raise JournalUnwritable(f"the spool folder does not take the journal: errno {error.errno}") from error

    async def close(self, closing: CallClosing) -> None:
        """Writes the end. Events that come later (a look-up that answers late) may still be appended."""
        self._refuse_if_finished()
        self._taken += 1
        self._file.put(closing_line(closing))
        try:
            await self.durable()
        except JournalUnwritable:
            _log.error("journal.closing_not_on_disk", call_id=str(closing.call_id))

    async def deliver(self, store: CallStore) -> Delivered:
        """Sends what the store has not accepted yet. With the closing accepted, the file is removed and the journal done.

        Raises StoreUnavailable, StoreMisconfigured, NumberUnknown: everything is kept, deliver again or leave it to `sweep`.
        """
        async with self._delivering:
            delivery = self._delivery
            while not self._complete:
                self._refuse_if_finished()
                taken = self._taken
                reading = await asyncio.wrap_future(self._file.run(lambda: self._file.read(delivery.offset)))
                if reading.lines or delivery.call_id is None:
                    await delivery.send(store, reading.lines)
                if not delivery.closed:
                    break
                if taken == self._taken:  # nothing came while this was being sent: nothing is left behind
                    self._complete = True
                    await asyncio.to_thread(self._put_away)
            return Delivered(delivery.new, delivery.rejected, self._complete)

    async def give_away(self) -> None:
        """All is delivered, and the end of the call is another job's to write: the file goes."""
        async with self._delivering:
            self._complete = True
            await asyncio.to_thread(self._put_away)

    async def release(self) -> None:
        """Writes what is waiting and gives up the file's lock; what is not delivered is left to `sweep`."""
        if not self._released:
            self._released = True
            await asyncio.to_thread(self._file.close)

    def _put_away(self) -> None:
        try:
            if self._delivery.rejected:
                _quarantine(self._file.path)
            self._file.remove()
        except OSError as error:
            _log.error("spool.file_stays", errno=error.errno, hint="the next sweep sends it again, to no effect")

    def _refuse_if_finished(self) -> None:
        if self._released or self._complete:
            raise RuntimeError("this journal is finished")


def pending(directory: Path) -> list[Path]:
    """The journals in `directory`, oldest first, those of live calls among them."""
    return sorted(directory.glob("*.jsonl"), key=_modified)


async def deliver(path: Path, store: CallStore, *, patience: float = 0.0) -> Delivered:
    """Sends the journal of a call that is over. One that has no closing was left by a crash: its outcome is `lost`.

    Raises JournalInUse (also while `patience` lasts), StoreUnavailable, StoreMisconfigured: the file stays. What can't be
    read, belongs to no tenant any more or is refused by the store goes to quarantine, after everything else in it was
    delivered.
    """
    try:
        descriptor = await asyncio.to_thread(_lock_existing, path)
    except FileNotFoundError:
        return Delivered(0, 0, complete=True)  # another sweep was faster
    try:
        reading = await asyncio.to_thread(_read_all, descriptor)
        if reading.inbound is None:
            await asyncio.to_thread(_quarantine, path)
            return Delivered(0, max(reading.unreadable, 1), complete=True)
        if patience and not reading.closed and time.time() - os.fstat(descriptor).st_mtime < patience:
            raise JournalInUse("its job died a moment ago: another may go on with the call")
        delivery = Delivery(reading.inbound, reading.ran_on, rejected=reading.unreadable)
        try:
            await delivery.send(store, with_ending(reading))
        except (StoreUnavailable, StoreMisconfigured):
            raise
        except (NumberUnknown, StoreRejected) as error:
            _log.error("spool.call_rejected", call_id=str(reading.inbound.call_id), code=error.code)
            delivery.rejected += 1
        if delivery.rejected:
            await asyncio.to_thread(_quarantine, path)
        else:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return Delivered(delivery.new, delivery.rejected, complete=True)
    finally:
        os.close(descriptor)


async def adopt(directory: Path, call_id: UUID, journal: Journal) -> list[CallEvent]:
    """What jobs of this call that died have left on this disk goes on in `journal`, which is the call's now -> their events.
    Their files go once it is on disk there. Raises JournalUnwritable, JournalFull: they stay."""
    adopted: list[CallEvent] = []
    for path in await asyncio.to_thread(pending, directory):
        if not path.name.startswith(str(call_id)) or path == journal.path:
            continue
        try:
            descriptor = await asyncio.to_thread(_lock_existing, path)
        except (JournalInUse, FileNotFoundError):
            continue
        try:
            reading = await asyncio.to_thread(_read_all, descriptor)
            events = [line.said for line in reading.lines if not isinstance(line.said, CallClosing)]
            for event in events:
                journal.append(event)
            await journal.durable()
            if reading.unreadable:
                await asyncio.to_thread(_quarantine, path)
            else:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            adopted += events
        finally:
            os.close(descriptor)
    return adopted


async def sweep(directory: Path, store: CallStore, *, patience: float = 0.0) -> Swept:
    """Delivers every journal whose call is over; stops at the first sign that the store can't take any. `patience`: for so
    many seconds after its last line, one that a crash left is its successor's to adopt."""
    files = await asyncio.to_thread(pending, directory)
    complete = quarantined = in_use = 0
    for done, path in enumerate(files):
        try:
            delivered = await deliver(path, store, patience=patience)
        except JournalInUse:
            in_use += 1
        except (StoreUnavailable, StoreMisconfigured) as error:
            _log.warning("spool.waiting", files=len(files) - done, code=error.code)
            return Swept(complete, quarantined, in_use, left=len(files) - done, stopped_by=error)
        else:
            complete += not delivered.rejected
            quarantined += bool(delivered.rejected)
    return Swept(complete, quarantined, in_use)


def _lock_existing(path: Path) -> int:
    """Raises JournalInUse; FileNotFoundError if it is gone by the time the lock is held."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(path.name)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalInUse("the call of this journal is alive") from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _read_all(descriptor: int) -> Reading:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return read_lines(file.read())


def _quarantine(path: Path) -> None:
    folder = path.parent / QUARANTINE
    folder.mkdir(mode=0o700, exist_ok=True)
    path.rename(folder / path.name)
    _log.error("spool.quarantined", file=path.name, hint="read it, repair the cause, move it back to be sent again")


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _used_bytes(directory: Path) -> int:
    files = [*directory.glob("*.jsonl"), *directory.glob(f"{QUARANTINE}/*.jsonl")]
    return sum(_size(path) for path in files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
