"""The journal and its delivery, over the in-memory store: nothing lost, nothing twice, whatever breaks in between."""

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.assistant import AssistantConfig
from contracts.call import (
    BookingRecorded,
    BookingState,
    CallClosing,
    CallContext,
    CallerSaid,
    CallEvent,
    CallOutcome,
    InboundCall,
    MessageTaken,
    RanOn,
)
from contracts.errors import NumberUnknown, StoreRejected, StoreUnavailable
from contracts.ids import call_id_for
from store.errors import StoreMisconfigured
from store.memory import MemoryCallStore, SeededAssistant
from store.spool import (
    QUARANTINE,
    Journal,
    JournalInUse,
    JournalUnwritable,
    SpoolLimits,
    deliver,
    pending,
    sweep,
)

NUMBER = "+33142000001"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALL = InboundCall(call_id=call_id_for("SCL"), sip_call_id="SCL", dialed=NUMBER, caller=None, received_at=NOON)
CLOSING = CallClosing(
    call_id=CALL.call_id, ended_at=NOON + timedelta(minutes=1), outcome=CallOutcome.ANSWERED, ended_by="caller"
)


class FlakyStore(MemoryCallStore):
    """Down while `down` is set; loses the answer of the next `lose` writes after doing them; refuses `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.down: Exception | None = None
        self.lose = 0
        self.poison: set[UUID] = set()
        self.calls_made: list[str] = []
        self.batches: list[int] = []

    def _before(self, method: str) -> None:
        self.calls_made.append(method)
        if self.down is not None:
            raise self.down

    def _after(self) -> None:
        if self.lose:
            self.lose -= 1
            raise StoreUnavailable("the answer was lost")

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        self._before("open")
        context = await super().open_call(inbound, ran_on=ran_on)
        self._after()
        return context

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        self._before("append")
        self.batches.append(len(events))
        if self.poison & {event.event_id for event in events}:
            raise StoreRejected("refused")
        new = await super().append_events(call_id, events)
        self._after()
        return new

    async def close_call(self, closing: CallClosing) -> None:
        self._before("close")
        await super().close_call(closing)
        self._after()


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def seeded(store: FlakyStore, config: AssistantConfig) -> SeededAssistant:
    return store.seed_assistant(tenant_name="A", config=config, number=NUMBER)


def said(text: str, seconds: int = 0) -> CallerSaid:
    return CallerSaid(at=NOON + timedelta(seconds=seconds), text=text)


def booking(state: BookingState = BookingState.INTENDED) -> BookingRecorded:
    return BookingRecorded(
        at=NOON,
        booking_key="k",
        action="book",
        state=state,
        service_id="checkup",
        event_type_id=7,
        starts_at=NOON,
        ends_at=NOON,
    )


def texts(store: MemoryCallStore) -> list[str]:
    return [event.text for event in store.events(CALL.call_id) if isinstance(event, CallerSaid)]


def outcome(store: MemoryCallStore) -> str | None:
    call = store.call(CALL.call_id)
    return None if call is None else call.outcome


async def crash(journal: Journal) -> None:
    """What the kernel does to the file of a process that dies: the lock goes, the bytes stay."""
    await journal.durable()
    await journal.release()


async def test_an_ordinary_call(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """Delivered while it runs and at the end; then no file is left."""
    context = await store.open_call(CALL)
    async with await Journal.create(tmp_path, CALL, context=context) as journal:
        journal.append(said("one"))
        assert (await journal.deliver(store)).complete is False
        journal.append(said("two"))
        assert texts(store) == ["one"]
        await journal.close(CLOSING)
        delivered = await journal.deliver(store)
    assert (delivered.new, delivered.rejected, delivered.complete) == (2, 0, True)
    assert (texts(store), outcome(store), pending(tmp_path)) == (["one", "two"], "answered", [])
    assert store.calls_made.count("open") == 1  # the call was open: delivery did not open it again
    assert store.batches == [1, 1]  # nothing was sent twice


async def test_durable_means_on_disk(tmp_path: Path) -> None:
    """After `durable` another process reads the event from the file; the file is the owner's alone."""
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(booking())
        await journal.durable()
        lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
        assert lines[0]["inbound"]["sip_call_id"] == "SCL"
        assert lines[-1]["event"]["state"] == "intended"
        assert journal.path.stat().st_mode & 0o077 == 0


