"""What is written down of a call: outcome, summary, latencies, and that none of it is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from livekit.agents import ToolError
from livekit.agents.llm import ChatMessage

from agent.closing import percentile, summary
from agent.recorder import Recorder
from agent.scribe import Scribe
from agent.speaking import Arguments
from calendar_tools.model import Booking, Receipt
from contracts.call import AssistantSaid, CallClosing, CallerSaid, CallOutcome, MessageTaken
from contracts.errors import StoreUnavailable
from store.memory import MemoryCallStore
from store.spool import pending, sweep
from tests.fakes.stores import TroubledStore
from tests.fakes.tool_calls import MONDAY, NUMBER, Desk, inbound_call, open_conversation


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path) as opened:
        yield opened


def _did(desk: Desk, *actions: Any) -> None:
    assert desk.conversation.desk is not None
    for n, action in enumerate(actions):
        start = MONDAY + timedelta(days=n + 1)
        booking = Booking(f"u{n}", 101, start, start + timedelta(minutes=30), "accepted", "Jean Dupont")
        desk.conversation.desk._receipts.append(Receipt(action, booking, "consultation", MONDAY))


@pytest.mark.parametrize(
    ("actions", "progress", "outcome"),
    [
        ((), {}, CallOutcome.SILENT),
        ((), {"caller_turns": 2}, CallOutcome.ABANDONED),
        ((), {"caller_turns": 2, "answered": 1}, CallOutcome.ANSWERED),
        ((), {"caller_turns": 2, "answered": 1, "messages": 1}, CallOutcome.MESSAGE_TAKEN),
        ((), {"caller_turns": 2, "messages": 1, "transferred": True}, CallOutcome.TRANSFERRED),
        ((), {"caller_turns": 2, "failed": True}, CallOutcome.FAILED),
        ((), {"failed": True}, CallOutcome.FAILED),
        (("book",), {"caller_turns": 2, "failed": True, "transferred": True}, CallOutcome.BOOKED),
        (("reschedule",), {"caller_turns": 2, "messages": 1}, CallOutcome.RESCHEDULED),
        (("cancel",), {"caller_turns": 2}, CallOutcome.CANCELLED),
        (("cancel", "book"), {"caller_turns": 2}, CallOutcome.BOOKED),
    ],
)
async def test_outcome_is_the_most_that_came_of_the_call(
    desk: Desk, actions: Any, progress: dict[str, Any], outcome: CallOutcome
) -> None:
    _did(desk, *actions)
    for name, value in progress.items():
        setattr(desk.conversation.progress, name, value)
    assert desk.conversation.outcome() == outcome


async def test_first_reason_to_end_stands(desk: Desk) -> None:
    desk.conversation.end("limit")
    desk.conversation.end("assistant")
    assert desk.conversation.ended_by == "limit"


async def test_summary_is_facts_in_the_business_zone_and_without_names(desk: Desk) -> None:
    _did(desk, "book")
    desk.conversation.progress.messages = 2
    assert summary(desk.conversation) == "book: Consultation 2026-11-24 09:00; messages: 2"


async def test_summary_of_nothing_is_the_outcome(desk: Desk) -> None:
    assert summary(desk.conversation) == "silent"


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.95, None), ([7.0], 0.95, 7.0), ([1.0, 2.0], 0.5, 1.0), (list(map(float, range(1, 101))), 0.95, 95.0)],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


# latencies


def _scribe(desk: Desk) -> Scribe:
    return Scribe(cast("Any", SimpleNamespace()), desk.conversation)


def _item(role: Any, text: str, **metrics: float) -> Any:
    return SimpleNamespace(item=ChatMessage(role=role, content=[text], metrics=cast("Any", metrics)))


async def test_latency_is_from_the_callers_silence_to_the_first_sound(desk: Desk) -> None:
    scribe = _scribe(desk)
    scribe._item(_item("user", "Bonjour", stopped_speaking_at=100.0, end_of_turn_delay=0.3, transcription_delay=0.15))
    scribe._item(_item("assistant", "Oui ?", started_speaking_at=100.72, llm_node_ttft=0.25, tts_node_ttfb=0.1))
    said = next(e for e in desk.events if isinstance(e, AssistantSaid))
    assert said.latency.model_dump() == {
        "total": 720.0, "endpointing": 300.0, "stt": 150.0, "llm_ttft": 250.0, "tool": None, "tts_ttfb": 100.0,
    }  # fmt: skip
    assert scribe.latencies == [720.0]


async def test_only_the_first_answer_to_a_turn_is_timed(desk: Desk) -> None:
    scribe = _scribe(desk)
    scribe._item(_item("assistant", "Bonjour, ici Ava.", started_speaking_at=1.0))
    scribe._item(_item("user", "Bonjour", stopped_speaking_at=10.0))
    scribe._item(_item("assistant", "Un instant.", started_speaking_at=10.5))
    scribe._item(_item("assistant", "Voilà.", started_speaking_at=14.0))
    assert scribe.latencies == [500.0]
    assert desk.conversation.progress.caller_turns == 1


async def test_turn_without_times_is_recorded_without_a_figure(desk: Desk) -> None:
    scribe = _scribe(desk)
    scribe._item(_item("user", "Bonjour"))
    scribe._item(_item("assistant", "Oui ?"))
    assert scribe.latencies == []
    assert [type(e) for e in desk.events] == [CallerSaid, AssistantSaid]


# arguments


class _Wanted(Arguments):
    day: str
    count: int = 1


def test_arguments_that_fit_are_read() -> None:
    assert _Wanted.read({"day": "jeudi"}).count == 1


@pytest.mark.parametrize(("raw", "field"), [({}, "day"), ({"day": None}, "day"), ({"day": "x", "count": "y"}, "count")])
def test_arguments_that_do_not_fit_name_the_field(raw: dict[str, object], field: str) -> None:
    with pytest.raises(ToolError, match=field):
        _Wanted.read(raw)


# recorder


def _closing(call_id: Any) -> CallClosing:
    return CallClosing(call_id=call_id, ended_at=MONDAY, outcome=CallOutcome.ANSWERED, ended_by="caller")


def _said(text: str) -> CallerSaid:
    return CallerSaid(at=MONDAY, text=text)


async def test_note_never_raises_not_even_after_the_end(desk: Desk) -> None:
    recorder = desk.recorder
    recorder.note(_said("while it runs"))
    assert await recorder.close(_closing(desk.conversation.context.call_id))
    recorder.note(_said("too late"))
    assert recorder.lost == 1
    assert [e.text for e in desk.events if isinstance(e, CallerSaid)] == ["while it runs", "too late"]


async def test_keep_returns_when_it_is_on_disk(desk: Desk, tmp_path: Path) -> None:
    message = MessageTaken(at=MONDAY, message_id=uuid4(), reason="Rappelez-moi")
    await desk.recorder.keep(message)
    [journal] = pending(tmp_path)
    assert str(message.message_id) in journal.read_text()


async def test_record_is_delivered_along_the_call_and_closed_at_its_end(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recorder._DELIVER_EVERY", 0.02)
    call_id = desk.conversation.context.call_id
    desk.recorder._delivery.cancel()
    async with open_conversation(tmp_path / "second") as quick:
        quick.recorder.note(_said("one"))
        async with asyncio.timeout(2):
            while not quick.store.events(quick.conversation.context.call_id):  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # the recorder tells nobody when it has delivered
        quick.recorder.note(_said("two"))
        assert await quick.recorder.close(_closing(quick.conversation.context.call_id))
        events = quick.store.events(quick.conversation.context.call_id)
        assert [e.text for e in events if isinstance(e, CallerSaid)] == ["one", "two"]
        assert pending(tmp_path / "second") == []
    assert desk.store.call(call_id) is not None


async def test_store_that_is_away_leaves_a_file_that_the_sweep_delivers_once(tmp_path: Path) -> None:
    memory = MemoryCallStore()
    async with open_conversation(tmp_path / "other") as template:
        memory.seed_assistant(tenant_name="t", config=template.conversation.config, number=NUMBER)
    store = TroubledStore(memory)
    call = inbound_call()
    recorder = await Recorder.open(
        call, await store.open_call(call), spool=tmp_path / "spool", store=store, watch=lambda _: None
    )
    store.error = StoreUnavailable("away")
    message = MessageTaken(at=MONDAY, message_id=uuid4(), reason="Rappelez-moi")
    recorder.note(_said("hello"))
    await recorder.keep(message)
    assert not await recorder.close(_closing(call.call_id))
    assert len(pending(tmp_path / "spool")) == 1
    assert (await sweep(tmp_path / "spool", store)).left == 1
    store.error = None
    assert (await sweep(tmp_path / "spool", store)).complete == 1
    assert (await sweep(tmp_path / "spool", store)).complete == 0
    stored = memory.call(call.call_id)
    assert stored is not None
    assert stored.outcome == CallOutcome.ANSWERED
    assert len(memory.events(call.call_id)) == 2
    assert [m.taken.message_id for m in memory.messages()] == [message.message_id]


async def test_job_that_is_started_again_for_the_same_call_knows_it(tmp_path: Path) -> None:
    async with open_conversation(tmp_path) as first:
        assert not first.recorder.resumed
        context = first.conversation.context
        again = await Recorder.open(
            first.line.inbound, context, spool=tmp_path, store=first.store, watch=lambda _: None
        )
        assert again.resumed
        assert await again.close(_closing(context.call_id))
