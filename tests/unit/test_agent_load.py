"""The load that a worker reports."""

import asyncio
import time

from livekit.agents import AgentServer

from agent.load import MOST, LoopLag, free_memory, measured

PLENTY = 8 * 1024**3


def test_it_is_what_was_measured() -> None:
    """The framework's figure, as LiveKit weighs workers by."""
    assert measured(LoopLag(), cpu=lambda _: 0.4, memory=lambda: PLENTY)(AgentServer()) == 0.4


def test_a_machine_that_is_wholly_busy_is_not_reported_so() -> None:
    """LiveKit's server would send it nothing, however high the worker's own threshold is."""
    assert measured(LoopLag(), cpu=lambda _: 1.0, memory=lambda: PLENTY)(AgentServer()) == MOST


def test_without_memory_for_a_few_more_calls_it_is_full() -> None:
    """A job that does not fit would be killed, perhaps with another one."""
    assert measured(LoopLag(), cpu=lambda _: 0.1, memory=lambda: 100 * 1024**2)(AgentServer()) == MOST


async def test_a_loop_that_comes_late_weighs_as_much_as_a_busy_machine() -> None:
    """What blocks the main process keeps LiveKit's offers waiting, however idle the CPU is."""
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    for _ in range(4):
        await asyncio.sleep(0.05)
        time.sleep(0.5)  # noqa: ASYNC251 - the blocking that is to be seen
    await asyncio.sleep(0)
    watching.cancel()
    assert lag.seconds() > 0.2
    assert measured(lag, cpu=lambda _: 0.1, memory=lambda: PLENTY)(AgentServer()) > 0.7


def test_the_frameworks_own_measure_is_one_of_a_worker() -> None:
    """What the worker is built with: a share of this machine."""
    assert 0.0 <= measured(LoopLag())(AgentServer()) <= MOST


def test_memory_is_measured_in_bytes() -> None:
    """Of this machine, or of its container."""
    assert 1024**2 < free_memory() < 2**50
