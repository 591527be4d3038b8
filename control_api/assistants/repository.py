"""Assistants in the database: one method, one query or one SQL function, one mapper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.assistant import AssistantConfig
from control_api.assistants.errors import AssistantNotFound
from control_api.paging import After
from control_api.principal import Principal
from store.session import Session, Sessions

_SUMMARY = "assistant_id,name,status,preset,draft_version,published_version,revision,created_at,updated_at"
_DETAIL = f"{_SUMMARY},draft:assistant_versions!assistants_draft_fkey(config)"
_VERSION = "version,note,created_by,created_at"
Row = dict[str, Any]


@dataclass(frozen=True)
class AssistantRepository:
    sessions: Sessions

    def _session(self, principal: Principal) -> Session:
        return self.sessions.open(principal.access)

    async def find_page(
        self, principal: Principal, *, status: str | None, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query = session.table("assistants").select(_SUMMARY).eq("tenant_id", str(principal.tenant_id))
        query = query.eq("status", status) if status else query.neq("status", "archived")
        if after is not None:
            query = query.lte("created_at", after.at).or_(after.filter("created_at", "assistant_id"))
        query = query.order("created_at", desc=True).order("assistant_id", desc=True).limit(limit)
        return await session.read(query)

    async def get(self, principal: Principal, assistant_id: UUID) -> Row:
        """Raises AssistantNotFound."""
        session = self._session(principal)
        query = (
            session.table("assistants")
            .select(_DETAIL)
            .eq("tenant_id", str(principal.tenant_id))
            .eq("assistant_id", str(assistant_id))
        )
        rows = await session.read(query)
        if not rows:
            raise AssistantNotFound("there is no such assistant", reason="assistant_not_found")
        draft: Mapping[str, Any] = rows[0].pop("draft") or {}
        return {**rows[0], "config": draft.get("config")}

    async def create(
        self,
        principal: Principal,
        assistant_id: UUID,
        *,
        name: str,
        config: AssistantConfig,
        preset: str | None,
        note: str,
    ) -> Row:
        return await self._change(
            principal, "create_assistant_v1", assistant_id,
            p_name=name, p_config=config.model_dump(mode="json"), p_preset=preset, p_note=note,
        )  # fmt: skip

    async def save(
        self,
        principal: Principal,
        assistant_id: UUID,
        *,
        revision: int | None,
        config: AssistantConfig | None,
        name: str | None,
        note: str,
    ) -> Row:
        return await self._change(
            principal, "save_assistant_v1", assistant_id, p_expected_revision=revision,
            p_config=config.model_dump(mode="json") if config else None, p_name=name, p_note=note,
        )  # fmt: skip

    async def publish(
        self, principal: Principal, assistant_id: UUID, *, revision: int | None, version: int | None, kind: str
    ) -> Row:
        return await self._change(
            principal, "publish_assistant_v1", assistant_id,
            p_expected_revision=revision, p_version=version, p_kind=kind,
        )  # fmt: skip

    async def set_status(self, principal: Principal, assistant_id: UUID, *, revision: int | None, status: str) -> Row:
        session = self._session(principal)
        return await session.call(
            "set_assistant_status_v1",
            p_tenant_id=str(principal.tenant_id),
            p_assistant_id=str(assistant_id),
            p_expected_revision=revision,
            p_status=status,
        )

    async def find_versions(
        self, principal: Principal, assistant_id: UUID, *, before: int | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query = self._of(session, principal, "assistant_versions", _VERSION, assistant_id)
        if before is not None:
            query = query.lt("version", before)
        return await session.read(query.order("version", desc=True).limit(limit))

    async def find_version(self, principal: Principal, assistant_id: UUID, version: int) -> Row | None:
        session = self._session(principal)
        query = self._of(session, principal, "assistant_versions", f"{_VERSION},config", assistant_id)
        rows = await session.read(query.eq("version", version))
        return rows[0] if rows else None

    async def find_publications(self, principal: Principal, assistant_id: UUID, *, limit: int) -> list[Row]:
        session = self._session(principal)
        columns = "version,previous_version,kind,published_by,published_at"
        query = self._of(session, principal, "assistant_publications", columns, assistant_id)
        return await session.read(query.order("publication_id", desc=True).limit(limit))

    def _of(self, session: Session, principal: Principal, table: str, columns: str, assistant_id: UUID) -> Any:
        return (
            session.table(table)
            .select(columns)
            .eq("tenant_id", str(principal.tenant_id))
            .eq("assistant_id", str(assistant_id))
        )

    async def _change(self, principal: Principal, function: str, assistant_id: UUID, **parameters: Any) -> Row:
        session = self._session(principal)
        return await session.call(
            function,
            p_tenant_id=str(principal.tenant_id),
            p_assistant_id=str(assistant_id),
            p_on_behalf_of=session.on_behalf_of,
            **parameters,
        )
