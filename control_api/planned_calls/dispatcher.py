"""Who sees to it that planned calls are placed when they are due.

Owns: the pace, how many at a time, calling hours once more, and sending an agent to a room of its own. Refuses: ringing. The
agent asks the database before it rings, once for each try (`begin_planned_call_v1`), so that whatever happens here, twice or
half, rings nobody twice. Several processes may each have a dispatcher.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from control_api.planned_calls.calling_hours import CallingHours
from control_api.planned_calls.errors import HoursUnreadable
from control_api.planned_calls.ports import Dialer, DialerAway, DialerRefused
from control_api.planned_calls.repository import DialingRepository, Row
from control_api.planned_calls.service import read_hours
from control_api.rounds import rounds

BEGUN_WITHIN = 45
"""Seconds for an agent to be sent, to come, and to begin; then the call is due again, for another."""

_MOST_A_ROUND = 50
_LATER = timedelta(minutes=5)
_MUCH_LATER = timedelta(minutes=15)
_PURGE_BATCH = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """`every`: seconds between two looks, give or take a quarter; 0: another process does it. `at_most`: calls out at the same
    time, of all tenants: each takes a place of those who ring us."""

    every: float
    at_most: int


class Dispatcher:
    """`dialer` None: this deployment has no line; what is due waits, and says why."""

    def __init__(
        self, repository: DialingRepository, dialer: Dialer | None, *, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        self._repository = repository
        self._dialer = dialer
        self._clock = clock
        self._pace = pace

    async def run_once(self) -> int:
        """Everything that is due -> for how many an agent was sent. Raises what the database raises."""
        sent = 0
        for _ in range(_MOST_A_ROUND):
            attempt_id = uuid4()
            row = await self._repository.claim(attempt_id, seconds=BEGUN_WITHIN, at_most=self._pace.at_most)
            if row is None:
                break
            sent += await self._place(row, attempt_id)
        return sent

    async def purge_expired(self) -> int:
        """One batch of plans that their tenants keep no longer -> how many went."""
        return await self._repository.purge_expired(limit=_PURGE_BATCH)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Looks for due calls as long as this is open. One that is cut between claim and agent is due again when its claim
        lapses."""
        async with rounds(self.run_once, name="planned calls", every=self._pace.every):
            yield

    async def _place(self, row: Row, attempt_id: UUID) -> bool:
        planned_call_id, now = UUID(row["planned_call_id"]), self._clock()
        until, because = now + _LATER, ""
        try:
            allowed = CallingHours(read_hours(row["hours"])).next_allowed(now, row["callee"])
            if allowed != now:
                until, because = allowed or now + timedelta(days=365), "outside_calling_hours"
            else:
                because = await self._send(row, attempt_id)
        except HoursUnreadable:
            until, because = now + _MUCH_LATER, "assistant_unreadable"
        except DialerRefused as error:
            until, because = now + _MUCH_LATER, error.code
            _log.error("planned_call.line_refused", planned_call_id=str(planned_call_id), why=str(error))
        except DialerAway as error:
            # an agent may be on its way: put off, the call is nobody's, and it will leave
            because = error.code
            _log.warning("planned_call.line_away", planned_call_id=str(planned_call_id), why=str(error))
        if not because:
            return True
        await self._repository.put_off(planned_call_id, attempt_id, until=until, because=because)
        return False

    async def _send(self, row: Row, attempt_id: UUID) -> str:
        """-> why not, or nothing."""
        if self._dialer is None:
            return "no_line"
        trunk_id = await self._dialer.find_trunk(row["from_number"])
        if trunk_id is None:
            return "no_outbound_trunk"
        # who is called is not said here: rooms and jobs are listed and logged
        metadata = {"planned_call_id": row["planned_call_id"], "attempt_id": str(attempt_id), "trunk_id": trunk_id}
        await self._dialer.send_agent(f"out-{attempt_id}", metadata)
        return ""
