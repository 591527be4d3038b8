"""What is done again and again: whatever happens, and no longer than the server runs."""

import asyncio

import pytest

from contracts.errors import StoreUnavailable
from control_api.rounds import go_round, rounds


async def test_it_goes_on_whatever_happens() -> None:
    """A database that is away, and a defect, each cost one round; rounds are never at fixed times."""
    waited: list[float] = []
    chances = iter([0.0, 0.5, 1.0, 0.5, 0.5])
    done = 0

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 5:
            raise asyncio.CancelledError

    async def work() -> int:
        nonlocal done
        done += 1
        if done == 1:
            raise StoreUnavailable("away")
        if done == 2:
            raise ZeroDivisionError
        return done

    with pytest.raises(asyncio.CancelledError):
        await go_round(work, name="work", every=20.0, sleep=sleep, chance=lambda: next(chances))
    assert done == 4
    assert waited[:3] == [15.0, 20.0, 25.0]


async def test_it_begins_with_the_server_and_ends_with_it() -> None:
    """Leaving the context leaves no task behind."""
    worked = asyncio.Event()

    async def work() -> None:
        worked.set()

    async with rounds(work, name="work", every=0.01):
        async with asyncio.timeout(2):
            await worked.wait()
        assert "work" in {task.get_name() for task in asyncio.all_tasks()}
    assert "work" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_work_that_another_process_does_is_not_begun() -> None:
    async with rounds(lambda: asyncio.sleep(0), name="work", every=0):
        assert "work" not in {task.get_name() for task in asyncio.all_tasks()}
