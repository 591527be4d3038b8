"""Test calls over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from control_api.credit import NoCredit
from control_api.dependencies import OperationId, allow, provided
from control_api.errors import documented
from control_api.idempotency import ApiRoute, creates
from control_api.principal import Principal
from control_api.web_calls.errors import (
    AssistantArchived,
    NothingToTry,
    NotPublished,
    RoomsNotConfigured,
    VersionUnreadable,
)
from control_api.web_calls.schemas import WebCall, WebCallRequest
from control_api.web_calls.service import WebCallService

router = APIRouter(prefix="/v1/assistants", tags=["assistants"], route_class=ApiRoute)


@router.post(
    "/{assistant_id}/test-call",
    status_code=201,
    summary="Call an assistant from a browser",
    responses=documented(
        NothingToTry, NotPublished, AssistantArchived, VersionUnreadable, RoomsNotConfigured, NoCredit
    ),
)
@creates
async def create_test_call(
    principal: Annotated[Principal, allow("assistants:write")],
    service: Annotated[WebCallService, Depends(provided(WebCallService))],
    assistant_id: Annotated[UUID, Path(description="the assistant")],
    operation_id: OperationId,
    body: WebCallRequest | None = None,
) -> WebCall:
    """The draft, or what is published, answers as it answers callers: same prompt, voice, hours, tools. A paused assistant can
    be tried, too. What is different: **nothing is written into the calendar** (free times are the real ones; a booking, a
    change and a cancellation are rehearsed and end with the call), nobody is rung (a transfer is told as not possible), and the
    call is on record with `test: true`, with its transcript and what it cost, but in no figures. Messages that are left are
    kept and say that they are of a test.

    What is said comes into the room as text streams, topic `lk.transcription`. The page at `/try` does all this. Test calls are
    rationed per tenant (429), and cost what a caller's do: without credit there are none (402)."""
    return await service.open(principal, assistant_id, operation_id, body.version if body else "draft")
