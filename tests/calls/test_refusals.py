"""Calls that no assistant can answer: heard as speech, then ended, and nobody else is bothered."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.lastknown import LastKnownGood
from agent.resources import Resources
from agent.sweep import sweep
from tests.fakes.ringing import ANSWER, QUESTION, House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _heard_as_speech(ring: Ring) -> None:
    assert ring.opened == [], "there is no call to close"
    spoken = sum(stretch.ended - stretch.began for stretch in ring.line.heard)
    assert spoken > 2.0
    assert ring.line.down.is_set()
    assert ring.line.now - ring.line.heard[-1].ended < 1.0


async def test_unknown_paused_and_unreadable_are_told_so(house: House) -> None:
    paused = house.assistant()
    house.stack.database.pause(house.seeded[paused].assistant_id)
    stored = house.config().model_dump(mode="json")
    del stored["hours"]
    numbers = ["+33478009999", paused, house.seed(stored)]

    async def refused(number: str) -> Ring:
        async with house.ring(number) as ring:
            await ring.over()
        return ring

    rings = await asyncio.gather(*(refused(number) for number in numbers))
    for ring in rings:
        _heard_as_speech(ring)
    unknown, *known = rings
    assert unknown.rows("calls") == []
    assert [ring.row()["outcome"] for ring in known] == ["refused", "refused"]
    for app in ("openai", "deepgram", "elevenlabs", "calcom"):
        assert await house.log(app) == [], f"{app} was asked for a call that can't be answered"


async def test_database_down_is_an_apology_or_the_last_known_good_delivered_once_it_is_back(
    house: House, tmp_path: Path
) -> None:
    number = house.assistant()
    resources: Resources = replace(house.resources, known=LastKnownGood(tmp_path / "numbers"), spool=tmp_path / "spool")
    async with house.ring(number, resources=resources) as first:
        await first.greeted()

    async def known_to_us() -> Ring:
        async with house.ring(number, resources=resources) as ring:
            await ring.greeted()
            await ring.asks(QUESTION)
            await ring.hang_up()
        return ring

    async def never_seen() -> Ring:
        async with house.ring(other) as ring:
            await ring.over()
        return ring

    other = house.assistant()
    house.stack.database.stop_postgrest()
    try:
        ring, refused = await asyncio.gather(known_to_us(), never_seen())
    finally:
        house.stack.database.start_postgrest()
    _heard_as_speech(refused)
    assert refused.rows("calls") == []
    assert ring.said[-1] == ANSWER
    assert ring.rows("calls") == []
    await sweep(resources)
    await sweep(resources)
    assert ring.row()["outcome"] == "answered"
    kinds = [row["kind"] for row in ring.rows("call_events")]
    assert kinds.count("caller_said") == 1
    assert not list((tmp_path / "spool").glob("*.jsonl"))
