"""The demo as a newcomer runs it: the real entry, real audio in real time, the embedded database. Its JSON is judged here."""

import json
import subprocess
import sys
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = ("book-fr", "calendar-unreachable", "slot-taken", "hangup-during-write")

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """All four at once, each in a lane of its own: about 80 s."""
    folder = tmp_path_factory.mktemp("demo")
    document = folder / "calls.json"
    command = [
        *(sys.executable, "-m", "demo", "--scenario", ",".join(SCENARIOS), "--json", str(document), "--quiet"),
        *("--lanes", "4", "--keep", str(folder / "recordings"), "--data", str(folder / "data")),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert document.exists(), done.stderr
    found = json.loads(document.read_text(encoding="utf-8"))
    assert (done.returncode == 0) is found["ok"]
    assert done.returncode == 0, done.stderr
    return {call["scenario"]: call for call in found["calls"]}


def standing(call: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Bookings of this call that the calendar holds."""
    return [
        (b["service"], b["start"], b["attendee"])
        for b in call["calendar"]
        if b["status"] == "accepted" and not b["foreign"] and not b["seeded"]
    ]


def tool_statuses(call: Mapping[str, Any], tool: str) -> list[str]:
    events = (row["body"] for row in call["records"]["events"] if row["kind"] == "tool_called")
    return [json.loads(event["result"])["status"] for event in events if event["tool"] == tool]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_check_is_named_and_holds(calls: Mapping[str, dict[str, Any]], name: str) -> None:
    checks = calls[name]["verdict"]["checks"]
    assert {check["group"] for check in checks} == {"records", "audio", "expected"}
    assert [check for check in checks if not check["ok"]] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_recording_is_stereo_with_both_sides_on_it(calls: Mapping[str, dict[str, Any]], name: str) -> None:
    with wave.open(calls[name]["recording"], "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
        assert file.getnframes() / file.getframerate() > 20
    assert max(samples[0::2].tolist()) > 2_000
    assert max(samples[1::2].tolist()) > 2_000


def test_a_patient_is_booked_for_the_afternoon_he_changed_his_mind_to(calls: Mapping[str, dict[str, Any]]) -> None:
    call = calls["book-fr"]
    assert standing(call) == [("detartrage", "2026-11-26T14:00", "Jean Dupont")]
    [row] = call["records"]["bookings"]
    [booking] = call["calendar"]
    assert (row["state"], row["calendar_uid"], row["attendee_name"]) == ("confirmed", booking["uid"], "Jean Dupont")
    assert call["records"]["call"]["outcome"] == "booked"
    assert call["records"]["call"]["cost_total"] is not None
    assert [turn for turn in call["turns"] if turn["interrupted"]]


def test_each_answer_has_its_latency_and_what_it_was_made_of(calls: Mapping[str, dict[str, Any]]) -> None:
    call = calls["book-fr"]
    timed = [turn for turn in call["turns"] if turn["on_the_line_ms"] is not None]
    assert len(timed) == 7
    for turn in timed:
        agent = turn["latency"]
        assert agent["total"] is not None
        assert agent["endpointing"] is not None
        assert agent["tts_ttfb"] is not None
        assert (
            abs(turn["on_the_line_ms"] - agent["total"]) < 400
        )  # the line hears what the agent claims, give or take the VAD
    assert call["latency"]["on_the_line"]["turns"] == 7
    assert 0 < call["latency"]["on_the_line"]["p50"] < 1_500


def test_an_unreachable_calendar_is_not_a_full_one(calls: Mapping[str, dict[str, Any]]) -> None:
    call = calls["calendar-unreachable"]
    assert standing(call) == []
    assert set(tool_statuses(call, "find_slots")) == {"unavailable"}
    assert call["records"]["call"]["outcome"] == "message_taken"
    [message] = call["records"]["messages"]
    assert message["callback_number"] == call["caller"]


def test_a_taken_slot_leads_to_another_one(calls: Mapping[str, dict[str, Any]]) -> None:
    call = calls["slot-taken"]
    assert tool_statuses(call, "book_slot") == ["gone", "booked"]
    assert standing(call) == [("detartrage", "2026-11-26T09:30", "Jean Dupont")]
    assert [b["start"] for b in call["calendar"] if b["foreign"]] == ["2026-11-26T09:00"]
    assert [row["state"] for row in call["records"]["bookings"]] == ["refused", "confirmed"]


def test_a_caller_who_hangs_up_during_the_write_is_called_back(calls: Mapping[str, dict[str, Any]]) -> None:
    call = calls["hangup-during-write"]
    assert standing(call) == [("detartrage", "2026-11-26T09:00", "Jean Dupont")]
    assert [row["state"] for row in call["records"]["bookings"]] == ["confirmed"]
    [message] = call["records"]["messages"]
    assert (message["follow_up"], message["callback_number"]) == ("booking_doubt", call["caller"])
    assert call["records"]["call"]["ended_by"] == "caller"
