"""Calls at once are judged as the bench says: what callers heard, when a round holds, which comes next, whose CPU it was."""

import asyncio
import json
import os
import sys

import psutil
import pytest

from bench.callers import SAYS, plan_of
from bench.density import LADDER, Climb, Heard, Round, largest, next_size, turns_of
from bench.density_report import Results, as_json, as_markdown, as_table
from bench.floor import Latencies
from bench.usage import BENCH, WORKER, Groups, Usage, Watch
from sandbox.callers import known_utterances
from sandbox.two_way import Spoken, Stretch, TwoWay

IDLE = Usage(5.0, cores={WORKER: 0.2}, busy=0.3, worker_mb=400.0)


def line(spoken: list[tuple[float, float]], ava: list[tuple[float, float]]) -> TwoWay:
    two_way = TwoWay(spoken=[Spoken("fr-where", *times) for times in spoken])
    two_way.ava.stretches = [Stretch(*times) for times in ava]
    return two_way


def a_round(calls: int, ms: float = 700.0, *, heard: list[Heard] | None = None, worker: float = 0.5) -> Round:
    usage = Usage(60.0, cores={WORKER: worker, BENCH: 0.2}, busy=0.9, worker_mb=400.0 + 50 * calls, private_mb=48.0)
    return Round(calls, heard or [Heard(0.8, (ms,) * 20)] * calls, usage)


def climb(*rounds: Round) -> Climb:
    return Climb(IDLE, rounds=list(rounds))


def test_a_wait_is_from_the_callers_last_sound_to_avas_first() -> None:
    """The greeting answers nothing, and a second sentence of an answer is not another answer."""
    heard = Heard.of(
        line([(3.0, 5.0), (9.0, 11.0)], [(0.3, 1.9), (5.75, 7.0), (7.5, 8.0), (11.8, 13.0)]), picked_up=0.9, cut=False
    )
    assert heard.answers == pytest.approx((750.0, 800.0))
    assert heard.why_failed is None


def test_an_answer_into_the_callers_pause_is_no_fast_answer() -> None:
    heard = Heard.of(line([(3.0, 5.0)], [(4.0, 6.0)]), picked_up=0.9, cut=False)
    assert (heard.answers, heard.too_early, heard.unanswered) == ((), 1, 0)


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (Heard(None), "not answered"),
        (Heard.of(line([(3.0, 5.0)], [(0.3, 1.9)]), picked_up=0.9, cut=False), "turn unanswered"),
        (Heard.of(line([(3.0, 5.0)], [(5.7, 6.9)]), picked_up=0.9, cut=True), "cut"),
    ],
)
def test_a_call_fails_in_three_ways_and_no_round_holds_with_one(heard: Heard, why: str) -> None:
    one = a_round(2, heard=[Heard(0.8, (700.0,) * 20), heard])
    assert one.failed == {why: 1}
    assert not one.holds(a_round(1))


@pytest.mark.parametrize(("ms", "holds"), [(700.0, True), (839.0, True), (841.0, False)])
def test_a_round_holds_within_a_fifth_of_one_call_alone(ms: float, holds: bool) -> None:
    assert a_round(4, ms).holds(a_round(1, 700.0)) is holds


@pytest.mark.parametrize(
    ("held", "next_one", "best"),
    [
        ({}, 1, 0),
        ({1: False}, None, 0),
        ({1: True, 2: True}, 4, 2),
        ({1: True, 2: True, 4: True, 8: False}, 6, 4),
        ({1: True, 2: True, 4: True, 8: False, 6: True}, 7, 6),
        ({1: True, 2: True, 4: True, 8: False, 6: True, 7: False}, None, 6),
        (dict.fromkeys(LADDER, True), None, LADDER[-1]),
        ({1: True, 2: False, 4: True}, None, 1),
    ],
)
def test_the_ladder_ends_where_the_largest_is_known_to_the_call(
    held: dict[int, bool], next_one: int | None, best: int
) -> None:
    assert (next_size(held), largest(held)) == (next_one, best)


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 24])
def test_every_round_has_turns_enough_for_a_tail_and_every_call_is_a_conversation(calls: int) -> None:
    assert calls * turns_of(calls) >= 12
    assert turns_of(calls) >= 5
    assert set(plan_of(turns_of(calls))) == set(SAYS)
    assert set(SAYS) <= set(known_utterances())


def test_a_call_is_charged_with_what_the_worker_takes_more_than_without_calls() -> None:
    two = a_round(2, worker=0.7)
    way = climb(a_round(1), two)
    assert way.cpu_of_a_call(two) == pytest.approx(0.25)
    assert way.mb_of_a_call(two) == pytest.approx(50.0)


def test_the_tables_and_the_json_say_the_same_largest() -> None:
    way = climb(a_round(1), a_round(2), a_round(4, heard=[Heard(None)] * 4), a_round(3))
    results = Results({"processes": way}, {"processes": "a process per call"}, Latencies(), True, 60.0)
    assert json.loads(as_json(results))["ways"]["processes"]["largest"] == 3
    for text in (as_table(results), as_markdown(results)):
        assert "a process per call: 3 calls at once" in text.replace("A process", "a process")
        assert "4 not answered" in text


async def test_cpu_is_told_apart_by_whose_process_it_is() -> None:
    """A child's counts as its family's, also when it has ended meanwhile; memory is read of the family that is asked for."""
    burn = "import time\nwhile time.process_time() < 0.15: pass\n"
    parent = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint(flush=True)\nsys.stdin.read()"
    )
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    watch = Watch(Groups({WORKER: [child.pid]}))
    await child.stdout.readline()
    usage = watch.stop(jobs=[psutil.Process(os.getpid())])
    await child.communicate(b"")
    assert usage.worker * usage.seconds > 0.1
    assert set(usage.cores) == {WORKER, BENCH, "stand-ins and database"}
    assert 1.0 < usage.worker_mb < 200.0
    assert usage.private_mb is not None
    assert usage.private_mb > 10.0
