"""Each audio check on signals made for it: one that must pass, one that must fail."""

import numpy as np
import pytest

from demo import audio
from demo.audio import Recorded, Samples
from demo.line import Spoken
from demo.sound import RATE, TICK, Played

PER_TICK = round(RATE * TICK)


def tone(ticks: int, *, peak: int = 8_000) -> Samples:
    at = np.arange(ticks * PER_TICK) / RATE
    return np.asarray(peak * np.sin(2 * np.pi * 220 * at), dtype=np.int16)


def silence(ticks: int) -> Samples:
    return np.zeros(ticks * PER_TICK, dtype=np.int16)


def joined(*parts: Samples) -> Samples:
    return np.concatenate(parts)


def call(right: Samples, *played: Played, left: Samples | None = None, spoken: tuple[Spoken, ...] = ()) -> Recorded:
    return Recorded(left if left is not None else np.zeros_like(right), right, played, spoken)


def test_a_steady_voice_has_no_gap() -> None:
    assert audio.no_gaps(call(tone(100), Played(0, 100))).ok


@pytest.mark.parametrize(("ticks", "ok"), [(12, True), (14, False)])
def test_a_hole_inside_a_segment_counts_from_250_ms(ticks: int, ok: bool) -> None:
    right = joined(tone(50), silence(ticks), tone(50))
    assert audio.no_gaps(call(right, Played(0, 100 + ticks))).ok is ok


def test_a_hole_between_two_segments_is_a_pause_for_breath() -> None:
    right = joined(tone(50), silence(40), tone(50))
    assert audio.no_gaps(call(right, Played(0, 50), Played(90, 140))).ok


def test_a_hole_that_the_session_ordered_is_none() -> None:
    right = joined(tone(50), silence(40), tone(50))
    held = Played(0, 140, pauses=[(50, 90)])
    assert audio.no_gaps(call(right, held)).ok
    assert not audio.no_gaps(call(right, Played(0, 140, pauses=[(50, 60)]))).ok


def test_silence_at_a_segments_ends_is_no_hole() -> None:
    right = joined(silence(30), tone(50), silence(30))
    assert audio.no_gaps(call(right, Played(0, 110))).ok


def test_a_segment_without_sound_is_found() -> None:
    right = joined(tone(50), silence(10), silence(50))
    assert audio.speech_present(call(right, Played(0, 50)), turns=1).ok
    assert not audio.speech_present(call(right, Played(0, 50), Played(60, 110)), turns=2).ok


def test_a_turn_that_was_never_played_is_found() -> None:
    assert not audio.speech_present(call(tone(50), Played(0, 50)), turns=2).ok


def test_a_silent_call_is_not_a_good_call() -> None:
    assert not audio.speech_present(call(silence(50)), turns=1).ok


def test_flattened_peaks_are_clipping_and_loud_ones_are_not() -> None:
    assert audio.not_clipped(call(tone(20, peak=32_000), Played(0, 20))).ok
    flat = np.clip(tone(20, peak=20_000).astype(np.int32) * 3, -32_768, 32_767).astype(np.int16)
    assert not audio.not_clipped(call(flat, Played(0, 20))).ok


def _barge_in(stops_after: int, *, interrupted: bool = True) -> tuple[Recorded, Spoken]:
    """AVA from 0, the caller audible from tick 50 on."""
    right = joined(tone(50 + stops_after), silence(100))
    caller = Spoken("x", 48, 80, over_ava=True, loud=(50, 78))
    played = Played(0, 50 + stops_after, interrupted=interrupted)
    return call(right, played, spoken=(caller,)), caller


@pytest.mark.parametrize(("ticks", "ok"), [(25, True), (39, True), (42, False)])
def test_ava_must_stop_within_800_ms(ticks: int, ok: bool) -> None:
    recorded, caller = _barge_in(ticks)
    check = audio.stops_when_interrupted(recorded, [caller])
    assert check is not None
    assert check.ok is ok


def test_nobody_interrupted_is_nothing_to_check() -> None:
    late = Spoken("x", 60, 90, over_ava=False, loud=(62, 88))
    assert audio.stops_when_interrupted(call(joined(tone(50), silence(60)), Played(0, 50)), [late]) is None


@pytest.mark.parametrize(
    ("ms", "cached", "ok"), [(60.0, True, True), (400.0, True, False), (400.0, False, True), (None, False, False)]
)
def test_the_greeting_has_a_limit(ms: float | None, cached: bool, ok: bool) -> None:
    assert audio.greets_in_time(ms, cached=cached).ok is ok


def test_a_caller_who_is_not_on_the_left_channel_is_missed() -> None:
    left = joined(silence(10), tone(20), silence(20))
    heard = Spoken("heard", 10, 30, over_ava=False, loud=(11, 29))
    lost = Spoken("lost", 35, 45, over_ava=False, loud=(36, 44))
    right = tone(50)
    assert audio.caller_is_heard(call(right, Played(0, 50), left=left, spoken=(heard,))).ok
    check = audio.caller_is_heard(call(right, Played(0, 50), left=left, spoken=(heard, lost)))
    assert not check.ok
    assert "lost" in check.detail


def test_frames_become_channels() -> None:
    frames = [tone(1).tobytes(), silence(1).tobytes()]
    recorded = Recorded.of(frames, list(reversed(frames)), [], [])
    assert len(recorded.left) == len(recorded.right) == 2 * PER_TICK
    assert audio.loud_frames(recorded.left).tolist() == [True, True, False, False]
    assert audio.loud_frames(recorded.right).tolist() == [False, False, True, True]
