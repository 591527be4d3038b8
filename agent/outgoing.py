"""A call that AVA places: what it is about, whom the job was sent for, and ringing them, once.

Owns: the order of things. The worker is in the room; the try is begun in the database; only then a telephone rings, and what
came of it is told. Refuses: trying again (the plan's, in the database), and what is said (`agent.opening`).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

import aiohttp
import structlog
from livekit import api
from livekit.agents import JobContext
from livekit.protocol.sip import CreateSIPParticipantRequest

from agent.sip_answers import not_answered, status_of
from contracts.call import InboundCall
from contracts.errors import DomainError
from contracts.ids import call_id_for
from store.dialling import Ringing, TryOutcome, UnderWay

log = structlog.get_logger("agent.outgoing")

RINGING_SECONDS = 30
ANSWER_SECONDS = RINGING_SECONDS + 10  # for the server to say what came of it
_BEGUN_SECONDS = ANSWER_SECONDS + 40  # until the record of the call is open, or the try is ended
_ATTRIBUTES_SECONDS = 3.0
_GONE_SECONDS = 5.0
_ACTIVE = {"sip.callStatus": "active"}

# Twirp's: the request was turned away, or no SIP service took it.
_NOT_RUNG = frozenset(
    {
        "invalid_argument", "malformed", "not_found", "bad_route", "unauthenticated", "permission_denied",
        "failed_precondition", "resource_exhausted", "unimplemented", "unavailable",
    }
)  # fmt: skip


class PlannedCalls(Protocol):
    """`store.dialling.SupabasePlannedCalls`."""

    async def begin(
        self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int
    ) -> Ringing | None: ...

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None: ...

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None: ...

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None: ...


@dataclass
class Outgoing:
    """`opened`: AVA has begun to say who calls; until then the first words of whoever answered get no reply of the model's.
    `first_turn`: they have been said. `pressed`: the last keys, where a phone tree was answered with any."""

    ringing: Ringing
    planned: PlannedCalls
    opened: bool = False
    first_turn: asyncio.Event = field(default_factory=asyncio.Event)
    pressed: str | None = None


@dataclass(frozen=True)
class Assignment:
    """What the dispatcher (`control_api.planned_calls`) says in a job's metadata."""

    planned_call_id: UUID
    attempt_id: UUID
    trunk_id: str

    @property
    def identity(self) -> str:
        """Of whoever is rung, in the room: the try's own, so that who looks for it later finds it, or nobody."""
        return f"callee-{self.attempt_id}"


def read_assignment(metadata: str) -> Assignment | None:
    """None: the job is for somebody who rings us."""
    try:
        said = json.loads(metadata or "{}")
        return Assignment(UUID(said["planned_call_id"]), UUID(said["attempt_id"]), str(said["trunk_id"]))
    except (ValueError, KeyError, TypeError):
        return None


def outcome_of(error: api.ServerError) -> tuple[TryOutcome, int | None]:
    """What LiveKit says of a telephone that was not answered. Without a SIP status: `failed` where it says that no telephone
    can have rung, else `unknown`."""
    status = status_of(error)
    if (outcome := not_answered(error)) is not None:
        return outcome, status
    return ("failed" if status is not None or error.code in _NOT_RUNG else "unknown"), status


@asynccontextmanager
async def livekit_once(url: str, api_key: str, api_secret: str) -> AsyncGenerator[api.LiveKitAPI]:
    """A client that sends each request once. The job's own fails over to another region, and would ring twice."""
    async with aiohttp.ClientSession() as session:
        yield api.LiveKitAPI(url, api_key, api_secret, session=session, failover=False)


