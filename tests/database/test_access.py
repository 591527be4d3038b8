"""Who sees what, asked over HTTP as the user would, never as the owner of the tables."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, InboundCall, MessageTaken
from contracts.ids import call_id_for
from sandbox.database import Database
from store.calls import open_store
from tests.database.catalogue import NOBODYS, WITHOUT_POLICY

pytestmark = pytest.mark.database

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# A row in each table that nothing else here fills, of one tenant: with what `two_tenants` knows by then.
ROWS = {
    "profiles": "insert into profiles (subject, home_tenant_id) values (%(subject)s, %(tenant)s)",
    "invitations": "insert into invitations (invitation_id, tenant_id, email, role, token_hash, invited_by, expires_at)"
    " values (gen_random_uuid(), %(tenant)s, 'x@example.com', 'viewer', %(subject)s, '', now())",
    "api_keys": "insert into api_keys (key_id, tenant_id, name, preview, key_hash, scopes, created_by)"
    " values (gen_random_uuid(), %(tenant)s, 'k', 'ava_live_…', %(subject)s, '{calls:read}', '')",
    "idempotency_keys": "insert into idempotency_keys (tenant_id, subject, key, operation, fingerprint)"
    " values (%(tenant)s, %(subject)s, 'k', 'create_assistant', '')",
    "assistant_publications": "insert into assistant_publications"
    " (tenant_id, assistant_id, version, kind, published_by) values (%(tenant)s, %(assistant)s, 1, 'publish', '')",
    "caller_erasures": "insert into caller_erasures (tenant_id, caller_digest, kind) values (%(tenant)s, 'd', 'delete')",
    "onboarding": "insert into onboarding (tenant_id) values (%(tenant)s)",
    "carrier_accounts": "insert into carrier_accounts (carrier_id, tenant_id, kind, created_by)"
    " values (gen_random_uuid(), %(tenant)s, 'managed', '')",
    "number_purchases": "insert into number_purchases (purchase_id, tenant_id, source, state, e164, created_by)"
    " values (gen_random_uuid(), %(tenant)s, 'purchase', 'failed', '+33142009999', '')",
    "line_legs": "insert into line_legs (sip_call_id, tenant_id, room_sid) values (%(subject)s, %(tenant)s, 'RM_x')",
    "planned_calls": "insert into planned_calls (planned_call_id, tenant_id, assistant_id, kind, callee, about, consent,"
    " due_at, not_after, attempts_allowed, spacing_minutes, retry_on, on_machine, created_by) values (gen_random_uuid(),"
    " %(tenant)s, %(assistant)s, 'reminder', '+33611111111', 'x', 'stated', now(), now(), 1, 5, '{busy}', 'hang_up', '')",
    "do_not_call": "insert into do_not_call (entry_id, tenant_id, e164, source, created_by)"
    " values (gen_random_uuid(), %(tenant)s, '+33611111112', 'added', '')",
    "call_recordings": "insert into call_recordings (object_key, call_id, tenant_id, started_at)"
    " select %(subject)s, call_id, tenant_id, now() from calls where tenant_id = %(tenant)s",
    "recording_removals": "insert into recording_removals (object_key, tenant_id) values (%(subject)s, %(tenant)s)",
}
# a text subject, as Clerk gives it: no uuid
ANNE, BEN = "user_2abcAnne", "user_2abcBen"


def read(database: Database, path: str, *, token: str | None, key: str | None = None) -> httpx.Response:
    headers = {"apikey": key or database.anon_key}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return httpx.get(f"{database.url}/rest/v1/{path}", headers=headers)


@pytest.fixture
async def two_tenants(database: Database, config: AssistantConfig) -> dict[str, UUID]:
    """Anne's and Ben's businesses, each with one row in every table."""
    owners: dict[str, UUID] = {}
    store = await open_store(database.url, database.service_key)
    for number, subject in enumerate((ANNE, BEN)):
        dialed = f"+3314200000{number}"
        calendar = CalComConnection(event_types={"checkup": 7})
        seeded = database.seed_assistant(tenant_name=subject, config=config, number=dialed, calendar=calendar)
        database.add_member(seeded.tenant_id, subject)
        owners[subject] = seeded.tenant_id
        sip = f"SCL_{number}"
        call = InboundCall(
            call_id=call_id_for(sip), sip_call_id=sip, dialed=dialed, caller="+33600000000", received_at=NOON
        )
        context = await store.open_call(call)
        booking = BookingRecorded(
            at=NOON,
            booking_key=f"key-{number}",
            action="book",
            state=BookingState.CONFIRMED,
            service_id="checkup",
            event_type_id=7,
            starts_at=NOON,
            ends_at=NOON,
        )
        message = MessageTaken(at=NOON, message_id=uuid4(), reason="rappeler")
        await store.append_events(context.call_id, [booking, message])
        values = {"subject": subject, "tenant": str(seeded.tenant_id), "assistant": str(seeded.assistant_id)}
        with psycopg.connect(database.postgres_url) as connection:
            for statement in ROWS.values():
                connection.execute(statement.encode(), values)
    await store.aclose()
    return owners


def tables(database: Database) -> dict[str, str]:
    """Every table -> the column that says whose a row is."""
    rows = database.select(
        """
        select c.relname as name, exists (
          select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
        ) as of_tenant
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        """
    )
    return {row["name"]: "tenant_id" if row["of_tenant"] else "subject" for row in rows}


def test_every_table_has_rows_of_both(database: Database, two_tenants: dict[str, UUID]) -> None:
    """Else what follows would prove nothing of it: a new table gets its row in ROWS."""
    for table, owner in tables(database).items():
        if table in NOBODYS:
            continue
        rows = database.select(f"select distinct {owner} as whose from {table}")
        wanted = set(two_tenants) if owner == "subject" else set(two_tenants.values())
        assert {row["whose"] for row in rows} == wanted, table


async def test_each_member_sees_only_their_tenant(database: Database, two_tenants: dict[str, UUID]) -> None:
    """Of every table each member reads their own rows, a stranger none; of the tables without a policy nobody reads any."""
    for table, owner in tables(database).items():
        query = f"{table}?select={'*' if table in NOBODYS else owner}"
        for subject, tenant_id in two_tenants.items():
            answer = read(database, query, token=database.user_token(subject))
            if table in WITHOUT_POLICY:
                assert answer.status_code == 403, table
                continue
            rows: list[dict[str, Any]] = answer.json()
            assert {row[owner] for row in rows} == {subject if owner == "subject" else str(tenant_id)}, table
        stranger = read(database, query, token=database.user_token("user_stranger"))
        assert table in WITHOUT_POLICY or stranger.json() == [], table


def test_nobody_reads_without_signing_in(database: Database, two_tenants: dict[str, UUID]) -> None:
    """The publishable key is in every browser: alone it opens nothing."""
    for table in tables(database):
        answer = read(database, table, token=None)
        assert (answer.status_code, answer.json()["code"]) == (401, "42501"), table


def test_a_member_writes_nothing(database: Database, two_tenants: dict[str, UUID]) -> None:
    """Not even to their own tenant: writing is the control plane's."""
    headers = {"apikey": database.anon_key, "authorization": f"Bearer {database.user_token(ANNE)}"}
    answer = httpx.patch(f"{database.url}/rest/v1/tenants?name=neq.x", headers=headers, json={"name": "mine"})
    assert answer.status_code == 403
    assert {row["name"] for row in database.select("select name from tenants")} == {ANNE, BEN}


