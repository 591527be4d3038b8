"""What the API takes and gives for people, tenants and keys."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from control_api.money import Money
from control_api.principal import Role, Scope

# What a mailbox must look like to be written to at all; whether it exists is found out by writing.
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}$", max_length=254)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MembershipView(BaseModel):
    tenant_id: UUID
    name: str
    role: Role
    created_at: datetime


class Me(BaseModel):
    """The signed-in person. `home_tenant_id` is meant where no `AVA-Tenant` is sent."""

    subject: str
    email: str | None
    display_name: str
    home_tenant_id: UUID | None
    memberships: list[MembershipView]
    created_at: datetime


class MePatch(_Body):
    display_name: Annotated[str, StringConstraints(max_length=120, strip_whitespace=True)] | None = None
    home_tenant_id: UUID | None = None


class TenantCreate(_Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Cabinet dentaire du Parc"}]})
    name: Name


class TenantPatch(_Body):
    """Null takes a setting away."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"retention_days": 90, "number_cost_alert": "25.00"}]}
    )
    name: Name | None = None
    retention_days: int | None = Field(default=None, ge=1, le=3650, description="calls older than this are deleted")
    number_cost_alert: Decimal | None = Field(
        default=None, ge=0, le=99_999_999, decimal_places=2, description="a month's numbers may cost this much unasked"
    )


class Tenant(BaseModel):
    tenant_id: UUID
    name: str
    retention_days: int | None
    number_cost_alert: Money | None
    out_of_credit_since: datetime | None = Field(
        description="from then on callers are put through to a person or noted, and the assistants call nobody; null: it has"
        " credit"
    )
    revision: int
    created_at: datetime
    updated_at: datetime


class Member(BaseModel):
    subject: str
    email: str | None
    display_name: str
    role: Role
    created_at: datetime


class RoleChange(_Body):
    role: Role


class InvitationCreate(_Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"email": "lea@example.com", "role": "admin"}]}
    )
    email: Email
    role: Role = "viewer"
    days: int = Field(default=7, ge=1, le=30, description="how long it is good for")


class Invitation(BaseModel):
    invitation_id: UUID
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None


class InvitationMade(Invitation):
    token: str = Field(description="shown once: whoever has it may join; give it to the person invited")


class InvitationAcceptance(_Body):
    token: Annotated[str, StringConstraints(min_length=16, max_length=200)]


class ApiKeyCreate(_Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "our website", "scopes": ["assistants:read", "calls:read"]}]},
    )
    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=32)
    expires_at: AwareDatetime | None = Field(default=None, description="null: until it is revoked")


class ApiKey(BaseModel):
    key_id: UUID
    name: str
    preview: str
    scopes: list[Scope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyMade(ApiKey):
    key: str = Field(description="shown once: keep it where secrets are kept")
