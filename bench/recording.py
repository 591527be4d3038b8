"""What recording costs a long call: memory and CPU of `agent.deck`, and what a killed process leaves; beside it the framework's
own RecorderIO. Clocks run faster here: an hour of call in a few minutes, frame by frame.

    python -m bench.recording [--minutes 60] [--speed 20]

Prints a row per minute of call, later per ten: resident memory, seconds of sound held in memory, the file's size. What it can't
show: a disk slower than this one.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
from livekit import rtc
from livekit.agents.voice.recorder_io import RecorderIO

import agent.deck
from agent.deck import RATE, AvaTap, CallerTap, Deck
from demo.sound import TICK, TICK_BYTES, Ear, Mouth
from store.recordings.tape import seconds_of

_MINUTE = 60.0
_TURN = 8.0  # seconds: one side speaks, then the other
_LIVED = 30.0


def _fast(speed: float) -> Callable[[], float]:
    began = time.time()
    return lambda: began + (time.time() - began) * speed


def _voice(seconds: float) -> bytes:
    """Noise shaped like syllables: it does not compress better than speech."""
    rng = np.random.default_rng(1)
    at = np.arange(int(seconds * RATE)) / RATE
    shaped = rng.normal(0, 3000, at.size) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * at))
    return shaped.clip(-20_000, 20_000).astype(np.int16).tobytes()


class _Mouth(Mouth):
    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def on_playback_started(self, *, created_at: float) -> None:
        super().on_playback_started(created_at=self._clock())


async def _talk(
    caller: Any, ava: Any, mouth: Mouth, *, seconds: float, clock: Callable[[], float], speed: float
) -> None:
    """Both sides in turn, by the clock."""
    voice, silence = _voice(_TURN), b"\0" * TICK_BYTES
    began, ticks = clock(), 0
    while ticks * TICK < seconds:
        at = ticks * TICK % (2 * _TURN)
        if at < TICK / 2:
            for offset in range(0, len(voice), TICK_BYTES * 5):
                piece = voice[offset : offset + TICK_BYTES * 5]
                await ava.capture_frame(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))
            ava.flush()
        offset = int((at - _TURN) * RATE) * 2
        caller.source.push(voice[offset : offset + TICK_BYTES] if at >= _TURN else silence)
        await anext(caller)
        mouth.tick()
        ticks += 1
        if (wait := began + ticks * TICK - clock()) > 0:
            await asyncio.sleep(wait / speed)


async def _long(path: Path, minutes: float, speed: float) -> None:
    agent.deck._WRITE_EVERY /= speed  # pyright: ignore[reportPrivateUsage]  # it sleeps by the real clock
    clock, process = _fast(speed), psutil.Process()
    deck, mouth = Deck(path, clock=clock), _Mouth(clock)
    caller, ava = CallerTap(deck, Ear()), AvaTap(deck, mouth)
    deck.keeps_caller = True
    deck.start()
    print("minute  RSS MB  held s  file MB")
    before, told = process.cpu_times(), 0.0
    while told < minutes:
        step = min(10.0 if told >= 10 else 1.0, minutes - told)
        await _talk(caller, ava, mouth, seconds=step * _MINUTE, clock=clock, speed=speed)
        told = round(told + step)
        held = (deck._left.held + deck._right.held) / RATE  # pyright: ignore[reportPrivateUsage]  # what is measured
        _tell(told, process, held, path)
    await deck.stop()
    spent = process.cpu_times()
    cpu = (spent.user + spent.system - before.user - before.system) / minutes
    print(f"CPU {cpu:.2f} s per minute of call, this bench's own included; {seconds_of(path) / 60:.2f} minutes on file")


def _tell(minute: float, process: psutil.Process, held: float, path: Path) -> None:
    size = path.stat().st_size / 1e6 if path.exists() else 0.0
    print(f"{minute:6.0f}  {process.memory_info().rss / 1e6:6.1f}  {held:6.1f}  {size:7.2f}", flush=True)


async def _live(kind: str, path: Path) -> None:
    """Until it is killed."""
    mouth = Mouth()
    if kind == "deck":
        deck = Deck(path)
        caller: Any = CallerTap(deck, Ear())
        ava: Any = AvaTap(deck, mouth)
        deck.keeps_caller = True
        deck.start()
    else:
        recorder = RecorderIO(agent_session=cast("Any", None), sample_rate=RATE)
        caller, ava = recorder.record_input(Ear()), recorder.record_output(mouth)
        await recorder.start(output_path=path)
    print("up", flush=True)
    await _talk(caller, ava, mouth, seconds=600, clock=time.time, speed=1)


def _killed(kind: str, path: Path) -> None:
    """In real time."""
    command = [sys.executable, "-m", "bench.recording", "--live", kind, "--path", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        asyncio.run(asyncio.sleep(_LIVED))
        os.kill(child.pid, signal.SIGKILL)
    kept = seconds_of(path) if path.exists() else 0.0
    print(f"{kind}: killed after {_LIVED:.0f} s of call, {kept:.1f} s of it on disk")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--speed", type=float, default=20)
    parser.add_argument("--live", choices=["deck", "framework"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.live:
        asyncio.run(_live(given.live, given.path))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_long(Path(folder) / "call.ogg", given.minutes, given.speed))
        for kind in ("deck", "framework"):
            _killed(kind, Path(folder) / f"{kind}.ogg")


if __name__ == "__main__":
    main()
