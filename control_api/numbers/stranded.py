"""Calls in progress that no worker is left for: whoever rang is sent on to where the number's fallback leads, else let go.

Owns: when workers have been silent for long enough, who in a room is to be sent on, and the order of things: claimed, asked
whether somebody lives, sent on once, looked at, ended. Refuses: the choice of the number (`numbers.fallback`), who of
several processes acts (one compare-and-set in the database, behind `Duties`), LiveKit (behind `Legs`), and closing the record
(`calls`).

A living worker is always quicker: it succeeds another after 1.8 s of silence, and what it has claimed is not silent. A job
whose worker only seems dead says in the room that it lives, and keeps its call.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, assert_never
from uuid import UUID, uuid4, uuid5

import structlog

from contracts.call import CallEvent, ProblemSeen, TransferRequested, TransferResult
from contracts.errors import DomainError
from contracts.ids import call_id_for
from control_api.numbers.fallback import Asked, Known, Ring, decide
from control_api.rounds import rounds

CALLS_OUT: Final = "out-"
"""How the rooms begin of those whom we ring. Browsers' are never claimed: their page says by itself that AVA is gone."""

PERSON: Final = "person_"
"""How the identity begins of somebody who was fetched into a caller's room."""

LOOK_EVERY: Final = 1.0
HOLD_SECONDS: Final = 90.0
"""For which a claim keeps everybody else away: longer than seeing to a call takes."""

_AT_ONCE = 20
_LONGEST = 75.0
_UNSURE = 25.0  # until whoever rings where a caller was perhaps sent has answered or not
_GAP = 3.0  # between two answers of the database; after more it may have been away from workers, too
_LEAVES_WITHIN = 4.0  # who was sent on hangs up, or LiveKit does it after a second
_LOOK = 0.5
_DRAIN = 5.0
_log = structlog.get_logger(__name__)

Outcome = Literal["sent_on", "refused", "unconfirmed", "ended", "left", "alive"]
"""`sent_on`: LiveKit says that it succeeded. `refused`: it did not, and the line was ended. `unconfirmed`: nobody knows, and
the line is down. `ended`: there was nowhere to send them. `left`: there was nobody to see to. `alive`: a job has the call."""


class LineAway(DomainError):
    """LiveKit did not answer, or could not; nothing was done. It is asked again."""

    code = "line_away"
    retryable = True


class CallerGone(DomainError):
    """They have hung up meanwhile."""

    code = "caller_gone"


class Unconfirmed(DomainError):
    """They may have been sent on, or may yet be."""

    code = "transfer_unconfirmed"


@dataclass(frozen=True)
class Stranded:
    """A claim. `again`: another process was at it, and nobody knows how far it came."""

    room: str
    epoch: int
    again: bool = False


