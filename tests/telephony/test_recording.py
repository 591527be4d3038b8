"""A recorded call on the real line: what is kept of it, where, and that the link in its record plays it."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from demo.exchange import LOOPBACK
from demo.owner import ROUND_THE_CLOCK, OnTheLine
from demo.ring import Rung, expect_plan, ringing
from sandbox.two_way import RATE as PHONE_RATE
from tests.fakes.real_line import SHORT_GREETING, Line
from tests.fakes.tapes import STEPS, delay, envelope, level, likeness, read_tape, samples

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+33478000070"
NOTICE = "Cet appel est enregistré ; dites-le-moi si vous ne le souhaitez pas."
_SILENT = -55.0  # dB of full scale: codecs leave a little


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def recorded(open_line: Line) -> OnTheLine:
    """A number whose calls are recorded."""
    changes: dict[str, Any] = {
        "hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING, "recording": {"enabled": True, "consent": NOTICE},
    }  # fmt: skip
    return await open_line.exchange.owner.puts_on_the_line([NUMBER], allowed=[LOOPBACK], **changes)


async def record_of(line: Line, rung: Rung) -> dict[str, Any]:
    return await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)


def files_of(line: Line, call_id: str) -> list[Path]:
    """Wherever the worker may have one: where recordings are kept, and its own folder."""
    data = line.exchange.recordings.parent
    return sorted([*line.exchange.recordings.glob(f"*/{call_id}/*.ogg"), *data.glob(f"tapes/{call_id}.*.ogg")])


async def test_the_link_in_the_record_plays_the_call_as_the_telephone_had_it(line: Line, recorded: OnTheLine) -> None:
    """The caller on the left, AVA on the right, both on one clock, silence where nobody spoke; and the file is the one that is
    kept."""
    await expect_plan(line.exchange, ["fr-where", "fr-pay-card"])
    async with ringing(line.exchange, NUMBER, caller="+33670000001") as rung:
        await rung.greeted()
        await rung.says("fr-where")
        await rung.says("fr-pay-card")
        await rung.phone.hang_up()
    record = await record_of(line, rung)
    content = await line.exchange.owner.recording_of(record["call_id"])
    [file] = files_of(line, record["call_id"])
    assert file.read_bytes() == content
    left, right = read_tape(content)
    phone = rung.phone.line
    caller, ava = (envelope(samples(bytes(track.pcm)), PHONE_RATE) for track in (phone.caller, phone.ava))
    on_left, on_right = envelope(left), envelope(right)
    late_caller, late_ava = delay(caller, on_left, STEPS), delay(ava, on_right, STEPS)
    assert likeness(caller, on_left, late=late_caller, rate=STEPS) > 0.8
    assert likeness(ava, on_right, late=late_ava, rate=STEPS) > 0.8
    # the telephone sends a word before the room has it, and hears AVA after: by as much as the line takes, both ways
    assert -0.1 < late_caller - late_ava < 0.8, (late_caller, late_ava)
    for spoken in phone.spoken:
        began, ended = spoken.began + late_caller, spoken.ended + late_caller
        assert level(left, began, ended) > -40
        assert level(right, began + 0.2, ended - 0.2) < _SILENT
    for heard in phone.ava.stretches:
        began, ended = heard.began + late_ava, heard.ended + late_ava
        assert level(right, began, ended) > -40
        assert level(left, began + 0.2, ended - 0.2) < _SILENT
    assert (record["recordings"] or [{}])[0].get("bytes", len(content)) == len(content)


async def test_a_caller_who_objects_on_the_telephone_is_not_recorded(line: Line, recorded: OnTheLine) -> None:
    """AVA says that the call is not recorded, the call goes on, and nothing of it is on any disk."""
    await expect_plan(line.exchange, ["fr-no-recording", "fr-where"])
    async with ringing(line.exchange, NUMBER, caller="+33670000002") as rung:
        await rung.greeted()
        await rung.says("fr-no-recording")
        await rung.says("fr-where")
        await rung.phone.hang_up()
    assert rung.unanswered == []
    record = await record_of(line, rung)
    assert "stop_recording" in [use["tool"] for use in record["tool_uses"]]
    said = " ".join(turn["text"] for turn in record["transcript"] if turn["speaker"] == "assistant")
    assert "n'est pas enregistré" in said
    assert (record["recordings"], record["has_recording"], files_of(line, record["call_id"])) == ([], False, [])


async def test_where_recording_is_off_nothing_is_recorded(line: Line) -> None:
    await expect_plan(line.exchange, ["fr-where"])
    async with ringing(line.exchange, line.number, caller="+33670000003") as rung:
        await rung.greeted()
        await rung.says("fr-where")
        await rung.phone.hang_up()
    record = await record_of(line, rung)
    assert (record["recordings"], record["has_recording"], files_of(line, record["call_id"])) == ([], False, [])