async def test_store_down_then_up(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """The call ran on last-known-good config: everything arrives later, the opening first."""
    store.down = StoreUnavailable("down")
    async with await Journal.create(tmp_path, CALL) as journal:
        for number in range(250):
            journal.append(said(str(number), number))
        with pytest.raises(StoreUnavailable):
            await journal.deliver(store)
        await journal.close(CLOSING)
        with pytest.raises(StoreUnavailable):
            await journal.deliver(store)
    assert (await sweep(tmp_path, store)).left == 1
    store.down = None
    swept = await sweep(tmp_path, store)
    assert (swept.complete, swept.left, pending(tmp_path)) == (1, 0, [])
    assert texts(store) == [str(number) for number in range(250)]
    assert store.batches == [100, 100, 50]
    assert outcome(store) == "answered"


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
async def test_lost_answers_count_nothing_twice(
    tmp_path: Path, store: FlakyStore, seeded: SeededAssistant, lost: int
) -> None:
    """Whichever of open, append, append, close did its work without an answer: once is once."""
    async with await Journal.create(tmp_path, CALL) as journal:
        for number in range(120):
            journal.append(said(str(number), number))
        journal.append(booking(BookingState.CONFIRMED))
        await journal.close(CLOSING)
        store.lose = lost
        for _ in range(lost):
            with pytest.raises(StoreUnavailable):
                await journal.deliver(store)
        assert (await journal.deliver(store)).complete
    assert texts(store) == [str(number) for number in range(120)]
    assert len(store.bookings()) == 1


async def test_crash_then_sweep(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """A job that died half way: what it delivered is not doubled, the rest follows, the outcome is `lost`."""
    journal = await Journal.create(tmp_path, CALL)
    journal.append(said("one"))
    await journal.deliver(store)
    journal.append(said("two", 30))
    journal.append(booking())
    await crash(journal)
    swept = await sweep(tmp_path, store)
    assert (swept.complete, texts(store), outcome(store)) == (1, ["one", "two"], "lost")
    call = store.call(CALL.call_id)
    assert call is not None
    assert call.closing is not None
    assert call.closing.ended_at == NOON + timedelta(seconds=30)
    assert len(await store.open_doubts(older_than=NOON + timedelta(hours=1))) == 1


async def test_the_job_started_again_has_the_last_word(
    tmp_path: Path, store: FlakyStore, seeded: SeededAssistant
) -> None:
    """Two journals for one call: one record, and the closing that was really written."""
    first = await Journal.create(tmp_path, CALL)
    first.append(said("before"))
    await crash(first)
    async with await Journal.create(tmp_path, CALL) as second:
        second.append(said("after", 5))
        await sweep(tmp_path, store)
        assert outcome(store) == "lost"
        await second.close(CLOSING)
        assert (await second.deliver(store)).complete
    assert (texts(store), outcome(store), pending(tmp_path)) == (["before", "after"], "answered", [])


async def test_a_live_call_is_left_alone(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """The sweeper neither delivers nor removes what a live process holds."""
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(said("one"))
        await journal.durable()
        with pytest.raises(JournalInUse):
            await deliver(journal.path, store)
        swept = await sweep(tmp_path, store)
        assert (swept.in_use, swept.complete, store.calls_made) == (1, 0, [])
    assert (await sweep(tmp_path, store)).complete == 1


@pytest.mark.parametrize("keep", range(1, 60, 7))
async def test_a_torn_last_line(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant, keep: int) -> None:
    """The machine died in the middle of a line: everything before it counts, and it is no reason for quarantine."""
    journal = await Journal.create(tmp_path, CALL)
    journal.append(said("whole"))
    await journal.durable()
    size = journal.path.stat().st_size
    journal.append(said("torn"))
    await crash(journal)
    os.truncate(journal.path, size + keep)
    swept = await sweep(tmp_path, store)
    assert (swept.complete, swept.quarantined, texts(store), outcome(store)) == (1, 0, ["whole"], "lost")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"not json\n", b'{"v":1,"inb', b'{"v":9,"inbound":{}}\n', b"\xff\xfe\n"]
)
async def test_what_cannot_be_read_is_kept_apart(tmp_path: Path, store: FlakyStore, content: bytes) -> None:
    """It is moved aside, whole, and is never in the way again."""
    (tmp_path / "strange.jsonl").write_bytes(content)
    assert (await sweep(tmp_path, store)).quarantined == 1
    assert (tmp_path / QUARANTINE / "strange.jsonl").read_bytes() == content
    assert pending(tmp_path) == []


async def test_one_bad_line_does_not_cost_the_others(
    tmp_path: Path, store: FlakyStore, seeded: SeededAssistant
) -> None:
    """A damaged line in the middle, or a kind a newer image wrote: the rest is delivered, the file is kept."""
    journal = await Journal.create(tmp_path, CALL)
    journal.append(said("one"))
    journal.append(said("two"))
    await crash(journal)
    first, *rest = journal.path.read_bytes().splitlines(keepends=True)
    newer = b'{"event":{"kind":"invented_later","at":"2026-11-23T12:00:00Z"}}\n'
    journal.path.write_bytes(b"".join([first, b"{{{\n", newer, *rest]))
    delivered = await deliver(journal.path, store)
    assert (delivered.new, delivered.rejected, texts(store)) == (2, 2, ["one", "two"])
    assert [path.name for path in (tmp_path / QUARANTINE).iterdir()] == [journal.path.name]


async def test_one_refused_event_does_not_keep_the_others_back(
    tmp_path: Path, store: FlakyStore, seeded: SeededAssistant
) -> None:
    """The store refuses one for good: all others arrive, the closing too, and the file is kept."""
    bad = said("bad")
    store.poison = {bad.event_id}
    async with await Journal.create(tmp_path, CALL) as journal:
        for event in (said("one"), bad, said("two")):
            journal.append(event)
        await journal.close(CLOSING)
        delivered = await journal.deliver(store)
    assert (delivered.rejected, delivered.complete, texts(store)) == (1, True, ["one", "two"])
    assert outcome(store) == "answered"
    assert len(list((tmp_path / QUARANTINE).iterdir())) == 1
    assert pending(tmp_path) == []


async def test_a_wrong_key_moves_nothing_aside(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """The data is sound: it waits until the operator has put the key right."""
    journal = await Journal.create(tmp_path, CALL)
    journal.append(said("one"))
    await crash(journal)
    store.down = StoreMisconfigured("check SUPABASE_SERVICE_ROLE_KEY")
    swept = await sweep(tmp_path, store)
    assert (swept.left, swept.quarantined, swept.stopped_by) == (1, 0, store.down)
    store.down = None
    assert (await sweep(tmp_path, store)).complete == 1


async def test_a_number_that_is_gone(tmp_path: Path, store: FlakyStore) -> None:
    """The call was answered on what was known, but belongs to no tenant any more: kept for an operator."""
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(said("one"))
        with pytest.raises(NumberUnknown):
            await journal.deliver(store)
    assert (await sweep(tmp_path, store)).quarantined == 1


async def test_paused_meanwhile(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """The assistant was paused after the call had been answered from last-known-good: its record is still kept."""
    store.pause(seeded.assistant_id)
    message = MessageTaken(at=NOON, message_id=uuid4(), reason="rappeler")
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(message)
        await journal.close(CLOSING)
        assert (await journal.deliver(store)).complete
    assert [kept.taken for kept in store.messages()] == [message]
    assert outcome(store) == "answered"


async def test_a_full_folder_keeps_what_matters(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """Over the limit a journal holds bookings, messages and the end of the call, and says how much it left out."""
    (tmp_path / "old.jsonl").write_bytes(b"x" * 2_000)
    limits = SpoolLimits(directory_bytes=1_000)
    async with await Journal.create(tmp_path, CALL, limits=limits) as journal:
        journal.append(said("chatter"))
        journal.append(booking())
        await journal.close(CLOSING)
        assert journal.dropped == 1
        await journal.deliver(store)
    assert (texts(store), len(store.bookings()), outcome(store)) == ([], 1, "answered")


async def test_a_disk_that_refuses(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """No folder to write to: `durable` says so, and the call is still delivered, from memory."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    async with await Journal.create(blocked / "spool", CALL) as journal:
        journal.append(said("one"))
        with pytest.raises(JournalUnwritable):
            await journal.durable()
        await journal.close(CLOSING)
        assert (await journal.deliver(store)).complete
    assert (texts(store), outcome(store)) == (["one"], "answered")


async def test_a_disk_that_takes_again(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """What waited in memory is written, in order, as soon as the folder is back."""
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    journal = await Journal.create(folder, CALL)
    journal.append(said("one"))
    with pytest.raises(JournalUnwritable):
        await journal.durable()
    folder.unlink()
    journal.append(said("two"))
    await crash(journal)
    assert (await sweep(folder, store)).complete == 1
    assert texts(store) == ["one", "two"]


async def test_events_that_come_while_the_end_is_sent(
    tmp_path: Path, store: FlakyStore, seeded: SeededAssistant
) -> None:
    """A look-up answers after the closing was written: it is delivered before the file goes."""
    async with await Journal.create(tmp_path, CALL) as journal:
        journal.append(said("one"))
        await journal.close(CLOSING)
        delivering = asyncio.create_task(journal.deliver(store))
        await asyncio.sleep(0)
        journal.append(booking(BookingState.CONFIRMED))
        assert (await delivering).complete
        with pytest.raises(RuntimeError):
            journal.append(said("too late"))
    assert len(store.bookings()) == 1


async def test_two_sweepers(tmp_path: Path, store: FlakyStore, seeded: SeededAssistant) -> None:
    """Two processes start at once: each file is delivered by one of them, and none is lost."""
    for number in range(10):
        call = CALL.model_copy(update={"call_id": call_id_for(str(number)), "sip_call_id": str(number)})
        journal = await Journal.create(tmp_path, call)
        journal.append(said(str(number)))
        await crash(journal)
    one, two = await asyncio.gather(sweep(tmp_path, store), sweep(tmp_path, store))
    assert one.quarantined == two.quarantined == 0
    await sweep(tmp_path, store)
    assert pending(tmp_path) == []
    assert len(store.all_calls()) == 10


async def test_append_is_quick(tmp_path: Path) -> None:
    """It is called between two frames of audio: a thousand events cost less than ten frames."""
    async with await Journal.create(tmp_path, CALL) as journal:
        loop = asyncio.get_running_loop()
        events: list[Any] = [said("x" * 200, number) for number in range(1_000)]
        begun = loop.time()
        for event in events:
            journal.append(event)
        assert loop.time() - begun < 0.2
        await journal.durable()
        assert len(journal.path.read_bytes().splitlines()) == 1_001
