"""Who answers where, in this process: the rules of the SQL functions on a clock that a test moves. Held to them by
tests/contract/test_duties.py."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.call import CallEvent
from contracts.errors import StoreUnavailable
from store.duties import Duties, Duty


@dataclass
class _Row:
    epoch: int
    worker_id: UUID | None
    job_id: str | None
    changed_at: float


@dataclass
class MemoryDuties(Duties):
    """`now` in seconds. `away`: the database does not answer."""

    now: float = 0.0
    away: bool = False
    rows: dict[str, _Row] = field(default_factory=dict[str, _Row])
    workers: dict[UUID, tuple[float, float]] = field(default_factory=dict[UUID, tuple[float, float]])
    events: dict[UUID, list[CallEvent]] = field(default_factory=dict[UUID, list[CallEvent]])

    def _ask(self) -> None:
        if self.away:
            raise StoreUnavailable("no answer from the database")

    async def enter(self, duty: Duty) -> bool:
        self._ask()
        row = self.rows.get(duty.room)
        if row is not None and not _admits(row, duty):
            return False
        same = row is not None and row.job_id == duty.job_id
        self.rows[duty.room] = _Row(duty.epoch, row.worker_id if row and same else None, duty.job_id, self.now)
        return True

    async def beat(self, worker_id: UUID, duties: Sequence[Duty], *, silent: float) -> Sequence[Duty]:
        self._ask()
        beaten, since = self.workers.get(worker_id, (self.now, self.now))
        since = self.now if beaten < self.now - silent else since
        self.workers[worker_id] = (self.now, since)
        held = {(duty.room, duty.job_id) for duty in duties}
        for room, row in list(self.rows.items()):
            if row.worker_id == worker_id and (row.job_id or row.changed_at < self.now - 60):
                if (room, row.job_id) not in held:
                    del self.rows[room]
        for duty in duties:
            row = self.rows.get(duty.room)
            if row is None or _admits(row, duty):
                self.rows[duty.room] = _Row(duty.epoch, worker_id, duty.job_id, self.now)
        if since > self.now - silent:
            return []
        return [self._claimed(room, worker_id) for room in list(self.rows) if self._is_silent(room, worker_id, silent)]

    def _is_silent(self, room: str, worker_id: UUID, silent: float) -> bool:
        row = self.rows[room]
        known = row.worker_id is not None and row.worker_id in self.workers
        beaten = self.workers[row.worker_id][0] if row.worker_id is not None and known else row.changed_at
        return row.worker_id != worker_id and max(beaten, row.changed_at) < self.now - silent

    def _claimed(self, room: str, worker_id: UUID) -> Duty:
        epoch = self.rows[room].epoch + 1
        self.rows[room] = _Row(epoch, worker_id, None, self.now)
        return Duty(room, epoch)

    async def claim(self, worker_id: UUID, room: str, *, epoch: int, patience: float) -> int | None:
        self._ask()
        row = self.rows.get(room)
        if row is None:
            self.rows[room] = _Row(epoch + 1, worker_id, None, self.now)
            return epoch + 1
        free = row.epoch == epoch if epoch else row.job_id is None and row.changed_at < self.now - patience
        return self._claimed(room, worker_id).epoch if free else None

    async def hand_over(self, room: str, *, epoch: int, hold: float) -> bool:
        self._ask()
        row = self.rows.get(room)
        if row is None or row.epoch != epoch:
            return False
        self.rows[room] = _Row(epoch, None, "handed over", self.now + hold)
        return True

    async def leave(self, room: str, *, epoch: int) -> None:
        self._ask()
        row = self.rows.get(room)
        if row is not None and row.epoch == epoch:
            del self.rows[room]

    async def forget_silent(self) -> int:
        self._ask()
        return 0

    async def read_call(self, call_id: UUID) -> Sequence[CallEvent]:
        self._ask()
        return list(self.events.get(call_id, []))


def _admits(row: _Row, duty: Duty) -> bool:
    return row.epoch < duty.epoch or (row.epoch == duty.epoch and (row.job_id or duty.job_id) == duty.job_id)
