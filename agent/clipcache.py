"""Speech that is the same in every call, kept on disk as raw PCM. Bounded; the least recently used goes first."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import structlog
from livekit import rtc

from agent.providers.tts import SAMPLE_RATE
from contracts.assistant import AssistantConfig

log = structlog.get_logger("agent.clipcache")

_FRAME_MS = 20
_LEAD = 0.6  # seconds ahead of the caller's ear: what a busy machine may lose without a gap


@dataclass(frozen=True)
class ClipKey:
    """A clip is the same only for the same voice, model, speed, language and words."""

    value: str

    @staticmethod
    def of(config: AssistantConfig, text: str) -> "ClipKey":
        voice = config.voice
        parts = "|".join((voice.provider, voice.voice_id, voice.model, str(voice.speed), config.language, text))
        return ClipKey(sha256(f"{SAMPLE_RATE}|{parts}".encode()).hexdigest()[:40])


class ClipCache:
    """PCM s16le mono at SAMPLE_RATE. Reads and writes run in threads: the disk never blocks the audio loop."""

    def __init__(self, directory: Path, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    async def get(self, key: ClipKey) -> bytes | None:
        return await asyncio.to_thread(self._read, key)

    async def put(self, key: ClipKey, pcm: bytes) -> None:
        """Whole or not at all; a clip larger than a tenth of the cache is not kept. A disk that refuses is logged."""
        if 0 < len(pcm) <= self._max_bytes // 10:
            try:
                await asyncio.to_thread(self._write, key, pcm)
            except OSError as error:
                log.error("clip not kept", errno=error.errno)

    @asynccontextmanager
    async def making(self, key: ClipKey) -> AsyncGenerator[bool]:
        """True for one of those who want to make it at the same time, in whichever process: a voice is paid for once."""
        mark = self._directory / f"{key.value}.making"
        try:
            held = await asyncio.to_thread(_take, mark)
        except OSError as error:  # a disk that refuses keeps nobody from it
            log.error("clip not marked", errno=error.errno)
            yield True
            return
        try:
            yield held is not None
        finally:
            if held is not None:
                mark.unlink(missing_ok=True)
                os.close(held)

    def _path(self, key: ClipKey) -> Path:
        return self._directory / f"{key.value}.pcm"

    def _read(self, key: ClipKey) -> bytes | None:
        path = self._path(key)
        try:
            pcm = path.read_bytes()
            os.utime(path)
        except OSError:  # not there, or not to be read: it is synthesised again
            return None
        return pcm or None

    def _write(self, key: ClipKey, pcm: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        part = self._directory / f"{key.value}.{uuid4().hex}.part"  # several jobs may write the same clip at once
        part.write_bytes(pcm)
        part.replace(self._path(key))
        self._evict()

    def _evict(self) -> None:
        clips = sorted(self._directory.glob("*.pcm"), key=lambda p: p.stat().st_mtime)
        total = sum(p.stat().st_size for p in clips)
        for path in clips:
            if total <= self._max_bytes:
                return
            total -= path.stat().st_size
            path.unlink(missing_ok=True)


def _take(mark: Path) -> int | None:
    """-> what is to be closed; None: somebody has it. The system gives it back for one who dies."""
    mark.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(mark, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    return opened


async def frames(pcm: bytes, *, rate: int = SAMPLE_RATE) -> AsyncIterator[rtc.AudioFrame]:
    """PCM -> frames of 20 ms; the last is padded with silence. As a voice streams it: given all at once, the framework would
    measure the whole clip's speaking rate before its first frame is heard (60 ms for a greeting)."""
    time = asyncio.get_running_loop().time
    step, began = rate * _FRAME_MS // 1000 * 2, time()
    for at in range(0, len(pcm), step):
        early = at / (rate * 2) - (time() - began) - _LEAD
        if early > 0:
            await asyncio.sleep(early)
        piece = pcm[at : at + step].ljust(step, b"\0")
        yield rtc.AudioFrame(data=piece, sample_rate=rate, num_channels=1, samples_per_channel=step // 2)


async def kept(cache: ClipCache, key: ClipKey, source: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
    """Passes frames through and keeps the clip once the source has ended by itself (an interrupted one is not kept)."""
    parts: list[bytes] = []
    rate = 0
    async for frame in source:
        rate = frame.sample_rate
        parts.append(bytes(frame.data))
        yield frame
    if rate == SAMPLE_RATE:
        await cache.put(key, b"".join(parts))
