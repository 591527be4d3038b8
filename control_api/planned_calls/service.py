"""Planning calls: who may be called, when the first try is due, and taking it back.

Whether somebody may be called at all (the list, consent) is the database's to say, where the row is made. Credit is asked for
when a call is planned, and again by the database when it is due.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contracts.hours import OpeningHours
from control_api.credit import Credit
from control_api.errors import FieldProblem, InvalidRequest
from control_api.paging import Page, decode, paged
from control_api.planned_calls.calling_hours import CallingHours
from control_api.planned_calls.errors import HoursUnreadable, NotToBePlanned, PlannedCallNotFound
from control_api.planned_calls.repository import PlannedCallRepository
from control_api.planned_calls.schemas import CallPlan, DoNotCallEntry, PlannedCall, State, Unwanted
from control_api.principal import Principal
from store.errors import Unacceptable

_USUALLY = timedelta(days=3)
_LONGEST = timedelta(days=90)


@dataclass(frozen=True)
class PlannedCallService:
    repository: PlannedCallRepository
    credit: Credit
    clock: Callable[[], datetime]

    async def plan(self, principal: Principal, planned_call_id: UUID, wanted: CallPlan) -> PlannedCall:
        hours = await self._hours(principal, wanted.assistant_id)
        callee = wanted.to or await self._left_by(principal, wanted.message_id)
        due_at, not_after = self._when(wanted, hours, callee)
        await self.credit.require(principal)
        plan = {
            "kind": wanted.kind,
            "callee_name": wanted.name.strip(),
            "about": wanted.about.strip(),
            "consent": wanted.consent,
            "due_at": due_at.isoformat(),
            "not_after": not_after.isoformat(),
            "attempts": wanted.retry.attempts,
            "spacing_minutes": wanted.retry.spacing_minutes,
            "retry_on": sorted(set(wanted.retry.on)),
            "on_machine": wanted.on_machine,
        }
        try:
            row = await self.repository.plan(
                principal,
                planned_call_id,
                assistant_id=wanted.assistant_id,
                callee=callee,
                plan=plan,
                message_id=wanted.message_id,
            )
        except Unacceptable as error:
            if error.reason != "consent_missing":
                raise
            raise _refused("/consent", "they left no message", "say true if they agreed to be called") from error
        return PlannedCall.model_validate(row)

    async def find_page(
        self,
        principal: Principal,
        *,
        assistant_id: UUID | None,
        states: tuple[State, ...],
        cursor: str | None,
        limit: int,
    ) -> Page[PlannedCall]:
        rows = await self.repository.find_page(
            principal, assistant_id=assistant_id, states=states, after=decode(cursor), limit=limit + 1
        )
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["planned_call_id"]))
        return Page(items=[PlannedCall.model_validate(row) for row in page], next_cursor=following)

    async def get(self, principal: Principal, planned_call_id: UUID) -> PlannedCall:
        row = await self.repository.find(principal, planned_call_id)
        if row is None:
            raise PlannedCallNotFound("there is no such planned call", reason="planned_call_not_found")
        return PlannedCall.model_validate(row)

    async def cancel(self, principal: Principal, planned_call_id: UUID) -> PlannedCall:
        return PlannedCall.model_validate(await self.repository.cancel(principal, planned_call_id))

    async def add_unwanted(self, principal: Principal, entry_id: UUID, unwanted: Unwanted) -> DoNotCallEntry:
        row = await self.repository.add_unwanted(principal, entry_id, number=unwanted.number, note=unwanted.note)
        return DoNotCallEntry.model_validate(row)

    async def remove_unwanted(self, principal: Principal, entry_id: UUID) -> None:
        await self.repository.remove_unwanted(principal, entry_id)

    async def find_unwanted(
        self, principal: Principal, *, number: str | None, cursor: str | None, limit: int
    ) -> Page[DoNotCallEntry]:
        rows = await self.repository.find_unwanted(principal, number=number, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["entry_id"]))
        return Page(items=[DoNotCallEntry.model_validate(row) for row in page], next_cursor=following)

    async def _hours(self, principal: Principal, assistant_id: UUID) -> CallingHours:
        found = await self.repository.find_assistant(principal, assistant_id)
        if found is None:
            raise PlannedCallNotFound("there is no such assistant", reason="assistant_not_found")
        if found["hours"] is None or found["status"] != "active":
            raise NotToBePlanned("this assistant is not live: publish it, or resume it", reason="assistant_not_live")
        return CallingHours(read_hours(found["hours"]))

    async def _left_by(self, principal: Principal, message_id: UUID | None) -> str:
        found = await self.repository.find_message(principal, message_id) if message_id else None
        if found is None:
            raise PlannedCallNotFound("there is no such message", reason="message_not_found")
        if not found["callback_number"]:
            raise NotToBePlanned("whoever left this message left no number", reason="no_number_left")
        return str(found["callback_number"])

    def _when(self, wanted: CallPlan, hours: CallingHours, callee: str) -> tuple[datetime, datetime]:
        begin = max(self.clock(), wanted.not_before or self.clock())
        not_after = wanted.not_after or begin + _USUALLY
        if not_after <= begin:
            raise _refused("/not_after", "it is over before it may begin", "choose a later time, or leave it out")
        if not_after > self.clock() + _LONGEST:
            raise _refused("/not_after", "is more than 90 days from now", "plan it later")
        due_at = hours.next_allowed(begin, callee)
        if due_at is None or due_at >= not_after:
            raise _refused(
                "/not_after",
                "there are no calling hours before it (9 to 20 where they are; no day of rest, no public holiday)",
                "choose a later time",
            )
        return due_at, not_after


def read_hours(stored: Mapping[str, Any]) -> OpeningHours:
    """Of whichever release wrote them: fields that this one does not know are left out. Raises HoursUnreadable."""
    try:
        return OpeningHours.model_validate({k: v for k, v in stored.items() if k in OpeningHours.model_fields})
    except ValidationError as error:
        raise HoursUnreadable("the assistant's hours can't be read by this release: publish a new version") from error


def _refused(pointer: str, reason: str, advice: str) -> InvalidRequest:
    problem = FieldProblem(pointer=pointer, reason=reason, advice=advice)
    return InvalidRequest("1 field is not valid: see errors", errors=[problem])
