"""Listening to a call: the link, what it gives, for how long and to whom; what was forgotten can't be heard any more."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from control_api.calls.recordings import Recordings
from control_api.calls.retention import REMOVE_EVERY
from control_api.calls.service import CallService
from sandbox import s3
from sandbox.providers import create, serve
from store.recordings.outbox import Outbox, Sent
from store.recordings.shelf import RecordingsUnavailable, Shelf, open_shelf
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.recorded_calls import Line, now, open_line
from tests.fakes.tapes import read_tape, write_tape


@dataclass
class Studio:
    """A line whose calls are recorded, and where the recordings go."""

    plane: ControlPlane
    line: Line
    outbox: Outbox
    folder: Path
    recordings: Recordings
    calls: CallService

    async def record(self, *, caller: str | None = "who", sent: bool = True) -> tuple[UUID, bytes]:
        call_id = await self.line.call(now(), caller=caller)
        tape = self.outbox.open_tape(tenant_id=self.line.owner.tenant_id, call_id=call_id, at=now())
        assert tape is not None
        content = write_tape(tape.audio)
        tape.release()
        if sent:
            assert await self.outbox.sweep(of_call=call_id) == Sent(stored=1)
        return call_id, content

    async def read(self, call_id: UUID, *, who: Client | None = None) -> list[dict[str, Any]]:
        answer = await (who or self.line.owner).get(f"/v1/calls/{call_id}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["recordings"]
        return found

    async def listener(self) -> httpx.AsyncClient:
        """Somebody with the link and nothing else."""
        return await self.plane.client(None)

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.ogg"))

    def of_tenant(self) -> list[str]:
        return [key for key in self.files() if key.startswith(str(self.line.owner.tenant_id))]


def promise(key: str, *, minutes: int) -> SecretStr:
    """What a link of the API's says, before it is sealed."""
    return SecretStr(json.dumps({"key": key, "until": (now() + timedelta(minutes=minutes)).isoformat()}))


def listed(studio: Studio, *, tried: int = 0) -> list[str]:
    """Of this tenant: what is to be removed, after so many attempts at least."""
    rows = studio.plane.database.select(
        "select object_key from recording_removals where tenant_id = %s and tries >= %s order by object_key",
        studio.line.owner.tenant_id,
        tried,
    )
    return [row["object_key"] for row in rows]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def studio_of(plane: ControlPlane, folder: Path, tapes: Path) -> AsyncIterator[Studio]:
    owner = await plane.owner()
    async with open_line(plane, owner) as line:
        shelf = open_shelf(plane.settings.recordings)
        recordings: Recordings = plane.app.state.provided[Recordings]
        calls: CallService = plane.app.state.provided[CallService]
        yield Studio(plane, line, Outbox(tapes, shelf, line.store, clock=now), folder, recordings, calls)


