"""What a caller hears while somebody is being fetched: a quiet figure that repeats, made here from sine waves.

Owns: the sound. Refuses: when it is heard (`agent.handover`).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import numpy as np
from livekit import rtc
from livekit.agents import BackgroundAudioPlayer

RATE = 48_000  # what the framework's mixer runs at
_FRAME = RATE // 50  # 20 ms
_NOTE_SECONDS, _RING_SECONDS = 0.4, 1.6
_LOUDNESS = 4_500  # of 32,767: under a voice, over a telephone line's noise
# semitones over A3: two bars in A, two in F sharp minor; within what a telephone carries (300 to 3,400 Hz)
_FIGURE = (12, 16, 19, 24, 19, 16, 12, 19, 9, 12, 16, 21, 16, 12, 9, 16)


@cache
def _loop() -> bytes:
    """PCM s16le mono at RATE; its end runs into its beginning."""
    ring = np.arange(round(_RING_SECONDS * RATE)) / RATE
    shape = np.exp(-3.0 * ring) * np.minimum(1.0, ring / 0.01)
    total = np.zeros(round(len(_FIGURE) * _NOTE_SECONDS * RATE))
    for place, semitones in enumerate(_FIGURE):
        pitch = 220.0 * 2 ** (semitones / 12)
        note = shape * (np.sin(2 * np.pi * pitch * ring) + 0.3 * np.sin(4 * np.pi * pitch * ring))
        at = round(place * _NOTE_SECONDS * RATE)
        total[(at + np.arange(len(note))) % len(total)] += note
    return (total / np.abs(total).max() * _LOUDNESS).astype("<i2").tobytes()


async def hold_music() -> AsyncIterator[rtc.AudioFrame]:
    """Without end, for `BackgroundAudioPlayer`, which sets the pace."""
    pcm = await asyncio.to_thread(_loop)
    step = _FRAME * 2
    while True:
        for at in range(0, len(pcm) - step + 1, step):
            yield rtc.AudioFrame(data=pcm[at : at + step], sample_rate=RATE, num_channels=1, samples_per_channel=_FRAME)


@asynccontextmanager
async def playing(room: rtc.Room) -> AsyncGenerator[None]:
    """A track of AVA's with the music, as long as the block lasts."""
    player = BackgroundAudioPlayer()
    await player.start(room=room)
    player.play(hold_music())
    try:
        yield
    finally:
        await player.aclose()
