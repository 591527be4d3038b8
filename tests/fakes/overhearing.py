"""Was a voice heard at the other end? By likeness of the sound itself, whatever else is heard at the same time."""

import asyncio

import numpy as np
import numpy.typing as npt

from sandbox.softphone import SoftPhone

Signal = npt.NDArray[np.float64]

HEARD = 0.5
"""Speech through two telephones and a room correlates with what was spoken by more than this; other sound by less than NOT."""
NOT_HEARD = 0.25


def _signal(pcm: bytes) -> Signal:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def heard_share(spoken: bytes, heard: bytes) -> float:
    """0 to 1: the best match of what was spoken anywhere in what was heard. Both s16le, mono, of one rate."""
    said, got = _signal(spoken), _signal(heard)
    if len(got) < len(said) or not said.any():
        return 0.0
    size = 1 << (len(got) + len(said)).bit_length()
    match = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(said, size)), size)[: len(got) - len(said) + 1]
    energy = np.concatenate([[0.0], np.cumsum(got**2)])
    window = energy[len(said) :] - energy[: len(energy) - len(said)]
    return float(np.max(np.abs(match) / np.sqrt(np.maximum(window, 1.0) * np.sum(said**2))))


async def says(phone: SoftPhone, utterance: str) -> bytes:
    """-> what was said, as it left the telephone."""
    await phone.say(utterance)
    await asyncio.sleep(0.6)  # for the other end to have heard the last of it
    spoken = phone.line.spoken[-1]
    return phone.line.caller.part(spoken.began, spoken.ended)


def hears(phone: SoftPhone, spoken: bytes) -> float:
    return heard_share(spoken, bytes(phone.line.ava.pcm))


async def they_talk(one: SoftPhone, other: SoftPhone) -> None:
    """Each hears what the other says."""
    assert hears(other, await says(one, "fr-pay-card")) > HEARD
    assert hears(one, await says(other, "fr-message-crown")) > HEARD
