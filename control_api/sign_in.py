"""From a request's credentials to a `Principal`: a person's token or a machine's key, and the tenant meant.

Owns: the first sign-in (profile and tenant are made once), which tenant a request is for, and how long what the database
said of it may be kept. Refuses: signatures (`control_api.auth`), what a key looks like (`control_api.api_keys`), and
being the authority: row-level security and the functions' own checks decide again, with the same token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from pydantic import SecretStr

from control_api.api_keys import KEY_PREFIX, ApiKeyMalformed, hash_key
from control_api.auth import TokenRefused, TokenVerifier, VerifiedToken
from control_api.errors import InvalidRequest, NotFound, Unauthenticated
from control_api.principal import SCOPES_OF, Principal, Role, Scope
from control_api.recent import Recent
from store.session import AsService, AsUser, Sessions

TENANT_HEADER = "ava-tenant"
# How long another process may go on letting in whom this one has put out. The database itself refuses at once.
_PERSON_SECONDS = 10.0
_KEY_SECONDS = 5.0
_CHALLENGE = {"www-authenticate": 'Bearer realm="ava"'}


@dataclass(frozen=True)
class Membership:
    tenant_id: UUID
    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True)
class Person:
    """Somebody signed in, before it is said for which tenant they act."""

    subject: str
    email: str | None
    display_name: str
    home_tenant_id: UUID | None
    created_at: datetime
    memberships: Sequence[Membership]
    access: AsUser = field(repr=False)


def person_from(row: Mapping[str, Any], access: AsUser) -> Person:
    """What `ensure_profile_v1` answers."""
    memberships = [
        Membership(UUID(m["tenant_id"]), m["name"], m["role"], datetime.fromisoformat(m["created_at"]))
        for m in cast("list[dict[str, Any]]", row["memberships"])
    ]
    home = row["home_tenant_id"]
    return Person(
        subject=row["subject"],
        email=row["email"],
        display_name=row["display_name"],
        home_tenant_id=UUID(home) if home else None,
        created_at=datetime.fromisoformat(row["created_at"]),
        memberships=memberships,
        access=access,
    )


class Doorkeeper:
    """One per process. Raises Unauthenticated, NotFound (a tenant one is no member of), and what the store raises."""

    def __init__(self, verifier: TokenVerifier, sessions: Sessions) -> None:
        self._verifier = verifier
        self._sessions = sessions
        self._people: Recent[str, Person] = Recent(seconds=_PERSON_SECONDS)
        self._keys: Recent[str, Principal] = Recent(seconds=_KEY_SECONDS)

    async def principal(self, authorization: str | None, tenant: str | None) -> Principal:
        credential = _bearer(authorization)
        wanted = _tenant_id(tenant)
        if credential.startswith(KEY_PREFIX):
            return _of_tenant(await self._machine(credential), wanted)
        person = await self._person(credential)
        return _acting(person, wanted)

    async def person(self, authorization: str | None) -> Person:
        """For what needs no tenant. A machine is nobody here."""
        credential = _bearer(authorization)
        if credential.startswith(KEY_PREFIX):
            raise Unauthenticated(
                "this is for people: send a signed-in person's token, not an API key", headers=_CHALLENGE
            )
        return await self._person(credential)

    def forget_person(self, subject: str) -> None:
        """After a change of memberships in this process."""
        self._people.forget(subject)

    def forget_key(self, key_id: UUID) -> None:
        self._keys.forget_where(lambda principal: principal.key_id == key_id)

    async def _person(self, credential: str) -> Person:
        verified = await self._verified(credential)
        access = AsUser(SecretStr(credential))
        known = self._people.get(verified.subject)
        if known is None:
            session = self._sessions.open(access)
            row = await session.call("ensure_profile_v1")
            known = person_from(row, access)
            self._people.put(verified.subject, known)
        return replace(known, access=access)

    async def _verified(self, credential: str) -> VerifiedToken:
        try:
            return await self._verifier.verify(credential)
        except TokenRefused as error:
            raise Unauthenticated(f"{error}", headers=_CHALLENGE, reason=error.reason) from error

    async def _machine(self, credential: str) -> Principal:
        try:
            hashed = hash_key(credential)
        except ApiKeyMalformed as error:
            raise Unauthenticated(f"{error}", headers=_CHALLENGE, reason="api_key_malformed") from error
        known = self._keys.get(hashed)
        if known is None:
            row = await self._sessions.open(AsService()).call("find_api_key_v1", p_key_hash=hashed)
            if row is None:
                raise Unauthenticated(
                    "this API key is unknown, revoked or expired: make a new one", headers=_CHALLENGE, reason="api_key"
                )
            known = _machine_from(row)
            self._keys.put(hashed, known)
        return known


def _machine_from(row: Mapping[str, Any]) -> Principal:
    key_id = UUID(row["key_id"])
    subject = f"key:{key_id}"
    return Principal(
        tenant_id=UUID(row["tenant_id"]),
        subject=subject,
        role=None,
        scopes=frozenset(cast("list[Scope]", row["scopes"])),
        access=AsService(subject),
        key_id=key_id,
    )


def _bearer(authorization: str | None) -> str:
    scheme, _, credential = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated(
            "send a bearer token or an API key: Authorization: Bearer …", headers=_CHALLENGE, reason="missing"
        )
    return credential.strip()


def _tenant_id(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidRequest("AVA-Tenant must be a tenant's UUID: see GET /v1/me for yours") from error


def _of_tenant(machine: Principal, wanted: UUID | None) -> Principal:
    if wanted is not None and wanted != machine.tenant_id:
        raise NotFound("there is no such tenant", reason="tenant_not_found")
    return machine


def _acting(person: Person, wanted: UUID | None) -> Principal:
    tenant_id = wanted or person.home_tenant_id
    found = next((m for m in person.memberships if m.tenant_id == tenant_id), None)
    if found is None:
        raise NotFound("there is no such tenant: see GET /v1/me for yours", reason="tenant_not_found")
    return Principal(found.tenant_id, person.subject, found.role, SCOPES_OF[found.role], person.access)
