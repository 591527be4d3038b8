"""Onboarding in the database: one method, one SQL function."""

from dataclasses import dataclass
from typing import Any

from control_api.principal import Principal
from store.session import Sessions

Row = dict[str, Any]


@dataclass(frozen=True)
class OnboardingRepository:
    sessions: Sessions

    async def read(self, principal: Principal) -> Row:
        """Made by the first who asks."""
        session = self.sessions.open(principal.access)
        return await session.call("read_onboarding_v1", p_tenant_id=str(principal.tenant_id))

    async def save(self, principal: Principal, changes: Row, *, revision: int | None) -> Row:
        """`profile` and `studio` as merge patches, `steps`, `completed`. Raises Stale unless `revision` is the one it has, or
        the change is made already."""
        session = self.sessions.open(principal.access)
        return await session.call(
            "save_onboarding_v1",
            p_tenant_id=str(principal.tenant_id),
            p_expected_revision=revision,
            p_changes=changes,
        )
