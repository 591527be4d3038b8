"""Who answers in which room, and what was recorded there before: what workers need to succeed one another.

Owns: names, parameters and answers of the SQL functions. Refuses: who lives and who may come (SQL decides, one row at a time),
sending anybody (`agent.lookout`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from contracts.call import CallEvent
from store.client import Connection

ALIVE: Final = "ava.alive"
"""LiveKit's RPC method by which a job in a room says that it lives; whoever would take its call asks it first."""

_EVENT: TypeAdapter[CallEvent] = TypeAdapter(CallEvent)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """`epoch` grows with each successor in a room."""

    room: str
    epoch: int
    job_id: str = ""


class Duties(Protocol):
    """Every method is one compare-and-set. StoreUnavailable: nothing is known; StoreRejected: asking again can't help."""

    async def enter(self, duty: Duty) -> bool:
        """A job begins to answer. False: another does, stay out."""
        ...

    async def beat(self, worker_id: UUID, duties: Sequence[Duty], *, silent: float) -> Sequence[Duty]:
        """This worker lives, and answers in these rooms and no others -> where it is to send a successor, because who
        answered has not beaten for `silent` seconds."""
        ...

    async def claim(self, worker_id: UUID, room: str, *, epoch: int, patience: float) -> int | None:
        """Nobody answers there: this worker's job of that epoch has died; or, epoch 0, a caller waits alone and nobody has
        been sent within `patience` seconds -> the successor's epoch. None: stay out."""
        ...

    async def hand_over(self, room: str, *, epoch: int, hold: float) -> bool:
        """No worker can answer there: the control plane may, and nobody else does for `hold` seconds. False: somebody else has
        that room meanwhile."""
        ...

    async def leave(self, room: str, *, epoch: int) -> None: ...

    async def forget_silent(self) -> int:
        """Workers that have not lived for a day."""
        ...

    async def read_call(self, call_id: UUID) -> Sequence[CallEvent]:
        """What is recorded so far, oldest first."""
        ...


class SupabaseDuties(Duties):
    """`seconds` is the deadline of every method. The connection is its owner's to close."""

    def __init__(self, connection: Connection, *, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    async def enter(self, duty: Duty) -> bool:
        return bool(await self._call("enter_call_v1", p_room=duty.room, p_epoch=duty.epoch, p_job_id=duty.job_id))

    async def beat(self, worker_id: UUID, duties: Sequence[Duty], *, silent: float) -> Sequence[Duty]:
        held = [{"room": duty.room, "epoch": duty.epoch, "job_id": duty.job_id} for duty in duties]
        found = await self._call("beat_v1", p_worker_id=str(worker_id), p_duties=held, p_silent=silent)
        return [Duty(row["room"], row["epoch"]) for row in found]

    async def claim(self, worker_id: UUID, room: str, *, epoch: int, patience: float) -> int | None:
        claimed: int | None = await self._call(
            "claim_room_v1", p_worker_id=str(worker_id), p_room=room, p_epoch=epoch, p_patience=patience
        )
        return claimed

    async def hand_over(self, room: str, *, epoch: int, hold: float) -> bool:
        return bool(await self._call("hand_over_call_v1", p_room=room, p_epoch=epoch, p_hold=hold))

    async def leave(self, room: str, *, epoch: int) -> None:
        await self._call("leave_room_v1", p_room=room, p_epoch=epoch)

    async def forget_silent(self) -> int:
        return int(await self._call("forget_silent_workers_v1"))

    async def read_call(self, call_id: UUID) -> Sequence[CallEvent]:
        rows = await self._call("read_call_v1", p_call_id=str(call_id))
        return [event for row in rows if (event := _event(row)) is not None]

    async def _call(self, function: str, **parameters: Any) -> Any:
        return await self._connection.call(function, seconds=self._seconds, **parameters)


def _event(row: dict[str, Any]) -> CallEvent | None:
    """None: a later version's event, or one that was erased."""
    try:
        return _EVENT.validate_python(row)
    except ValidationError:
        _log.warning("duties.event_unreadable", kind=row.get("kind"))
        return None
