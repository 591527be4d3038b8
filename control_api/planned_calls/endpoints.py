"""Planned calls and the do-not-call list over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BeforeValidator, Field

from contracts.phone import E164
from control_api.credit import NoCredit
from control_api.dependencies import OperationId, allow, provided
from control_api.errors import NotFound, documented
from control_api.idempotency import ApiRoute, creates
from control_api.paging import Cursor, Limit, Page
from control_api.planned_calls.errors import EntryNotFound, NotPlannedAnyMore, NotToBePlanned, PlannedCallNotFound
from control_api.planned_calls.schemas import CallPlan, DoNotCallEntry, PlannedCall, State, Unwanted
from control_api.planned_calls.service import PlannedCallService
from control_api.principal import Principal

router = APIRouter(prefix="/v1", tags=["planned calls"], route_class=ApiRoute)

Service = Annotated[PlannedCallService, Depends(provided(PlannedCallService))]
Reader = Annotated[Principal, allow("calls:read")]
Writer = Annotated[Principal, allow("calls:write")]
PlannedCallId = Annotated[UUID, Path(description="the planned call")]
EntryId = Annotated[UUID, Path(description="the entry of the list")]


def _plus(text: object) -> object:
    """A plus sign that was not encoded arrives as a space."""
    return f"+{text[1:]}" if isinstance(text, str) and text[:1] == " " else text


Number = Annotated[E164, Field(max_length=32), BeforeValidator(_plus)]


@router.post(
    "/calls", status_code=201, summary="Call somebody", responses=documented(NotFound, NotToBePlanned, NoCredit)
)
@creates
async def plan_call(
    principal: Writer, service: Service, body: CallPlan, operation_id: OperationId, response: Response
) -> PlannedCall:
    """The assistant rings as soon as calling hours allow: from 9 to 20 where the person is, told by their number (else in the
    assistant's zone), never on the day of rest nor on a public holiday of the assistant's country. It says who calls and
    why. Who left a message may be called back; anybody else must have agreed (`consent`). Who is on the do-not-call list is
    not called: the list is asked once more just before it rings. Without credit nothing is planned (402), and what was
    planned before is not rung: it waits, `put_off_because: no_credit`."""
    planned = await service.plan(principal, operation_id, body)
    response.headers["location"] = f"/v1/planned-calls/{planned.planned_call_id}"
    return planned


@router.get("/planned-calls", summary="List planned calls")
async def list_planned_calls(
    principal: Reader,
    service: Service,
    assistant_id: Annotated[UUID | None, Query(description="that calls")] = None,
    state: Annotated[list[State] | None, Query(max_length=10, description="one of these; repeat it")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PlannedCall]:
    """Newest first, those that are over among them. Calls that came of them are under `/v1/calls`."""
    states = tuple(dict.fromkeys(state or ()))
    return await service.find_page(principal, assistant_id=assistant_id, states=states, cursor=cursor, limit=limit)


@router.get(
    "/planned-calls/{planned_call_id}", summary="Read a planned call", responses=documented(PlannedCallNotFound)
)
async def get_planned_call(principal: Reader, service: Service, planned_call_id: PlannedCallId) -> PlannedCall:
    """Where it stands, and what became of each try."""
    return await service.get(principal, planned_call_id)


@router.post(
    "/planned-calls/{planned_call_id}/cancel",
    summary="Cancel a planned call",
    responses=documented(PlannedCallNotFound, NotPlannedAnyMore),
)
async def cancel_planned_call(principal: Writer, service: Service, planned_call_id: PlannedCallId) -> PlannedCall:
    """Until the telephone rings. Doing it twice is doing it once."""
    return await service.cancel(principal, planned_call_id)


@router.post("/do-not-call", status_code=201, summary="Put a number on the do-not-call list")
@creates
async def add_do_not_call(
    principal: Writer, service: Service, body: Unwanted, operation_id: OperationId
) -> DoNotCallEntry:
    """Nobody rings it from then on, and what is planned to it is refused. On the list already: that entry is the answer. It
    stays when a caller's calls are erased: without the number nobody could be kept from ringing it."""
    return await service.add_unwanted(principal, operation_id, body)


@router.get("/do-not-call", summary="List whom not to call")
async def list_do_not_call(
    principal: Reader,
    service: Service,
    number: Annotated[Number | None, Query(description="this one, E.164", examples=["+33611111111"])] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DoNotCallEntry]:
    """Newest first."""
    return await service.find_unwanted(principal, number=number, cursor=cursor, limit=limit)


@router.delete(
    "/do-not-call/{entry_id}",
    status_code=204,
    summary="Take a number off the do-not-call list",
    responses=documented(EntryNotFound),
)
async def remove_do_not_call(principal: Writer, service: Service, entry_id: EntryId) -> None:
    """What was refused on its account stays refused."""
    await service.remove_unwanted(principal, entry_id)
