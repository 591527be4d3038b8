"""Calendars over HTTP: one per assistant."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from control_api.calendars.errors import (
    AddressUnacceptable,
    AssistantNotFound,
    AssistantUnreadable,
    CalendarUnreachable,
    ConnectionBroken,
    KeyRefused,
    MappingInvalid,
    NotConnected,
)
from control_api.calendars.schemas import (
    CalendarConnect,
    CalendarDetail,
    CalendarTest,
    EventTypeMapping,
    EventTypeSummary,
)
from control_api.calendars.service import CalendarService
from control_api.dependencies import GivenRevision, RequiredRevision, allow, etag, provided
from control_api.errors import Conflict, PreconditionMissing, StaleVersion, documented
from control_api.idempotency import ApiRoute
from control_api.principal import Principal

router = APIRouter(prefix="/v1/assistants/{assistant_id}/calendar", tags=["calendars"], route_class=ApiRoute)

Service = Annotated[CalendarService, Depends(provided(CalendarService))]
Reader = Annotated[Principal, allow("calendars:read")]
Writer = Annotated[Principal, allow("calendars:write")]
AssistantId = Annotated[UUID, Path(description="the assistant")]


@router.get(
    "",
    summary="Read an assistant's calendar",
    responses=documented(AssistantNotFound, AssistantUnreadable, NotConnected),
)
async def get_calendar(
    principal: Reader, service: Service, assistant_id: AssistantId, response: Response
) -> CalendarDetail:
    """What is stored, without asking Cal.com. The `ETag` is what a change of the mapping must send as `If-Match`."""
    detail = await service.get(principal, assistant_id)
    response.headers["etag"] = etag(detail.revision)
    return detail


@router.put(
    "",
    summary="Connect a calendar, or replace its key",
    responses=documented(
        AssistantNotFound,
        AssistantUnreadable,
        AddressUnacceptable,
        KeyRefused,
        MappingInvalid,
        CalendarUnreachable,
        Conflict,
        StaleVersion,
    ),
)
async def connect_calendar(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    body: CalendarConnect,
    revision: GivenRevision,
    response: Response,
) -> CalendarDetail:
    """The key is tested at Cal.com before it is kept; answers show its preview only. Calls that begin from now on use it."""
    detail = await service.connect(principal, assistant_id, body, revision=revision)
    response.headers["etag"] = etag(detail.revision)
    return detail


@router.delete(
    "",
    status_code=204,
    summary="Disconnect a calendar",
    responses=documented(AssistantNotFound, NotConnected, StaleVersion),
)
async def disconnect_calendar(
    principal: Writer, service: Service, assistant_id: AssistantId, revision: GivenRevision
) -> None:
    """The key is deleted with it. Bookings stay in Cal.com; calls that begin from now on don't book."""
    await service.disconnect(principal, assistant_id, revision=revision)


@router.post(
    "/test",
    summary="Test the connection",
    responses=documented(AssistantNotFound, AssistantUnreadable, NotConnected, ConnectionBroken),
)
async def test_calendar(principal: Writer, service: Service, assistant_id: AssistantId) -> CalendarTest:
    """Asks Cal.com with the stored key. What is wrong is an answer, not an error: see `state` and `message`."""
    return await service.test(principal, assistant_id)


@router.get(
    "/event-types",
    summary="List the account's event types",
    responses=documented(AssistantNotFound, AssistantUnreadable, NotConnected, ConnectionBroken, CalendarUnreachable),
)
async def list_event_types(
    principal: Reader, service: Service, assistant_id: AssistantId, response: Response
) -> list[EventTypeSummary]:
    """As Cal.com has them now, hidden ones too, with the services they are mapped to. The `ETag` is the calendar's."""
    revision, found = await service.event_types(principal, assistant_id)
    response.headers["etag"] = etag(revision)
    return found


@router.put(
    "/event-types",
    summary="Map services to event types",
    responses=documented(
        AssistantNotFound,
        AssistantUnreadable,
        NotConnected,
        ConnectionBroken,
        CalendarUnreachable,
        MappingInvalid,
        Conflict,
        StaleVersion,
        PreconditionMissing,
    ),
)
async def map_event_types(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    body: EventTypeMapping,
    revision: RequiredRevision,
    response: Response,
) -> CalendarDetail:
    """Replaces the whole mapping. A duration that differs from the service's is a warning: Cal.com's is what is booked."""
    detail = await service.map_event_types(principal, assistant_id, body.event_types, revision=revision)
    response.headers["etag"] = etag(detail.revision)
    return detail
