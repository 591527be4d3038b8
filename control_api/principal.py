"""Who asks: tenant, subject, role, scopes, and with whose rights the database is asked.

A person's role decides their scopes; a machine's key names its own. What a scope allows is said at the endpoint.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from store.session import Access

Role = Literal["owner", "admin", "viewer"]
Scope = Literal[
    "assistants:read", "assistants:write", "calendars:read", "calendars:write", "numbers:read", "numbers:write",
    "calls:read", "calls:write", "onboarding:read", "onboarding:write", "voices:read", "tenant:read", "tenant:write",
    "team:read", "team:write",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = get_args(Scope)
# People are let in and keys are made by people: a key that leaks must not be able to make more of itself.
KEY_SCOPES: tuple[Scope, ...] = tuple(scope for scope in SCOPES if not scope.startswith("team:"))

_VIEWER: frozenset[Scope] = frozenset(scope for scope in SCOPES if scope.endswith(":read"))
_ADMIN: frozenset[Scope] = frozenset(scope for scope in SCOPES if scope != "tenant:write")
SCOPES_OF: dict[Role, frozenset[Scope]] = {"viewer": _VIEWER, "admin": _ADMIN, "owner": frozenset(SCOPES)}


@dataclass(frozen=True)
class Principal:
    """First argument of every service method. `key_id`: a machine's key, else a person."""

    tenant_id: UUID
    subject: str
    role: Role | None
    scopes: frozenset[Scope]
    access: Access = field(repr=False)
    key_id: UUID | None = None
