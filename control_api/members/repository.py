"""People, tenants, invitations and keys in the database: one method, one query or function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from control_api.paging import After
from control_api.principal import Principal
from control_api.sign_in import Person
from store.session import Session, Sessions

Row = dict[str, Any]
_TENANT = "tenant_id,name,retention_days,number_cost_alert,out_of_credit_since,revision,created_at,updated_at"
_INVITATION = "invitation_id,email,role,invited_by,created_at,expires_at,accepted_at,revoked_at"
_KEY = "key_id,name,preview,scopes,created_by,created_at,expires_at,last_used_at,revoked_at"


@dataclass(frozen=True)
class MemberRepository:
    sessions: Sessions

    def _session(self, principal: Principal) -> Session:
        return self.sessions.open(principal.access)

    async def update_profile(self, person: Person, *, display_name: str | None, home_tenant_id: UUID | None) -> Row:
        return await self.sessions.open(person.access).call(
            "update_profile_v1",
            p_display_name=display_name,
            p_home_tenant_id=str(home_tenant_id) if home_tenant_id else None,
        )

    async def create_tenant(self, person: Person, tenant_id: UUID, name: str) -> Row:
        session = self.sessions.open(person.access)
        return await session.call("create_tenant_v1", p_tenant_id=str(tenant_id), p_name=name)

    async def accept_invitation(self, person: Person, token_hash: str) -> Row:
        return await self.sessions.open(person.access).call("accept_invitation_v1", p_token_hash=token_hash)

    async def find_tenant(self, principal: Principal) -> Row | None:
        session = self._session(principal)
        query = session.table("tenants").select(_TENANT).eq("tenant_id", str(principal.tenant_id))
        rows = await session.read(query)
        return rows[0] if rows else None

    async def update_tenant(self, principal: Principal, *, revision: int | None, changes: Row) -> Row:
        return await self._call(principal, "update_tenant_v1", p_expected_revision=revision, p_changes=changes)

    async def find_members(self, principal: Principal) -> list[Row]:
        return await self._call(principal, "list_members_v1")

    async def set_member(self, principal: Principal, subject: str, role: str | None) -> None:
        await self._call(principal, "set_member_v1", p_subject=subject, p_role=role)

    async def find_invitations(self, principal: Principal, *, after: After | None, limit: int) -> list[Row]:
        return await self._page(principal, "invitations", _INVITATION, "invitation_id", after, limit)

    async def create_invitation(
        self,
        principal: Principal,
        invitation_id: UUID,
        *,
        email: str,
        role: str,
        token_hash: str,
        expires_at: datetime,
    ) -> Row:
        return await self._call(
            principal, "create_invitation_v1", p_invitation_id=str(invitation_id), p_email=email, p_role=role,
            p_token_hash=token_hash, p_expires_at=expires_at.isoformat(),
        )  # fmt: skip

    async def revoke_invitation(self, principal: Principal, invitation_id: UUID) -> None:
        await self._call(principal, "revoke_invitation_v1", p_invitation_id=str(invitation_id))

    async def find_api_keys(self, principal: Principal, *, after: After | None, limit: int) -> list[Row]:
        return await self._page(principal, "api_keys", _KEY, "key_id", after, limit)

    async def create_api_key(
        self,
        principal: Principal,
        key_id: UUID,
        *,
        name: str,
        preview: str,
        key_hash: str,
        scopes: Sequence[str],
        expires_at: datetime | None,
    ) -> Row:
        return await self._call(
            principal, "create_api_key_v1", p_key_id=str(key_id), p_name=name, p_preview=preview, p_key_hash=key_hash,
            p_scopes=list(scopes), p_expires_at=expires_at.isoformat() if expires_at else None,
        )  # fmt: skip

    async def revoke_api_key(self, principal: Principal, key_id: UUID) -> Row:
        return await self._call(principal, "revoke_api_key_v1", p_key_id=str(key_id))

    async def _call(self, principal: Principal, function: str, **parameters: Any) -> Any:
        return await self._session(principal).call(function, p_tenant_id=str(principal.tenant_id), **parameters)

    async def _page(
        self, principal: Principal, table: str, columns: str, row_id: str, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query = session.table(table).select(columns).eq("tenant_id", str(principal.tenant_id))
        if after is not None:
            query = query.lte("created_at", after.at).or_(after.filter("created_at", row_id))
        return await session.read(query.order("created_at", desc=True).order(row_id, desc=True).limit(limit))
