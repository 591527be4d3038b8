"""The recorder's timeline: each side's sound where it belongs, whatever frames do on their way. Time is the test's own."""

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from livekit import rtc

from agent.deck import RATE, AvaTap, CallerTap, Deck, Encoder, samples_of
from demo.sound import SILENCE, TICK, TICK_BYTES, Ear, Mouth
from store.recordings.tape import seconds_of
from tests.fakes.tapes import delay, level, likeness, read_tape, samples, tone

CLIPS = Path(__file__).parents[2] / "agent" / "clips"


class Clock:
    """Moved by hand, in seconds."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def pcm(seconds: float, hz: float = 440.0) -> bytes:
    return bytes((tone(seconds, hz) * 32767).astype(np.int16))


def frames(sound: bytes) -> list[rtc.AudioFrame]:
    pieces = [sound[at : at + TICK_BYTES].ljust(TICK_BYTES, b"\0") for at in range(0, len(sound), TICK_BYTES)]
    return [rtc.AudioFrame(piece, RATE, 1, len(piece) // 2) for piece in pieces]


class _Mouth(Mouth):
    """Tells the time by the test's clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._time = clock

    def on_playback_started(self, *, created_at: float) -> None:
        super().on_playback_started(created_at=self._time())


class Studio:
    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.deck = Deck(path, clock=self.clock)
        self.ear, self.mouth = Ear(), _Mouth(self.clock)
        self.caller, self.ava = CallerTap(self.deck, self.ear), AvaTap(self.deck, self.mouth)
        self.deck.keeps_caller = True

    async def hears(self, frame: rtc.AudioFrame, *, after: float = TICK) -> None:
        """A frame of the caller's arrives `after` seconds since the last one."""
        self.clock.at += after
        self.ear.push(bytes(frame.data))
        await anext(self.caller)

    async def says(self, sound: bytes) -> None:
        """AVA's speech, handed over at once, as a voice does."""
        for frame in frames(sound):
            await self.ava.capture_frame(frame)
        self.ava.flush()

    async def passes(self, seconds: float) -> None:
        """With a silent caller."""
        for _ in range(round(seconds / TICK)):
            await self.hears(rtc.AudioFrame(SILENCE, RATE, 1, TICK_BYTES // 2))
            self.mouth.tick()

    async def tape(self) -> tuple[np.ndarray, np.ndarray]:
        await self.deck.stop()
        return read_tape(self.path)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    found = Studio(tmp_path / "tape.ogg")
    found.deck.start()
    yield found
    await found.deck.stop()


async def test_each_side_is_where_it_was_on_one_clock(studio: Studio) -> None:
    """A second of silence, AVA for one, silence, the caller for one."""
    await studio.passes(1.0)
    await studio.says(pcm(1.0, 300))
    await studio.passes(1.5)
    for frame in frames(pcm(1.0, 500)):
        await studio.hears(frame)
    await studio.passes(0.5)
    left, right = await studio.tape()
    assert len(left) / RATE == pytest.approx(4.0, abs=0.05)
    for sound, began in ((left, 2.5), (right, 1.0)):
        assert level(sound, began + 0.1, began + 0.9) > -15
        assert level(sound, 0, began - 0.1) < -70
        assert level(sound, began + 1.1) < -70


async def test_what_an_interruption_cut_off_is_not_on_it(studio: Studio) -> None:
    """AVA was heard for 0.6 of 3 seconds."""
    await studio.says(pcm(3.0))
    await studio.passes(0.6)
    studio.ava.clear_buffer()
    await studio.passes(1.4)
    _, right = await studio.tape()
    assert level(right, 0.1, 0.5) > -15
    assert level(right, 0.75) < -70


async def test_until_the_caller_is_kept_their_side_is_silence(studio: Studio) -> None:
    studio.deck.keeps_caller = False
    for frame in frames(pcm(1.0)):
        await studio.hears(frame)
    studio.deck.keeps_caller = True
    for frame in frames(pcm(1.0)):
        await studio.hears(frame)
    left, _ = await studio.tape()
    assert level(left, 0, 0.95) < -70
    assert level(left, 1.1, 1.9) > -15


@pytest.mark.parametrize("stall", [0.15, 0.4, 1.2])
async def test_frames_that_come_in_a_bunch_still_follow_one_another(studio: Studio, stall: float) -> None:
    """The loop was busy: the frames of that time arrive at its end, all at once. No sample is lost or doubled."""
    sound = b"".join(pcm(0.02, 300 + 7 * n) for n in range(150))
    sent = frames(sound)
    held = round(stall / TICK)
    for n, frame in enumerate(sent):
        late = 50 <= n < 50 + held
        await studio.hears(frame, after=TICK * (held if n == 50 else 0) if late else TICK)
    left, _ = await studio.tape()
    late_by = delay(samples(sound), left)
    assert abs(late_by) < 0.03
    assert likeness(samples(sound), left, late=late_by) > 0.95


async def test_sound_that_was_lost_leaves_a_hole_of_its_length(studio: Studio) -> None:
    """The line was gone for five seconds: what comes after is where it belongs."""
    for frame in frames(pcm(1.0)):
        await studio.hears(frame)
    studio.clock.at += 5.0
    for frame in frames(pcm(1.0)):
        await studio.hears(frame)
    left, _ = await studio.tape()
    assert level(left, 0.1, 0.9) > -15
    assert level(left, 1.1, 5.9) < -70
    assert level(left, 6.1, 6.9) > -15


async def test_a_caller_whose_clock_runs_fast_stays_in_step(studio: Studio) -> None:
    """By 5 %: over half a minute that would be a second and a half."""
    tick = rtc.AudioFrame(SILENCE, RATE, 1, TICK_BYTES // 2)
    for _ in range(1_500):
        await studio.hears(tick, after=TICK * 0.95)
    for frame in frames(pcm(1.0)):
        await studio.hears(frame)
    at = (studio.clock.at - 1_000.0) - 1.0
    left, _ = await studio.tape()
    assert level(left, at + 0.2, at + 0.8) > -15
    assert level(left, 0, at - 0.2) < -70


async def test_a_moment_is_settled_when_nothing_more_can_come_for_it(studio: Studio) -> None:
    """While AVA speaks her words wait for her end; but not without end, and what is settled leaves memory."""
    await studio.passes(2.0)
    assert studio.deck._settled() == pytest.approx(1.7 * RATE, abs=10)
    await studio.says(pcm(30.0))
    await studio.passes(10.0)
    assert studio.deck._settled() == pytest.approx(2.0 * RATE, abs=10)
    await studio.deck._write(studio.deck._settled())
    assert studio.deck._left.held / RATE == pytest.approx(10.0, abs=0.1)
    await studio.passes(90.0)
    assert studio.deck._settled() > 11.0 * RATE


@pytest.mark.parametrize("speaking", [0, 1], ids=["the caller", "AVA"])
def test_who_is_silent_is_silent_on_the_tape_whatever_the_other_says(speaking: int, tmp_path: Path) -> None:
    """A recording that has not begun for the caller must not have a sound on their side. Whether a codec lets the sides
    into each other hangs on the sample at which a word begins."""
    with wave.open(str(CLIPS / "fr" / "give_up.wav")) as clip:
        word = np.frombuffer(clip.readframes(clip.getnframes()), dtype="<i2").repeat(RATE // clip.getframerate())
    for late in (110, 290, 310):
        path = tmp_path / f"{late}.ogg"
        sides = [np.zeros(late + word.size, dtype=np.int16) for _ in range(2)]
        sides[speaking][late:] = word
        encoder = Encoder(path)
        encoder.write(sides[0], sides[1])
        encoder.close()
        tape = read_tape(path)
        assert level(tape[speaking]) > -40
        assert level(tape[1 - speaking]) < -100, f"{late} samples late"


async def test_a_process_that_is_killed_leaves_what_was_settled(studio: Studio) -> None:
    """The file is never closed: all but the last two seconds or so can be read of it."""
    for frame in frames(pcm(6.0)):
        await studio.hears(frame)
    await studio.deck._write(studio.deck._settled())
    left, _ = read_tape(studio.path.read_bytes())
    assert 3.5 < len(left) / RATE < 6.0
    assert seconds_of(studio.path) == pytest.approx(len(left) / RATE, abs=0.1)
    assert level(left, 0.5, 3.0) > -15


async def test_stopping_twice_and_at_once_is_stopping(studio: Studio) -> None:
    await studio.passes(1.0)
    await studio.deck.stop()
    await studio.deck.stop()
    await studio.passes(1.0)
    left, _ = read_tape(studio.path)
    assert len(left) / RATE == pytest.approx(1.0, abs=0.05)


def test_other_rates_and_two_channels_are_brought_to_one() -> None:
    stereo = np.stack([np.full(480, 1000), np.full(480, 3000)], axis=1).astype(np.int16).tobytes()
    brought = samples_of(rtc.AudioFrame(stereo, 48_000, 2, 480))
    assert (brought.size, int(brought.mean())) == (160, 2000)
