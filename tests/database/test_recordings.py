"""Recordings on their way from the worker's disk to where they are kept, and away again, over the real functions and
triggers."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from contracts.call import CallClosing, CallOutcome, InboundCall
from contracts.ids import call_id_for
from sandbox.database import Database
from sandbox.seeding import Seeded
from store.calls import SupabaseCallStore, open_store
from store.recordings.outbox import Outbox, Sent
from store.recordings.place import Place
from store.recordings.shelf import RecordingsUnavailable, Shelf, open_shelf
from store.recordings.tape import Tape, audio_of, read_slip
from tests.fakes.tapes import write_tape

pytestmark = pytest.mark.database

NUMBER, CALLER = "+33478000000", "+33612345678"


def now() -> datetime:
    return datetime.now(UTC)


class Moody(Shelf):
    """A folder that fails when told to, before or after it has done what was asked."""

    def __init__(self, inner: Shelf, folder: Path) -> None:
        super().__init__(inner._connect, folder=folder)
        self.before: Exception | None = None
        self.during: Callable[[], Any] | None = None
        self.puts = 0

    async def put(self, key: str, file: Path) -> None:
        self.puts += 1
        if self.before is not None:
            raise self.before
        await super().put(key, file)
        if self.during is not None:
            self.during()


@dataclass
class Worker:
    database: Database
    store: SupabaseCallStore
    outbox: Outbox
    shelf: Moody
    seeded: Seeded
    kept: Path
    age: timedelta = timedelta()

    async def call(self, caller: str = CALLER) -> UUID:
        sip = f"SCL_{uuid4().hex}"
        inbound = InboundCall(
            call_id=call_id_for(sip), sip_call_id=sip, dialed=NUMBER, caller=caller, received_at=now()
        )
        return (await self.store.open_call(inbound)).call_id

    def tape(self, call_id: UUID, *, seconds: float = 2.0) -> Tape:
        tape = self.outbox.open_tape(tenant_id=self.seeded.tenant_id, call_id=call_id, at=now())
        assert tape is not None
        if seconds:
            write_tape(tape.audio, seconds)
        return tape

    async def recorded(self, call_id: UUID | None = None) -> Tape:
        """A call that is over, with its recording waiting."""
        tape = self.tape(call_id or await self.call())
        tape.release()
        return tape

    def rows(self, table: str = "call_recordings") -> list[dict[str, Any]]:
        return self.database.select(f"select * from public.{table} order by object_key")

    def objects(self) -> list[str]:
        return sorted(path.relative_to(self.kept).as_posix() for path in self.kept.rglob("*.ogg"))

    def waiting(self) -> list[str]:
        return sorted(path.name for path in self.outbox.folder.iterdir()) if self.outbox.folder.exists() else []

    def sql(self, function: str, *values: Any) -> Any:
        """As the service asks."""
        marks = ", ".join(["%s"] * len(values))
        with psycopg.connect(self.database.postgres_url) as connection:
            connection.execute("""set local "request.jwt.claims" = '{"role": "service_role"}'""")
            row = connection.execute(f"select public.{function}({marks})".encode(), values).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture
async def worker(database: Database, config: Any, tmp_path: Path) -> AsyncIterator[Worker]:
    seeded = database.seed_assistant(tenant_name="A", config=config, number=NUMBER)
    store = await open_store(database.url, database.service_key)
    kept = tmp_path / "kept"
    shelf = Moody(open_shelf(Place(str(kept))), kept)
    found = Worker(database, store, Outbox(tmp_path / "tapes", shelf, store, clock=now), shelf, seeded, kept)
    found.outbox._clock = lambda: now() + found.age
    try:
        yield found
    finally:
        await store.aclose()


class TestStored:
    async def test_a_recording_gets_to_its_place_and_its_row_says_what_it_is(self, worker: Worker) -> None:
        tape = await worker.recorded()
        content = tape.audio.read_bytes()
        assert await worker.outbox.sweep() == Sent(stored=1)
        [row] = worker.rows()
        assert row["object_key"] == f"{worker.seeded.tenant_id}/{tape.slip.call_id}/{tape.slip.mark}.ogg"
        assert (row["call_id"], row["tenant_id"], row["bytes"]) == (
            tape.slip.call_id, worker.seeded.tenant_id, len(content),
        )  # fmt: skip
        assert row["seconds"] == pytest.approx(2.0, abs=0.1)
        assert row["stored_at"] is not None
        assert (worker.kept / row["object_key"]).read_bytes() == content
        assert worker.waiting() == []

    async def test_a_closing_before_or_after_it_changes_nothing(self, worker: Worker) -> None:
        """The call names its recording either way."""
        for closes_first in (True, False):
            call_id = await worker.call()
            closing = CallClosing(call_id=call_id, ended_at=now(), outcome=CallOutcome.ANSWERED, ended_by="caller")
            tape = await worker.recorded(call_id)
            if closes_first:
                await worker.store.close_call(closing)
            await worker.outbox.sweep()
            await worker.store.close_call(closing)
            [row] = worker.database.select("select recording, outcome from calls where call_id = %s", call_id)
            assert row == {"recording": tape.slip.key, "outcome": "answered"}

    async def test_a_call_that_two_workers_recorded_keeps_both(self, worker: Worker) -> None:
        """One was killed: its file ends in the middle, and is kept as far as it goes."""
        call_id = await worker.call()
        first, second = worker.tape(call_id, seconds=6.0), worker.tape(call_id)
        whole = first.audio.read_bytes()
        first.audio.write_bytes(whole[: len(whole) * 2 // 3])
        first.release()
        second.release()
        assert await worker.outbox.sweep() == Sent(stored=2)
        lengths = {row["object_key"]: row["seconds"] for row in worker.rows()}
        assert 2.0 < lengths[first.slip.key] < 5.5
        assert lengths[second.slip.key] == pytest.approx(2.0, abs=0.1)

    async def test_of_a_live_call_nothing_is_sent(self, worker: Worker) -> None:
        tape = worker.tape(await worker.call())
        assert await worker.outbox.sweep() == Sent()
        assert (worker.objects(), worker.rows()) == ([], [])
        tape.release()
        assert await worker.outbox.sweep() == Sent(stored=1)

    async def test_many_sweeps_at_once_store_it_once(self, worker: Worker) -> None:
        for _ in range(3):
            await worker.recorded()
        sent = await asyncio.gather(*(worker.outbox.sweep() for _ in range(4)))
        assert sum(one.stored for one in sent) == 3
        assert worker.shelf.puts == 3


class TestPutOff:
    async def test_storage_away(self, worker: Worker) -> None:
        """It waits on disk; its row says that it is on its way, and the call names nothing that is not there."""
        tape = await worker.recorded()
        worker.shelf.before = RecordingsUnavailable("away")
        assert await worker.outbox.sweep() == Sent(waiting=1)
        [row] = worker.rows()
        assert row["stored_at"] is None
        assert worker.database.select("select recording from calls") == [{"recording": None}]
        assert len(worker.waiting()) == 2
        worker.shelf.before = None
        assert await worker.outbox.sweep() == Sent(stored=1)
        assert worker.objects() == [tape.slip.key]
        assert len(worker.rows()) == 1

    async def test_database_away(self, worker: Worker) -> None:
        await worker.recorded()
        worker.database.stop_postgrest()
        assert await worker.outbox.sweep() == Sent(waiting=1)
        assert worker.objects() == []
        worker.database.start_postgrest()
        assert await worker.outbox.sweep() == Sent(stored=1)

    async def test_a_process_that_dies_between_the_steps(self, worker: Worker) -> None:
        """After the object was put and before the row says so: the next sweep puts the same object again."""

        class Killed(BaseException):
            pass

        def die() -> None:
            raise Killed

        await worker.recorded()
        worker.shelf.during = die
        with pytest.raises(Killed):
            await worker.outbox.sweep()
        worker.shelf.during = None
        assert await worker.outbox.sweep() == Sent(stored=1)
        assert (len(worker.objects()), len(worker.rows()), worker.waiting()) == (1, 1, [])

    async def test_a_call_whose_record_has_not_arrived_yet(self, worker: Worker) -> None:
        """Waits with it, and goes when it is a week old: nobody will ever ask for it."""
        tape = await worker.recorded(uuid4())
        assert await worker.outbox.sweep() == Sent()
        assert len(worker.waiting()) == 2
        worker.age = timedelta(days=8)
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert (worker.waiting(), worker.objects(), tape.audio.exists()) == ([], [], False)

    async def test_a_disk_full_of_recordings_takes_no_more(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await worker.recorded()
        monkeypatch.setattr("store.recordings.outbox._MOST_BYTES", 100)
        assert worker.outbox.open_tape(tenant_id=worker.seeded.tenant_id, call_id=uuid4(), at=now()) is None


class TestNotWanted:
    async def test_a_recording_without_sound_is_nothing(self, worker: Worker) -> None:
        tape = worker.tape(await worker.call(), seconds=0)
        tape.release()
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert (worker.waiting(), worker.objects(), worker.rows()) == ([], [], [])

    async def test_a_caller_who_refused_is_not_recorded_by_a_later_job_of_the_call(self, worker: Worker) -> None:
        """What stays says that, and no sound; it goes when no such job can be left."""
        call_id = await worker.call()
        tape = worker.tape(call_id)
        tape.refuse()
        tape.release()
        assert await worker.outbox.sweep() == Sent()
        [left] = worker.waiting()
        slip = read_slip(worker.outbox.folder / left)
        assert slip is not None
        assert slip.refused
        assert not audio_of(worker.outbox.folder / left).exists()
        assert worker.outbox.open_tape(tenant_id=worker.seeded.tenant_id, call_id=call_id, at=now()) is None
        worker.age = timedelta(hours=4)
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert (worker.waiting(), worker.objects(), worker.rows()) == ([], [], [])

    async def test_a_slip_that_can_not_be_read_is_erased_with_its_sound(self, worker: Worker) -> None:
        tape = await worker.recorded()
        slip = tape.audio.with_name(tape.audio.name.removesuffix(".ogg") + ".slip.json")
        slip.write_bytes(os.urandom(64))
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert worker.waiting() == []

    @pytest.mark.parametrize("how", ["redact", "delete"])
    async def test_of_a_caller_who_was_erased_before_it_was_sent(self, worker: Worker, how: str) -> None:
        await worker.recorded()
        worker.sql(f"{how}_caller_v1", worker.seeded.tenant_id, CALLER)
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert (worker.waiting(), worker.objects(), worker.rows()) == ([], [], [])

    @pytest.mark.parametrize("how", ["redact", "delete"])
    async def test_of_a_caller_who_was_erased_while_it_was_sent(self, worker: Worker, how: str) -> None:
        """The object is there by then, and on the list of those that must go."""
        tape = await worker.recorded()
        worker.shelf.during = lambda: worker.sql(f"{how}_caller_v1", worker.seeded.tenant_id, CALLER)
        assert await worker.outbox.sweep() == Sent(dropped=1)
        assert (worker.waiting(), worker.rows()) == ([], [])
        assert [row["object_key"] for row in worker.rows("recording_removals")] == [tape.slip.key]


class TestForgotten:
    async def test_every_way_a_call_is_forgotten_puts_its_recording_on_the_list(self, worker: Worker) -> None:
        """Redaction and deletion of a caller, deletion of a call, retention."""
        tenant = worker.seeded.tenant_id
        calls = {
            caller: await worker.call(caller) for caller in ("+33611111111", "+33622222222", "+33633333333", CALLER)
        }
        keys = {caller: (await worker.recorded(call_id)).slip.key for caller, call_id in calls.items()}
        assert await worker.outbox.sweep() == Sent(stored=4)

        def listed() -> set[str]:
            return {row["object_key"] for row in worker.rows("recording_removals")}

        worker.sql("redact_caller_v1", tenant, "+33611111111")
        assert listed() == {keys["+33611111111"]}
        worker.sql("delete_caller_v1", tenant, "+33622222222")
        assert listed() == {keys["+33611111111"], keys["+33622222222"]}
        worker.database.select("update calls set outcome = 'answered' returning 1")
        worker.sql("delete_call_v1", tenant, calls["+33633333333"])
        worker.database.select("update tenants set retention_days = 30 returning 1")
        worker.database.select(
            "update calls set started_at = now() - interval '31 days' where call_id = %s returning 1", calls[CALLER]
        )
        assert worker.sql("purge_expired_calls_v1", 200) == 1
        assert listed() == set(keys.values())
        assert worker.rows() == []

    async def test_the_list_is_given_out_once_at_a_time_and_later_and_later(self, worker: Worker) -> None:
        await worker.recorded()
        await worker.outbox.sweep()
        worker.sql("redact_caller_v1", worker.seeded.tenant_id, CALLER)
        waits: list[float] = []
        for _ in range(3):
            [key] = worker.sql("find_recording_removals_v1", 10)
            assert worker.sql("find_recording_removals_v1", 10) == []
            [row] = worker.database.select("select extract(epoch from try_at - now()) as wait from recording_removals")
            waits.append(float(row["wait"]))
            worker.database.select("update recording_removals set try_at = now() returning 1")
        assert waits == pytest.approx([60, 120, 240], abs=2)
        assert worker.sql("finish_recording_removals_v1", [key]) == 1
        assert worker.rows("recording_removals") == []

    async def test_objects_that_no_row_knows_are_told_from_those_of_others(self, worker: Worker) -> None:
        """Of a tenant that this database does not have nothing is said: the storage may be another deployment's, too."""
        tape = await worker.recorded()
        await worker.outbox.sweep()
        stray, foreign = f"{worker.seeded.tenant_id}/{uuid4()}/00000000.ogg", f"{uuid4()}/{uuid4()}/00000000.ogg"
        asked = [tape.slip.key, stray, foreign, "something.txt"]
        assert worker.sql("find_unknown_recordings_v1", asked) == [stray]
