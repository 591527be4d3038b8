"""One control plane for all tests of a process."""

import contextlib
import inspect
import io
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from observing.logs import set_up
from sandbox.database import Database
from tests.fakes.control_plane import Client, ControlPlane, open_control_plane
from tests.fakes.whole_tenant import Neighbours, WholeTenant, fill, settle


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them share the control plane's event loop."""
    for item in items:
        if "tests/api/" in item.path.as_posix():
            item.add_marker(pytest.mark.database)
            if inspect.iscoroutinefunction(getattr(item, "function", None)):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plane(database_stack: Database) -> AsyncIterator[ControlPlane]:
    async with open_control_plane(database_stack) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def owner(plane: ControlPlane) -> Client:
    """Owner of a new, empty tenant."""
    return await plane.owner()


@pytest.fixture
def logged(plane: ControlPlane) -> Iterator[Callable[[], str]]:
    """Everything that is logged in this test, at the lowest level, as operators read it."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        set_up("DEBUG")
    yield stream.getvalue
    set_up(plane.settings.ava_log_level)


@pytest.fixture(scope="session")
def neighbourhood() -> list[Neighbours]:
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def neighbours(plane: ControlPlane, neighbourhood: list[Neighbours]) -> Neighbours:
    """The same for all tests of a process: nobody takes away what either has. Made anew where another test has emptied the
    database meanwhile."""
    if not (neighbourhood and neighbourhood[0].are_there):
        neighbourhood[:] = [await settle(plane)]
    return neighbourhood[0]


@pytest_asyncio.fixture(loop_scope="session")
async def whole(plane: ControlPlane) -> WholeTenant:
    """A new tenant with one of everything, to do anything with."""
    return await fill(plane)
