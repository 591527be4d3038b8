"""Where a carrier asks about a call that nobody here took. Not in the document: its form is the carrier's, not ours."""

from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from control_api.dependencies import provided
from control_api.errors import InvalidRequest
from control_api.idempotency import ApiRoute
from control_api.numbers.unanswered import UnansweredService

router = APIRouter(prefix="/v1", route_class=ApiRoute, include_in_schema=False)

Service = Annotated[UnansweredService, Depends(provided(UnansweredService))]
_MOST_FIELDS = 200


@router.post("/carriers/twilio/{carrier_id}/fallback")
async def tell_fallback(request: Request, service: Service, carrier_id: UUID) -> Response:
    """Signed by the account, in place of a sign-in."""
    try:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise InvalidRequest("the body is not a form") from error
    said = await service.answer(carrier_id, form, request.headers.get("x-twilio-signature", ""))
    return Response(said, media_type="text/xml")
