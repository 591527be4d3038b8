"""Recordings as files, made and read: Ogg Opus, two channels."""

from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Samples = NDArray[np.float32]


def tone(seconds: float, hz: float = 440.0) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def write_tape(path: Path, seconds: float = 2.0) -> bytes:
    """A tone on the left, silence on the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = tone(seconds)
    with av.open(path, mode="w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([left, np.zeros_like(left)]), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path.read_bytes()


def read_tape(sound: Path | bytes) -> tuple[Samples, Samples]:
    """-> left and right at RATE. Whatever can be decoded of a file that is cut off."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    pieces: list[Samples] = []
    with av.open(BytesIO(sound) if isinstance(sound, bytes) else sound) as container:
        try:
            for frame in container.decode(audio=0):
                pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
        except av.error.InvalidDataError:
            pass
    pieces += [piece.to_ndarray() for piece in resampler.resample(None)]
    both: Any = np.concatenate(pieces, axis=1)
    return both[0], both[1]


def samples(pcm: bytes) -> Samples:
    """s16le -> -1 to 1."""
    return np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0


def level(sound: Samples, began: float = 0.0, ended: float | None = None) -> float:
    """RMS in dB of full scale, of the part between two moments in seconds."""
    part = sound[round(began * RATE) : None if ended is None else round(ended * RATE)]
    return float(10 * np.log10(np.mean(part.astype(np.float64) ** 2) + 1e-12)) if part.size else -120.0


STEPS = 100
"""A second, of an envelope."""


def envelope(sound: Samples, rate: int = RATE) -> Samples:
    """How loud it is, without its mean: what a codec, a jitter buffer and a gain leave of a sound."""
    step = rate // STEPS
    whole = sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)
    loud = np.sqrt(np.sqrt((whole**2).mean(axis=1)))  # the root again: a loud vowel is not everything
    return (loud - loud.mean()).astype(np.float32)


def delay(original: Samples, copy: Samples, rate: int = RATE) -> float:
    """By how many seconds the copy comes later than the original, where they are most alike."""
    size = 1 << int(np.ceil(np.log2(len(original) + len(copy))))
    alike = np.fft.irfft(np.fft.rfft(copy, size) * np.conj(np.fft.rfft(original, size)), size)
    at = int(np.argmax(alike))
    return (at if at < size // 2 else at - size) / rate


def likeness(original: Samples, copy: Samples, *, late: float, rate: int = RATE) -> float:
    """0 to 1: how alike they are once the delay is taken out."""
    shift = round(late * rate)
    moved = copy[shift:] if shift >= 0 else np.concatenate([np.zeros(-shift, np.float32), copy])
    length = min(len(original), len(moved))
    a, b = original[:length], moved[:length]
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))
