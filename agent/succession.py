"""A job's right to answer in its room: taken before it speaks, and given up to whoever has it.

One compare-and-set in the database lets one job in, of those that were sent. A successor, whose predecessor only seems to be
dead, also asks it in the room itself: one that is alive answers within milliseconds, whatever became of its worker's link to
the database or of its own to LiveKit's signalling, and keeps the call. One that does not is put out of the room, so that it
can't speak any more even if it comes back.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, cast

import structlog
from livekit import rtc
from livekit.agents import JobContext
from livekit.api import RoomParticipantIdentity, TwirpError
from livekit.protocol.agent import Job

from contracts.errors import StoreRejected, StoreUnavailable
from store.duties import ALIVE, Duties, Duty

log = structlog.get_logger("agent.succession")

_ANSWERS_WITHIN = (
    0.7  # seconds; a job that takes longer to say that it lives has not been heard for as long by its caller
)
_PUT_OUT = 2.0
_FIRST_WITHIN = 0.4  # seconds: joining the room takes as long
_MARK = "ava_successor"


@dataclass(frozen=True)
class Seat:
    """`certain`: the worker has seen the predecessor's process end, so that nobody need ask it."""

    duty: Duty
    certain: bool = False

    @property
    def succeeding(self) -> bool:
        return self.duty.epoch > 1


def seat_of(job: Job) -> Seat:
    """From what the job was sent with; a first job's metadata says nothing of it."""
    try:
        mark: Any = _read(job.metadata)[_MARK]
        return Seat(Duty(job.room.name, int(mark["epoch"]), job.id), bool(mark["certain"]))
    except (ValueError, KeyError, TypeError):
        return Seat(Duty(job.room.name, 1, job.id))


def metadata_for(seat: Seat, first: str = "") -> str:
    """What a successor is sent with: what the first job was (`first`), which says what kind of call it is, and its seat."""
    return json.dumps({**_read(first), _MARK: {"epoch": seat.duty.epoch, "certain": seat.certain}})


def _read(metadata: str) -> dict[str, Any]:
    try:
        said: Any = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


async def enter(seat: Seat, duties: Duties) -> bool:
    """False: another job answers in this room. A database that is away, or slow, lets the first job in: it must not keep the
    telephone ringing. One that is away lets a successor in too: its worker sends no two, and a living predecessor is asked in
    the room."""
    try:
        async with asyncio.timeout(None if seat.succeeding else _FIRST_WITHIN):
            return await duties.enter(seat.duty)
    except (StoreUnavailable, StoreRejected, TimeoutError) as error:
        log.warning("entering on trust", room=seat.duty.room, epoch=seat.duty.epoch, error=type(error).__name__)
        return True


async def take_over(ctx: JobContext, seat: Seat, duties: Duties) -> bool:
    """In the room, before anything is said. False: the predecessor lives and keeps the call."""
    if seat.succeeding:
        others = [p for p in ctx.room.remote_participants.values() if _is_agent(p)]
        living = [] if seat.certain else await asyncio.gather(*(_answers(ctx.room, p.identity) for p in others))
        if any(living):
            log.warning("the job before is alive: staying out", room=seat.duty.room, epoch=seat.duty.epoch)
            await _give_up(seat, duties)
            return False
        await asyncio.gather(*(_put_out(ctx, p.identity) for p in others))
    ctx.room.local_participant.register_rpc_method(ALIVE, _alive)
    return True


def _is_agent(participant: rtc.RemoteParticipant) -> bool:
    return participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT


async def _alive(_: rtc.RpcInvocationData) -> str:
    return "alive"


async def _answers(room: rtc.Room, identity: str) -> bool:
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            await room.local_participant.perform_rpc(
                destination_identity=identity, method=ALIVE, payload="", response_timeout=_ANSWERS_WITHIN
            )
        return True
    except (rtc.RpcError, TimeoutError):
        return False


async def _put_out(ctx: JobContext, identity: str) -> None:
    """Out of the room, whether or not its process is dead. One that is gone already is fine."""
    try:
        async with asyncio.timeout(_PUT_OUT):
            await ctx.api.room.remove_participant(RoomParticipantIdentity(room=ctx.room.name, identity=identity))
    except (TwirpError, TimeoutError) as error:
        log.info("the job before was not put out", room=ctx.room.name, error=type(error).__name__)


async def _give_up(seat: Seat, duties: Duties) -> None:
    try:
        await duties.leave(seat.duty.room, epoch=seat.duty.epoch)
    except (StoreUnavailable, StoreRejected) as error:
        log.warning("a duty was not given up", room=seat.duty.room, code=error.code)
