"""The objects of one place: put, found, given out by a link, removed. The same for a folder and for a bucket.

Owns: a deadline for each request, and what the storage's refusals mean. Refuses: which objects there should be (the
database says), and retrying over hours (`store.recordings.outbox`, and the control plane's sweeper).

An object's key is `<tenant>/<call>/<mark>.ogg`. Putting the same key again replaces the object by itself.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from contracts.errors import DomainError
from store.recordings.place import SCHEME, VARIABLE, Place, PlaceMisconfigured

if TYPE_CHECKING:
    from obstore.store import S3Config

MEDIA_TYPE = "audio/ogg"
_PUT = 60.0  # seconds for one object, sent in parts
_ASK = 10.0
_PART = 8 * 1024 * 1024  # bytes in memory at a time, twice
_LISTED = 500
_REQUEST = timedelta(seconds=20)
_CONNECT = timedelta(seconds=3)
_RETRIED_FOR = timedelta(seconds=15)


class RecordingsUnavailable(DomainError):
    """The storage did not answer, or could not do it now: keep the file and try again."""

    code = "recordings_unavailable"
    retryable = True


class RecordingsRefused(DomainError):
    """The storage does not let us in, or there is no such bucket: trying again can't help until somebody looks."""

    code = "recordings_refused"


@dataclass(frozen=True)
class Found:
    key: str
    changed_at: datetime
    bytes: int


class Shelf:
    """Every method raises RecordingsUnavailable, RecordingsRefused."""

    def __init__(self, connect: Callable[[], S3Store | LocalStore], *, folder: Path | None) -> None:
        """`connect` may raise OSError; it is asked before each use."""
        self._connect = connect
        self._folder = folder

    async def put(self, key: str, file: Path) -> None:
        """Whole or not at all: a reader never sees half of it."""
        attributes = {} if self._folder else {"Content-Type": MEDIA_TYPE}
        async with _told(_PUT):
            await obstore.put_async(
                self._connect(), key, file, attributes=attributes, chunk_size=_PART, max_concurrency=2
            )

    async def size(self, key: str) -> int | None:
        """None: there is no such object."""
        async with _told(_ASK):
            try:
                return int((await obstore.head_async(self._connect(), key))["size"])
            except FileNotFoundError:
                return None

    async def remove(self, keys: Iterable[str]) -> None:
        """Fine for those that are not there. Those before one that fails are gone."""
        for key in keys:
            async with _told(_ASK):
                try:
                    await obstore.delete_async(self._connect(), key)
                except FileNotFoundError:
                    pass

    async def pages(self) -> AsyncIterator[list[Found]]:
        """Everything there is."""
        if self._folder is not None and not await asyncio.to_thread(self._folder.exists):
            return
        async with _told(_ASK):
            listing = obstore.list(self._connect(), chunk_size=_LISTED)
        while True:
            async with _told(_ASK):
                try:
                    page = await anext(listing)
                except StopAsyncIteration:
                    return
            yield [Found(str(one["path"]), one["last_modified"], int(one["size"])) for one in page]

    async def link(self, key: str, *, seconds: int) -> str | None:
        """An address that anybody may read the object at until then. None: this storage gives none, `path_of` does."""
        async with _told(_ASK):
            store = self._connect()
            if isinstance(store, LocalStore):
                return None
            return await obstore.sign_async(store, "GET", key, expires_in=timedelta(seconds=seconds))

    def path_of(self, key: str) -> Path | None:
        """The object's file, where it is one. None: it is not on this machine, or the key leads out of the folder."""
        if self._folder is None:
            return None
        path = (self._folder / key).resolve()
        return path if path.is_relative_to(self._folder.resolve()) and path.is_file() else None

    async def check(self, trial: Path) -> None:
        """Writes, reads and removes an object of its own, made of the file `trial`."""
        key = f"check/{uuid4()}"
        await self.put(key, trial)
        try:
            if await self.size(key) is None:
                raise RecordingsUnavailable("an object that was written can't be found")
        finally:
            await self.remove([key])


def open_shelf(place: Place) -> Shelf:
    """Makes no request, and a folder only when something is put there. Raises PlaceMisconfigured."""
    if not place.is_bucket:
        folder = Path(place.where).expanduser().absolute()
        return Shelf(lambda: _folder(folder), folder=folder)
    bucket, _, prefix = place.where.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise PlaceMisconfigured(f"{VARIABLE} names no bucket: write it as s3://bucket/prefix")
    if (place.access_key_id is None) != (place.secret_access_key is None):
        raise PlaceMisconfigured(f"{VARIABLE}_ACCESS_KEY_ID and {VARIABLE}_SECRET_ACCESS_KEY go together: set both")
    store = _bucket(place, bucket, prefix.strip("/"))
    return Shelf(lambda: store, folder=None)


def _folder(folder: Path) -> LocalStore:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(folder, automatic_cleanup=True)


def _bucket(place: Place, bucket: str, prefix: str) -> S3Store:
    config: S3Config = {"region": place.region or "us-east-1", "virtual_hosted_style_request": False}
    if place.endpoint is not None:
        config["endpoint"] = place.endpoint.rstrip("/")
    if place.access_key_id is not None and place.secret_access_key is not None:
        config["access_key_id"] = place.access_key_id
        config["secret_access_key"] = place.secret_access_key.get_secret_value()
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "timeout": _REQUEST,
            "connect_timeout": _CONNECT,
            # a storage in one's own network may be without TLS
            "allow_http": (place.endpoint or "").startswith("http://"),
        },
        retry_config={"max_retries": 2, "retry_timeout": _RETRIED_FOR},
    )


@asynccontextmanager
async def _told(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise RecordingsRefused("the storage refuses the key, or what it may do there") from error
    except (FileNotFoundError, ValueError) as error:
        raise RecordingsRefused("the storage has no such bucket or folder") from error
    except TimeoutError as error:
        raise RecordingsUnavailable("the storage did not answer in time") from error
    except (BaseError, OSError) as error:
        # its message may quote the whole request
        raise RecordingsUnavailable(f"the storage could not do it ({type(error).__name__})") from error
