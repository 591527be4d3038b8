"""Nobody is left in silence: the worker's main process says that it lives, sees whose process or worker has died, and sends a
successor; a caller whom no worker took is sent one as soon as one can.

A self-hosted LiveKit does none of this: it sees a killed agent leave 20 s later, and sends no other. What is seen here, and
how soon: the end of a job process of this worker, at once, by the framework's pool; another worker's death, when it has been
silent for `SILENT`, by the database's clock; a caller alone in a room, within `_ROUNDS`. A caller is whoever AVA talks with:
somebody who rang, whom AVA rang or rings, a browser. Who sends is one compare-and-set in
the database; who answers is another (agent/succession.py). While the database is away only this worker's own jobs are seen to.
A caller to whom nobody can be sent is handed to the control plane, which sends them on where the number's fallback leads.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from agent.errands import Errands
from agent.rooms import CALLS_OUT, TESTS, Present, Rooms, RoomsUnavailable
from agent.succession import Seat, metadata_for
from contracts.errors import StoreRejected, StoreUnavailable
from store.duties import Duties, Duty

log = structlog.get_logger("agent.lookout")

BEAT = 0.5  # seconds
SILENT = 1.8  # of no beat: a database that takes a second for an answer kills nobody
_ROUNDS = 2.0
_PATIENCE = 4.0  # with somebody who was sent: a job is in its room after 0.5 s, on a busy machine after 2
_COMES_WITHIN = 3.0
_LOOK = 0.25
_RUNG_WITHIN = 2.0  # seconds from a job's last request to ring somebody until they are in the room
_TRIES = 4
_TAKEN_WITHIN = 4.0  # by the control plane, which looks once a second; one that is away takes nobody
_HELD = 30.0  # for it: meanwhile no other worker tries the same in vain
_LAST_EPOCH = 6  # a call that has killed five jobs would kill the sixth
_FORGET = 3600.0
_AT_ONCE = 1_000  # calls being succeeded: more than any worker carries


@dataclass
class Counts:
    """What the metrics tell of it."""

    sent: int = 0
    came: int = 0
    let_go: int = 0
    silent_beats: int = 0


@dataclass
class Lookout:
    """`live`: the duties that this worker's processes have now."""

    worker_id: UUID
    duties: Duties
    rooms: Rooms
    live: Callable[[], Sequence[Duty]]
    counts: Counts = field(default_factory=Counts)
    _errands: Errands = field(default_factory=lambda: Errands("lookout", limit=_AT_ONCE))
    _under_way: set[str] = field(default_factory=set[str])

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._every(BEAT, self._beat), name="beat")
                tasks.create_task(self._every(_ROUNDS, self._look_round), name="rounds")
                tasks.create_task(self._every(_FORGET, self._forget), name="forget")
        finally:
            await self._errands.aclose()

    def job_died(self, duty: Duty) -> None:
        """A process of this worker has ended without ending its call."""
        log.error("a job died in its call", room=duty.room, epoch=duty.epoch)
        self._errands.start(self._succeed_own(duty))

    async def _every(self, seconds: float, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            began = time.monotonic()
            try:
                await step()
            except (StoreUnavailable, StoreRejected) as error:
                self.counts.silent_beats += 1
                log.warning("the lookout sees nothing", step=step.__name__, code=error.code)
            except RoomsUnavailable as error:
                log.warning("the lookout sees nothing", step=step.__name__, code=str(error))
            except Exception:
                log.exception("the lookout stumbled", step=step.__name__)
            await asyncio.sleep(max(0.05, seconds - (time.monotonic() - began)))

    async def _beat(self) -> None:
        for duty in await self.duties.beat(self.worker_id, self.live(), silent=SILENT):
            log.error("a worker is silent: its call is succeeded", room=duty.room, epoch=duty.epoch)
            self._errands.start(self._succeed(Seat(duty)))

    async def _look_round(self) -> None:
        for room in await self.rooms.waiting():
            if room in self._under_way:
                continue
            epoch = await self.duties.claim(self.worker_id, room, epoch=0, patience=_PATIENCE)
            if epoch is not None and epoch > 1:
                log.warning("a caller waits alone", room=room, epoch=epoch)
                self._errands.start(self._succeed(Seat(Duty(room, epoch), certain=True)))

    async def _forget(self) -> None:
        await self.duties.forget_silent()

    async def _succeed_own(self, duty: Duty) -> None:
        """A database that is away does not keep the caller waiting: nobody else sees this death."""
        try:
            epoch = await self.duties.claim(self.worker_id, duty.room, epoch=duty.epoch, patience=_PATIENCE)
        except (StoreUnavailable, StoreRejected) as error:
            log.warning("succeeding on trust", room=duty.room, code=error.code)
            epoch = duty.epoch + 1
        if epoch is not None:
            await self._succeed(Seat(Duty(duty.room, epoch), certain=True))

    async def _succeed(self, seat: Seat) -> None:
        room = seat.duty.room
        self._under_way.add(room)
        try:
            await self._bring(seat)
        except RoomsUnavailable as error:
            log.error("no successor could be sent", room=room, code=str(error))
        finally:
            self._under_way.discard(room)

    async def _bring(self, seat: Seat) -> None:
        """Sends one until one comes. Where none does, the caller is let go: the carrier's fallback is better than silence."""
        room = seat.duty.room
        before = await self._who_is_there(room)
        metadata = metadata_for(seat, await self.rooms.sent_with(room)) if before.callers else ""
        for _ in range(_TRIES if seat.duty.epoch <= _LAST_EPOCH else 0):
            if not before.callers:
                await self._end(seat)
                return
            self.counts.sent += 1
            await self.rooms.send(room, metadata)
            if await self._somebody_comes(room, before.agents):
                self.counts.came += 1
                return
            before = await self.rooms.present(room)
        if before.callers:
            kept = await self._handed_over(seat)
            if kept is None:
                log.warning("no worker can go on with the call: the control plane has it", room=room)
                return
            seat = kept
            self.counts.let_go += 1
            log.error("no worker can go on with the call: the caller is let go", room=room, epoch=seat.duty.epoch)
            await self.rooms.let_go(room)
        await self._end(seat)

    async def _handed_over(self, seat: Seat) -> Seat | None:
        """None: the control plane has the caller. Else nobody took them, and the room is this worker's alone again. Whom AVA
        rang, and a browser, it could not send on."""
        room, epoch = seat.duty.room, seat.duty.epoch
        if room.startswith((CALLS_OUT, TESTS)):
            return seat
        try:
            if await self.duties.hand_over(room, epoch=epoch, hold=_HELD):
                await asyncio.sleep(_TAKEN_WITHIN)
            ours = await self.duties.claim(self.worker_id, room, epoch=epoch, patience=0.0)
        except (StoreUnavailable, StoreRejected) as error:
            log.warning("nobody could be handed over", room=room, code=error.code)
            return seat
        return None if ours is None else Seat(Duty(room, ours), certain=True)

    async def _who_is_there(self, room: str) -> Present:
        """Who dies while it rings somebody has perhaps asked LiveKit for it already."""
        deadline = time.monotonic() + (_RUNG_WITHIN if room.startswith(CALLS_OUT) else 0.0)
        while True:
            there = await self.rooms.present(room)
            if there.callers or time.monotonic() >= deadline:
                return there
            await asyncio.sleep(_LOOK)

    async def _somebody_comes(self, room: str, known: frozenset[str]) -> bool:
        """Also true when the caller has left: there is nobody to come for."""
        deadline = time.monotonic() + _COMES_WITHIN
        while time.monotonic() < deadline:
            await asyncio.sleep(_LOOK)
            there = await self.rooms.present(room)
            if there.agents - known or not there.callers:
                return True
        return False

    async def _end(self, seat: Seat) -> None:
        try:
            await self.duties.leave(seat.duty.room, epoch=seat.duty.epoch)
        except (StoreUnavailable, StoreRejected) as error:
            log.warning("a duty stays open", room=seat.duty.room, code=error.code)
