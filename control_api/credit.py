"""Credit: whether a tenant's assistants may do what costs.

Owns: asking, and the problem that says no. Refuses: counting credits, and calls that come in: what those get is decided where
they are opened (`open_call_v3`).
"""

from dataclasses import dataclass
from typing import Protocol

from control_api.errors import Problem
from control_api.principal import Principal
from store.session import Sessions


class NoCredit(Problem):
    code, status, title = "no_credit", 402, "No credit left"
    example = "this tenant has no credit left: its assistants make no calls until there is some again"


class Credit(Protocol):
    async def require(self, principal: Principal) -> None:
        """Raises NoCredit."""
        ...


@dataclass(frozen=True)
class TenantCredit:
    """As the tenant's row says."""

    sessions: Sessions

    async def require(self, principal: Principal) -> None:
        session = self.sessions.open(principal.access)
        query = session.table("tenants").select("out_of_credit_since").eq("tenant_id", str(principal.tenant_id))
        if any(row["out_of_credit_since"] for row in await session.read(query)):
            raise NoCredit(NoCredit.example)
