"""A call that nobody could answer, because nothing was known of its number while the database was away, is not lost."""

from pathlib import Path

from agent.missed import keep_missed
from contracts.call import CallOutcome
from demo.stack import read_preset
from store import spool
from store.memory import MemoryCallStore
from tests.fakes.tool_calls import CALLER, NUMBER, inbound_call


async def test_the_business_finds_the_call_and_whom_to_call_back_once_the_database_is_there(tmp_path: Path) -> None:
    inbound = inbound_call()
    await keep_missed(inbound, tmp_path)
    store = MemoryCallStore()
    store.seed_assistant(tenant_name="t", config=read_preset("health.fr"), number=NUMBER)
    swept = await spool.sweep(tmp_path, store)
    assert (swept.complete, swept.left) == (1, 0)
    stored = store.call(inbound.call_id)
    assert stored is not None
    assert stored.outcome is CallOutcome.FAILED
    (message,) = store.messages()
    assert message.taken.callback_number == CALLER
    assert "À rappeler" in message.taken.reason


async def test_a_number_that_belongs_to_nobody_goes_aside_and_is_not_sent_for_ever(tmp_path: Path) -> None:
    await keep_missed(inbound_call(dialed="+33478999999"), tmp_path)
    swept = await spool.sweep(tmp_path, MemoryCallStore())
    assert (swept.quarantined, swept.left) == (1, 0)
