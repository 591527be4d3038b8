"""One embedded stack for all calls of a test process: database, stand-ins, the agent's resources on them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stack import DemoClock, open_stack
from tests.fakes.ringing import House


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def open_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_stack(data=tmp_path_factory.mktemp("ava"), clock=DemoClock()) as stack:
        yield House(stack)


@pytest_asyncio.fixture(loop_scope="session")
async def house(open_house: House) -> House:
    """The house as on its first day: no faults, no scripts, empty logs."""
    await open_house.as_on_the_first_day()
    return open_house
