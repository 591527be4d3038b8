"""What many kinds of test share: the running database and a complete assistant. Keep it small."""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.assistant import AssistantConfig
from sandbox.database import Database


@pytest.fixture(scope="session")
def database_stack() -> Iterator[Database]:
    """Postgres, PostgREST and the gateway, once per test process: under pytest-xdist each worker has its own."""
    with Database() as running:
        yield running


@pytest.fixture
def database(database_stack: Database) -> Database:
    """The running stack with every table empty and no fault in force."""
    database_stack.start_postgrest()
    database_stack.reset()
    return database_stack


@pytest.fixture
def stored_config() -> dict[str, Any]:
    """A complete assistant as it is stored; change a copy to make another."""
    return {
        "business": {"name": "Cabinet dentaire du Parc", "industry": "health"},
        "greeting": "Bonjour, cabinet dentaire du Parc.",
        "hours": {
            "time_zone": "Europe/Paris",
            "weekly": {"monday": [{"opens": "09:00:00", "closes": "18:00:00"}]},
        },
        "voice": {"voice_id": "a-voice"},
    }


@pytest.fixture
def config(stored_config: dict[str, Any]) -> AssistantConfig:
    return AssistantConfig.model_validate(stored_config)
