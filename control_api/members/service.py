"""What people may do with tenants, members, invitations and keys. Who may is decided again by the database's functions."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from control_api.api_keys import new_key
from control_api.errors import FieldProblem, Forbidden, InvalidRequest, NotFound
from control_api.members.repository import MemberRepository
from control_api.members.schemas import (
    ApiKey,
    ApiKeyCreate,
    ApiKeyMade,
    Invitation,
    InvitationCreate,
    InvitationMade,
    Me,
    MembershipView,
    MePatch,
    Tenant,
    TenantPatch,
)
from control_api.members.schemas import Member as MemberView
from control_api.paging import Page, decode, paged
from control_api.principal import KEY_SCOPES, Principal
from control_api.sign_in import Doorkeeper, Person, person_from


@dataclass(frozen=True)
class MemberService:
    repository: MemberRepository
    doorkeeper: Doorkeeper
    clock: Callable[[], datetime]

    async def me(self, person: Person) -> Me:
        return _me(person)

    async def update_me(self, person: Person, patch: MePatch) -> Me:
        row = await self.repository.update_profile(
            person, display_name=patch.display_name, home_tenant_id=patch.home_tenant_id
        )
        self.doorkeeper.forget_person(person.subject)
        return _me(person_from(row, person.access))

    async def create_tenant(self, person: Person, tenant_id: UUID, name: str) -> Tenant:
        row = await self.repository.create_tenant(person, tenant_id, name)
        self.doorkeeper.forget_person(person.subject)
        return Tenant.model_validate(row)

    async def accept_invitation(self, person: Person, token: str) -> Me:
        row = await self.repository.accept_invitation(person, _hash(token))
        self.doorkeeper.forget_person(person.subject)
        return _me(person_from(row, person.access))

    async def get_tenant(self, principal: Principal) -> Tenant:
        row = await self.repository.find_tenant(principal)
        if row is None:
            raise NotFound("there is no such tenant", reason="tenant_not_found")
        return Tenant.model_validate(row)

    async def update_tenant(self, principal: Principal, patch: TenantPatch, *, revision: int | None) -> Tenant:
        changes: dict[str, Any] = patch.model_dump(mode="json", include=patch.model_fields_set)
        if "name" in changes and changes["name"] is None:
            problem = FieldProblem(pointer="/name", reason="a tenant has a name", advice="leave it out to keep it")
            raise InvalidRequest("1 field is not valid: see errors", errors=[problem])
        return Tenant.model_validate(await self.repository.update_tenant(principal, revision=revision, changes=changes))

    async def find_members(self, principal: Principal) -> list[MemberView]:
        return [MemberView.model_validate(row) for row in await self.repository.find_members(principal)]

    async def set_member(self, principal: Principal, subject: str, role: str | None) -> None:
        """`role` None puts them out; everybody may leave by themselves."""
        await self.repository.set_member(principal, subject, role)
        self.doorkeeper.forget_person(subject)

    async def find_invitations(self, principal: Principal, *, cursor: str | None, limit: int) -> Page[Invitation]:
        rows = await self.repository.find_invitations(principal, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["invitation_id"]))
        return Page(items=[Invitation.model_validate(row) for row in page], next_cursor=following)

    async def invite(self, principal: Principal, invitation_id: UUID, wanted: InvitationCreate) -> InvitationMade:
        token = secrets.token_urlsafe(32)
        row = await self.repository.create_invitation(
            principal,
            invitation_id,
            email=wanted.email,
            role=wanted.role,
            token_hash=_hash(token),
            expires_at=self.clock() + timedelta(days=wanted.days),
        )
        return InvitationMade.model_validate({**row, "token": token})

    async def revoke_invitation(self, principal: Principal, invitation_id: UUID) -> None:
        await self.repository.revoke_invitation(principal, invitation_id)

    async def find_api_keys(self, principal: Principal, *, cursor: str | None, limit: int) -> Page[ApiKey]:
        rows = await self.repository.find_api_keys(principal, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["key_id"]))
        return Page(items=[ApiKey.model_validate(row) for row in page], next_cursor=following)

    async def create_api_key(self, principal: Principal, key_id: UUID, wanted: ApiKeyCreate) -> ApiKeyMade:
        """A key may do no more than whoever makes it."""
        if wanted.expires_at is not None and wanted.expires_at <= self.clock():
            problem = FieldProblem(
                pointer="/expires_at", reason="it is past", advice="name a moment to come, or leave it out"
            )
            raise InvalidRequest("1 field is not valid: see errors", errors=[problem])
        allowed = principal.scopes & frozenset(KEY_SCOPES)
        if excess := sorted(set(wanted.scopes) - allowed):
            raise Forbidden(f"a key can't have {', '.join(excess)}: leave it out", reason="scope_not_yours")
        key = new_key()
        row = await self.repository.create_api_key(
            principal,
            key_id,
            name=wanted.name,
            preview=key.preview,
            key_hash=key.key_hash,
            scopes=sorted(set(wanted.scopes)),
            expires_at=wanted.expires_at,
        )
        return ApiKeyMade.model_validate({**row, "key": key.text})

    async def revoke_api_key(self, principal: Principal, key_id: UUID) -> ApiKey:
        row = await self.repository.revoke_api_key(principal, key_id)
        self.doorkeeper.forget_key(key_id)
        return ApiKey.model_validate(row)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _me(person: Person) -> Me:
    return Me(
        subject=person.subject,
        email=person.email,
        display_name=person.display_name,
        home_tenant_id=person.home_tenant_id,
        memberships=[MembershipView(**membership.__dict__) for membership in person.memberships],
        created_at=person.created_at,
    )
