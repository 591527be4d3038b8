"""A tenant without credit, as its owner and its assistants meet it through the API."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.planned_calls import Dialing, make_due, open_business


def set_credit(plane: ControlPlane, owner: Client, *, out: bool) -> None:
    plane.database.select("select set_tenant_credit_v1(%s, %s)", owner.tenant_id, out)


def refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["type"]) == (402, "urn:ava:problem:no_credit")


async def test_the_owner_sees_since_when(plane: ControlPlane, owner: Client) -> None:
    """Where the tenant is read, also by a viewer; a change of something else overwrites nothing and is not in its way."""
    before = await owner.get("/v1/tenant")
    assert before.json()["out_of_credit_since"] is None
    set_credit(plane, owner, out=True)
    viewer = await plane.member(owner, "viewer")
    since = datetime.fromisoformat((await viewer.get("/v1/tenant")).json()["out_of_credit_since"])
    assert abs((datetime.now(UTC) - since).total_seconds()) < 60
    changed = await owner.http.patch(
        "/v1/tenant", json={"retention_days": 30}, headers={"if-match": before.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert datetime.fromisoformat(changed.json()["out_of_credit_since"]) == since
    set_credit(plane, owner, out=False)
    assert (await owner.get("/v1/tenant")).json()["out_of_credit_since"] is None


async def test_an_owner_can_not_change_it(plane: ControlPlane, owner: Client) -> None:
    set_credit(plane, owner, out=True)
    answer = await owner.http.patch("/v1/tenant", json={"out_of_credit_since": None}, headers={"if-match": "*"})
    assert answer.status_code == 422
    assert (await owner.get("/v1/tenant")).json()["out_of_credit_since"] is not None


@pytest.mark.parametrize("by", ["owner", "machine"])
async def test_no_test_call_and_no_planned_call(plane: ControlPlane, owner: Client, by: str) -> None:
    """402 to a person and to a machine alike; the key of the request is not used up, and there is credit again."""
    business = await open_business(plane, owner)
    asking = owner if by == "owner" else await plane.machine(owner, "assistants:write", "calls:write")
    stranger = await open_business(plane, await plane.owner())
    requests: list[tuple[str, Any]] = [
        (f"/v1/assistants/{business.assistant_id}/test-call", None),
        ("/v1/calls", business.wish()),
    ]
    set_credit(plane, owner, out=True)
    keys = [{"idempotency-key": str(uuid4())} for _ in requests]
    for (path, body), key in zip(requests, keys, strict=True):
        assert refused(await asking.post(path, body, headers=key)), path
    assert (await stranger.asks()).status_code == 201, "it is another tenant's matter"
    set_credit(plane, owner, out=False)
    for (path, body), key in zip(requests, keys, strict=True):
        assert (await asking.post(path, body, headers=key)).status_code == 201, path


async def test_what_is_not_there_is_not_found_without_credit_either(plane: ControlPlane, owner: Client) -> None:
    """Somebody who has none learns nothing of others by it."""
    set_credit(plane, owner, out=True)
    stranger = await open_business(plane, await plane.owner())
    answer = await owner.post(f"/v1/assistants/{stranger.assistant_id}/test-call")
    assert answer.status_code == 404
    answer = await owner.post("/v1/calls", stranger.wish())
    assert answer.status_code == 404


async def test_a_planned_call_waits_for_credit(plane: ControlPlane, owner: Client) -> None:
    """It is not rung, loses no try, says why, and goes when there is credit again. Others' calls go meanwhile."""
    business, dialing = await open_business(plane, owner), Dialing(plane)
    other = await open_business(plane, await plane.owner())
    planned, theirs = await business.plans_now(), await other.plans_now()
    set_credit(plane, owner, out=True)
    assert dialing.claim(planned) is None
    make_due(plane, theirs)  # looking for ours has put it off
    assert dialing.claim(theirs) is not None
    found = await business.reads(planned)
    assert (found["state"], found["put_off_because"], found["attempts"]) == ("planned", "no_credit", 0)
    assert datetime.fromisoformat(found["due_at"]) > datetime.now(UTC)
    set_credit(plane, owner, out=False)
    make_due(plane, planned)
    attempt = dialing.claim(planned)
    assert attempt is not None
    assert dialing.begin(planned, attempt) == "ring"


async def test_a_call_that_is_being_placed_goes_on(plane: ControlPlane, owner: Client) -> None:
    """Whose telephone rings already is not left with nobody at the other end."""
    business, dialing = await open_business(plane, owner), Dialing(plane)
    planned = await business.plans_now()
    attempt = dialing.claim(planned)
    assert attempt is not None
    set_credit(plane, owner, out=True)
    assert dialing.begin(planned, attempt) == "ring"
    opened = dialing.call(
        "open_call_v3", uuid4(), f"SCL_{uuid4().hex}", business.number, planned["to"], datetime.now(UTC), None, None,
        planned["planned_call_id"],
    )  # fmt: skip
    assert opened["status"] == "ok"
    assert (await business.reads(planned))["state"] == "answered"


async def test_what_could_not_be_waited_for_is_given_up(plane: ControlPlane, owner: Client) -> None:
    business, dialing = await open_business(plane, owner), Dialing(plane)
    planned = await business.plans_now()
    set_credit(plane, owner, out=True)
    plane.database.select(
        "update planned_calls set not_after = now() where planned_call_id = %s returning 1", planned["planned_call_id"]
    )
    assert dialing.claim(planned) is None
    found = await business.reads(planned)
    assert (found["state"], found["outcome"]) == ("given_up", "too_late")
