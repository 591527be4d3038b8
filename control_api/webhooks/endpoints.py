"""Notices over HTTP: without sign-in, since the signature in each says whose it is."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request

from control_api.dependencies import provided
from control_api.errors import documented
from control_api.webhooks.errors import NotSigned
from control_api.webhooks.schemas import LINE_EVENT
from control_api.webhooks.service import LineEventService

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Service = Annotated[LineEventService, Depends(provided(LineEventService))]
# read as it came: the signature is one of its bytes
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/webhook+json": {"schema": LINE_EVENT}},
    }
}


@router.post(
    "/livekit",
    status_code=204,
    summary="Hear from LiveKit who has left",
    responses=documented(NotSigned),
    openapi_extra=_BODY,
)
async def receive_livekit_event(
    request: Request,
    service: Service,
    authorization: Annotated[
        str, Header(description="LiveKit's token: signed with its API key, with the SHA-256 of the body")
    ] = "",
) -> None:
    """For LiveKit's own webhook, never for a person. A call whose caller has left and whose worker does not close it is closed
    as `lost` a little later. Events that say nothing of a caller are taken, and that is all."""
    await service.receive(await request.body(), authorization.removeprefix("Bearer ").strip())
