"""What people, tenants, invitations and keys answer when it can't be done."""

from uuid import uuid4

import httpx

from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane


async def _home_elsewhere(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    return await owner.http.patch("/v1/me", json={"home_tenant_id": str(uuid4())})


async def _made_for_a_stranger(plane: ControlPlane) -> httpx.Response:
    owner, other = await plane.owner(), await plane.owner()
    headers = {"ava-tenant": str(other.tenant_id), "idempotency-key": str(uuid4())}
    return await owner.post("/v1/tenants", {"name": "x"}, headers=headers)


async def _accept_nothing(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).post("/v1/invitations/accept", {"token": "a-token-that-nobody-was-given"})


async def _patch_tenant(plane: ControlPlane, **headers: str) -> httpx.Response:
    return await (await plane.owner()).http.patch("/v1/tenant", json={"name": "x"}, headers=headers)


async def _patch_stale_tenant(plane: ControlPlane) -> httpx.Response:
    return await _patch_tenant(plane, **{"if-match": '"r999999"'})


async def _unknown_member(plane: ControlPlane, method: str) -> httpx.Response:
    owner = await plane.owner()
    return await owner.http.request(method, f"/v1/members/{uuid4()}", json={"role": "viewer"})


async def _set_role_of_unknown(plane: ControlPlane) -> httpx.Response:
    return await _unknown_member(plane, "PUT")


async def _remove_unknown(plane: ControlPlane) -> httpx.Response:
    return await _unknown_member(plane, "DELETE")


async def _demote_last_owner(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    return await owner.http.put(f"/v1/members/{owner.subject}", json={"role": "viewer"})


async def _last_owner_leaves(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    return await owner.http.delete(f"/v1/members/{owner.subject}")


async def _revoke_unknown_invitation(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).http.delete(f"/v1/invitations/{uuid4()}")


async def _revoke_unknown_key(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).http.delete(f"/v1/api-keys/{uuid4()}")


async def _invite_too_many(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    plane.database.select(
        "insert into invitations (invitation_id, tenant_id, email, role, token_hash, invited_by, expires_at)"
        " select gen_random_uuid(), %s, n || '@example.com', 'viewer', gen_random_uuid(), '', now() + interval '1 day'"
        " from generate_series(1, 100) as n returning 1",
        owner.tenant_id,
    )
    return await owner.post("/v1/invitations", {"email": "x@example.com"})


async def _make_too_many_keys(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    plane.database.select(
        "insert into api_keys (key_id, tenant_id, name, preview, key_hash, scopes, created_by)"
        " select gen_random_uuid(), %s, 'k', '…', gen_random_uuid(), '{calls:read}', ''"
        " from generate_series(1, 100) as n returning 1",
        owner.tenant_id,
    )
    return await owner.post("/v1/api-keys", {"name": "k", "scopes": ["calls:read"]})


async def _key_that_may_more(plane: ControlPlane) -> httpx.Response:
    admin = await plane.member(await plane.owner(), "admin")
    return await admin.post("/v1/api-keys", {"name": "k", "scopes": ["tenant:write"]})


CASES = [
    Case("patch_me", "not_found", _home_elsewhere),
    Case("create_tenant", "not_found", _made_for_a_stranger),
    Case("accept_invitation", "not_found", _accept_nothing),
    Case("patch_tenant", "precondition_required", _patch_tenant),
    Case("patch_tenant", "stale", _patch_stale_tenant),
    Case("set_member_role", "not_found", _set_role_of_unknown),
    Case("remove_member", "not_found", _remove_unknown),
    Case("set_member_role", "conflict", _demote_last_owner),
    Case("remove_member", "conflict", _last_owner_leaves),
    Case("revoke_invitation", "not_found", _revoke_unknown_invitation),
    Case("revoke_api_key", "not_found", _revoke_unknown_key),
    Case("create_invitation", "conflict", _invite_too_many),
    Case("create_api_key", "conflict", _make_too_many_keys),
    Case("create_api_key", "forbidden", _key_that_may_more),
]
