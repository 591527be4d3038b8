"""Was a voice heard at the other end? By likeness of the sound itself, whatever else is heard at the same time."""

import asyncio

import numpy as np
import numpy.typing as npt

from sandbox.softphone import SoftPhone

Signal = npt.NDArray[np.float64]

HEARD = 0.5
"""Speech through two telephones and a room correlates with what was spoken by more than this; other sound by less than NOT."""
NOT_HEARD = 0.25
_PIECE, _SLIP = 4_000, 800  # samples at a telephone's 8 kHz


def _signal(pcm: bytes) -> Signal:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def _likeness(said: Signal, got: Signal) -> Signal:
    """-1 to 1, for each place in `got` at which `said` may begin."""
    size = 1 << (len(got) + len(said)).bit_length()
    match = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(said, size)), size)[: len(got) - len(said) + 1]
    energy = np.concatenate([[0.0], np.cumsum(got**2)])
    window = energy[len(said) :] - energy[: len(energy) - len(said)]
    return match / np.sqrt(np.maximum(window, 1.0) * max(float(np.sum(said**2)), 1.0))


def heard_share(spoken: bytes, heard: bytes) -> float:
    """0 to 1: the best match of what was spoken anywhere in what was heard. Both s16le, mono, of one rate.

    By pieces, each up to 0.1 s from where the whole fits best: a lost packet moves what comes after it, which nobody hears.
    """
    said, got = _signal(spoken), _signal(heard)
    if len(got) < len(said) or not said.any():
        return 0.0
    begins = int(np.argmax(np.abs(_likeness(said, got))))
    pieces = max(1, len(said) // _PIECE)
    shares, weights = np.zeros(pieces), np.zeros(pieces)
    for n, piece in enumerate(np.array_split(said, pieces)):
        at = begins + n * len(said) // pieces
        around = got[max(0, at - _SLIP) : at + len(piece) + _SLIP]
        shares[n], weights[n] = np.max(np.abs(_likeness(piece, around))), np.sum(piece**2)
    return float(np.average(shares, weights=weights))


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
