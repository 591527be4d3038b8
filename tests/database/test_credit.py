"""Whether a tenant has credit: who may say so, who sees it, and where a caller is put through to without it. What a call
gets is held on both stores by tests/contract/test_stores.py."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from contracts.assistant import AssistantConfig
from contracts.ids import call_id_for
from sandbox.database import Database
from sandbox.seeding import Seeded

pytestmark = pytest.mark.database

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OURS, THEIRS = "+33142000001", "+33142000002"
ANNE, BEN = "user_2abcAnne", "user_2abcBen"
ASSISTANTS, CHOSEN = "+33142007777", "+33142008888"


@pytest.fixture
def ours(database: Database, config: AssistantConfig) -> Seeded:
    """A business that transfers to ASSISTANTS, and another beside it; each with an owner."""
    transfer = config.transfer.model_copy(update={"mode": "cold", "number": ASSISTANTS})
    seeded = database.seed_assistant(
        tenant_name="A", config=config.model_copy(update={"transfer": transfer}), number=OURS
    )
    database.add_member(seeded.tenant_id, ANNE)
    other = database.seed_assistant(tenant_name="B", config=config, number=THEIRS)
    database.add_member(other.tenant_id, BEN)
    return seeded


def ask(database: Database, method: str, path: str, body: Any = None, *, token: str | None) -> httpx.Response:
    """As a signed-in user, or with the publishable key alone."""
    headers = {"apikey": database.anon_key} | ({"authorization": f"Bearer {token}"} if token else {})
    return httpx.request(method, f"{database.url}/rest/v1/{path}", headers=headers, json=body)


def serve(database: Database, function: str, **body: Any) -> httpx.Response:
    """As the API and the worker do."""
    return httpx.post(f"{database.url}/rest/v1/rpc/{function}", headers={"apikey": database.service_key}, json=body)


def set_credit(database: Database, tenant_id: UUID, *, out: bool) -> Any:
    answer = serve(database, "set_tenant_credit_v1", p_tenant_id=str(tenant_id), p_out_of_credit=out)
    assert answer.status_code == 200, answer.text
    return answer.json()["out_of_credit_since"]


def open_call(database: Database, function: str = "open_call_v3", **changes: Any) -> dict[str, Any]:
    """Now."""
    sip = f"SCL_{uuid4().hex[:8]}"
    body = {
        "p_call_id": str(call_id_for(sip)),
        "p_sip_call_id": sip,
        "p_dialed": OURS,
        "p_caller": "+33611111111",
        "p_received_at": datetime.now(UTC).isoformat(),
    }
    answer = serve(database, function, **{**body, **changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_tenant_begins_with_credit(database: Database, ours: Seeded) -> None:
    assert open_call(database)["status"] == "ok"


def test_it_is_said_once_and_taken_back(database: Database, ours: Seeded) -> None:
    """The moment it was first said stands; the next time begins anew. Nobody else is concerned."""
    since = set_credit(database, ours.tenant_id, out=True)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()) < 60
    assert set_credit(database, ours.tenant_id, out=True) == since
    assert (open_call(database)["status"], open_call(database, p_dialed=THEIRS)["status"]) == ("no_credit", "ok")
    assert [set_credit(database, ours.tenant_id, out=False) for _ in range(2)] == [None, None]
    assert open_call(database)["status"] == "ok"
    assert set_credit(database, ours.tenant_id, out=True) > since


def test_nothing_is_said_of_nobody(database: Database, ours: Seeded) -> None:
    """A tenant there is not is told so; null is no word either way."""
    answer = serve(database, "set_tenant_credit_v1", p_tenant_id=str(uuid4()), p_out_of_credit=True)
    assert (answer.json()["code"], answer.json()["hint"]) == ("AVA03", "tenant_not_found")
    since = set_credit(database, ours.tenant_id, out=True)
    serve(database, "set_tenant_credit_v1", p_tenant_id=str(ours.tenant_id), p_out_of_credit=None)
    assert database.select("select out_of_credit_since from tenants where tenant_id = %s", ours.tenant_id) == [
        {"out_of_credit_since": datetime.fromisoformat(since)}
    ]


@pytest.mark.parametrize("function", ["set_tenant_credit_v1", "open_call_v3", "find_transfer_without_credit_v1"])
def test_the_functions_are_the_services(database: Database, ours: Seeded, function: str) -> None:
    """An owner would give herself credit."""
    bodies: dict[str, dict[str, Any]] = {
        "set_tenant_credit_v1": {"p_tenant_id": str(ours.tenant_id), "p_out_of_credit": False},
        "open_call_v3": {
            "p_call_id": str(uuid4()),
            "p_sip_call_id": "SCL_x",
            "p_dialed": OURS,
            "p_caller": None,
            "p_received_at": NOON.isoformat(),
        },
        "find_transfer_without_credit_v1": {"p_call": None},
    }
    since = set_credit(database, ours.tenant_id, out=True)
    path = f"rpc/{function}"
    assert ask(database, "POST", path, bodies[function], token=database.user_token(ANNE)).status_code == 403
    assert ask(database, "POST", path, bodies[function], token=None).status_code == 401
    assert set_credit(database, ours.tenant_id, out=True) == since


def test_only_the_function_writes_it(database: Database, ours: Seeded) -> None:
    """Neither an owner nor the service's key by itself."""
    path, body = f"tenants?tenant_id=eq.{ours.tenant_id}", {"out_of_credit_since": None}
    set_credit(database, ours.tenant_id, out=True)
    assert ask(database, "PATCH", path, body, token=database.user_token(ANNE)).status_code == 403
    service = httpx.patch(f"{database.url}/rest/v1/{path}", headers={"apikey": database.service_key}, json=body)
    assert (service.status_code, service.json()["code"]) == (403, "42501")
    assert open_call(database)["status"] == "no_credit"


