"""A recorded call: who is on which side, from when on, and what becomes of it when the caller objects."""

from pathlib import Path
from typing import Any

import pytest

from agent.phrases import PHRASES
from demo.line import RATE
from sandbox.callers import get_recording
from tests.fakes.ringing import ANSWER, QUESTION, House, Ring
from tests.fakes.tapes import STEPS, Samples, delay, envelope, level, likeness, read_tape, samples

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTICE = "Cet appel est enregistré ; dites-le-moi si vous ne le souhaitez pas."
RECORDED: dict[str, Any] = {"recording": {"enabled": True, "consent": NOTICE}}
OBJECTION = "Non, je ne veux pas être enregistré."
SILENT = -60.0  # dB of full scale


def kept(house: House, ring: Ring) -> list[Path]:
    """Where recordings are kept, of this call."""
    return sorted(Path(house.resources.settings.ava_recordings).glob(f"*/{ring.inbound.call_id}/*.ogg"))


def on_disk(house: House, ring: Ring) -> list[str]:
    """What the worker's own folder still has of it."""
    return sorted(path.name for path in (house.data / "tapes").glob(f"{ring.inbound.call_id}.*"))


def sides(ring: Ring) -> tuple[Samples, Samples]:
    """What was really sent into the line, tick by tick: by the caller, by AVA."""
    return samples(b"".join(ring.line.timeline.caller)), samples(b"".join(ring.line.timeline.ava))


async def test_the_caller_is_on_the_left_and_ava_on_the_right_on_one_clock(house: House) -> None:
    """The file holds what each side sent into the line, nothing of the other, and both as far apart as they were."""
    async with house.ring(house.assistant(**RECORDED)) as ring:
        await ring.greeted(0.6)
        await ring.asks(QUESTION)
    [file] = kept(house, ring)
    left, right = read_tape(file)
    caller, ava = sides(ring)
    late_caller, late_ava = delay(caller, left), delay(ava, right)
    for sent, kept_of_it, late in ((caller, left, late_caller), (ava, right, late_ava)):
        alike = likeness(envelope(sent), envelope(kept_of_it), late=late, rate=STEPS)
        assert alike > 0.9, (alike, late)
    assert abs(late_caller - late_ava) < 0.08, (late_caller, late_ava)
    spoken = ring.line.spoken[0]
    began, ended = spoken.began * 0.02 + late_caller, spoken.ended * 0.02 + late_caller
    assert level(left, began, ended) > -40
    assert level(right, began + 0.1, ended - 0.1) < SILENT, "AVA is silent while the caller speaks"
    heard = ring.line.heard[0]
    assert level(left, heard.began + late_ava, heard.ended + late_ava) < SILENT, "the caller is while AVA greets"
    assert (len(left) / RATE) == pytest.approx(ring.line.now, abs=1.5)
    [row] = ring.rows("call_recordings")
    assert (row["bytes"], row["seconds"]) == (file.stat().st_size, pytest.approx(len(left) / RATE, abs=0.2))
    assert ring.row()["recording"] == row["object_key"] == "/".join(file.parts[-3:])
    assert on_disk(house, ring) == []


async def test_a_call_is_not_recorded_unless_callers_are_told(house: House) -> None:
    """Off, or on without a sentence that says so: no file, no row, and no notice."""
    for setting in ({"enabled": False, "consent": NOTICE}, {"enabled": True, "consent": " "}):
        async with house.ring(house.assistant(recording=setting)) as ring:
            await ring.greeted()
            await ring.asks(QUESTION)
        assert (kept(house, ring), on_disk(house, ring), ring.rows("call_recordings")) == ([], [], [])
        assert NOTICE not in " ".join(ring.said)


async def test_nothing_of_the_caller_is_kept_before_the_notice_has_been_said(house: House) -> None:
    """What the caller's telephone hears of their room is on the recording from the end of the notice on, AVA from her first
    word."""
    room = get_recording("noise-line", rate_hz=RATE).pcm
    async with house.ring(house.assistant(**RECORDED), noise=room) as ring:
        await ring.greeted(1.5)
    [file] = kept(house, ring)
    left, right = read_tape(file)
    _, ava = sides(ring)
    told = ring.line.heard[-1].ended + delay(ava, right)
    assert level(left, 0, told - 0.1) < level(samples(room)) - 30
    assert level(left, told + 0.3, told + 1.0) == pytest.approx(level(samples(room)), abs=3)
    assert level(right, 0, told) > -40


async def test_a_notice_that_was_spoken_over_is_said_again_before_the_answer(house: House) -> None:
    """And until then nothing of the caller is kept."""
    number = house.assistant(greeting="Bonjour et bienvenue au cabinet dentaire du Parc.", **RECORDED)
    async with house.ring(number) as ring:
        await ring.hears(1)
        while ring.line.now < 0.8:
            await ring.line.next_tick()
        await ring.says(QUESTION, sound="fr-confirm")
        await ring.hears_more(1.2)
        await ring.asks(QUESTION)
    assert ring.said[1:] == [NOTICE, ANSWER, ANSWER]
    [file] = kept(house, ring)
    left, _ = read_tape(file)
    late = delay(sides(ring)[0], left)
    first, second = ((s.began * 0.02 + late, s.ended * 0.02 + late) for s in ring.line.spoken)
    assert level(left, *first) < SILENT
    assert level(left, *second) > -40


async def test_a_caller_who_objects_is_not_recorded_and_what_was_is_erased(house: House) -> None:
    """At once, while the call goes on: AVA says so, and no file, object or row of it is anywhere when it is over."""
    await house.model_says(
        {"when_user_matches": "enregistr", "tool_calls": [{"name": "stop_recording", "arguments": {}}]}
    )
    async with house.ring(house.assistant(**RECORDED)) as ring:
        await ring.greeted(0.6)
        await ring.asks(OBJECTION)
        assert [
            path for path in (house.data / "tapes").glob(f"{ring.inbound.call_id}.*") if path.suffix == ".ogg"
        ] == []
        await ring.asks(QUESTION)
    assert ring.said[1:] == [PHRASES["fr"].not_recorded, ANSWER]
    assert "stop_recording" in [tool.tool for tool in ring.tools]
    assert (kept(house, ring), ring.rows("call_recordings"), ring.row()["recording"]) == ([], [], None)


async def test_an_objection_holds_whatever_the_model_makes_of_it(house: House) -> None:
    """Code hears it: a model that talks of something else leaves nothing recorded."""
    await house.model_says({"when_user_matches": "enregistr", "content": "Très bien."})
    async with house.ring(house.assistant(**RECORDED)) as ring:
        await ring.greeted(0.6)
        await ring.asks(OBJECTION)
    assert [tool.tool for tool in ring.tools] == ["stop_recording"]
    assert (kept(house, ring), ring.rows("call_recordings")) == ([], [])
    assert [name for name in on_disk(house, ring) if name.endswith(".ogg")] == []
