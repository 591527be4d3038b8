"""Every line of the documentation that says what bad input gets, proven: of each operation each documented problem.

What every operation answers for reasons that are not its own is proven here, over all of them. The rest are the CASES of
`tests/api/problems/`. A line without a proof fails, and so does a proof of something that is documented nowhere.
"""

import importlib
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from control_api.errors import MEDIA_TYPE, PREFIX, ProblemDetails
from control_api.principal import KEY_SCOPES
from sandbox.faults import FaultRule
from tests.api.operations import HEALTH, SIGNED, Operation, operations
from tests.api.problems.case import Case
from tests.api.recipes import Request, request
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.whole_tenant import Ids

OPERATIONS = [found for found in operations() if found.operation_id not in HEALTH | SIGNED]
# What is proven below for every operation that documents it.
EVERYWHERE = frozenset(
    {
        "unauthenticated", "forbidden", "invalid_request", "rate_limited", "unavailable", "body_too_large",
        "idempotency_key_reused", "idempotency_in_progress",
    }
)  # fmt: skip


def cases() -> list[Case]:
    found: list[Case] = []
    for path in sorted(Path(__file__).with_name("problems").glob("*.py")):
        if path.stem not in ("__init__", "case"):
            module = importlib.import_module(f"tests.api.problems.{path.stem}")
            found += module.CASES
    return found


CASES = cases()


def documenting(code: str) -> Iterable[Operation]:
    return [found for found in OPERATIONS if code in {documented for _, documented in found.problems}]


def own(operation: Operation) -> Request:
    """A good request, but for what it names: nobody has that."""
    return request(operation, Ids.of_nobody())


def check(operation: Operation, code: str, answer: httpx.Response) -> None:
    """The problem, with its documented status, in the documented form."""
    status = next(status for status, documented in operation.problems if documented == code)
    assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
    problem = ProblemDetails.model_validate_json(answer.content)
    assert (problem.type, answer.status_code) == (f"{PREFIX}{code}", status), answer.text
    assert problem.status == status
    assert problem.request_id == answer.headers["x-request-id"]
    assert problem.title
    assert problem.detail
    assert all(field.pointer and field.reason for field in problem.errors)


class TestTheTable:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=str)
    def test_every_line_has_a_proof(self, operation: Operation) -> None:
        """A case, or a reason that every operation has."""
        proven = {case.code for case in CASES if case.operation_id == operation.operation_id} | EVERYWHERE
        if operation.is_of_tenant:
            proven.add("not_found")
        assert sorted(code for _, code in operation.problems if code not in proven) == []

    def test_no_proof_of_what_is_not_documented(self) -> None:
        lines = {(found.operation_id, code) for found in OPERATIONS for _, code in found.problems}
        assert [case.name for case in CASES if (case.operation_id, case.code) not in lines] == []

    def test_every_answer_that_can_be_is_documented(self) -> None:
        """Whatever is signed in for, of a tenant, with a body, creating, says so in its own lines."""
        for found in OPERATIONS:
            codes = {code for _, code in found.problems}
            expected = {"rate_limited", "unavailable", "invalid_request"}
            expected |= {"unauthenticated"} if found.needs_sign_in else set()
            expected |= {"forbidden", "not_found"} if found.is_of_tenant else set()
            expected |= {"body_too_large"} if found.has_body else set()
            expected |= {"idempotency_key_reused", "idempotency_in_progress"} if found.creates else set()
            assert expected <= codes, found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_of_its_own(plane: ControlPlane, case: Case) -> None:
    """What an operation refuses for reasons of its own."""
    check(
        next(found for found in OPERATIONS if found.operation_id == case.operation_id),
        case.code,
        await case.send(plane),
    )


@pytest.mark.parametrize("operation", documenting("unauthenticated"), ids=str)
@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "Bearer not.a.token", f"Bearer ava_live_{'x' * 62}"])
async def test_unauthenticated(plane: ControlPlane, operation: Operation, authorization: str | None) -> None:
    """Without credentials, and with what are none; before anything else of the request is looked at."""
    http = await plane.client(None)
    answer = await own(operation).send(http, **({"authorization": authorization} if authorization else {}))
    check(operation, "unauthenticated", answer)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def somebody(plane: ControlPlane) -> Client:
    return await plane.owner()


@pytest.mark.parametrize("operation", [found for found in documenting("forbidden") if found.scopes], ids=str)
async def test_forbidden(plane: ControlPlane, somebody: Client, operation: Operation) -> None:
    """To a key that has every scope but the one that is needed."""
    others = [scope for scope in KEY_SCOPES if scope not in operation.scopes]
    machine = await plane.machine(somebody, *others)
    answer = await own(operation).send(machine.http)
    check(operation, "forbidden", answer)
    assert operation.scopes[0] in answer.json()["detail"]


@pytest.mark.parametrize("operation", [found for found in OPERATIONS if found.is_of_tenant], ids=str)
async def test_not_found_where_one_is_no_member(somebody: Client, operation: Operation) -> None:
    answer = await own(operation).send(somebody.http, **{"ava-tenant": str(uuid4())})
    check(operation, "not_found", answer)
    assert answer.json()["reason"] == "tenant_not_found"


