"""Numbers over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from control_api.dependencies import IdempotencyKey, OperationId, RequiredRevision, allow, etag, provided
from control_api.errors import Conflict, NotFound, PreconditionMissing, StaleVersion, documented
from control_api.idempotency import ApiRoute, creates
from control_api.numbers.carrier import EndUser, NumberKind
from control_api.numbers.errors import (
    BUYING,
    CarrierNotConfigured,
    CarrierRefused,
    CostOverAlert,
    FallbackAtCarrier,
    FallbackLeadsHere,
    IdempotencyKeyRequired,
    NumberNotFound,
    NumbersNotOffered,
    PurchaseNotFound,
)
from control_api.numbers.fallback_schemas import NumberPatch
from control_api.numbers.purchase import State
from control_api.numbers.reconcile import Reconciler
from control_api.numbers.schemas import (
    Assignment,
    Drift,
    DriftReport,
    NumberCosts,
    NumberRequirements,
    NumberSearch,
    OfferedNumber,
    OwnNumber,
    Purchase,
    PurchaseCreate,
    ReleaseRequest,
)
from control_api.numbers.service import NumberService
from control_api.paging import Cursor, Limit, Page
from control_api.principal import Principal

router = APIRouter(prefix="/v1", tags=["numbers"], route_class=ApiRoute)

Service = Annotated[NumberService, Depends(provided(NumberService))]
Reader = Annotated[Principal, allow("numbers:read")]
Writer = Annotated[Principal, allow("numbers:write")]
Number = Annotated[
    str, Path(pattern=r"^\+[1-9][0-9]{6,14}$", description="the number in E.164", examples=["+12025550100"])
]
Country = Annotated[str, Query(pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2, as in FR")]
Kind = Annotated[NumberKind, Query(description="what kind of number")]
UNDERWAY = {202: {"model": Purchase, "description": "It takes longer and goes on by itself: read it at `Location`."}}


async def required_operation_id(operation_id: OperationId, idempotency_key: IdempotencyKey = None) -> UUID:
    if idempotency_key is None:
        raise IdempotencyKeyRequired(IdempotencyKeyRequired.example)
    return operation_id


def underway(response: Response, purchase: Purchase, *, done: int = 201) -> Purchase:
    """202 while there is something left to do."""
    finished = purchase.next_attempt_at is None
    response.status_code = done if finished else 202
    response.headers["location"] = f"/v1/numbers/purchases/{purchase.purchase_id}"
    return purchase


@router.get(
    "/available-numbers",
    summary="Search numbers to buy",
    responses=documented(CarrierNotConfigured, NumbersNotOffered, CarrierRefused),
)
async def search_numbers(
    principal: Reader, service: Service, wanted: Annotated[NumberSearch, Query()]
) -> list[OfferedNumber]:
    """With what each costs a month and what has to be shown for it. Nothing holds a number: buy the one you like."""
    return await service.search(wanted.query)


@router.get(
    "/available-numbers/requirements",
    summary="Read what a country asks for",
    responses=documented(CarrierNotConfigured, NumbersNotOffered, CarrierRefused),
)
async def get_number_requirements(
    principal: Reader,
    service: Service,
    country: Country,
    kind: Kind = "local",
    end_user: Annotated[EndUser, Query(description="who will use the number")] = "business",
) -> NumberRequirements:
    """As the carrier says it today: an address, papers that a person there approves first, or nothing."""
    return await service.requirements(country, kind, end_user)


@router.get("/numbers", summary="List your numbers")
async def list_numbers(
    principal: Reader, service: Service, cursor: Cursor = None, limit: Limit = 50
) -> Page[OwnNumber]:
    """Newest first, with those on their way in or out."""
    return await service.numbers(principal, cursor=cursor, limit=limit)


@router.get("/numbers/costs", summary="Read what your numbers cost")
async def get_number_costs(principal: Reader, service: Service) -> NumberCosts:
    """A month of all of them, before tax, and whether that is over the alert in the tenant's settings."""
    return await service.costs(principal)


