"""What tests of the telephone line take for heard."""

import numpy as np
import numpy.typing as npt
import pytest

from sandbox.callers import get_recording
from tests.fakes.overhearing import HEARD, NOT_HEARD, heard_share


def voice(name: str) -> npt.NDArray[np.int16]:
    """As a telephone has it, 8 kHz."""
    recording = get_recording(name)
    return np.frombuffer(recording.pcm, dtype=np.int16)[:: recording.rate_hz // 8_000]


SAID = voice("fr-message-crown")
SILENCE = np.zeros(8_000, dtype=np.int16)


def share(heard: npt.NDArray[np.int16]) -> float:
    return heard_share(SAID.tobytes(), np.concatenate([SILENCE, heard, SILENCE]).tobytes())


def test_what_was_said_is_heard_at_any_loudness_and_beside_other_sound() -> None:
    noise = np.random.default_rng(1).normal(0, 300, len(SAID)).astype(np.int16)
    assert share(SAID // 4) > 0.99
    assert share(SAID // 2 + noise) > HEARD


def test_lost_and_late_packets_make_no_difference() -> None:
    third = len(SAID) // 3
    slipped = np.concatenate([SAID[:third], SILENCE[:320], SAID[third : 2 * third], SAID[2 * third + 160 :]])
    assert share(slipped) > 0.8


@pytest.mark.parametrize("other", ["fr-where", "fr-pay-card", "fr-want-person"])
def test_somebody_elses_words_are_not_taken_for_it(other: str) -> None:
    assert share(np.concatenate([voice(other), voice(other)])) < NOT_HEARD


def test_half_of_it_is_not_it() -> None:
    assert share(SAID[: len(SAID) // 3]) < HEARD


def test_silence_is_nothing_heard() -> None:
    assert share(SILENCE) == 0.0
    assert heard_share(SAID.tobytes(), SILENCE[:100].tobytes()) == 0.0
