"""A try at a planned call as the worker makes it: begun just before the telephone rings, ended when it is known what came
of it.

Owns: the functions' names and parameters, a deadline a method, asking again where an answer was lost. Refuses: rules: who may
be rung, and what follows a try, is decided in SQL (`supabase/migrations`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import stamina

from contracts.errors import StoreUnavailable
from store.client import Connection

TryOutcome = Literal["talked", "message_left", "machine", "busy", "no_answer", "declined", "failed", "unknown"]
NotAnswered = Literal["busy", "no_answer", "declined"]
_TRIES = 4
# of Twilio's trunks: a `tel:` there means the telephone network; a `sip:` may be taken for a SIP endpoint and refused
_BY_TEL_URI = ".pstn.twilio.com"
_NOT_ANSWERED: dict[int, NotAnswered] = {
    **dict.fromkeys((486, 600), "busy"),
    **dict.fromkeys((408, 480, 487), "no_answer"),
    **dict.fromkeys((603, 607, 608), "declined"),
}


def not_answered(sip_status: int) -> NotAnswered | None:
    """What it means that somebody who was rung did not answer (RFC 3261). None: anything else, as a network that failed."""
    return _NOT_ANSWERED.get(sip_status)


def transfer_target(number: str, address: str | None) -> str:
    """To whom SIP REFER sends a telephone on. `address`: where the carrier takes calls out, None where that is not known."""
    if address is None or address.partition(":")[0].endswith(_BY_TEL_URI):
        return f"tel:{number}"
    return f"sip:{number}@{address}"


@dataclass(frozen=True)
class Ringing:
    """Whom to ring, and what to say. `from_number` is the business's."""

    planned_call_id: UUID
    attempt_id: UUID
    callee: str
    callee_name: str
    about: str
    kind: Literal["call_back", "reminder"]
    from_number: str
    on_machine: Literal["leave_message", "hang_up"]


@dataclass(frozen=True)
class UnderWay:
    """A try whose telephone has been rung. `answered`: somebody has picked up, and the call has a record."""

    ringing: Ringing
    answered: bool


class SupabasePlannedCalls:
    """`seconds` is the deadline of one request; each is sent up to four times. The connection is its owner's to close.
    StoreUnavailable, StoreRejected."""

    def __init__(self, connection: Connection, *, seconds: float = 5.0) -> None:
        self._connection = connection
        self._seconds = seconds

    async def begin(self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int) -> Ringing | None:
        """Ring within `seconds`, once. None: this try is not ours, or they are not to be called any more."""
        found = await self._call(
            "begin_planned_call_v1",
            p_planned_call_id=str(planned_call_id),
            p_attempt_id=str(attempt_id),
            p_begun_by=str(begun_by),
            p_seconds=seconds,
        )
        return _ringing(planned_call_id, attempt_id, found) if found["status"] == "ring" else None

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None:
        """What another job has begun and not ended. None: it rang nobody, or what came of it is told."""
        found = await self._call(
            "find_call_under_way_v1", p_planned_call_id=str(planned_call_id), p_attempt_id=str(attempt_id)
        )
        return UnderWay(_ringing(planned_call_id, attempt_id, found), found["answered"]) if found is not None else None

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None:
        await self._call(
            "end_planned_call_v1",
            p_planned_call_id=str(ringing.planned_call_id),
            p_attempt_id=str(ringing.attempt_id),
            p_outcome=outcome,
            p_sip_status=sip_status,
        )

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None:
        """On the tenant's do-not-call list, as somebody said so in this call."""
        await self._call("stop_calling_v1", p_call_id=str(call_id), p_tenant_id=str(tenant_id), p_e164=number)

    async def _call(self, function: str, **parameters: Any) -> Any:
        async for attempt in stamina.retry_context(
            on=StoreUnavailable, attempts=_TRIES, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
        ):
            with attempt:
                return await self._connection.call(function, seconds=self._seconds, **parameters)
        raise AssertionError("the last attempt returns or raises")


def _ringing(planned_call_id: UUID, attempt_id: UUID, found: Mapping[str, Any]) -> Ringing:
    return Ringing(
        planned_call_id=planned_call_id,
        attempt_id=attempt_id,
        callee=found["callee"],
        callee_name=found["callee_name"],
        about=found["about"],
        kind=found["kind"],
        from_number=found["from_number"],
        on_machine=found["on_machine"],
    )
