"""People, tenants, invitations and keys, as they use them."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.fakes.control_plane import Client, ControlPlane


@pytest.mark.parametrize("kind", ["supabase", "clerk"])
async def test_first_sign_in_makes_a_tenant(plane: ControlPlane, kind: str) -> None:
    """Whoever signs in for the first time, with either issuer, finds a tenant of which they are the owner."""
    token, subject = await plane.token(kind=kind, email="lea@example.com")
    http = await plane.client(token)
    me = (await http.get("/v1/me")).json()
    assert (me["subject"], [m["role"] for m in me["memberships"]]) == (subject, ["owner"])
    assert me["home_tenant_id"] == me["memberships"][0]["tenant_id"]
    assert (await http.get("/v1/tenant")).json()["tenant_id"] == me["home_tenant_id"]


async def test_first_sign_in_makes_one_tenant_however_many_ask_at_once(plane: ControlPlane) -> None:
    """A page sends ten requests in the moment of sign-up."""
    token, subject = await plane.token(sub=str(uuid4()))
    clients = [await plane.client(token) for _ in range(10)]
    answers = await asyncio.gather(*(http.get("/v1/me") for http in clients))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["home_tenant_id"] for a in answers}) == 1
    made = plane.database.select("select tenant_id from members where subject = %s", subject)
    assert len(made) == 1


async def test_who_was_made_an_owner_beforehand_comes_home(plane: ControlPlane, owner: Client) -> None:
    """Ops make a tenant for somebody who has never signed in: they get that one, and no second."""
    early = await plane.member(owner, "owner")
    me = (await early.get("/v1/me")).json()
    assert me["home_tenant_id"] == str(owner.tenant_id)
    assert len(me["memberships"]) == 1


async def test_an_invited_admin_joins_and_works(plane: ControlPlane, owner: Client) -> None:
    """Invite, accept, act for that tenant by header, then make it home."""
    invitation = await owner.made("/v1/invitations", {"email": "ben@example.com", "role": "admin"})
    ben = await plane.owner()
    accepted = await ben.post("/v1/invitations/accept", {"token": invitation["token"]})
    assert {m["role"] for m in accepted.json()["memberships"]} == {"owner", "admin"}
    header = {"ava-tenant": str(owner.tenant_id)}
    assert (await ben.get("/v1/tenant", headers=header)).json()["tenant_id"] == str(owner.tenant_id)
    await ben.http.patch("/v1/me", json={"home_tenant_id": str(owner.tenant_id)})
    assert (await ben.get("/v1/tenant")).json()["tenant_id"] == str(owner.tenant_id)
    names = {m["subject"]: m["role"] for m in (await owner.get("/v1/members")).json()}
    assert names == {owner.subject: "owner", ben.subject: "admin"}


async def test_an_invitation_is_used_by_one_person(plane: ControlPlane, owner: Client) -> None:
    """Accepting twice is joining once; somebody else who finds the token is told nothing."""
    token = (await owner.made("/v1/invitations", {"email": "x@example.com", "role": "viewer"}))["token"]
    ben, carla = await plane.owner(), await plane.owner()
    assert (await ben.post("/v1/invitations/accept", {"token": token})).status_code == 200
    assert (await ben.post("/v1/invitations/accept", {"token": token})).status_code == 200
    assert (await carla.post("/v1/invitations/accept", {"token": token})).status_code == 404


async def test_a_newer_invitation_takes_the_place_of_the_older(plane: ControlPlane, owner: Client) -> None:
    """The address was right, the mail was lost: only the last token is good, and a revoked one is not."""
    body = {"email": "x@example.com", "role": "viewer"}
    first, second = [await owner.made("/v1/invitations", body) for _ in range(2)]
    ben = await plane.owner()
    assert (await ben.post("/v1/invitations/accept", {"token": first["token"]})).status_code == 404
    assert (await owner.http.delete(f"/v1/invitations/{second['invitation_id']}")).status_code == 204
    assert (await ben.post("/v1/invitations/accept", {"token": second["token"]})).status_code == 404
    listed = (await owner.get("/v1/invitations")).json()["items"]
    assert "token" not in str(listed)
    assert len(listed) == 2


class TestRoles:
    """What each role may; refused by the endpoint and again by the database."""

    async def test_a_viewer_reads_and_changes_nothing(self, plane: ControlPlane, owner: Client) -> None:
        viewer = await plane.member(owner, "viewer")
        assert (await viewer.get("/v1/assistants")).status_code == 200
        refused = await viewer.post("/v1/assistants", {"preset": {"industry": "health", "language": "fr"}})
        assert (refused.status_code, refused.json()["reason"]) == (403, "scope_missing")
        assert (await viewer.post("/v1/api-keys", {"name": "k", "scopes": ["calls:read"]})).status_code == 403

    async def test_an_admin_makes_no_owner(self, plane: ControlPlane, owner: Client) -> None:
        admin, viewer = await plane.member(owner, "admin"), await plane.member(owner, "viewer")
        promoted = await admin.http.put(f"/v1/members/{viewer.subject}", json={"role": "admin"})
        assert promoted.status_code == 200
        crowned = await admin.http.put(f"/v1/members/{viewer.subject}", json={"role": "owner"})
        assert (crowned.status_code, crowned.json()["reason"]) == (403, "role_too_low")
        assert (await admin.http.delete(f"/v1/members/{owner.subject}")).status_code == 403
        assert (await admin.http.patch("/v1/tenant", json={"name": "x"}, headers={"if-match": "*"})).status_code == 403

    async def test_the_last_owner_stays(self, plane: ControlPlane, owner: Client) -> None:
        leaving = await owner.http.delete(f"/v1/members/{owner.subject}")
        assert (leaving.status_code, leaving.json()["reason"]) == (409, "last_owner")
        heir = await plane.member(owner, "owner")
        assert (await owner.http.delete(f"/v1/members/{owner.subject}")).status_code == 204
        assert [m["subject"] for m in (await heir.get("/v1/members")).json()] == [heir.subject]
        assert (await owner.get("/v1/tenant", headers={"ava-tenant": str(owner.tenant_id)})).status_code == 404

    async def test_two_owners_can_not_both_leave(self, plane: ControlPlane, owner: Client) -> None:
        other = await plane.member(owner, "owner")
        answers = await asyncio.gather(
            owner.http.delete(f"/v1/members/{owner.subject}"), other.http.delete(f"/v1/members/{other.subject}")
        )
        assert sorted(a.status_code for a in answers) == [204, 409]

    async def test_a_viewer_may_leave(self, plane: ControlPlane, owner: Client) -> None:
        viewer = await plane.member(owner, "viewer")
        assert (await viewer.http.delete(f"/v1/members/{owner.subject}")).status_code == 403
        assert (await viewer.http.delete(f"/v1/members/{viewer.subject}")).status_code == 204


class TestApiKeys:
    """Keys for machines."""

    async def test_shown_once_and_kept_as_a_hash(self, plane: ControlPlane, owner: Client) -> None:
        made = await owner.made("/v1/api-keys", {"name": "website", "scopes": ["assistants:read"]})
        [listed] = (await owner.get("/v1/api-keys")).json()["items"]
        assert made["key"] not in str(listed)
        [row] = plane.database.select("select * from api_keys where key_id = %s", UUID(made["key_id"]))
        assert made["key"] not in str(row)
        assert made["key"].startswith(made["preview"].rstrip("…"))

    async def test_does_what_its_scopes_say(self, plane: ControlPlane, owner: Client) -> None:
        machine = await plane.machine(owner, "assistants:read")
        assert (await machine.get("/v1/assistants")).status_code == 200
        assert (await machine.get("/v1/tenant")).status_code == 403
        assert (await machine.get("/v1/me")).status_code == 401
        assert (await machine.get("/v1/members")).status_code == 403

    async def test_is_of_one_tenant(self, plane: ControlPlane, owner: Client) -> None:
        machine, stranger = await plane.machine(owner, "assistants:read"), await plane.owner()
        named = await machine.get("/v1/assistants", headers={"ava-tenant": str(stranger.tenant_id)})
        assert named.status_code == 404

    async def test_revoked_and_expired_ones_are_refused(self, plane: ControlPlane, owner: Client) -> None:
        machine = await plane.machine(owner, "assistants:read")
        assert (await machine.get("/v1/assistants")).status_code == 200
        assert (await owner.http.delete(f"/v1/api-keys/{machine.subject[4:]}")).status_code == 200
        refused = await machine.get("/v1/assistants")
        assert (refused.status_code, refused.json()["reason"]) == (401, "api_key")
        soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
        made = await owner.made("/v1/api-keys", {"name": "k", "scopes": ["calls:read"], "expires_at": soon})
        await asyncio.sleep(0.6)
        http = await plane.client(made["key"])
        assert (await http.get("/v1/assistants")).status_code == 401

    async def test_last_use_is_told(self, plane: ControlPlane, owner: Client) -> None:
        machine = await plane.machine(owner, "assistants:read")
        await machine.get("/v1/assistants")
        [listed] = (await owner.get("/v1/api-keys")).json()["items"]
        assert listed["last_used_at"] is not None

    async def test_never_has_more_than_its_maker(self, plane: ControlPlane, owner: Client) -> None:
        admin = await plane.member(owner, "admin")
        refused = await admin.post("/v1/api-keys", {"name": "k", "scopes": ["tenant:write"]})
        assert (refused.status_code, refused.json()["reason"]) == (403, "scope_not_yours")
        refused = await owner.post("/v1/api-keys", {"name": "k", "scopes": ["team:write"]})
        assert refused.status_code == 403

    async def test_a_typo_is_told_from_an_unknown_key(self, plane: ControlPlane, owner: Client) -> None:
        machine = await plane.machine(owner, "assistants:read")
        http = await plane.client(f"{machine.token[:-1]}{'x' if machine.token[-1] != 'x' else 'y'}")
        assert (await http.get("/v1/assistants")).json()["reason"] == "api_key_malformed"


class TestTenant:
    async def test_changes_are_not_overwritten(self, owner: Client) -> None:
        """If-Match is required, a stale one is refused, null takes a setting away."""
        assert (await owner.http.patch("/v1/tenant", json={"name": "x"})).status_code == 428
        before = await owner.get("/v1/tenant")
        changed = await owner.http.patch(
            "/v1/tenant", json={"retention_days": 30, "number_cost_alert": "12.50"},
            headers={"if-match": before.headers["etag"]},
        )  # fmt: skip
        assert (changed.json()["retention_days"], changed.json()["number_cost_alert"]) == (30, "12.50")
        stale = await owner.http.patch("/v1/tenant", json={"name": "y"}, headers={"if-match": before.headers["etag"]})
        assert stale.status_code == 412
        cleared = await owner.http.patch(
            "/v1/tenant", json={"retention_days": None}, headers={"if-match": changed.headers["etag"]}
        )
        assert (cleared.json()["retention_days"], cleared.json()["number_cost_alert"]) == (None, "12.50")

    async def test_another_tenant_of_ones_own(self, owner: Client) -> None:
        """Made once for one key; one is its owner at once."""
        headers = {"idempotency-key": "second-practice"}
        first, again = [await owner.made("/v1/tenants", {"name": "Second"}, headers=headers) for _ in range(2)]
        assert first == again
        found = await owner.get("/v1/tenant", headers={"ava-tenant": first["tenant_id"]})
        assert found.json()["name"] == "Second"