async def place(
    ctx: JobContext,
    assignment: Assignment,
    planned: PlannedCalls,
    livekit: api.LiveKitAPI,
    *,
    now: Callable[[], datetime],
    answer_within: float = ANSWER_SECONDS,
) -> tuple[InboundCall, Outgoing] | None:
    """Somebody answered -> the call, as of one who rang. None: nobody did, or nobody was to be rung; that is told already."""
    ringing = await planned.begin(
        assignment.planned_call_id, assignment.attempt_id, begun_by=uuid4(), seconds=_BEGUN_SECONDS
    )
    if ringing is None:
        log.info("not to be rung", planned_call_id=str(assignment.planned_call_id))
        return None
    identity = assignment.identity
    try:
        async with asyncio.timeout(answer_within):
            await livekit.sip.create_sip_participant(
                dial(ringing, room=ctx.room.name, trunk_id=assignment.trunk_id, identity=identity)
            )
        attributes = await _attributes(ctx, identity)
    except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
        outcome, status = outcome_of(error) if isinstance(error, api.TwirpError) else ("unknown", None)
        answered = active(ctx, identity) if outcome == "unknown" else None  # the answer was lost, not the call
        if answered is None:
            log.info("not answered", planned_call_id=str(ringing.planned_call_id), outcome=outcome, sip_status=status)
            return await end_try(ctx, planned, ringing, outcome, status)
        attributes = answered
    if not ctx.room.isconnected():
        log.warning("another job has taken the call over", planned_call_id=str(ringing.planned_call_id))
        return None
    return call_of(ringing, attributes, at=now()), Outgoing(ringing, planned)


def call_of(ringing: Ringing, attributes: Mapping[str, str], *, at: datetime) -> InboundCall:
    """`attributes`: of the telephone in the room."""
    sip_call_id = attributes["sip.callID"]
    return InboundCall(
        call_id=call_id_for(sip_call_id),
        sip_call_id=sip_call_id,
        dialed=ringing.from_number,
        caller=ringing.callee,
        received_at=at,
        planned_call_id=ringing.planned_call_id,
    )


def dial(ringing: Ringing, *, room: str, trunk_id: str, identity: str) -> CreateSIPParticipantRequest:
    asked = CreateSIPParticipantRequest(
        sip_trunk_id=trunk_id,
        sip_call_to=ringing.callee,
        sip_number=ringing.from_number,
        room_name=room,
        participant_identity=identity,
        participant_name="callee",
        participant_attributes={"ava.planned_call": str(ringing.planned_call_id)},
        wait_until_answered=True,
    )
    asked.ringing_timeout.seconds = RINGING_SECONDS
    return asked


async def end_try(
    ctx: JobContext, planned: PlannedCalls, ringing: Ringing, outcome: TryOutcome, status: int | None = None
) -> None:
    """The room first: with it goes a telephone that still rings. A report that can't be delivered leaves a try whose end is
    unknown: there is no other. Where another job has the room by now, it is that job's to end."""
    if ctx.room.isconnected():
        await let_go(ctx)
    elif outcome == "unknown":
        return
    try:
        await planned.end(ringing, outcome, sip_status=status)
    except DomainError as error:
        log.error("outcome not told", planned_call_id=str(ringing.planned_call_id), outcome=outcome, code=error.code)


async def let_go(ctx: JobContext) -> None:
    """Of the room, and with it of whoever is in it."""
    try:
        async with asyncio.timeout(_GONE_SECONDS):
            await ctx.delete_room()
    except TimeoutError:
        log.error("the room could not be deleted", room=ctx.room.name)


def active(ctx: JobContext, identity: str) -> Mapping[str, str] | None:
    """The attributes of somebody who has picked up."""
    found = ctx.room.remote_participants.get(identity)
    if found is None or not found.attributes.get("sip.callID"):
        return None
    return found.attributes if found.attributes.items() >= _ACTIVE.items() else None


async def _attributes(ctx: JobContext, identity: str) -> Mapping[str, str]:
    """The server's answer may come before the room knows of it. TimeoutError."""
    return await _until(lambda: active(ctx, identity), seconds=_ATTRIBUTES_SECONDS)


async def _until(
    look: Callable[[], Mapping[str, str] | None],
    *,
    seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Mapping[str, str]:
    async with asyncio.timeout(seconds):
        while (found := look()) is None:
            await sleep(0.02)
        return found
