"""A call whose database goes away in the middle, over the real client, PostgREST and Postgres."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.assistant import AssistantConfig
from contracts.call import CallClosing, CallerSaid, CallOutcome, InboundCall, MessageTaken
from contracts.errors import StoreUnavailable
from contracts.ids import call_id_for, new_event_id
from sandbox.database import Database
from sandbox.faults import FaultRule
from store.calls import SupabaseCallStore, open_store
from store.spool import Journal, pending, sweep

pytestmark = pytest.mark.database

NUMBER = "+33142000001"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALL = InboundCall(call_id=call_id_for("SCL"), sip_call_id="SCL", dialed=NUMBER, caller=None, received_at=NOON)
CLOSING = CallClosing(
    call_id=CALL.call_id, ended_at=NOON + timedelta(minutes=1), outcome=CallOutcome.MESSAGE_TAKEN, ended_by="caller"
)


@pytest.fixture
async def store(database: Database, config: AssistantConfig) -> AsyncIterator[SupabaseCallStore]:
    database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    store = await open_store(database.url, database.service_key, seconds=2.0)
    yield store
    await store.aclose()


def stored(database: Database) -> tuple[list[str], int, list[str | None]]:
    said = database.select("select body ->> 'text' as t from call_events where kind = 'caller_said' order by seq")
    messages = database.select("select count(*) as n from messages")[0]["n"]
    return [row["t"] for row in said], messages, [row["outcome"] for row in database.select("select * from calls")]


async def test_answers_lost_at_every_step(tmp_path: Path, database: Database, store: SupabaseCallStore) -> None:
    """Open, both batches and the end lose their answers after the work is done, retries included: once is once."""
    async with await Journal.create(tmp_path, CALL) as journal:
        for number in range(150):
            journal.append(CallerSaid(at=NOON + timedelta(seconds=number), text=str(number)))
        journal.append(MessageTaken(at=NOON, message_id=new_event_id(), reason="rappeler"))
        await journal.close(CLOSING)
        for operation in ("open_call_v3", "append_call_events_v1", "close_call_v1"):
            database.add_faults(FaultRule(operation=operation, kind="lost_answer", times=2))
        tries = 1
        while True:
            try:
                delivered = await journal.deliver(store)
                break
            except StoreUnavailable:
                tries += 1
    assert (tries, delivered.complete, pending(tmp_path)) == (4, True, [])
    assert stored(database) == ([str(number) for number in range(150)], 1, ["message_taken"])


async def test_down_for_the_whole_call(tmp_path: Path, database: Database, store: SupabaseCallStore) -> None:
    """Nothing could be sent while the call ran and its process is gone: the next sweep brings it all."""
    database.stop_postgrest()
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(CallerSaid(at=NOON, text="Allô"))
        with pytest.raises(StoreUnavailable):
            await journal.deliver(store)
        journal.append(MessageTaken(at=NOON, message_id=new_event_id(), reason="rappeler"))
        await journal.close(CLOSING)
    assert (await sweep(tmp_path, store)).left == 1
    database.start_postgrest()
    assert (await sweep(tmp_path, store)).complete == 1
    assert stored(database) == (["Allô"], 1, ["message_taken"])
    assert pending(tmp_path) == []
