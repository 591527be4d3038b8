"""What the agent is told when the database is slow, down, misconfigured or loses an answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, CallerSaid, InboundCall
from contracts.errors import StoreRejected, StoreUnavailable
from contracts.ids import call_id_for
from sandbox.database import Database
from sandbox.faults import FaultRule
from store.calls import SupabaseCallStore, open_store
from store.errors import CallIdentityClash, StoreMisconfigured

pytestmark = pytest.mark.database

NUMBER = "+33142000001"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALL = InboundCall(call_id=call_id_for("SCL"), sip_call_id="SCL", dialed=NUMBER, caller=None, received_at=NOON)


@pytest.fixture
async def store(database: Database, config: AssistantConfig) -> AsyncIterator[SupabaseCallStore]:
    database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    store = await open_store(database.url, database.service_key, seconds=1.0)
    yield store
    await store.aclose()


async def test_slow(database: Database, store: SupabaseCallStore) -> None:
    """The deadline holds, and the next call works."""
    database.add_faults(FaultRule(operation="open_call_v3", kind="delay", delay_ms=3_000))
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.open_call(CALL)
    assert time.monotonic() - begun < 2.0
    assert (await store.open_call(CALL)).version == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_errors_that_pass(database: Database, store: SupabaseCallStore, status: int) -> None:
    """Worth trying again later."""
    database.add_faults(FaultRule(kind="status", status=status))
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.ping()


async def test_postgrest_down_and_back(database: Database, store: SupabaseCallStore) -> None:
    """Unavailable while it is gone; the same store works again afterwards."""
    database.stop_postgrest()
    with pytest.raises(StoreUnavailable):
        await store.open_call(CALL)
    database.start_postgrest()
    assert (await store.open_call(CALL)).version == 1


async def test_nobody_listens() -> None:
    """A wrong port is unavailable, not a bug."""
    store = await open_store("http://127.0.0.1:9", "sb_secret_x", seconds=1.0)
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.aclose()


async def test_one_lost_answer_is_not_noticed(database: Database, store: SupabaseCallStore) -> None:
    """The work was done and the connection died: the store asks again and gets the same."""
    database.add_faults(FaultRule(operation="open_call_v3", kind="lost_answer"))
    context = await store.open_call(CALL)
    assert context.call_id == CALL.call_id
    database.add_faults(FaultRule(operation="append_call_events_v1", kind="lost_answer"))
    event = CallerSaid(at=NOON, text="Allô")
    assert await store.append_events(context.call_id, [event]) == 0  # the first try had stored it
    assert database.select("select count(*) as n from call_events") == [{"n": 1}]


async def test_answers_lost_again_and_again(database: Database, store: SupabaseCallStore) -> None:
    """Unknown is said to be unknown."""
    database.add_faults(FaultRule(operation="open_call_v3", kind="lost_answer", times=2))
    with pytest.raises(StoreUnavailable):
        await store.open_call(CALL)
    assert (await store.open_call(CALL)).call_id == CALL.call_id


async def test_wrong_key_names_the_variable(database: Database) -> None:
    """An operator can act on it; the key itself is not in the message."""
    for key in ("sb_secret_wrong", database.anon_key):
        store = await open_store(database.url, key)
        with pytest.raises(StoreMisconfigured, match="SUPABASE_SERVICE_ROLE_KEY") as caught:
            await store.open_call(CALL)
        assert key not in str(caught.value)
        await store.aclose()


@pytest.mark.parametrize(
    ("url", "key"), [("", "sb_secret_x"), ("localhost", "sb_secret_x"), ("http://127.0.0.1:9", "")]
)
async def test_missing_settings_are_said_at_once(url: str, key: str) -> None:
    """Before anything is sent, with the variable's name."""
    with pytest.raises(StoreMisconfigured, match="SUPABASE_"):
        await open_store(url, key)


@pytest.mark.parametrize("body", [{"code": "42P01"}, {"code": "PGRST205"}, {"code": "PGRST202"}])
async def test_missing_migrations(database: Database, store: SupabaseCallStore, body: dict[str, str]) -> None:
    """Old and new PostgREST say it differently; the advice is the same."""
    database.add_faults(FaultRule(kind="status", status=404, body={**body, "message": "not there"}))
    with pytest.raises(StoreMisconfigured, match="supabase db push"):
        await store.ping()


async def test_a_function_that_is_missing_for_real(database: Database, store: SupabaseCallStore) -> None:
    """What real PostgREST answers for a function no migration made is recognised."""
    url = f"{database.url}/rest/v1/rpc/open_call_v99"
    answer = await asyncio.to_thread(httpx.post, url, json={}, headers={"apikey": database.service_key})
    assert answer.json()["code"] == "PGRST202"


async def test_refused_requests_are_not_retryable(database: Database, store: SupabaseCallStore) -> None:
    """A clash of identities has its own name; any other refusal is plain."""
    await store.open_call(CALL)
    with pytest.raises(CallIdentityClash):
        await store.open_call(CALL.model_copy(update={"sip_call_id": "SCL_other"}))
    database.add_faults(FaultRule(kind="status", status=400, body={"code": "22P02", "message": "quotes a value"}))
    with pytest.raises(StoreRejected) as caught:
        await store.ping()
    assert "quotes a value" not in str(caught.value)
    assert not caught.value.retryable


async def test_a_calendar_that_cannot_be_read_costs_the_call_nothing_else(
    database: Database, store: SupabaseCallStore, config: AssistantConfig
) -> None:
    """The row's address is none: the call runs without a calendar, and no other tenant's doubt is kept from the list."""
    calendar = CalComConnection(event_types={"checkup": 7})
    seeded = database.seed_assistant(tenant_name="B", config=config, number="+33142000002", calendar=calendar)
    database.select(
        "update calendar_connections set base_url = 'no address' where assistant_id = %s returning base_url",
        seeded.assistant_id,
    )
    theirs = CALL.model_copy(update={"call_id": call_id_for("SCL_2"), "sip_call_id": "SCL_2", "dialed": "+33142000002"})
    for call in (CALL, theirs):
        context = await store.open_call(call)
        assert context.calendar is None
        step = BookingRecorded(
            at=NOON,
            booking_key="k",
            action="book",
            state=BookingState.INTENDED,
            service_id="checkup",
            event_type_id=7,
            starts_at=NOON,
            ends_at=NOON,
        )
        await store.append_events(call.call_id, [step])
    doubts = await store.open_doubts(older_than=datetime(2026, 11, 24, tzinfo=UTC))
    assert {doubt.call_id for doubt in doubts} == {CALL.call_id, theirs.call_id}
