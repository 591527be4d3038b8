"""An owner's own carriers over HTTP: connect, see what they have, import, bring a trunk."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from control_api.dependencies import OperationId, allow, provided
from control_api.errors import Conflict, NotFound, documented
from control_api.idempotency import ApiRoute, creates
from control_api.numbers.carrier_schemas import (
    Carrier,
    ImportableNumbers,
    ImportCreate,
    SipTrunkCreate,
    SipTrunkMade,
    TwilioConnect,
    TwilioConnected,
)
from control_api.numbers.endpoints import UNDERWAY, underway
from control_api.numbers.errors import (
    CarrierAccountGone,
    CarrierCredentialsRefused,
    CarrierNotConfigured,
    CarrierNotFound,
    CarrierRefused,
    LineRefusedUs,
    NumberNotAvailable,
    NumberNotInAccount,
    NumberRoutedElsewhere,
    NumberWithoutVoice,
    NumberYoursAlready,
    TakeoverUnconfirmed,
    TooManyNumbers,
)
from control_api.numbers.importing import ImportService
from control_api.numbers.schemas import Purchase
from control_api.principal import Principal

router = APIRouter(prefix="/v1", tags=["numbers"], route_class=ApiRoute)

Service = Annotated[ImportService, Depends(provided(ImportService))]
Reader = Annotated[Principal, allow("numbers:read")]
Writer = Annotated[Principal, allow("numbers:write")]
_AT_TWILIO = (CarrierAccountGone, CarrierCredentialsRefused, CarrierRefused)
_CLAIMS = (NumberNotAvailable, NumberYoursAlready, TooManyNumbers, CarrierNotConfigured, NotFound, Conflict)


@router.get("/carriers", summary="List the carriers your numbers come through")
async def list_carriers(principal: Reader, service: Service) -> list[Carrier]:
    """Newest first. `managed` is the account at Twilio that is run for you; addresses and bundles have to be there."""
    return await service.carriers(principal)


@router.post(
    "/carriers/twilio",
    status_code=201,
    summary="Connect your own Twilio account",
    responses=documented(CarrierCredentialsRefused, CarrierRefused, Conflict),
)
@creates
async def connect_twilio(
    principal: Writer, service: Service, body: TwilioConnect, operation_id: OperationId
) -> TwilioConnected:
    """Tried at Twilio before it is kept. Nothing changes there. An account that is connected already gets the new token."""
    return await service.connect(principal, operation_id, body)


@router.get(
    "/carriers/twilio/numbers",
    summary="List numbers that could be imported",
    responses=documented(CarrierNotFound, *_AT_TWILIO),
)
async def list_importable_numbers(
    principal: Reader,
    service: Service,
    carrier_id: Annotated[UUID | None, Query(description="where several accounts are connected: which one")] = None,
    contains: Annotated[str | None, Query(pattern=r"^\+?[0-9]{1,15}$", description="digits in the number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="how many at most")] = 200,
) -> ImportableNumbers:
    """With where the calls of each go now, and whether it takes calls at all."""
    return await service.importable(principal, carrier_id=carrier_id, contains=contains, limit=limit)


@router.delete(
    "/carriers/{carrier_id}",
    status_code=204,
    summary="Remove a carrier",
    responses=documented(CarrierNotFound, Conflict),
)
async def remove_carrier(
    principal: Writer, service: Service, carrier_id: Annotated[UUID, Path(description="the carrier")]
) -> None:
    """Its secret is forgotten. Numbers that come through it have to be released first."""
    await service.remove(principal, carrier_id)


@router.post(
    "/numbers/imports",
    status_code=201,
    summary="Import a number from your own Twilio account",
    responses={
        **documented(
            CarrierNotFound, *_AT_TWILIO, *_CLAIMS, NumberNotInAccount, NumberWithoutVoice, TakeoverUnconfirmed,
        ),
        **UNDERWAY,
    },
)  # fmt: skip
@creates
async def import_number(
    principal: Writer, service: Service, body: ImportCreate, operation_id: OperationId, response: Response
) -> Purchase:
    """The number stays yours, on your bill; its calls come here. Where they went is kept, and put back when you release it.

    Is it in use, that takes `confirm_takeover`: without, the problem `takeover_unconfirmed` shows in `routing` where calls go.
    """
    return underway(response, await service.bring(principal, operation_id, body))


@router.post(
    "/numbers/sip-trunks",
    status_code=201,
    summary="Bring numbers on your own SIP trunk",
    responses={
        **documented(*_CLAIMS, LineRefusedUs, NumberRoutedElsewhere),
        202: {"model": SipTrunkMade, "description": "Some of the numbers take longer and go on by themselves."},
    },
)
@creates
async def bring_sip_trunk(
    principal: Writer, service: Service, body: SipTrunkCreate, operation_id: OperationId, response: Response
) -> SipTrunkMade:
    """Your carrier sends the calls of these numbers to `sip_uri`. All of the numbers are taken, or none."""
    made = await service.bring_trunk(principal, operation_id, body)
    response.status_code = 201 if all(one.next_attempt_at is None for one in made.purchases) else 202
    return made
