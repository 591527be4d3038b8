"""Test calls in both stores: on the version they name, once, and nobody's number's."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import (
    CallerSaid,
    InboundCall,
    RanOn,
)
from contracts.errors import NumberUnknown
from store.errors import WebCallOver
from store.spool import Journal, sweep
from tests.fakes.store_bench import NOON, Bench, closing, inbound


def trial(assistant_id: UUID, version: int, *, at: datetime = NOON) -> InboundCall:
    """A test call, as its token names it."""
    tried = RanOn(assistant_id=assistant_id, version=version)
    return inbound("web:one", caller=None).model_copy(update={"dialed": "web", "received_at": at, "test_of": tried})


async def test_a_test_call_runs_on_the_version_it_names(bench: Bench, config: AssistantConfig) -> None:
    """Whatever is published, and while the assistant is paused; a caller's call is none."""
    calendar = CalComConnection(event_types={"checkup": 7})
    assistant_id = bench.behind.seed(config, calendar=calendar)
    bench.behind.publish(assistant_id, config.model_copy(update={"greeting": "Bonjour !"}))
    assert not (await bench.store.open_call(inbound())).test
    bench.behind.pause(assistant_id)
    context = await bench.store.open_call(trial(assistant_id, 1))
    assert (context.version, context.config, context.calendar, context.test) == (1, config, calendar, True)
    assert (context.dialed, context.caller, context.started_at) == ("web", None, NOON)
    assert bench.behind.ran(context.call_id) == (assistant_id, 1, "database", None, None)


async def test_a_test_call_of_no_version_leaves_no_row(bench: Bench, config: AssistantConfig) -> None:
    """Of an assistant that is there, and of none."""
    assistant_id = bench.behind.seed(config)
    for tried in (trial(assistant_id, 2), trial(uuid4(), 1)):
        with pytest.raises(NumberUnknown):
            await bench.store.open_call(tried)
    assert bench.behind.calls() == []


async def test_a_test_call_is_had_once(bench: Bench, config: AssistantConfig) -> None:
    """Another job of it goes on in the same record while it lasts, and is told that it is over afterwards; its record can be
    sent again for ever."""
    assistant_id = bench.behind.seed(config)
    first, later = trial(assistant_id, 1), trial(assistant_id, 1, at=NOON + timedelta(seconds=50))
    opened = await bench.store.open_call(first)
    assert await bench.store.open_call(later) == opened
    await bench.store.close_call(closing(opened.call_id))
    with pytest.raises(WebCallOver):
        await bench.store.open_call(later)
    assert await bench.store.open_call(first) == opened
    assert len(bench.behind.calls()) == 1


async def test_a_test_calls_journal_is_delivered_to_its_record(
    bench: Bench, config: AssistantConfig, tmp_path: Path
) -> None:
    """A job that died in a test call leaves its record to the sweep, as any; it is the test's, and of no number."""
    assistant_id = bench.behind.seed(config)
    tried = trial(assistant_id, 1)
    context = await bench.store.open_call(tried)
    async with await Journal.create(tmp_path, tried, context=context) as journal:
        journal.append(CallerSaid(at=NOON, text="Allô"))
        await journal.durable()
    swept = await sweep(tmp_path, bench.store)
    assert (swept.complete, swept.left) == (1, 0)
    assert bench.behind.kinds(context.call_id) == ["caller_said"]
    assert bench.behind.closing(context.call_id)[0] == "lost"
