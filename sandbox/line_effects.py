"""What a telephone line does to a voice, and the noises heard on it; all seeded, so the same call sounds the same.

Owns: bandwidth, line noise, level, u-law rounding, cough, babble. Refuses: files, voices. Samples are floats in -1..1.

What it cannot show: packet loss, jitter, echo, a mobile codec (AMR), a caller in a moving car.
"""

from typing import Final

import numpy as np

from sandbox.voice import Samples

LINE_HZ: Final = 8_000
_LOW_HZ, _HIGH_HZ = 300.0, 3_400.0
_ROLL_OFF_HZ = 80.0


def telephone_band(samples: Samples, rate_hz: int = LINE_HZ) -> Samples:
    """Only 300-3400 Hz, with soft edges; for whole recordings."""
    if len(samples) == 0:
        return samples
    margin = rate_hz // 20
    padded = np.pad(samples, margin)
    spectrum = np.fft.rfft(padded)
    frequencies = np.fft.rfftfreq(len(padded), 1 / rate_hz)
    low = np.clip((frequencies - (_LOW_HZ - _ROLL_OFF_HZ)) / _ROLL_OFF_HZ, 0, 1)
    high = np.clip(((_HIGH_HZ + _ROLL_OFF_HZ) - frequencies) / _ROLL_OFF_HZ, 0, 1)
    filtered = np.fft.irfft(spectrum * low * high, len(padded))
    return np.asarray(filtered[margin : margin + len(samples)], dtype=np.float64)


def at_level(samples: Samples, level_db: float) -> Samples:
    """Scaled so that its loudest 20 ms have this level (dB of full scale, RMS)."""
    frame = LINE_HZ // 50
    count = max(1, len(samples) // frame)
    framed = samples[: count * frame].reshape(count, -1)
    loudest = float(np.sqrt(np.square(framed).mean(axis=1).max()))
    return samples * (10 ** (level_db / 20) / max(loudest, 1e-9))


def line_noise(seconds: float, level_db: float, seed: int) -> Samples:
    """Hiss of the line: noise in the telephone band at this RMS level."""
    generator = np.random.default_rng(seed)
    noise = telephone_band(generator.standard_normal(max(1, round(seconds * LINE_HZ))))
    return noise * (10 ** (level_db / 20) / max(float(np.sqrt(np.square(noise).mean())), 1e-9))


def over_the_line(samples: Samples, *, speech_db: float, noise_db: float, seed: int) -> Samples:
    """A voice as it arrives: telephone band, level, hiss under all of it, and the rounding of G.711 u-law."""
    voice = at_level(telephone_band(samples), speech_db)
    noisy = voice + line_noise(len(voice) / LINE_HZ, noise_db, seed)[: len(voice)]
    return companded(noisy)


def companded(samples: Samples) -> Samples:
    """After u-law and back (8 bits, logarithmic)."""
    clipped = np.clip(samples, -1.0, 1.0)
    compressed = np.sign(clipped) * np.log1p(255 * np.abs(clipped)) / np.log(256)
    rounded = np.asarray(np.round(compressed * 127) / 127, dtype=np.float64)
    return np.sign(rounded) * np.expm1(np.abs(rounded) * np.log(256)) / 255


def cough(seed: int) -> Samples:
    """Two bursts of noise that start hard and die away, about 0.6 s in all."""
    generator = np.random.default_rng(seed)
    pieces: list[Samples] = []
    for seconds, loudness in ((0.16, 1.0), (0.12, 0.0), (0.30, 0.8)):
        count = round(seconds * LINE_HZ)
        decay = np.exp(-np.arange(count) / (0.06 * LINE_HZ))
        pieces.append(generator.standard_normal(count) * decay * loudness)
    return telephone_band(np.concatenate(pieces))


def babble(voices: list[Samples], seconds: float, seed: int) -> Samples:
    """Several voices at once, each starting somewhere else and going round: a waiting room behind the caller."""
    generator = np.random.default_rng(seed)
    count = round(seconds * LINE_HZ)
    mixed = np.zeros(count)
    for voice in voices:
        shifted = np.roll(voice, int(generator.integers(len(voice))))
        mixed += np.resize(shifted, count)
    return telephone_band(mixed / max(1, len(voices)))
