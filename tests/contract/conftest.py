"""Each port's suite runs on its twin in memory and on what production uses."""

from collections.abc import AsyncIterator

import pytest

from sandbox.database import Database
from store.calls import open_store
from store.memory import MemoryCallStore
from tests.fakes.store_bench import Bench, MemoryBacking, PostgresBacking


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        memory = MemoryCallStore()
        yield Bench(memory, MemoryBacking(memory))
        return
    database: Database = request.getfixturevalue("database")
    store = await open_store(database.url, database.service_key)
    yield Bench(store, PostgresBacking(database))
    await store.aclose()