def test_an_owner_sees_her_own(database: Database, ours: Seeded) -> None:
    since = set_credit(database, ours.tenant_id, out=True)
    path = "tenants?select=out_of_credit_since"
    assert ask(database, "GET", path, token=database.user_token(ANNE)).json() == [{"out_of_credit_since": since}]
    assert ask(database, "GET", path, token=database.user_token(BEN)).json() == [{"out_of_credit_since": None}]


def test_a_worker_of_before_answers_as_before(database: Database, ours: Seeded) -> None:
    """It knows nothing of credit, and must not meet a word that it does not know."""
    set_credit(database, ours.tenant_id, out=True)
    opened = open_call(database, "open_call_v2")
    assert opened["status"] == "ok"
    assert database.select("select refusal from calls where call_id = %s", opened["call_id"]) == [{"refusal": None}]


def purchase(database: Database, tenant_id: UUID, fallback: Any, *, state: str = "active") -> None:
    database.select(
        "insert into number_purchases (purchase_id, tenant_id, source, state, e164, created_by, fallback)"
        " values (gen_random_uuid(), %s, 'import', %s, %s, '', %s) returning 1",
        tenant_id,
        state,
        OURS,
        None if fallback is None else Jsonb(fallback),
    )


@pytest.mark.parametrize(
    ("fallback", "rung"),
    [
        (None, ASSISTANTS),
        ({"kind": "forward", "number": CHOSEN}, CHOSEN),
        ({"kind": "forward", "number": THEIRS}, None),
        ({"kind": "message", "text": "Rappelez demain."}, None),
        ({"kind": "none"}, None),
    ],
    ids=["nothing chosen", "a number", "a number of AVA's", "words", "nothing"],
)
def test_the_numbers_fallback_comes_before_the_assistants(
    database: Database, ours: Seeded, fallback: Any, rung: str | None
) -> None:
    """What its owner chose for calls that no worker takes is chosen for these, too: somebody who forwards none is not asked to
    take them after all."""
    purchase(database, ours.tenant_id, fallback)
    set_credit(database, ours.tenant_id, out=True)
    opened = open_call(database)
    assert (opened["status"], opened["transfer_to"]) == ("no_credit", rung)


def test_a_fallback_of_before_is_nobodys(database: Database, ours: Seeded) -> None:
    """The number was given back, and somebody else's choice went with it."""
    purchase(database, ours.tenant_id, {"kind": "forward", "number": CHOSEN}, state="released")
    set_credit(database, ours.tenant_id, out=True)
    assert open_call(database)["transfer_to"] == ASSISTANTS


def test_a_call_whose_worker_dies_is_closed_as_lost(database: Database, ours: Seeded) -> None:
    """It is open like any other until somebody closes it."""
    set_credit(database, ours.tenant_id, out=True)
    call_id = open_call(database)["call_id"]
    database.select("update calls set opened_at = now() - interval '3 hours' returning 1")
    assert database.select("select close_lost_calls_v1(60, 7800) as closed") == [{"closed": 1}]
    [row] = database.select("select outcome, refusal from calls where call_id = %s", call_id)
    assert row == {"outcome": "lost", "refusal": "no_credit"}
