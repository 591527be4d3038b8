"""From a number to the snapshot a call runs on: fresh, else last known good, else patience, else an apology."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from agent.lastknown import LastKnownGood
from agent.resolve import FRESH_WITHIN, resolve
from contracts.assistant import AssistantConfig
from contracts.errors import AssistantPaused, ConfigUnreadable, NumberUnknown, StoreUnavailable
from store.errors import StoreMisconfigured
from store.memory import MemoryCallStore
from tests.fakes.stores import TroubledStore
from tests.fakes.tool_calls import NUMBER, inbound_call


@pytest.fixture
def memory(config: AssistantConfig) -> MemoryCallStore:
    store = MemoryCallStore()
    store.seed_assistant(tenant_name="t", config=config, number=NUMBER)
    return store


@pytest.fixture
def known(tmp_path: Path) -> LastKnownGood:
    return LastKnownGood(tmp_path / "numbers")


async def test_fresh_in_time_is_used_and_kept(memory: MemoryCallStore, known: LastKnownGood) -> None:
    call = inbound_call()
    context = await resolve(call, memory, known)
    assert context.source == "database"
    kept = await known.find(inbound_call())
    assert kept is not None
    assert kept.config == context.config


async def test_slow_store_gives_the_last_known_good_in_time(memory: MemoryCallStore, known: LastKnownGood) -> None:
    await resolve(inbound_call(), memory, known)
    slow = TroubledStore(memory, late=0.6)
    call, began = inbound_call(), time.perf_counter()
    context = await resolve(call, slow, known)
    assert time.perf_counter() - began < FRESH_WITHIN + 0.15
    assert context.source == "last_known_good"
    assert (context.call_id, context.caller) == (call.call_id, call.caller)
    await asyncio.sleep(0.4)
    assert memory.call(call.call_id) is not None, "the late opening still writes the call's row"


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreMisconfigured("a bad key")])
async def test_failing_store_gives_the_last_known_good_at_once(
    memory: MemoryCallStore, known: LastKnownGood, error: StoreUnavailable
) -> None:
    await resolve(inbound_call(), memory, known)
    context = await resolve(inbound_call(), TroubledStore(memory, error=error), known)
    assert context.source == "last_known_good"


async def test_nothing_known_waits_for_a_late_answer(memory: MemoryCallStore, known: LastKnownGood) -> None:
    context = await resolve(inbound_call(), TroubledStore(memory, late=FRESH_WITHIN + 0.1), known)
    assert context.source == "database"
    assert await known.find(inbound_call()) is not None, "a late answer is known from now on too"


async def test_nothing_known_and_no_answer_gives_up(
    memory: MemoryCallStore, known: LastKnownGood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.resolve.PATIENCE", FRESH_WITHIN + 0.1)
    with pytest.raises(StoreUnavailable):
        await resolve(inbound_call(), TroubledStore(memory, late=5.0), known)


async def test_nothing_known_and_a_store_that_is_away_does_not_wait(
    memory: MemoryCallStore, known: LastKnownGood
) -> None:
    began = time.perf_counter()
    with pytest.raises(StoreUnavailable):
        await resolve(inbound_call(), TroubledStore(memory, error=StoreUnavailable("away")), known)
    assert time.perf_counter() - began < FRESH_WITHIN


async def test_unknown_paused_and_unreadable_pass_through_even_where_something_is_known(
    memory: MemoryCallStore, known: LastKnownGood
) -> None:
    """A number that was given up must not be answered by what was known of it."""
    first = await resolve(inbound_call(), memory, known)
    with pytest.raises(NumberUnknown):
        await resolve(inbound_call(dialed="+33478999999"), memory, known)
    memory.pause(first.assistant_id)
    with pytest.raises(AssistantPaused):
        await resolve(inbound_call(), memory, known)
    memory.resume(first.assistant_id)
    memory.publish(first.assistant_id, {"greeting": "only this"})
    with pytest.raises(ConfigUnreadable):
        await resolve(inbound_call(), memory, known)


async def test_without_credit_is_told_by_the_store_and_never_by_the_disk(
    memory: MemoryCallStore, known: LastKnownGood
) -> None:
    """What is known of a number is from calls that were answered: while the store is away nobody is turned away for what its
    business owed."""
    first = await resolve(inbound_call(), memory, known)
    memory.set_credit(first.tenant_id, out_since=first.started_at - timedelta(hours=1))
    refused = await resolve(inbound_call(), memory, known)
    assert refused.without_credit
    away = await resolve(inbound_call(), TroubledStore(memory, error=StoreUnavailable("away")), known)
    assert (away.source, away.without_credit) == ("last_known_good", False)


async def test_without_credit_from_the_first_call_on_leaves_nothing_on_disk(
    memory: MemoryCallStore, known: LastKnownGood
) -> None:
    assistant = (await memory.open_call(inbound_call())).tenant_id
    memory.set_credit(assistant, out_since=inbound_call().received_at - timedelta(hours=1))
    assert (await resolve(inbound_call(), memory, known)).without_credit
    assert await known.find(inbound_call()) is None


async def test_change_reaches_the_next_call_behind_a_store_that_is_always_slow(
    memory: MemoryCallStore, known: LastKnownGood, config: AssistantConfig
) -> None:
    first = await resolve(inbound_call(), memory, known)
    memory.publish(first.assistant_id, config.model_copy(update={"greeting": "Changed."}))
    slow = TroubledStore(memory, late=FRESH_WITHIN + 0.05)
    assert (await resolve(inbound_call(), slow, known)).config.greeting == config.greeting
    await asyncio.sleep(0.2)
    assert (await resolve(inbound_call(), slow, known)).config.greeting == "Changed."


async def test_late_opening_that_fails_is_forgotten_in_silence(memory: MemoryCallStore, known: LastKnownGood) -> None:
    """An exception that nobody fetches would warn, and warnings are errors here."""
    await resolve(inbound_call(), memory, known)
    slow = TroubledStore(memory, late=FRESH_WITHIN + 0.05, error=StoreUnavailable("late and away"))
    assert (await resolve(inbound_call(), slow, known)).source == "last_known_good"
    await asyncio.sleep(0.15)
