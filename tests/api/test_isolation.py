"""What belongs to another tenant does not exist: every operation of the API, with every id that somebody could guess.

Two tenants have one of everything. Each operation is sent by the one with an id of the other in every place that takes one;
the answer must be the one that an id of nobody gets, and nothing of the other may show or change.
"""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.operations import HEALTH, Operation, operation, operations
from tests.api.recipes import BODIES, FREE, PARAMETERS, WISHES, mixtures, request, used_ids
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.whole_tenant import Ids, Neighbours, WholeTenant

OPERATIONS = [found for found in operations() if found.operation_id not in HEALTH]
TAKING_IDS = [found for found in OPERATIONS if set(used_ids(found)) - FREE]
# What is not 404 where an id of the other is named in the path or the body: status, and why that tells nothing.
NOT_404: dict[tuple[str, str], tuple[int, str]] = {
    ("redact_caller", "caller"): (200, "a number of a caller: nobody with it ever rang this tenant"),
    ("delete_caller", "caller"): (200, "a number of a caller: nobody with it ever rang this tenant"),
}


@pytest.fixture
def mine(neighbours: Neighbours) -> WholeTenant:
    return neighbours.mine


@pytest.fixture
def theirs(neighbours: Neighbours) -> WholeTenant:
    return neighbours.theirs


def told(answer: httpx.Response, ids: Ids) -> tuple[int, Any]:
    """An answer without what differs from request to request: its id, and the ids that were sent."""
    text = answer.text
    for sent in sorted(ids.all(), key=len, reverse=True):
        text = text.replace(sent, "<sent>")
    try:
        body = json.loads(text)
    except ValueError:
        return answer.status_code, text
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, body


def shown(neighbours: Neighbours, answer: httpx.Response, sent: Ids) -> list[str]:
    return neighbours.shown_in(answer.text + str(answer.headers), sent.all())


def test_both_have_a_row_in_every_table(neighbours: Neighbours) -> None:
    """Else these tests would prove nothing of it: `tests/fakes/whole_tenant.py` fills a new one."""
    for whole in (neighbours.mine, neighbours.theirs):
        assert [table for table, rows in whole.rows().items() if not rows] == []
    assert len(neighbours.secret) > 50


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_operation_has_a_recipe(operation: Operation) -> None:
    """A new operation says in `tests/api/recipes.py` what it wants to be sent."""
    assert [name for name in operation.parameters("path") if name not in PARAMETERS] == []
    assert [name for name in operation.parameters("query") if name not in PARAMETERS and name not in WISHES] == []
    assert not operation.has_body or operation.operation_id in BODIES


@pytest.mark.parametrize("operation", TAKING_IDS, ids=str)
async def test_ids_of_another_tenant_are_ids_of_nobody(
    neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant, operation: Operation
) -> None:
    """404 as for an id that nobody has, whoever asks: a person or a machine."""
    for who in (mine.owner, mine.machine):
        for (name, foreign), (_, unknown) in zip(
            mixtures(operation, mine.ids, theirs.ids), mixtures(operation, mine.ids, Ids.of_nobody()), strict=True
        ):
            answer = await request(operation, foreign).send(who.http)
            nobody = await request(operation, unknown).send(who.http)
            assert told(answer, foreign) == told(nobody, unknown), name
            assert shown(neighbours, answer, foreign) == [], name
            _check_status(operation, name, who, answer)
    assert neighbours.is_untouched()


def _check_status(operation: Operation, name: str, who: Client, answer: httpx.Response) -> None:
    if who.subject.startswith("key:") and answer.status_code in (401, 403):
        return  # not for machines at all
    if not _is_named(operation) and answer.status_code == 200:
        return  # a filter of a list
    expected, _ = NOT_404.get((operation.operation_id, name), (404, ""))
    assert answer.status_code == expected, (name, answer.text)


def _is_named(operation: Operation) -> bool:
    """In the path or the body, not only among the filters."""
    return operation.has_body or bool(operation.parameters("path"))