def test_sealed_keys_are_not_shown(database: Database, two_tenants: dict[str, UUID]) -> None:
    """The column is refused by name and with the star."""
    for columns in ("sealed_key", "*"):
        answer = read(database, f"calendar_connections?select={columns}", token=database.user_token(ANNE))
        assert answer.status_code == 403


def test_users_call_no_function(database: Database) -> None:
    """Opening a call is the worker's business."""
    body = {
        "p_call_id": str(uuid4()),
        "p_sip_call_id": "SCL_x",
        "p_dialed": "+33142000000",
        "p_caller": None,
        "p_received_at": NOON.isoformat(),
    }
    url = f"{database.url}/rest/v1/rpc/open_call_v1"
    for token, wanted in ((None, 401), (database.user_token(ANNE), 403)):
        headers = {"apikey": database.anon_key} | ({"authorization": f"Bearer {token}"} if token else {})
        assert httpx.post(url, headers=headers, json=body).status_code == wanted


@pytest.mark.parametrize(
    "statement",
    [
        "update assistant_versions set note = 'changed'",
        "delete from assistant_versions",
        "truncate assistant_versions cascade",
    ],
)
def test_versions_never_change(database: Database, config: AssistantConfig, statement: str) -> None:
    """Not even for a superuser: what a call ran on can be looked up for ever."""
    database.seed_assistant(tenant_name="A", config=config, number="+33142000001")
    with psycopg.connect(database.postgres_url) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    assert caught.value.sqlstate == "AVA02"


class TestGateway:
    """Keys, as hosted Supabase takes them."""

    def test_no_key(self, database: Database) -> None:
        """401 in Supabase's words."""
        answer = httpx.get(f"{database.url}/rest/v1/tenants")
        assert (answer.status_code, answer.json()["message"]) == (401, "No API key found in request")

    def test_unknown_key(self, database: Database) -> None:
        """A key of another project."""
        answer = read(database, "tenants", token=None, key="sb_secret_of_another_project")
        assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")

    def test_secret_key_alone_is_the_service(self, database: Database, two_tenants: dict[str, UUID]) -> None:
        """The opaque key and the older JWT both see everything."""
        for key in (database.service_key, database.legacy_service_key):
            assert len(read(database, "tenants", token=None, key=key).json()) == 2
            assert len(read(database, "tenants", token=key, key=key).json()) == 2

    def test_an_opaque_key_is_no_bearer_token(self, database: Database) -> None:
        """The secret key as bearer next to another key is refused."""
        assert read(database, "tenants", token=database.service_key).status_code == 401

    def test_a_token_of_another_project(self, database: Database) -> None:
        """Signed with another secret: PostgREST refuses it."""
        from sandbox.gateway import mint_token

        token = mint_token("another-secret-that-is-long-enough-0123456789", role="service_role")
        assert read(database, "tenants", token=token).status_code == 401

    def test_filters_pass_unchanged(self, database: Database, config: AssistantConfig) -> None:
        """Values with PostgREST's own syntax in them arrive as they were sent."""
        name = 'Dr. O\'Hara, "Zahn & Co" (a+b)*:é'
        database.seed_assistant(tenant_name=name, config=config, number="+33142000001")
        headers = {"apikey": database.service_key}
        quoted = '"' + name.replace('"', '\\"') + '"'
        answer = httpx.get(
            f"{database.url}/rest/v1/tenants", params={"name": f"in.({quoted})", "select": "name"}, headers=headers
        )
        assert answer.json() == [{"name": name}]
