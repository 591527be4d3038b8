"""The in-process mouth plays tick by tick and knows what it did: what the sound checks are built on."""

from livekit import rtc

from demo.line import Spoken
from demo.sound import RATE, SILENCE, TICK_BYTES, Mouth, is_loud

LOUD_TICK = b"\x00\x20" * (TICK_BYTES // 2)


async def hears(mouth: Mouth, ticks: int) -> None:
    pcm = LOUD_TICK * ticks
    await mouth.capture_frame(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))


def play(mouth: Mouth, ticks: int) -> list[bool]:
    return [is_loud(mouth.tick()) for _ in range(ticks)]


async def test_a_segment_is_played_from_its_first_to_its_last_tick() -> None:
    mouth = Mouth()
    assert mouth.tick() == SILENCE
    await hears(mouth, 3)
    mouth.flush()
    assert play(mouth, 4) == [True, True, True, False]
    [segment] = mouth.history
    assert (segment.began, segment.ended, segment.interrupted) == (1, 4, False)
    assert not mouth.busy


async def test_a_late_voice_leaves_silence_and_is_on_record() -> None:
    mouth = Mouth()
    await hears(mouth, 2)
    assert play(mouth, 4) == [True, True, False, False]
    await hears(mouth, 1)
    mouth.flush()
    assert play(mouth, 1) == [True]
    [segment] = mouth.history
    assert segment.waits == [(2, 4)]


async def test_an_interruption_stops_at_the_next_tick() -> None:
    mouth = Mouth()
    await hears(mouth, 10)
    mouth.flush()
    play(mouth, 3)
    mouth.clear_buffer()
    assert play(mouth, 2) == [False, False]
    [segment] = mouth.history
    assert (segment.ended, segment.interrupted) == (3, True)


async def test_a_pause_is_on_record_and_loses_nothing() -> None:
    mouth = Mouth()
    await hears(mouth, 4)
    mouth.flush()
    play(mouth, 2)
    mouth.pause()
    assert play(mouth, 3) == [False] * 3
    mouth.resume()
    assert play(mouth, 3) == [True, True, False]
    [segment] = mouth.history
    assert segment.pauses == [(2, 5)]


async def test_what_was_cleared_before_it_began_was_never_played() -> None:
    mouth = Mouth()
    await hears(mouth, 4)
    mouth.clear_buffer()
    assert mouth.history == []
    assert not mouth.busy


def test_an_answer_is_timed_from_the_last_audible_tick() -> None:
    assert Spoken("x", 0, 40, over_ava=False, loud=(5, 30), answered=59).answered_after_ms == 560
    assert Spoken("x", 0, 40, over_ava=False, loud=(5, 30)).answered_after_ms is None
    assert Spoken("cough", 0, 40, over_ava=False, answered=59).answered_after_ms is None
