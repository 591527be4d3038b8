"""The real LiveKit server tells who has left, Langfuse gets the whole call: what arrives of one, decoded."""

import asyncio
import json
from typing import Any

import pytest

from demo.exchange import LOST_SECONDS
from demo.ring import expect_plan, ringing
from tests.fakes.real_line import Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

CALLER = "+33655555555"


async def until(found: Any, seconds: float) -> Any:
    """What it gives, as soon as it gives anything."""
    async with asyncio.timeout(seconds):
        while True:
            if value := await found():
                return value
            await asyncio.sleep(0.2)


async def test_what_arrives_of_one_call(line: Line) -> None:
    """LiveKit's notices are verified and kept, its worker closes the call itself, and its trace is whole, tagged, and nameless,
    though the process that made it is gone. Then the record is put back to as it was before its worker closed it, as if that
    had died: it is closed as lost, with the time that LiveKit told."""
    await expect_plan(line.exchange, ["fr-where"])
    async with ringing(line.exchange, line.number, caller=CALLER) as rung:
        await rung.greeted()
        await rung.says("fr-where")
    call = await line.exchange.owner.call_of(dialed=rung.dialed, caller=CALLER, after=rung.at)
    call_id = call["call_id"]
    assert (call["ended_by"], call["outcome"] in ("answered", "abandoned")) == ("caller", True)
    leg = await _leg(line, call_id)
    await _check_trace(line, call)
    await _closed_as_lost(line, call_id, leg)


async def _leg(line: Line, call_id: str) -> dict[str, Any]:
    async def left() -> list[dict[str, Any]]:
        return line.exchange.database.select(
            "select legs.* from line_legs as legs join calls using (sip_call_id)"
            " where calls.call_id = %s and legs.left_at is not null",
            call_id,
        )

    [leg] = await until(left, 15)
    assert leg["room_sid"].startswith("RM_")
    assert leg["joined_at"] <= leg["left_at"]
    return leg


async def _check_trace(line: Line, call: dict[str, Any]) -> None:
    async def spans() -> list[dict[str, Any]]:
        received = (
            await line.exchange.platform.http.get(f"{line.exchange.platform.urls['langfuse']}/_ctl/spans")
        ).json()
        of_call = [s for s in received["spans"] if s["attributes"].get("langfuse.session.id") == call["call_id"]]
        return of_call if any(s["name"] == "call" for s in of_call) else []

    found = await until(spans, 20)
    [root] = [span for span in found if span["name"] == "call"]
    [tenant] = line.exchange.database.select("select tenant_id from calls where call_id = %s", call["call_id"])
    assert root["attributes"]["langfuse.trace.tags"] == [
        "call", "fr", f"tenant:{tenant['tenant_id']}", f"assistant:{call['assistant_id']}", f"version:{call['version']}",
        f"outcome:{call['outcome']}",
    ]  # fmt: skip
    assert {"agent_session", "llm_request"} <= {span["name"] for span in found if span["trace_id"] == root["trace_id"]}
    everything = json.dumps(found, ensure_ascii=False)
    for personal in (CALLER.lstrip("+"), line.number.lstrip("+"), *(turn["text"] for turn in call["transcript"])):
        at = everything.find(personal)
        assert at < 0, everything[max(0, at - 200) : at + 100]


async def _closed_as_lost(line: Line, call_id: str, leg: dict[str, Any]) -> None:
    line.exchange.database.select(
        "update calls set closed_at = null, outcome = null, ended_at = null, ended_by = null where call_id = %s returning 1",
        call_id,
    )

    async def closed() -> dict[str, Any] | None:
        call = await line.exchange.owner.ask("GET", f"/v1/calls/{call_id}")
        return call if call["outcome"] else None

    call = await until(closed, 4 * LOST_SECONDS)
    assert (call["outcome"], call["ended_by"]) == ("lost", "failure")
    [row] = line.exchange.database.select("select started_at, ended_at from calls where call_id = %s", call_id)
    assert row["ended_at"] == max(leg["left_at"], row["started_at"])
