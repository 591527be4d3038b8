"""The end of a call: no dead air before the line goes down, and no work between the goodbye and the hang-up."""

import pytest

from contracts.call import CallOutcome
from tests.fakes.ringing import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_line_goes_down_with_the_farewell_and_the_record_is_closed_after_it(house: House) -> None:
    async with house.ring(house.assistant(farewell="Au revoir !")) as ring:
        await ring.greeted()
        await ring.says("Non merci, c'est tout, au revoir.")
        await ring.over()
        assert ring.line.down.is_set()
        silence = ring.line.now - ring.line.heard[-1].ended
        assert silence < 0.8, f"{silence:.2f} s of dead air"
        assert "Au revoir !" in ring.said
        before = ring.row()
        assert before["outcome"] is None, "the caller has gone before the record is closed"
        closing = await ring.finish()
    row = ring.row()
    assert closing.ended_by == row["ended_by"] == "assistant"
    assert row["outcome"] == closing.outcome == CallOutcome.ABANDONED
    assert row["ended_at"] is not None
    assert closing.usage.llm_input_tokens > 0
    assert closing.cost is not None
    assert closing.cost.total > 0
    journals = (house.data / "spool").glob(f"{ring.inbound.call_id}*.jsonl")
    assert list(journals) == [], "everything was delivered"
    stored = {row["kind"] for row in ring.rows("call_events")}
    assert {"caller_said", "assistant_said", "tool_called"} <= stored
