"""Calls over HTTP."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, StreamingResponse

from control_api.calls.errors import CallNotFound, CallUnderWay, RecordingNotFound
from control_api.calls.export import MEDIA_TYPES, Format
from control_api.calls.recordings import Recordings
from control_api.calls.schemas import (
    CallDetail,
    CallerErasure,
    CallSummary,
    Erased,
    EventPage,
    Message,
    Statistics,
)
from control_api.calls.service import CallService
from control_api.calls.wishes import CallFilter, From, MessageFilter, To, call_filter, message_filter
from control_api.dependencies import allow, provided
from control_api.errors import NotFound, documented
from control_api.idempotency import ApiRoute
from control_api.paging import Cursor, Limit, Page
from control_api.principal import Principal

router = APIRouter(prefix="/v1", tags=["calls"], route_class=ApiRoute)

Service = Annotated[CallService, Depends(provided(CallService))]
Reader = Annotated[Principal, allow("calls:read")]
Writer = Annotated[Principal, allow("calls:write")]
CallId = Annotated[UUID, Path(description="the call")]
WantedCalls = Annotated[CallFilter, Depends(call_filter)]
WantedMessages = Annotated[MessageFilter, Depends(message_filter)]

Kept = Annotated[Recordings, Depends(provided(Recordings))]
Link = Annotated[str, Path(description="as `GET /v1/calls/{call_id}` gives it", max_length=2000)]

_SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Ogg Opus: the caller on the left, the assistant on the right",
        "content": {"audio/ogg": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {
        "description": "the part that `Range` asked for",
        "content": {"audio/ogg": {"schema": {"type": "string", "format": "binary"}}},
    },
}

_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file, as it is read; a connection that breaks off is a file that is not whole",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()},
        "headers": {"Content-Disposition": {"schema": {"type": "string"}}},
    }
}


@router.get("/calls", summary="List calls")
async def list_calls(
    principal: Reader, service: Service, wanted: WantedCalls, cursor: Cursor = None, limit: Limit = 50
) -> Page[CallSummary]:
    """Newest first, calls under way and test calls among them."""
    return await service.find_page(principal, wanted, cursor=cursor, limit=limit)


@router.get("/calls/export", summary="Export calls", response_class=StreamingResponse, responses=_FILE)
async def export_calls(
    principal: Reader,
    service: Service,
    wanted: WantedCalls,
    form: Annotated[Format, Query(alias="format", description="jsonl: one JSON object per line")] = "csv",
) -> StreamingResponse:
    """What the list with the same filters has, in the same order, as one file in UTF-8. In CSV, text that a spreadsheet would
    take for a formula begins with an apostrophe; telephone numbers are left as they are."""
    content = await service.export(principal, wanted, form)
    name = f"calls-{service.clock():%Y-%m-%d}.{form}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=MEDIA_TYPES[form], headers=headers)


@router.get("/calls/{call_id}", summary="Read a call", responses=documented(CallNotFound))
async def get_call(
    principal: Reader, service: Service, recordings: Kept, call_id: CallId, request: Request
) -> CallDetail:
    """Transcript, latencies, tools, bookings, messages, transfers, problems, cost, recordings with a link to listen to them,
    and the version it ran on."""
    detail, recorded = await asyncio.gather(
        service.get(principal, call_id), recordings.of_call(principal, call_id, at=str(request.base_url))
    )
    return detail.model_copy(update={"recordings": recorded})


@router.get(
    "/recordings/{link}",
    summary="Listen to a recording",
    response_class=FileResponse,
    responses={**_SOUND, **documented(RecordingNotFound)},
)
async def listen(recordings: Kept, link: Link) -> FileResponse:
    """Where recordings are kept in a folder; a bucket's links lead there. The link itself is the permission, for a quarter of
    an hour unless the server says otherwise. Takes `Range`, so that a player can skip."""
    found = await recordings.listen(link)
    headers = {"cache-control": "private, no-store"}
    return FileResponse(
        found.path, media_type=recordings.media_type, filename=found.name, headers=headers,
        content_disposition_type="inline",
    )  # fmt: skip


@router.get("/calls/{call_id}/events", summary="Read a call's events", responses=documented(CallNotFound))
async def list_call_events(
    principal: Reader, service: Service, call_id: CallId, cursor: Cursor = None, limit: Limit = 50
) -> EventPage:
    """As they were recorded, in the order they arrived here. While the call runs there may be more later."""
    return await service.find_events(principal, call_id, cursor=cursor, limit=limit)


@router.delete(
    "/calls/{call_id}",
    status_code=204,
    summary="Delete a call",
    responses=documented(CallNotFound, CallUnderWay),
)
async def delete_call(principal: Writer, service: Service, call_id: CallId) -> None:
    """With its transcript, its bookings' records and its messages, for good. Appointments in the calendar stay."""
    await service.delete(principal, call_id)


@router.get("/messages", summary="List what callers left")
async def list_messages(
    principal: Reader, service: Service, wanted: WantedMessages, cursor: Cursor = None, limit: Limit = 50
) -> Page[Message]:
    """Newest first, with what AVA left herself where somebody must look after a booking or a transfer."""
    return await service.find_messages(principal, wanted, cursor=cursor, limit=limit)


@router.get("/statistics", summary="Read the figures", responses=documented(NotFound))
async def get_statistics(
    principal: Reader,
    service: Service,
    since: From = None,
    before: To = None,
    assistant_id: Annotated[UUID | None, Query(description="of this assistant only")] = None,
    time_zone: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=64,
            description="days are counted in it; without it, in the zone of the assistant's hours",
            examples=["Europe/Paris"],
        ),
    ] = None,
) -> Statistics:
    """Of the calls that began in the range: the last 30 days if you don't say; at most 400 days. Test calls are left out."""
    return await service.statistics(
        principal, since=since, before=before, assistant_id=assistant_id, time_zone=time_zone
    )


@router.post("/callers/redact", summary="Make a caller's calls anonymous")
async def redact_caller(principal: Writer, service: Service, body: CallerErasure) -> Erased:
    """The calls from that number, and those in which it was left as the number to call back or to book under. They stay for
    the figures; number, transcript, what tools were told, names, messages and recording go, for good. What arrives later
    of these calls arrives anonymous. Doing it twice is doing it once. Appointments in the calendar stay."""
    return await service.redact_caller(principal, body.caller)


@router.post("/callers/delete", summary="Delete a caller's calls")
async def delete_caller(principal: Writer, service: Service, body: CallerErasure) -> Erased:
    """The same calls as for redaction, with everything that was recorded of them. What arrives later of them is dropped. Calls
    that were redacted before belong to nobody and stay. Appointments in the calendar stay."""
    return await service.delete_caller(principal, body.caller)
