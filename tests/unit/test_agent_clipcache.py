"""Speech on disk: bounded, whole or not at all, and never the wrong voice's."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents.tts import TTS

from agent.clipcache import ClipCache, ClipKey, frames, kept
from agent.providers.tts import SAMPLE_RATE
from agent.voice import CANNED, CannedVoice
from contracts.assistant import AssistantConfig

CLIP = bytes(range(256)) * 10


class Synthesis:
    """As much of a voice provider as is asked for a sentence."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @asynccontextmanager
    async def synthesize(self, text: str) -> AsyncIterator[AsyncIterator[Any]]:
        self.asked.append(text)

        async def audio() -> AsyncIterator[Any]:
            await asyncio.sleep(0.01)
            frame = rtc.AudioFrame(
                data=CLIP, sample_rate=SAMPLE_RATE, num_channels=1, samples_per_channel=len(CLIP) // 2
            )
            yield SimpleNamespace(frame=frame)

        yield audio()

    async def aclose(self) -> None:
        """It has nothing open."""


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_key_tells_apart_all_that_changes_the_sound(config: AssistantConfig) -> None:
    def voiced(**changes: Any) -> AssistantConfig:
        return config.model_copy(update={"voice": config.voice.model_copy(update=changes)})

    keys = {
        ClipKey.of(config, "Bonjour").value,
        ClipKey.of(config, "Bonsoir").value,
        ClipKey.of(config.model_copy(update={"language": "en"}), "Bonjour").value,
        ClipKey.of(voiced(voice_id="other"), "Bonjour").value,
        ClipKey.of(voiced(model="eleven_v3"), "Bonjour").value,
        ClipKey.of(voiced(speed=1.1), "Bonjour").value,
    }
    assert len(keys) == 6
    same = config.model_copy(update={"greeting": "something else"})
    assert ClipKey.of(same, "Bonjour") == ClipKey.of(config, "Bonjour")


async def test_what_was_put_is_found(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    assert await cache.get(ClipKey("a")) is None
    await cache.put(ClipKey("a"), CLIP)
    assert await cache.get(ClipKey("a")) == CLIP
    assert await ClipCache(tmp_path).get(ClipKey("a")) == CLIP, "it outlives the process"


async def test_calls_that_begin_together_pay_for_a_voice_once(tmp_path: Path, config: AssistantConfig) -> None:
    """Each has a process of its own, and so a cache of its own on the same disk."""
    voice = Synthesis()
    await asyncio.gather(*(CannedVoice(config, ClipCache(tmp_path)).prepare(cast("TTS[Any]", voice)) for _ in range(4)))
    assert len(voice.asked) == len(set(voice.asked)) == len(CANNED)
    assert _bytes_in(tmp_path) == len(CANNED) * len(CLIP), "no mark is left"
    await CannedVoice(config, ClipCache(tmp_path)).prepare(cast("TTS[Any]", voice))
    assert len(voice.asked) == len(CANNED)


async def test_who_dies_while_making_a_clip_keeps_nobody_from_it(tmp_path: Path) -> None:
    """Its mark is left behind."""
    (tmp_path / "a.making").touch()
    async with ClipCache(tmp_path).making(ClipKey("a")) as ours:
        assert ours
        async with ClipCache(tmp_path).making(ClipKey("a")) as again:
            assert not again


async def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, max_bytes=len(CLIP) * 12)
    for n in range(12):
        await cache.put(ClipKey(f"k{n:02}"), CLIP)
        os.utime(tmp_path / f"k{n:02}.pcm", (n, n))
    assert await cache.get(ClipKey("k00")) == CLIP, "used: now the youngest"
    await cache.put(ClipKey("new"), CLIP)
    assert await cache.get(ClipKey("k01")) is None
    assert await cache.get(ClipKey("k00")) == CLIP
    assert _bytes_in(tmp_path) <= len(CLIP) * 12


async def test_too_large_or_empty_is_not_kept(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, max_bytes=len(CLIP) * 5)
    await cache.put(ClipKey("large"), CLIP)
    await cache.put(ClipKey("none"), b"")
    assert _bytes_in(tmp_path) == 0


async def test_leftover_of_a_cut_write_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "a.0123.part").write_bytes(CLIP)
    assert await ClipCache(tmp_path).get(ClipKey("a")) is None


async def test_empty_file_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "a.pcm").touch()
    assert await ClipCache(tmp_path).get(ClipKey("a")) is None


async def test_frames_are_20_ms_and_the_last_is_padded() -> None:
    pcm = b"\1\2" * (320 * 2 + 10)
    made = [frame async for frame in frames(pcm)]
    assert [frame.samples_per_channel for frame in made] == [320, 320, 320]
    joined = b"".join(bytes(frame.data) for frame in made)
    assert joined[: len(pcm)] == pcm
    assert not any(joined[len(pcm) :])


async def test_a_long_clip_comes_as_it_is_heard() -> None:
    """Given all at once, the framework measures the whole clip before the caller hears its first frame."""
    made: list[rtc.AudioFrame] = []

    async def take() -> None:
        async for frame in frames(b"\1\2" * SAMPLE_RATE * 60):
            made.append(frame)

    taking = asyncio.create_task(take())
    await asyncio.sleep(0)
    assert 0 < len(made) < 1500, "half of its minute at most, on the slowest machine"
    taking.cancel()


async def _source(rate: int = SAMPLE_RATE, *, fail: bool = False) -> AsyncIterator[rtc.AudioFrame]:
    for value in range(3):
        yield rtc.AudioFrame(bytes([value + 1]) * 640, rate, 1, 320)
    if fail:
        raise ConnectionError("the voice broke off")


async def test_kept_passes_frames_on_and_keeps_the_whole(tmp_path: Path) -> None:
    cache, key = ClipCache(tmp_path), ClipKey("a")
    passed = [bytes(frame.data) async for frame in kept(cache, key, _source())]
    assert await cache.get(key) == b"".join(passed)
    assert len(passed) == 3


async def test_kept_keeps_nothing_of_an_interrupted_clip(tmp_path: Path) -> None:
    cache, key = ClipCache(tmp_path), ClipKey("a")
    passing = kept(cache, key, _source())
    await anext(passing)
    await passing.aclose()  # type: ignore[attr-defined]  # an async generator behind the interface
    assert await cache.get(key) is None


async def test_kept_keeps_nothing_of_a_clip_that_broke_off(tmp_path: Path) -> None:
    cache, key = ClipCache(tmp_path), ClipKey("a")
    with pytest.raises(ConnectionError):
        async for _ in kept(cache, key, _source(fail=True)):
            pass
    assert await cache.get(key) is None


async def test_kept_keeps_nothing_at_another_rate(tmp_path: Path) -> None:
    """It would be replayed too fast or too slow."""
    cache, key = ClipCache(tmp_path), ClipKey("a")
    assert len([frame async for frame in kept(cache, key, _source(8_000))]) == 3
    assert await cache.get(key) is None


def test_key_is_a_file_name(config: AssistantConfig) -> None:
    values = [ClipKey.of(config, text).value for text in ("../x", "a/b", "é\0")]
    assert all(value.isalnum() and len(value) == 40 for value in values)
    assert all(a != b for a, b in pairwise(values))


async def test_disk_that_refuses_costs_no_speech(tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("a file where the folder should be")
    cache = ClipCache(tmp_path / "clips")
    assert len([frame async for frame in kept(cache, ClipKey("a"), _source())]) == 3
    assert await cache.get(ClipKey("a")) is None
