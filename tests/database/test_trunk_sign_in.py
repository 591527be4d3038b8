"""The sign-in for calls out, in the database: made once whoever asks, kept from users, forgotten with its account."""

import threading
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from contracts.assistant import AssistantConfig
from sandbox.database import Database
from sandbox.seeding import Seeded

pytestmark = pytest.mark.database

ANNE = "user_2abcAnne"
HOLD = "select hold_termination_v1(%s, %s, %s, %s)"
SET = "select termination_set_v1(%s, %s, '2026-11-27T12:00:00Z')"
KEPT = "select termination_username, sealed_termination, termination_set_at from carrier_accounts where carrier_id = %s"


@pytest.fixture
def ours(database: Database, config: AssistantConfig) -> Seeded:
    seeded = database.seed_assistant(tenant_name="A", config=config, number="+33142000001")
    database.add_member(seeded.tenant_id, ANNE)
    return seeded


@pytest.fixture
def carrier_id(database: Database, ours: Seeded) -> UUID:
    """An account of the owner's own."""
    return account(database, ours)


def account(database: Database, ours: Seeded, kind: str = "own_twilio") -> UUID:
    carrier_id = uuid4()
    values = {
        "own_twilio": ("AC" + carrier_id.hex, "sealed", None),
        "sip_trunk": (None, "sealed", "desk"),
    }[kind]
    database.select(
        "insert into carrier_accounts (carrier_id, tenant_id, kind, account_sid, sealed_secret, sip_username, created_by)"
        " values (%s, %s, %s, %s, %s, %s, '') returning 1",
        carrier_id,
        ours.tenant_id,
        kind,
        *values,
    )
    return carrier_id


def test_the_first_counts_and_asking_again_changes_nothing(database: Database, carrier_id: UUID) -> None:
    """Whoever comes second gets the first's, the first too, when its answer was lost."""
    for username, sealed in (("ava-1", "sealed-1"), ("ava-2", "sealed-2"), ("ava-1", "sealed-1")):
        [row] = database.select(f"{HOLD} as held", carrier_id, None, username, sealed)
        assert (row["held"]["termination_username"], row["held"]["sealed_termination"]) == ("ava-1", "sealed-1")
    assert database.select(f"{HOLD} as held", uuid4(), None, "ava-1", "sealed-1") == [{"held": None}]


def test_one_that_can_not_be_read_is_replaced_once(database: Database, carrier_id: UUID) -> None:
    """In place of that very one; what the carrier was told of the old is forgotten, and not taken for the new."""
    database.select(HOLD, carrier_id, None, "ava-1", "sealed-1")
    assert database.select(f"{SET} as done", carrier_id, "ava-1") == [{"done": True}]
    for username in ("ava-2", "ava-3"):
        [row] = database.select(f"{HOLD} as held", carrier_id, "ava-1", username, f"sealed-{username}")
        assert row["held"]["termination_username"] == "ava-2"
    [kept] = database.select(KEPT, carrier_id)
    assert kept["termination_set_at"] is None
    assert database.select(f"{SET} as done", carrier_id, "ava-1") == [{"done": False}]


def test_two_at_one_moment_keep_one(database: Database, carrier_id: UUID) -> None:
    """The second waits for the first's transaction, and takes what it kept."""
    answers: list[dict[str, str]] = []

    def second() -> None:
        with psycopg.connect(database.postgres_url) as two:
            row = two.execute(HOLD.encode(), (carrier_id, None, "ava-2", "sealed-2")).fetchone()
            answers.append(row[0] if row else {})

    with psycopg.connect(database.postgres_url) as one:
        one.execute(HOLD.encode(), (carrier_id, None, "ava-1", "sealed-1"))
        asking = threading.Thread(target=second)
        asking.start()
        asking.join(0.3)
        assert asking.is_alive(), "it waits"
        one.commit()
        asking.join(10)
    assert [answer["termination_username"] for answer in answers] == ["ava-1"]


def test_an_own_trunk_and_a_removed_account_get_none(database: Database, ours: Seeded, carrier_id: UUID) -> None:
    """A trunk has its own sign-in; of what was removed no secret is kept again."""
    trunk = account(database, ours, "sip_trunk")
    database.select(HOLD, trunk, None, "ava-1", "sealed-1")
    database.select(HOLD, carrier_id, None, "ava-1", "sealed-1")
    database.select(SET, carrier_id, "ava-1")
    remove = "rpc/remove_carrier_v1", {"p_tenant_id": str(ours.tenant_id), "p_carrier_id": str(carrier_id)}
    assert asked(database, *remove).status_code == 204
    database.select(HOLD, carrier_id, None, "ava-2", "sealed-2")
    none = {"termination_username": None, "sealed_termination": None, "termination_set_at": None}
    assert [database.select(KEPT, one) for one in (trunk, carrier_id)] == [[none], [none]]


@pytest.mark.parametrize(
    "half", ["termination_username = 'ava-1'", "sealed_termination = 'x'", "termination_set_at = now()"]
)
def test_half_a_sign_in_is_none(database: Database, carrier_id: UUID, half: str) -> None:
    """A name without a password, and the other way round."""
    with pytest.raises(psycopg.errors.CheckViolation):
        database.select(f"update carrier_accounts set {half} where carrier_id = %s returning 1", carrier_id)


def test_an_owner_neither_sees_nor_makes_it(database: Database, ours: Seeded, carrier_id: UUID) -> None:
    """As an ordinary user over HTTP: no column, no function; and what the account shows of itself leaves it out."""
    database.select(HOLD, carrier_id, None, "ava-1", "sealed-1")
    for column in ("termination_username", "sealed_termination", "termination_set_at"):
        assert asked(database, f"carrier_accounts?select={column}").status_code == 403
    hold = {"p_carrier_id": str(carrier_id), "p_instead_of": None, "p_username": "x", "p_sealed_password": "y"}
    told = {"p_carrier_id": str(carrier_id), "p_username": "ava-1", "p_set_at": "2026-11-27T12:00:00Z"}
    assert asked(database, "rpc/hold_termination_v1", hold).status_code == 403
    assert asked(database, "rpc/termination_set_v1", told).status_code == 403
    saved = {
        "p_tenant_id": str(ours.tenant_id),
        "p_carrier_id": str(uuid4()),
        "p_account_sid": "AC" + carrier_id.hex,
        "p_sealed_secret": "sealed-again",
        "p_preview": "…",
    }
    shown = asked(database, "rpc/save_own_carrier_v1", saved)
    assert shown.status_code == 200, shown.text
    assert "termination" not in shown.text
    [kept] = database.select(KEPT, carrier_id)
    assert kept["termination_username"] == "ava-1", "a new token leaves it in place"


def asked(database: Database, path: str, body: object = None) -> httpx.Response:
    """As Anne, who owns the business."""
    headers = {"apikey": database.anon_key, "authorization": f"Bearer {database.user_token(ANNE)}"}
    method = "GET" if body is None else "POST"
    return httpx.request(method, f"{database.url}/rest/v1/{path}", json=body, headers=headers)
