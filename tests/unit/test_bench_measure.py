"""The instruments of the bench measure what they say: an end of speech, a percentile, a late loop, a floor, a verdict."""

import asyncio
import json
import time

import pytest

from bench.floor import PLAIN_WORDS, Floor, Latencies, configured, first_sentence
from bench.measure import Cost, Spread, measured, percentile
from bench.placed import Kind, Stages, Taken
from bench.report import Results, as_json, as_markdown, as_table, verdicts
from sandbox.callers import get_recording
from sandbox.hearing import heard_to
from sandbox.voice import speak

FLOOR = Floor(stt=175, sentence=240, call=250, tool_sentence=280, calendar=200, tts=100)


@pytest.mark.parametrize("silence_ms", [0, 180, 700])
def test_the_end_of_speech_is_where_it_is_last_heard_however_long_the_file_goes_on(silence_ms: int) -> None:
    pcm = speak("Je voudrais un rendez-vous.", "fr", rate_hz=16_000).pcm
    spoken = len(pcm) / 2 / 16_000
    assert heard_to(pcm + b"\0" * (silence_ms * 32), 16_000) == pytest.approx(spoken, abs=0.06)


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_recording_is_heard_to_the_same_moment_at_any_rate(rate: int) -> None:
    recording = get_recording("fr-want-thursday", rate_hz=rate)
    assert heard_to(recording.pcm, rate) == pytest.approx(2.78, abs=0.02)
    assert heard_to(recording.pcm, rate) < recording.duration_ms / 1000 - 0.1


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5.0], 0.95, 5.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), (list(map(float, range(1, 101))), 0.95, 95.0)],
)
def test_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_no_values_have_no_percentile_and_no_spread() -> None:
    assert Spread.of([]) is None
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


async def test_a_blocked_loop_shows_in_the_lag_and_in_the_cpu() -> None:
    async with measured() as cost:
        await asyncio.sleep(0.02)
        until = time.process_time() + 0.08  # of the processor: whatever else this machine is doing
        while time.process_time() < until:
            pass
        await asyncio.sleep(0.01)
    assert max(cost.lag_ms) > 35
    assert cost.cpu_seconds >= 0.03
    assert cost.disturbed


def test_the_floor_counts_every_provider_once_and_the_tool_chain_asks_the_model_twice() -> None:
    slow = Latencies(stt_final=150, llm_ttft=200, llm_token=0, tts_ttfb=100, calendar_read=300)
    assert configured(slow).plain == 25 + 150 + 200 + 100
    assert configured(slow).tool == 25 + 150 + 200 + 300 + 200 + 100
    tokens = configured(Latencies(llm_token=10)).sentence - 200
    assert 0 < tokens / 10 <= len(first_sentence(PLAIN_WORDS))


def _taken(subject: str, plain: list[float], tool: list[float], greeting: float = 0.0) -> Taken:
    turns: dict[Kind, list[float]] = {"plain": plain, "tool": tool}
    stages: dict[Kind, list[Stages]] = {
        kind: [Stages([176.0], [186.0], [], [ms - 101], ms) for ms in turns[kind]] for kind in turns
    }
    cost = Cost(seconds=30.0, cpu_seconds=1.5, lag_ms=[0.1, 0.2, 3.0])
    return Taken(subject, turns, stages, greeting_ms=greeting, cost=cost)


def _results(plain: float = 540.0, tool: float = 550.0, greeting: float = 10.0) -> Results:
    taken = {
        "ava": [_taken("ava", [plain], [tool])],
        "bare": [_taken("bare", [630.0, 630.0, 2700.0], [1150.0], greeting=140.0)],
        "greeting_cold": [_taken("ava", [], [], greeting=115.0)],
        "greeting_warm": [_taken("ava", [], [], greeting=greeting)],
        "ablation:ava": [_taken("ava", [plain], [tool])],
        "ablation:mp3": [_taken("mp3", [plain + 25], [])],
    }
    return Results(taken, FLOOR, FLOOR, Latencies(), (0.5, 0.6), 0, 60.0)


def test_what_was_wanted_is_reached_or_missed_by_the_number() -> None:
    assert [v.reached for v in verdicts(_results())] == [True, True, True, True]
    assert [v.reached for v in verdicts(_results(plain=606.0))] == [False, True, True, True]
    assert [v.reached for v in verdicts(_results(plain=640.0))] == [False, False, True, True]
    assert [v.reached for v in verdicts(_results(tool=1001.0))] == [True, True, False, True]
    assert [v.reached for v in verdicts(_results(greeting=81.0))] == [True, True, True, False]


def test_turns_that_were_taken_for_unfinished_are_counted_and_left_out_of_the_comparison() -> None:
    results = _results()
    assert results.waited("bare") == 0.25
    assert results.prompt_turns("bare", "plain") == [630.0, 630.0]
    assert "25%" in as_markdown(results)


def test_the_stored_result_is_whole_and_names_no_place() -> None:
    stored = json.loads(as_json(_results()))
    assert stored["calls"]["ava"]["turns_ms"]["plain"]["p50"] == 540.0
    assert stored["floor_ms"]["configured"] == {**FLOOR.as_json()}
    assert set(stored["machine"]) == {"cores", "memory_gb", "architecture", "system", "python", "packages"}
    for text in (as_json(_results()), as_markdown(_results()), as_table(_results())):
        assert "/" + "work" not in text
        assert "/home" not in text