@pytest.mark.parametrize("operation", documenting("invalid_request"), ids=str)
async def test_invalid_request(somebody: Client, operation: Operation) -> None:
    """With a letter that the database can't keep; where there are any, with a body of another form and a bad parameter."""
    good = own(operation)
    answer = await somebody.http.request(good.method, f"{good.path}?x=%00", json=good.body, headers=good.headers)
    check(operation, "invalid_request", answer)
    if operation.has_body:
        for body in ([], {"no_such_field": 1}):
            answer = await somebody.http.request(
                good.method,
                good.path,
                params=good.query,
                json=body,
                headers={**good.headers, "idempotency-key": str(uuid4())},
            )
            check(operation, "invalid_request", answer)
            assert answer.json()["errors"][0]["pointer"].startswith("/")
    if operation.is_of_tenant:
        check(operation, "invalid_request", await good.send(somebody.http, **{"ava-tenant": "mine"}))
    if "limit" in operation.parameters("query"):
        answer = await somebody.http.request(good.method, good.path, params={**good.query, "limit": "0"})
        check(operation, "invalid_request", answer)
        assert [error["pointer"] for error in answer.json()["errors"]] == ["query.limit"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(plane: ControlPlane) -> AsyncIterator[ControlPlane]:
    """A deployment that takes little."""
    async with reconfigured(plane, ava_api_max_body_kib=16) as deployed:
        yield deployed


@pytest.mark.parametrize("operation", documenting("body_too_large"), ids=str)
async def test_body_too_large(narrow: ControlPlane, operation: Operation) -> None:
    good, http = own(operation), await narrow.client(None)
    answer = await http.request(good.method, good.path, content=b" " * 20_000, headers=good.headers)
    check(operation, "body_too_large", answer)


async def test_rate_limited(plane: ControlPlane) -> None:
    """Of every operation: by address before anybody signs in, and by principal after, where one signs in."""
    token, _ = await plane.token()
    async with (
        reconfigured(plane, ava_rate_limit_per_address="1/hour") as by_address,
        reconfigured(plane, ava_rate_limit_per_principal="1/hour") as by_principal,
    ):
        for deployed in (by_address, by_principal):
            http = await deployed.client(token)
            assert (await http.get("/v1/me")).status_code == 200
            for operation in documenting("rate_limited"):
                if deployed is by_principal and not operation.needs_sign_in:
                    continue
                answer = await own(operation).send(http)
                check(operation, "rate_limited", answer)
                assert 1 <= int(answer.headers["retry-after"]) <= 3600


async def test_unavailable(plane: ControlPlane) -> None:
    """Of every operation, while the database is away: to somebody who was known a moment ago, and to a stranger. What needs no
    sign-in is asked in a case of its own."""
    known, stranger = await plane.owner(), await plane.client((await plane.token())[0])
    plane.database.stop_postgrest()
    try:
        for operation in documenting("unavailable"):
            if not operation.needs_sign_in:
                continue
            answer = await own(operation).send(stranger)
            check(operation, "unavailable", answer)
            assert int(answer.headers["retry-after"]) >= 1
            answer = await own(operation).send(known.http)
            assert answer.status_code in (200, 503), f"{operation}: {answer.text}"
            assert answer.status_code == 200 or answer.headers["retry-after"]
    finally:
        plane.database.start_postgrest()


@pytest.mark.parametrize("operation", documenting("idempotency_key_reused"), ids=str)
async def test_idempotency_key_reused(owner: Client, operation: Operation) -> None:
    """A key that was sent with another request."""
    key = {"idempotency-key": str(uuid4())}
    await owner.made("/v1/invitations", {"email": f"{uuid4()}@example.com"}, headers=key)
    check(operation, "idempotency_key_reused", await own(operation).send(owner.http, **key))


@pytest.mark.parametrize("operation", documenting("idempotency_in_progress"), ids=str)
async def test_idempotency_in_progress(plane: ControlPlane, owner: Client, operation: Operation) -> None:
    """The first request with the key has not said what became of it: its claim stands for a minute."""
    good = own(operation)
    plane.database.add_faults(FaultRule(operation="complete_idempotency_key_v1", kind="status", status=503))
    try:
        await good.send(owner.http)
    finally:
        plane.database.clear_faults()
    answer = await good.send(owner.http)
    check(operation, "idempotency_in_progress", answer)
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_examples_are_problems() -> None:
    """What the documentation shows has the form of what is answered, each line with an example of its own."""
    for found in OPERATIONS:
        for response in found.described["responses"].values():
            if "x-problems" not in response:
                continue
            examples = response["content"][MEDIA_TYPE]["examples"]
            assert sorted(examples) == sorted(response["x-problems"]), found
            for code, example in examples.items():
                problem = ProblemDetails.model_validate_json(json.dumps(example["value"]))
                assert problem.type == f"{PREFIX}{code}"
                assert problem.detail, f"{found}: {code}"
                assert f"`{code}`" in response["description"]
