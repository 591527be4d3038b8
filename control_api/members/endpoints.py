"""People, tenants, invitations and keys over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from control_api.dependencies import OperationId, RequiredRevision, allow, etag, person_of, provided
from control_api.errors import Conflict, Forbidden, NotFound, PreconditionMissing, StaleVersion, documented
from control_api.idempotency import ApiRoute, creates
from control_api.members.schemas import (
    ApiKey,
    ApiKeyCreate,
    ApiKeyMade,
    Invitation,
    InvitationAcceptance,
    InvitationCreate,
    InvitationMade,
    Me,
    Member,
    MePatch,
    RoleChange,
    Tenant,
    TenantCreate,
    TenantPatch,
)
from control_api.members.service import MemberService
from control_api.paging import Cursor, Limit, Page
from control_api.principal import Principal
from control_api.sign_in import Person

me = APIRouter(prefix="/v1", tags=["me"], route_class=ApiRoute)
tenant = APIRouter(prefix="/v1", tags=["tenant"], route_class=ApiRoute)

Service = Annotated[MemberService, Depends(provided(MemberService))]
SignedIn = Annotated[Person, Depends(person_of)]
TenantReader = Annotated[Principal, allow("tenant:read")]
TenantWriter = Annotated[Principal, allow("tenant:write")]
TeamReader = Annotated[Principal, allow("team:read")]
TeamWriter = Annotated[Principal, allow("team:write")]
Subject = Annotated[str, Path(min_length=1, max_length=255, description="the member's `sub`")]


@me.get("/me", summary="Who am I?")
async def get_me(person: SignedIn, service: Service) -> Me:
    """The first time, this makes your profile and your first tenant, of which you are the owner."""
    return await service.me(person)


@me.patch("/me", summary="Change my profile", responses=documented(NotFound))
async def patch_me(person: SignedIn, service: Service, body: MePatch) -> Me:
    """`home_tenant_id` decides what is meant when no `AVA-Tenant` is sent."""
    return await service.update_me(person, body)


@me.post("/tenants", status_code=201, summary="Create another tenant", responses=documented(NotFound))
@creates
async def create_tenant(
    person: SignedIn, service: Service, body: TenantCreate, operation_id: OperationId, response: Response
) -> Tenant:
    """You are its owner."""
    made = await service.create_tenant(person, operation_id, body.name)
    response.headers["etag"] = etag(made.revision)
    return made


@me.post("/invitations/accept", summary="Join a tenant", responses=documented(NotFound))
async def accept_invitation(person: SignedIn, service: Service, body: InvitationAcceptance) -> Me:
    """With the token of an invitation. Joining twice is joining once."""
    return await service.accept_invitation(person, body.token)


@tenant.get("/tenant", summary="Read the tenant's settings")
async def get_tenant(principal: TenantReader, service: Service, response: Response) -> Tenant:
    """The tenant that this request is for."""
    found = await service.get_tenant(principal)
    response.headers["etag"] = etag(found.revision)
    return found


@tenant.patch(
    "/tenant", summary="Change the tenant's settings", responses=documented(StaleVersion, PreconditionMissing)
)
async def patch_tenant(
    principal: TenantWriter, service: Service, body: TenantPatch, revision: RequiredRevision, response: Response
) -> Tenant:
    """Only owners. A shorter retention deletes older calls within the hour."""
    changed = await service.update_tenant(principal, body, revision=revision)
    response.headers["etag"] = etag(changed.revision)
    return changed


@tenant.get("/members", summary="List members")
async def list_members(principal: TeamReader, service: Service) -> list[Member]:
    """Everybody who may sign in for this tenant, in the order they joined."""
    return await service.find_members(principal)


@tenant.put("/members/{subject}", summary="Change a member's role", responses=documented(NotFound, Conflict))
async def set_member_role(principal: TeamWriter, service: Service, subject: Subject, body: RoleChange) -> list[Member]:
    """Only owners make owners; the last owner stays."""
    await service.set_member(principal, subject, body.role)
    return await service.find_members(principal)


@tenant.delete(
    "/members/{subject}",
    status_code=204,
    summary="Put a member out, or leave",
    responses=documented(NotFound, Conflict),
)
async def remove_member(principal: TeamReader, service: Service, subject: Subject) -> None:
    """Admins put others out; everybody may leave. What they made stays."""
    await service.set_member(principal, subject, None)


@tenant.get("/invitations", summary="List invitations")
async def list_invitations(
    principal: TeamReader, service: Service, cursor: Cursor = None, limit: Limit = 50
) -> Page[Invitation]:
    """Newest first, used and revoked ones included."""
    return await service.find_invitations(principal, cursor=cursor, limit=limit)


@tenant.post("/invitations", status_code=201, summary="Invite somebody", responses=documented(Conflict))
@creates
async def create_invitation(
    principal: TeamWriter, service: Service, body: InvitationCreate, operation_id: OperationId
) -> InvitationMade:
    """The token is shown once. A new invitation to the same address revokes the one before."""
    return await service.invite(principal, operation_id, body)


@tenant.delete(
    "/invitations/{invitation_id}", status_code=204, summary="Revoke an invitation", responses=documented(NotFound)
)
async def revoke_invitation(principal: TeamWriter, service: Service, invitation_id: UUID) -> None:
    """Its token is worth nothing from now on."""
    await service.revoke_invitation(principal, invitation_id)


@tenant.get("/api-keys", summary="List API keys")
async def list_api_keys(
    principal: TeamReader, service: Service, cursor: Cursor = None, limit: Limit = 50
) -> Page[ApiKey]:
    """Newest first, with what they may do and when they were last used (to the minute)."""
    return await service.find_api_keys(principal, cursor=cursor, limit=limit)


@tenant.post("/api-keys", status_code=201, summary="Make an API key", responses=documented(Conflict, Forbidden))
@creates
async def create_api_key(
    principal: TeamWriter, service: Service, body: ApiKeyCreate, operation_id: OperationId
) -> ApiKeyMade:
    """The key is shown once. It may do no more than you may, and never manages people or keys."""
    return await service.create_api_key(principal, operation_id, body)


@tenant.delete("/api-keys/{key_id}", summary="Revoke an API key", responses=documented(NotFound))
async def revoke_api_key(principal: TeamWriter, service: Service, key_id: UUID) -> ApiKey:
    """It is refused at once here, within 5 s elsewhere."""
    return await service.revoke_api_key(principal, key_id)