@pytest_asyncio.fixture(loop_scope="session")
async def studio(plane: ControlPlane, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(plane, Path(plane.settings.ava_recordings), tmp_path) as found:
        yield found


class TestLink:
    async def test_it_plays_what_was_recorded_without_signing_in(self, studio: Studio) -> None:
        call_id, content = await studio.record()
        [recording] = await studio.read(call_id)
        assert (recording["bytes"], recording["seconds"]) == (len(content), pytest.approx(2.0, abs=0.1))
        left = datetime.fromisoformat(recording["url_expires_at"]) - now()
        assert timedelta(minutes=14) < left <= timedelta(minutes=15)
        answer = await (await studio.listener()).get(recording["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/ogg")
        assert answer.content == content
        assert "no-store" in answer.headers["cache-control"]
        assert f"call-{call_id}.ogg" in answer.headers["content-disposition"]
        heard, _ = read_tape(answer.content)
        assert len(heard) > 16_000

    async def test_a_player_may_look_first_and_skip(self, studio: Studio) -> None:
        """HEAD tells the size, Range gives a part, and one past the end is told the size."""
        call_id, content = await studio.record()
        [recording] = await studio.read(call_id)
        http = await studio.listener()
        head = await http.head(recording["url"])
        assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(content))
        assert head.headers["accept-ranges"] == "bytes"
        part = await http.get(recording["url"], headers={"range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
        past = await http.get(recording["url"], headers={"range": f"bytes={len(content)}-"})
        assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{len(content)}")

    async def test_it_ends(self, studio: Studio) -> None:
        """After its time it is a link to nothing; reading the call gives a new one."""
        call_id, _ = await studio.record()
        key = next(key for key in studio.of_tenant() if str(call_id) in key)
        for minutes, status in ((1, 200), (-1, 404)):
            link = studio.recordings.vault.seal(promise(key, minutes=minutes), context="recording-link")
            answer = await (await studio.listener()).get(f"/v1/recordings/{link}")
            assert answer.status_code == status
        assert answer.json()["type"] == "urn:ava:problem:not_found"
        [again] = await studio.read(call_id)
        assert (await (await studio.listener()).get(again["url"])).status_code == 200

    async def test_it_can_not_be_made_up_or_changed(self, studio: Studio) -> None:
        """Nor used for another call, and nothing that AVA sealed for another purpose is one."""
        call_id, _ = await studio.record()
        [recording] = await studio.read(call_id)
        http, address = await studio.listener(), recording["url"]
        key = next(key for key in studio.of_tenant() if str(call_id) in key)
        sealed_for_another = studio.recordings.vault.seal(promise(key, minutes=9), context="calendar:somebody")
        for wrong in (
            address[:-4] + ("AAAA" if not address.endswith("AAAA") else "BBBB"),
            address.rsplit("/", 1)[0] + "/x",
            f"http://api.test/v1/recordings/{sealed_for_another}",
        ):
            answer = await http.get(wrong)
            assert answer.status_code == 404, wrong

    async def test_another_tenant_is_not_told_of_it(self, studio: Studio) -> None:
        call_id, _ = await studio.record()
        stranger = await studio.plane.owner()
        assert (await stranger.get(f"/v1/calls/{call_id}")).status_code == 404

    async def test_a_viewer_and_a_machine_that_may_read_calls_get_one(self, studio: Studio) -> None:
        call_id, _ = await studio.record()
        machine = await studio.plane.machine(studio.line.owner, "calls:read")
        for who in (await studio.plane.member(studio.line.owner, "viewer"), machine):
            [recording] = await studio.read(call_id, who=who)
            assert (await (await studio.listener()).get(recording["url"])).status_code == 200

    async def test_one_on_its_way_has_none_yet(self, studio: Studio) -> None:
        """The call says that there is one, and that it can't be listened to."""
        call_id, _ = await studio.record(sent=False)
        key = f"{studio.line.owner.tenant_id}/{call_id}/00000000.ogg"
        assert await studio.line.store.claim_recording(call_id, key, started_at=now())
        [recording] = await studio.read(call_id)
        assert (recording["url"], recording["bytes"], recording["seconds"]) == (None, None, None)
        listed = await studio.line.owner.get("/v1/calls")
        assert [one["has_recording"] for one in listed.json()["items"]] == [False]

    async def test_a_call_without_one_has_none(self, studio: Studio) -> None:
        assert await studio.read(await studio.line.call(now())) == []

    async def test_the_log_does_not_have_the_link(self, studio: Studio, logged: Any) -> None:
        """It is a key to the recording."""
        call_id, _ = await studio.record()
        [recording] = await studio.read(call_id)
        await (await studio.listener()).get(recording["url"])
        assert urlsplit(recording["url"]).path.rsplit("/", 1)[1][:40] not in logged()


class TestForgotten:
    @pytest.mark.parametrize("how", ["redact", "delete", "one", "retention"])
    async def test_the_file_goes_with_the_call(self, studio: Studio, how: str) -> None:
        """And its link is dead from the moment the call is forgotten, before the file is gone."""
        owner, who = studio.line.owner, studio.line.who.number
        call_id, _ = await studio.record()
        [recording] = await studio.read(call_id)
        if how == "one":
            assert (await owner.http.delete(f"/v1/calls/{call_id}")).status_code == 204
        elif how == "retention":
            database = studio.plane.database
            database.select("update tenants set retention_days = 30 where tenant_id = %s returning 1", owner.tenant_id)
            database.select(
                "update calls set started_at = now() - interval '40 days' where call_id = %s returning 1", call_id
            )
            await studio.calls.purge_expired()
        else:
            assert (await owner.post(f"/v1/callers/{how}", {"caller": who})).status_code == 200
        assert (await (await studio.listener()).get(recording["url"])).status_code == 404

        async def gone() -> bool:
            return not studio.of_tenant() and not listed(studio)

        await until(gone)  # the bell: not the minute until the next round
        assert REMOVE_EVERY > 10

    async def test_a_file_that_can_not_be_removed_now_is_removed_later(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The list keeps it; another file is not kept waiting by it."""
        keys: list[str] = []
        for number in ("+33611111110", "+33622222220"):
            call_id, _ = await studio.record(caller=number)
            keys.append(next(key for key in studio.of_tenant() if str(call_id) in key))
        remove = Shelf.remove

        async def stuck(self: Shelf, asked: list[str]) -> None:
            if keys[0] in asked:
                raise RecordingsUnavailable("away")
            await remove(self, asked)

        monkeypatch.setattr(Shelf, "remove", stuck)
        for number in ("+33611111110", "+33622222220"):
            await studio.line.owner.post("/v1/callers/redact", {"caller": number})

        async def other_gone() -> bool:
            return keys[1] not in studio.of_tenant() and listed(studio, tried=1) == [keys[0]]

        await until(other_gone)
        assert (studio.of_tenant(), listed(studio)) == ([keys[0]], [keys[0]])
        monkeypatch.undo()
        studio.plane.database.select("update recording_removals set try_at = now() returning 1")
        await studio.recordings.remove_listed()
        assert (studio.of_tenant(), listed(studio)) == ([], [])

    async def test_a_file_whose_row_is_gone_is_found(self, studio: Studio) -> None:
        """One of this tenant's that no row knows goes once it is an hour old; what belongs to calls, and to others, stays."""
        call_id, _ = await studio.record()
        tenant = studio.line.owner.tenant_id
        stray = studio.folder / str(tenant) / "lost" / "00000000.ogg"
        foreign = studio.folder / "11111111-2222-4333-8444-555555555555" / "call" / "00000000.ogg"
        for path in (stray, foreign):
            write_tape(path)
        await studio.recordings.remove_unknown()
        assert stray.exists(), "it may be on its way"
        clock = studio.recordings.clock
        later = replace(studio.recordings, clock=lambda: clock() + timedelta(hours=2))
        await later.remove_unknown()
        assert not stray.exists()
        assert foreign.exists()
        assert [key for key in studio.of_tenant() if str(call_id) in key]
        foreign.unlink()


async def test_in_a_bucket_the_link_is_the_storages_own(plane: ControlPlane, tmp_path: Path) -> None:
    """It plays what was recorded; the object goes with the call."""
    async with serve(create("s3")) as url, httpx.AsyncClient(timeout=10) as outside:
        changes = {
            "ava_recordings": f"s3://{s3.BUCKET}/calls", "ava_recordings_endpoint": url,
            "ava_recordings_region": s3.REGION, "ava_recordings_access_key_id": s3.KEY_ID,
            "ava_recordings_secret_access_key": SecretStr(s3.SECRET),
        }  # fmt: skip
        async with reconfigured(plane, **changes) as bucketed, studio_of(bucketed, tmp_path, tmp_path) as studio:
            call_id, content = await studio.record()
            [recording] = await studio.read(call_id)
            assert recording["url"].startswith(f"{url}/{s3.BUCKET}/calls/")
            answer = await outside.get(recording["url"], headers={"range": "bytes=0-99"})
            assert (answer.status_code, answer.content) == (206, content[:100])
            assert answer.headers["content-type"] == "audio/ogg"
            await studio.line.owner.post("/v1/callers/delete", {"caller": studio.line.who.number})

            async def gone() -> bool:
                return not (await outside.get(f"{url}/_ctl/objects")).json()

            await until(gone)
