"""What endpoints ask for by type: services, the principal with a scope, `If-Match`, an operation's id, a page.

Owns: reading these from a request and documenting them. Refuses: deciding what a service may do with them.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID, uuid4, uuid5

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPBearer

from control_api.errors import Forbidden, InvalidRequest, NotFound, PreconditionMissing
from control_api.principal import Principal, Scope
from control_api.rate_limits import RateLimits
from control_api.sign_in import TENANT_HEADER, Doorkeeper, Person

T = TypeVar("T")
_OPERATIONS = UUID("b0f9f2a4-0d0b-5f0e-8a55-7c6d4e9a1f20")
_ETAG = re.compile(r'^(?:W/)?"r(\d{1,9})"$')

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="A signed-in person's token (Supabase Auth or Clerk), or an API key (`ava_…`).",
)


def find_provided(request: Request, kind: type[T]) -> T:
    """The one object of that type that `control_api.app` composed."""
    registry = cast("dict[type[Any], Any]", request.app.state.provided)
    return cast("T", registry[kind])


def provided(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """`Annotated[Service, Depends(provided(Service))]`. A coroutine, as every dependency here: others cost a thread each."""

    async def find(request: Request) -> T:
        return find_provided(request, kind)

    return find


async def principal_of(request: Request) -> Principal:
    """Once per request, however many ask; counts against the principal's rate limit."""
    known = getattr(request.state, "principal", None)
    if known is not None:
        return cast("Principal", known)
    doorkeeper = find_provided(request, Doorkeeper)
    principal = await doorkeeper.principal(request.headers.get("authorization"), request.headers.get(TENANT_HEADER))
    request.state.principal = principal
    await find_provided(request, RateLimits).count_principal(request, principal.subject)
    return principal


async def acting_principal(request: Request) -> Principal | None:
    """None: a person who belongs to no tenant, and named none."""
    try:
        return await principal_of(request)
    except NotFound:
        if request.headers.get(TENANT_HEADER) is not None:
            raise
        return None


TenantHeader = Annotated[
    str | None,
    Header(
        alias="AVA-Tenant",
        description="For people who belong to several tenants: which one is meant. Without it, the home tenant.",
        examples=["6f6d6c2a-51b4-4b8e-9d0f-0f9f6f1f8a11"],
    ),
]


def allow(scope: Scope) -> Any:
    """`Annotated[Principal, allow("assistants:write")]`: signed in, and with that scope; else 401, 403."""

    async def allowed(
        request: Request, _: Annotated[Any, Security(bearer)] = None, __: TenantHeader = None
    ) -> Principal:
        principal = await principal_of(request)
        if scope not in principal.scopes:
            kind = scope.partition(":")[0]
            own = sorted(s for s in principal.scopes if s.startswith(f"{kind}:")) or ["none of that kind"]
            raise Forbidden(f"this needs the scope {scope}; you have {', '.join(own)}", reason="scope_missing")
        return principal

    allowed.scope = scope  # type: ignore[attr-defined]  # read by control_api.openapi
    return Depends(allowed)


async def person_of(request: Request, _: Annotated[Any, Security(bearer)] = None) -> Person:
    """For what needs no tenant."""
    person = await find_provided(request, Doorkeeper).person(request.headers.get("authorization"))
    await find_provided(request, RateLimits).count_principal(request, person.subject)
    return person


def etag(revision: int) -> str:
    return f'"r{revision}"'


def _revision(text: str) -> int | None:
    if text.strip() == "*":
        return None
    found = _ETAG.match(text.strip())
    if found is None:
        raise InvalidRequest('If-Match must be an ETag that was read here, as in "r12", or *')
    return int(found[1])


IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='The `ETag` of what you read, as in `"r12"`; `*` overwrites whatever is there.',
        examples=['"r12"'],
    ),
]


async def required_revision(if_match: IfMatch = None) -> int | None:
    """428 without If-Match, 412 by the service if it is not the revision any more. None: whichever."""
    if if_match is None:
        raise PreconditionMissing("send If-Match with the ETag you read, so that nobody's change is overwritten")
    return _revision(if_match)


async def given_revision(if_match: IfMatch = None) -> int | None:
    """As `required_revision`, where leaving it out is allowed."""
    return None if if_match is None else _revision(if_match)


RequiredRevision = Annotated[int | None, Depends(required_revision)]
GivenRevision = Annotated[int | None, Depends(given_revision)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Made once per intention, outside your retry loop: sending the request again gives the same answer.",
        examples=["5f0e1c9e-onboarding-1"],
    ),
]


def operation_id_for(tenant_id: UUID | None, subject: str, method: str, path: str, key: str) -> UUID:
    return uuid5(_OPERATIONS, f"{tenant_id}:{subject}:{method}:{path}:{key}")


async def operation_id(request: Request, idempotency_key: IdempotencyKey = None) -> UUID:
    """The id of what is about to be made: the same for the same key of the same person or machine in the same tenant."""
    if idempotency_key is None:
        return uuid4()
    principal = await acting_principal(request)
    tenant_id = principal.tenant_id if principal else None
    subject = principal.subject if principal else (await person_of(request)).subject
    return operation_id_for(tenant_id, subject, request.method, request.url.path, idempotency_key)


OperationId = Annotated[UUID, Depends(operation_id)]
