"""Where recordings are kept: the same suite over a folder and over a storage that speaks S3."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from sandbox import s3
from sandbox.providers import serve
from store.recordings.place import Place, PlaceMisconfigured
from store.recordings.shelf import MEDIA_TYPE, RecordingsRefused, RecordingsUnavailable, Shelf, open_shelf

KEY = "6f6d6c2a-51b4-4b8e-9d0f-0f9f6f1f8a11/2f1c8a52-7f0e-4a59-9b39-0c9d5f0e6c11/0123abcd.ogg"


@dataclass
class Storage:
    """One place, with what is behind it."""

    place: Place
    shelf: Shelf
    folder: Path | None = None
    url: str = ""
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10))

    async def kept(self) -> dict[str, int]:
        """Key -> bytes, as the storage itself has it."""
        if self.folder is not None:
            files = [path for path in self.folder.rglob("*") if path.is_file()]
            return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}
        found: dict[str, int] = (await self.http.get(f"{self.url}/_ctl/objects")).json()
        return {key.removeprefix("calls/"): size for key, size in found.items()}

    async def fault(self, **rule: Any) -> None:
        (await self.http.post(f"{self.url}/_ctl/faults", json=[rule])).raise_for_status()

    async def log(self) -> list[str]:
        return [entry["operation"] for entry in (await self.http.get(f"{self.url}/_ctl/log")).json()["entries"]]


def bucket(url: str, **changes: Any) -> Place:
    place = Place(f"s3://{s3.BUCKET}/calls", url, s3.REGION, s3.KEY_ID, SecretStr(s3.SECRET))
    return replace(place, **changes)


@asynccontextmanager
async def storage_of(kind: str, folder: Path) -> AsyncIterator[Storage]:
    if kind == "folder":
        place = Place(str(folder / "kept"))
        yield Storage(place, open_shelf(place), folder=folder / "kept")
        return
    app: Starlette = s3.create_app()
    async with serve(app) as url:
        storage = Storage(bucket(url), open_shelf(bucket(url)), url=url)
        async with storage.http:
            yield storage


@pytest.fixture(params=["folder", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    async with storage_of(request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def over_s3(tmp_path: Path) -> AsyncIterator[Storage]:
    async with storage_of("s3", tmp_path) as found:
        yield found


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "sent.ogg"
    path.write_bytes(content)
    return path


class TestBoth:
    async def test_what_is_put_is_there_and_what_is_removed_is_not(self, storage: Storage, tmp_path: Path) -> None:
        """Also twice, also what never was."""
        assert await storage.shelf.size(KEY) is None
        await storage.shelf.put(KEY, file_of(tmp_path, b"sound"))
        assert (await storage.shelf.size(KEY), await storage.kept()) == (5, {KEY: 5})
        await storage.shelf.put(KEY, file_of(tmp_path, b"the same, sent again"))
        assert await storage.kept() == {KEY: 20}
        await storage.shelf.remove([KEY, KEY, "nobody/nothing/0.ogg"])
        assert (await storage.shelf.size(KEY), await storage.kept()) == (None, {})

    async def test_a_long_recording_is_whole(self, storage: Storage, tmp_path: Path) -> None:
        """Sent in parts: no more than two of them are in memory."""
        content = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(20 * 1024 * 32))
        await storage.shelf.put(KEY, file_of(tmp_path, content))
        assert await storage.kept() == {KEY: len(content)}
        if (path := storage.shelf.path_of(KEY)) is not None:
            assert path.read_bytes() == content
            return
        assert (await storage.log()).count("upload_part") == 3
        url = await storage.shelf.link(KEY, seconds=60)
        assert (await storage.http.get(url or "")).content == content

    async def test_everything_there_is_is_listed(self, storage: Storage, tmp_path: Path) -> None:
        keys = {f"tenant/call-{n}/{n:08x}.ogg" for n in range(12)}
        for key in keys:
            await storage.shelf.put(key, file_of(tmp_path, b"x"))
        found = [one async for page in storage.shelf.pages() for one in page]
        assert {one.key for one in found} == keys
        assert {one.bytes for one in found} == {1}
        assert all(one.changed_at.tzinfo for one in found)

    async def test_a_check_leaves_nothing_behind(self, storage: Storage, tmp_path: Path) -> None:
        await storage.shelf.check(file_of(tmp_path, b"may I?"))
        assert await storage.kept() == {}


class TestFolder:
    async def test_a_key_does_not_lead_out_of_the_folder(self, tmp_path: Path) -> None:
        async with storage_of("folder", tmp_path) as storage:
            await storage.shelf.put(KEY, file_of(tmp_path, b"sound"))
            assert storage.shelf.path_of(KEY) == (tmp_path / "kept" / KEY)
            for key in ("../sent.ogg", f"{KEY}/../../../../sent.ogg", "/etc/hostname", "", "."):
                assert storage.shelf.path_of(key) is None, key

    async def test_a_folder_that_can_not_be_written_is_said(self, tmp_path: Path) -> None:
        """By its kind, and without the path's content."""
        (tmp_path / "kept").write_text("a file stands where the folder should be")
        shelf = open_shelf(Place(str(tmp_path / "kept")))
        with pytest.raises(RecordingsUnavailable):
            await shelf.put(KEY, file_of(tmp_path, b"sound"))

    async def test_only_its_owner_may_look_into_the_folder(self, tmp_path: Path) -> None:
        async with storage_of("folder", tmp_path) as storage:
            await storage.shelf.put(KEY, file_of(tmp_path, b"sound"))
        assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