@pytest.mark.parametrize("name", ["buy_number", "import_number", "bring_sip_trunk"])
async def test_a_number_that_another_tenant_has(
    neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant, name: str
) -> None:
    """Anybody can ring it and hear that it is taken: it is not to be had, and nothing else is told."""
    wanted = replace(mine.ids, offered=theirs.ids.e164, importable=theirs.ids.e164, idempotency_key=str(uuid4()))
    answer = await request(operation(name), wanted).send(mine.owner.http)
    assert answer.status_code in (409, 422), answer.text
    assert shown(neighbours, answer, wanted) == []
    assert neighbours.is_untouched()


@pytest.mark.parametrize("operation", [o for o in TAKING_IDS if "If-Match" in o.parameters("header")], ids=str)
async def test_a_stale_tag_tells_nothing(
    neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant, operation: Operation
) -> None:
    """412 would say that there is something to be stale."""
    for name, foreign in mixtures(operation, mine.ids, theirs.ids):
        answer = await request(operation, foreign, if_match='"r999999"').send(mine.owner.http)
        assert answer.status_code == 404, (name, answer.text)


@pytest.mark.parametrize("operation", [found for found in OPERATIONS if found.is_of_tenant], ids=str)
async def test_another_tenant_can_not_be_named(
    neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant, operation: Operation
) -> None:
    """`AVA-Tenant` of the other is that of nobody, with ids that are really the other's, too."""
    for who in (mine.owner, mine.machine):
        for ids in (mine.ids, theirs.ids):
            answer = await request(operation, ids).send(who.http, **{"ava-tenant": theirs.ids.tenant_id})
            nobody = await request(operation, ids).send(who.http, **{"ava-tenant": str(uuid4())})
            assert (answer.status_code, answer.json()["reason"]) == (404, "tenant_not_found")
            assert told(answer, ids) == told(nobody, ids)
    assert neighbours.is_untouched()


# who holds a link is anybody: tests/api/test_recordings.py
READING = [found for found in OPERATIONS if found.method == "GET" and found.needs_sign_in]


@pytest.mark.parametrize("operation", READING, ids=str)
async def test_lists_hold_nothing_of_another_tenant(
    neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant, operation: Operation
) -> None:
    """What is read with one's own ids shows one's own, and only that."""
    for who in (mine.owner, mine.viewer, mine.machine):
        answer = await request(operation, mine.ids).send(who.http)
        assert answer.status_code in (200, 401, 403, 409), answer.text
        assert shown(neighbours, answer, mine.ids) == []


@pytest.mark.parametrize("whose", ["of another tenant", "of the same tenant"])
async def test_a_key_is_of_whoever_sent_it(plane: ControlPlane, owner: Client, whose: str) -> None:
    """The same `Idempotency-Key` and body from somebody else make another invitation: an answer shows a token, once."""
    other = await plane.owner() if whose == "of another tenant" else await plane.member(owner, "admin")
    body, headers = {"email": "x@example.com", "role": "viewer"}, {"idempotency-key": str(uuid4())}
    first = await owner.post("/v1/invitations", body, headers=headers)
    second = await other.post("/v1/invitations", body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotency-replayed" not in second.headers
    assert first.json()["invitation_id"] != second.json()["invitation_id"]
    assert first.json()["token"] != second.json()["token"]


async def test_a_key_that_was_shown_is_shown_to_nobody_else(plane: ControlPlane, owner: Client) -> None:
    """Who may not make API keys is not given the answer in which one stands, even with the request that made it."""
    body, headers = {"name": "a key", "scopes": ["calls:read"]}, {"idempotency-key": str(uuid4())}
    made = await owner.made("/v1/api-keys", body, headers=headers)
    for who in (await plane.member(owner, "viewer"), await plane.machine(owner, "calls:read")):
        refused = await who.post("/v1/api-keys", body, headers=headers)
        assert refused.status_code == 403
        assert made["key"] not in refused.text


@pytest.mark.parametrize("operation", [found for found in OPERATIONS if found.needs_sign_in], ids=str)
async def test_a_viewer_changes_nothing(neighbours: Neighbours, theirs: WholeTenant, operation: Operation) -> None:
    """Of their own tenant, by whatever operation; their own profile, and tenants of their own, apart."""
    if operation.operation_id in ("patch_me", "create_tenant"):
        return
    answer = await request(operation, theirs.ids).send(theirs.viewer.http)
    writes = [scope for scope in operation.scopes if scope.endswith(":write")]
    assert answer.status_code == 403 or not writes, answer.text
    assert neighbours.is_untouched()
