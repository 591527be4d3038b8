"""Who answers in which room, as the control plane takes it over: one method, one SQL function.

Owns: asking again where the database's answer was lost, which each of these may be. Refuses: deciding (`numbers.stranded`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import stamina

from contracts.call import CallEvent
from contracts.errors import StoreUnavailable
from control_api.numbers.fallback import Known, known_from
from control_api.numbers.stranded import Duties, Stranded
from store.errors import CallNotOpen
from store.session import AsService, Session, Sessions

_TRIES = 3


@dataclass(frozen=True)
class StrandedDuties(Duties):
    sessions: Sessions

    async def claim(
        self, claimant: UUID, in_hand: Sequence[str], *, silent: float | None, hold: float, limit: int
    ) -> list[Stranded]:
        """Sent once: what an answer that was lost had claimed is given again by the next look."""
        rows: list[dict[str, Any]] = await self._session().call(
            "claim_stranded_calls_v1",
            p_claimant=str(claimant),
            p_in_hand=list(in_hand),
            p_silent=silent,
            p_hold=hold,
            p_limit=limit,
        )
        return [Stranded(row["room"], row["epoch"], row["again"]) for row in rows]

    async def leave(self, claim: Stranded) -> None:
        await self._again("leave_room_v1", p_room=claim.room, p_epoch=claim.epoch)

    async def find_fallback(self, dialed: str) -> Known:
        return known_from(await self._again("find_number_fallback_v1", p_e164=dialed))

    async def record(self, call_id: UUID, events: Sequence[CallEvent]) -> None:
        """A call that was answered while the database was away has no record yet, and gets it from its worker's journal."""
        told = [event.model_dump(mode="json") for event in events]
        try:
            await self._again("append_call_events_v1", p_call_id=str(call_id), p_events=told)
        except CallNotOpen:
            return

    async def is_in_hand(self, room: str) -> bool:
        """Somebody of the control plane sees to it."""
        session = self._session()
        query = session.table("call_duties").select("room").eq("room", room)
        return bool(await session.read(query.in_("job_id", ["control plane", "handed over"])))

    async def _again(self, function: str, **parameters: Any) -> Any:
        async for attempt in stamina.retry_context(
            on=StoreUnavailable, attempts=_TRIES, timeout=None, wait_initial=0.2, wait_jitter=0.2
        ):
            with attempt:
                return await self._session().call(function, **parameters)
        raise AssertionError("the last attempt returns or raises")

    def _session(self) -> Session:
        return self.sessions.open(AsService(for_whom="stranded callers"))