class TestS3:
    async def test_a_link_plays_without_a_key_in_parts_and_for_a_while_only(
        self, over_s3: Storage, tmp_path: Path
    ) -> None:
        await over_s3.shelf.put(KEY, file_of(tmp_path, b"0123456789"))
        url = await over_s3.shelf.link(KEY, seconds=1)
        assert url is not None
        whole = await over_s3.http.get(url)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", MEDIA_TYPE)
        part = await over_s3.http.get(url, headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        other = url.replace("0123abcd", "0123abce")
        assert (await over_s3.http.get(other)).status_code == 403
        assert (await over_s3.http.get(url.replace("X-Amz-Expires=1&", "X-Amz-Expires=9&"))).status_code == 403
        assert (await over_s3.http.delete(url)).status_code == 403
        assert s3.SECRET not in url
        (await over_s3.http.post(f"{over_s3.url}/_ctl/knobs", json={"later_s": 3})).raise_for_status()
        late = await over_s3.http.get(url)
        assert (late.status_code, "expired" in late.text) == (403, True)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"secret_access_key": SecretStr("another-secret")},
            {"access_key_id": "AKIDNOBODY"},
            {"region": "us-east-1"},
            {"where": "s3://no-such-bucket/calls"},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    async def test_what_only_an_operator_can_mend_is_refused_without_the_key(
        self, over_s3: Storage, tmp_path: Path, wrong: dict[str, Any]
    ) -> None:
        shelf = open_shelf(bucket(over_s3.url, **wrong))
        with pytest.raises((RecordingsRefused, RecordingsUnavailable)) as refused:
            await shelf.put(KEY, file_of(tmp_path, b"sound"))
        assert "secret" not in str(refused.value)
        assert await over_s3.kept() == {}

    @pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "cut"}, {"kind": "lost_answer"}])
    async def test_one_failure_is_tried_again_and_stored_once(
        self, over_s3: Storage, tmp_path: Path, fault: dict[str, Any]
    ) -> None:
        await over_s3.fault(operation="put_object", times=1, **fault)
        await over_s3.shelf.put(KEY, file_of(tmp_path, b"sound"))
        assert await over_s3.kept() == {KEY: 5}

    async def test_a_storage_that_is_away_is_unavailable(self, over_s3: Storage, tmp_path: Path) -> None:
        await over_s3.fault(operation="*", kind="status", status=503, times=None)
        for attempt in (
            over_s3.shelf.put(KEY, file_of(tmp_path, b"sound")),
            over_s3.shelf.size(KEY),
            over_s3.shelf.remove([KEY]),
        ):
            with pytest.raises(RecordingsUnavailable):
                await attempt

    async def test_a_listing_goes_on_past_its_first_page(self, over_s3: Storage, tmp_path: Path) -> None:
        for n in range(1003):
            over_s3_key = f"tenant/call/{n:08x}.ogg"
            await over_s3.shelf.put(over_s3_key, file_of(tmp_path, b"x"))
        found = [one.key async for page in over_s3.shelf.pages() for one in page]
        assert (len(found), len(set(found))) == (1003, 1003)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (Place("s3://"), "names no bucket"),
        (Place("s3:///prefix"), "names no bucket"),
        (Place("s3://b", access_key_id="AKID"), "AVA_RECORDINGS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_place_that_can_not_be_is_named_by_its_variable(place: Place, named: str) -> None:
    with pytest.raises(PlaceMisconfigured, match=named):
        open_shelf(place)


def test_no_key_shows_in_a_place() -> None:
    place = bucket("http://127.0.0.1:1")
    assert s3.SECRET not in repr(place)
    assert urlsplit(place.endpoint or "").hostname == "127.0.0.1"
