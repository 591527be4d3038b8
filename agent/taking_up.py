"""A call that AVA placed, and whose job has died: the next one takes up what it finds in the room.

Owns: looking what the telephone does, waiting beside it while it rings, and what is told of one that nobody picked up. Refuses:
ringing, always: a try that rang nobody is made again by its plan (`agent.outgoing`, the database), and what is said
(`agent.resume`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from livekit import rtc
from livekit.agents import JobContext

from agent.inbound import read_inbound
from agent.line import Line, RoomLine
from agent.outgoing import ANSWER_SECONDS, Assignment, Outgoing, PlannedCalls, active, call_of, end_try, let_go
from agent.refusal import refuse
from contracts.call import InboundCall
from contracts.errors import DomainError
from store.dialling import TryOutcome, UnderWay

log = structlog.get_logger("agent.taking_up")

_KNOWN_WITHIN = 3.0  # seconds; somebody may be waiting in silence
_LOOK = 0.02
_RANG_OUT = rtc.DisconnectReason.USER_UNAVAILABLE  # LiveKit's SIP service: it rang for as long as it was to


async def take_up(
    ctx: JobContext,
    assignment: Assignment,
    planned: PlannedCalls,
    *,
    now: Callable[[], datetime],
    answer_within: float = ANSWER_SECONDS,
    apologise: Callable[[Line, str], Awaitable[None]] = refuse,
) -> tuple[InboundCall, Outgoing] | None:
    """As `agent.outgoing.place`, of a telephone that rings or was answered already. None: nobody talks, or can be talked to;
    it is told already, and the telephone rings no more."""
    callee = ctx.room.remote_participants.get(assignment.identity)
    try:
        async with asyncio.timeout(_KNOWN_WITHIN):
            found = await planned.find_under_way(assignment.planned_call_id, assignment.attempt_id)
    except (DomainError, TimeoutError) as error:
        log.error("why they were rung is not known", room=ctx.room.name, error=type(error).__name__)
        attributes = active(ctx, assignment.identity)
        if attributes is None:
            return await let_go(ctx)  # and with the room of a telephone that still rings
        return await apologise(RoomLine(ctx, read_inbound(attributes, received_at=now())), "technical")
    if found is None:
        log.info("nothing to take up", planned_call_id=str(assignment.planned_call_id))
        return await let_go(ctx)
    await _while_it_rings(ctx, assignment, seconds=answer_within)
    attributes = active(ctx, assignment.identity)
    if attributes is not None and ctx.room.isconnected():
        return call_of(found.ringing, attributes, at=now()), Outgoing(found.ringing, planned)
    return await _nobody(ctx, planned, found, callee)


async def _while_it_rings(ctx: JobContext, assignment: Assignment, *, seconds: float) -> None:
    """Until they have picked up, or are gone, or it has rung for long enough."""
    try:
        async with asyncio.timeout(seconds):
            while assignment.identity in ctx.room.remote_participants and ctx.room.isconnected():
                if active(ctx, assignment.identity) is not None:
                    return
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        log.warning("rang for too long", planned_call_id=str(assignment.planned_call_id))


async def _nobody(
    ctx: JobContext, planned: PlannedCalls, found: UnderWay, callee: rtc.RemoteParticipant | None
) -> None:
    """One that had been answered has a record, whose end is the plan's. Of any other there is no carrier's word."""
    if found.answered:
        return await let_go(ctx)
    rang_out = callee is not None and callee.disconnect_reason == _RANG_OUT
    outcome: TryOutcome = "no_answer" if rang_out else "unknown"
    log.info("not answered", planned_call_id=str(found.ringing.planned_call_id), outcome=outcome)
    await end_try(ctx, planned, found.ringing, outcome)