@router.get("/numbers/purchases", summary="List purchases")
async def list_number_purchases(
    principal: Reader,
    service: Service,
    state: Annotated[State | None, Query(description="only these")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Purchase]:
    """Purchases, imports and own-trunk numbers, newest first; failed and released ones too."""
    return await service.purchases(principal, state=state, cursor=cursor, limit=limit)


@router.post(
    "/numbers/purchases",
    status_code=201,
    summary="Buy a number",
    responses={**documented(*BUYING, NotFound, Conflict, CostOverAlert, IdempotencyKeyRequired), **UNDERWAY},
)
@creates
async def buy_number(
    principal: Writer,
    service: Service,
    body: PurchaseCreate,
    purchase_id: Annotated[UUID, Depends(required_operation_id)],
    response: Response,
) -> Purchase:
    """Bought, led to your line, and answering: 201. Where that takes more than a few seconds: 202, and it goes on by itself.

    It is bought once, however often this is sent with the same key. What the carrier refused is `failed`, and costs nothing.
    """
    return underway(response, await service.buy(principal, purchase_id, body))


@router.get("/numbers/purchases/{purchase_id}", summary="Read a purchase", responses=documented(PurchaseNotFound))
async def get_number_purchase(
    principal: Reader, service: Service, purchase_id: Annotated[UUID, Path(description="the purchase")]
) -> Purchase:
    """`state` says how far it is, `last_error` what it waits for."""
    return await service.purchase(principal, purchase_id)


@router.post("/numbers/reconcile", summary="Compare your numbers with the carrier")
async def check_numbers(
    principal: Writer, reconciler: Annotated[Reconciler, Depends(provided(Reconciler))]
) -> DriftReport:
    """What is here, what the carrier has and what the line has, both ways. Reports; changes nothing."""
    report = await reconciler.reconcile(repair=False, tenant_id=principal.tenant_id)
    return DriftReport(
        compared=report.compared,
        drifts=[Drift.model_validate(one, from_attributes=True) for one in report.drifts],
        unreachable=list(report.unreachable),
    )


@router.get("/numbers/{e164}", summary="Read a number", responses=documented(NumberNotFound))
async def get_number(principal: Reader, service: Service, e164: Number, response: Response) -> OwnNumber:
    """One of yours."""
    found = await service.number(principal, e164)
    response.headers["etag"] = etag(found.revision)
    return found


@router.patch(
    "/numbers/{e164}",
    summary="Say what becomes of calls that can't be taken",
    responses=documented(
        NumberNotFound, Conflict, FallbackAtCarrier, FallbackLeadsHere, StaleVersion, PreconditionMissing
    ),
)
async def patch_number(
    principal: Writer, service: Service, e164: Number, body: NumberPatch, revision: RequiredRevision, response: Response
) -> OwnNumber:
    """When no worker takes a call, or the line is away, the carrier forwards it, has a message read, or turns it away."""
    changed = await service.change(principal, e164, body, revision=revision)
    response.headers["etag"] = etag(changed.revision)
    return changed


@router.put(
    "/numbers/{e164}/assistant",
    summary="Let an assistant answer a number",
    responses=documented(NumberNotFound, Conflict),
)
async def assign_number(principal: Writer, service: Service, e164: Number, body: Assignment) -> OwnNumber:
    """The next call reaches it. A number that is still on its way gets its assistant when it arrives."""
    return await service.assign(principal, e164, body.assistant_id)


@router.delete(
    "/numbers/{e164}/assistant",
    summary="Let no assistant answer a number",
    responses=documented(NumberNotFound, Conflict),
)
async def unassign_number(principal: Writer, service: Service, e164: Number) -> OwnNumber:
    """You keep the number; callers are told that it is not in service."""
    return await service.unassign(principal, e164)


@router.post(
    "/numbers/{e164}/release",
    summary="Give a number back",
    responses={**documented(NumberNotFound, Conflict, CarrierNotConfigured), **UNDERWAY},
)
async def release_number(
    principal: Writer, service: Service, e164: Number, body: ReleaseRequest, response: Response
) -> Purchase:
    """It stops answering at once. One that was bought goes back to the carrier for good; one that was imported goes back to
    where its calls went before and stays its owner's."""
    return underway(response, await service.release(principal, e164, confirm=body.confirm), done=200)