@dataclass(frozen=True)
class Leg:
    """Somebody who is no agent. `status`: LiveKit's SIP service's, "" for a browser. `dialed` None: no number of ours."""

    identity: str
    status: str = ""
    sip_call_id: str = ""
    dialed: str | None = field(default=None, repr=False)
    caller: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Present:
    legs: tuple[Leg, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """What came of a caller, and what the record is told of it."""

    outcome: Outcome
    leg: Leg | None = None
    events: tuple[CallEvent, ...] = ()


class Legs(Protocol):
    """What is asked of LiveKit. LineAway, with each request bounded."""

    async def present(self, room: str) -> Present:
        """A room that is gone holds nobody."""
        ...

    async def is_alive(self, room: str, agent: str) -> bool:
        """Whether that job answers. False too where the server can't ask it."""
        ...

    async def refer(self, room: str, leg: Leg, number: str) -> TransferResult:
        """Sends them on, and awaits what came of it. CallerGone, Unconfirmed; LineAway: certainly nothing was sent."""
        ...

    async def end(self, room: str) -> None:
        """With everybody in it. Fine when it has ended."""
        ...


class Duties(Protocol):
    """Who has which room, and what is recorded of its call. StoreUnavailable, StoreRejected."""

    async def claim(
        self, claimant: UUID, in_hand: Sequence[str], *, silent: float | None, hold: float, limit: int
    ) -> list[Stranded]:
        """Rooms whose worker has been silent for `silent` seconds (None: none of those), that a worker handed over, or that
        this claimant has and does not name: nobody else acts there for `hold` seconds."""
        ...

    async def leave(self, claim: Stranded) -> None: ...

    async def find_fallback(self, dialed: str) -> Known: ...

    async def record(self, call_id: UUID, events: Sequence[CallEvent]) -> None:
        """Once under each id. Fine where the call has no record."""
        ...


Move = Literal["pass", "end", "send_on"]


def judge(room: str, there: Present, *, again: bool = False) -> tuple[Move, Leg | None]:
    """What is to be done where no job lives, and for whom. Two telephones that are off the hook talk with each other; one that
    rings us is given back by its trunk. Whom AVA rang can't be sent on: their line ends. Nor can anybody be sent on `again`."""
    if room.startswith(CALLS_OUT):
        told = next((leg for leg in there.legs if leg.sip_call_id), None)
        return ("end", told) if there.legs else ("pass", None)
    on_line = [leg for leg in there.legs if leg.status == "active"]
    if len(on_line) != 1:
        return ("pass", None)
    [leg] = on_line
    is_caller = not leg.identity.startswith(PERSON) and leg.dialed is not None
    return ("send_on", leg) if is_caller and not again else ("end", leg if is_caller else None)


class Watch:
    """Whether this process has seen the database without a gap for long enough to believe that workers are silent: after an
    outage everybody's last beat is old."""

    def __init__(self, *, silent: float, clock: Callable[[], float]) -> None:
        self._silent = silent
        self._clock = clock
        self._since: float | None = None
        self._last = 0.0

    @property
    def silent(self) -> float | None:
        """Seconds; None: not believed yet."""
        now = self._clock()
        since = None if now - self._last > _GAP else self._since
        return self._silent if since is not None and now - since >= self._silent else None

    def saw(self) -> None:
        now = self._clock()
        if self._since is None or now - self._last > _GAP:
            self._since = now
        self._last = now


class StrandedCalls:
    """`silent`: seconds; 0: another process does this. `told` hears what came of each."""

    def __init__(
        self,
        duties: Duties,
        legs: Legs | None,
        *,
        silent: float,
        clock: Callable[[], datetime],
        told: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._duties = duties
        self._legs = legs
        self._silent = silent
        self._clock = clock
        self._told = told
        self._claimant = uuid4()
        self._watch = Watch(silent=silent, clock=lambda: asyncio.get_running_loop().time())
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # by room and epoch: who was perhaps sent on by this process, and what came of it, where that is known
        self._acted: dict[tuple[str, int], Resolved | None] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Looks as long as this is open; then what is under way gets a while to end."""
        every = LOOK_EVERY if self._legs is not None and self._silent else 0
        try:
            async with rounds(self.look, name="stranded calls", every=every):
                yield
        finally:
            tasks = set(self._tasks.values())
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=_DRAIN)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def look(self) -> int:
        """One query, where nothing is wrong -> how many calls were claimed. They are seen to on the side."""
        if (free := _AT_ONCE - len(self._tasks)) <= 0:
            return 0
        found = await self._duties.claim(
            self._claimant, list(self._tasks), silent=self._watch.silent, hold=HOLD_SECONDS, limit=free
        )
        self._watch.saw()
        rooms = {*self._tasks, *(claim.room for claim in found)}
        self._acted = {key: resolved for key, resolved in self._acted.items() if key[0] in rooms}
        for claim in found:
            task = asyncio.create_task(self._see_to(claim))
            self._tasks[claim.room] = task
            task.add_done_callback(lambda _, room=claim.room: self._tasks.pop(room, None))
        return len(found)

    async def settled(self) -> None:
        """When all that was claimed has been seen to."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def _see_to(self, claim: Stranded) -> None:
        """What fails here before anything was done stays claimed, and is found again by the next look."""
        try:
            async with asyncio.timeout(_LONGEST):
                await self._keep(claim, await self._resolve(claim))
        except (DomainError, TimeoutError) as error:
            _log.warning("stranded.put_off", epoch=claim.epoch, error=getattr(error, "code", type(error).__name__))
        except Exception:  # noqa: BLE001 - recorded with its traceback; whoever waits there is found again by the next look
            _log.exception("stranded.broke", epoch=claim.epoch)

    async def _keep(self, claim: Stranded, resolved: Resolved) -> None:
        leg = resolved.leg
        if leg is not None and resolved.events:
            await self._duties.record(call_id_for(leg.sip_call_id), resolved.events)
        await self._duties.leave(claim)
        self._acted.pop((claim.room, claim.epoch), None)
        self._told(resolved.outcome)
        # a worker that ends with a call leaves its duty behind: nobody is in that room, and nothing is wrong
        tell = _log.info if resolved.outcome == "left" else _log.warning
        # not the room: its name may hold a caller's number
        tell("stranded.seen_to", outcome=resolved.outcome, sip_call_id=leg.sip_call_id if leg else None)

    async def _resolve(self, claim: Stranded) -> Resolved:
        legs, room, key = self._line, claim.room, (claim.room, claim.epoch)
        if (known := self._acted.get(key)) is not None:
            await legs.end(room)
            return known
        again = claim.again or key in self._acted
        there = await legs.present(room)
        if any(await asyncio.gather(*(legs.is_alive(room, agent) for agent in there.agents))):
            return Resolved("alive")
        move, leg = judge(room, there, again=again)
        match move:
            case "pass":
                return Resolved("left")
            case "end":
                await legs.end(room)
                return self._resolved(claim, leg, "unconfirmed" if again else "ended")
            case "send_on":
                assert leg is not None
                return await self._send_on(claim, leg)
            case _:
                assert_never(move)

    async def _send_on(self, claim: Stranded, leg: Leg) -> Resolved:
        number, key = await self._where(leg), (claim.room, claim.epoch)
        if number is None:
            await self._line.end(claim.room)
            return self._resolved(claim, leg, "ended")
        self._acted[key] = None
        try:
            result = await self._line.refer(claim.room, leg, number)
        except LineAway:
            del self._acted[key]
            raise
        except CallerGone:
            return Resolved("left", leg)
        except Unconfirmed:
            resolved = self._resolved(claim, leg, "unconfirmed")
            await self._until_gone(claim.room, leg, seconds=_UNSURE)
        else:
            outcome: Outcome = "sent_on" if result == "transferred" else "refused"
            resolved = self._acted[key] = self._resolved(claim, leg, outcome, (number, result))
            if outcome == "sent_on":
                await self._until_gone(claim.room, leg, seconds=_LEAVES_WITHIN)
        await self._line.end(claim.room)  # with whom AVA was fetching for them
        return resolved

    async def _where(self, leg: Leg) -> str | None:
        assert leg.dialed is not None
        step = decide(Asked(leg.dialed, leg.caller), await self._duties.find_fallback(leg.dialed))
        return step.number if isinstance(step, Ring) else None

    async def _until_gone(self, room: str, leg: Leg, *, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            with contextlib.suppress(LineAway):
                if leg.identity not in {one.identity for one in (await self._line.present(room)).legs}:
                    return
            await asyncio.sleep(_LOOK)

    def _resolved(
        self, claim: Stranded, leg: Leg | None, outcome: Outcome, tried: tuple[str, TransferResult] | None = None
    ) -> Resolved:
        """Events under ids of the call and its epoch: whatever is said twice is kept once."""
        if leg is None:
            return Resolved(outcome)
        at, call_id = self._clock(), call_id_for(leg.sip_call_id)
        events: list[CallEvent] = [
            ProblemSeen(
                event_id=uuid5(call_id, f"no worker left {claim.epoch}"), at=at, part="agent", code="no_worker_left",
                detail=outcome,
            )
        ]  # fmt: skip
        if tried is not None:
            to, result = tried
            event_id = uuid5(call_id, f"sent on {claim.epoch}")
            events.append(TransferRequested(event_id=event_id, at=at, to=to, result=result))
        return Resolved(outcome, leg, tuple(events))

    @property
    def _line(self) -> Legs:
        if self._legs is None:
            raise LineAway("no LiveKit is set up here")
        return self._legs
