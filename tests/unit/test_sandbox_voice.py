"""The plain voice and the telephone line: real speech in three languages, nothing clipped, nothing too long silent."""

import io

import av
import numpy as np
import pytest

from sandbox.elevenlabs_account import OutputFormat, Refusal, cut_into_chunks, guess_language, to_ulaw
from sandbox.line_effects import companded, telephone_band
from sandbox.voice import SPEAKERS, Language, from_pcm, resample, speak, synthesise, to_pcm

TEXTS: dict[Language, str] = {
    "fr": "Le cabinet est ouvert jeudi, de neuf heures à midi, puis de quatorze à dix-huit heures.",
    "en": "The practice is open on Thursday, from nine to noon, and from two to six.",
    "he": "המרפאה פתוחה ביום חמישי, מתשע עד שתים עשרה, ומשתיים עד שש.",
}


def loud_steps(pcm: bytes, rate_hz: int) -> np.ndarray:
    samples = np.abs(from_pcm(pcm))
    step = rate_hz // 100
    return samples[: len(samples) // step * step].reshape(-1, step).max(axis=1) > 0.006


@pytest.mark.parametrize("language", ["fr", "en", "he"])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_a_sentence_is_speech(language: Language, rate_hz: int) -> None:
    """Two to twelve seconds, mostly sound, no inner gap over 250 ms, no silence at its ends, no clipping."""
    pcm = synthesise(TEXTS[language], language, rate_hz=rate_hz)
    loud = loud_steps(pcm, rate_hz)
    assert 2 < len(pcm) / 2 / rate_hz < 12
    assert loud.mean() > 0.6
    assert loud[:5].any()
    assert loud[-5:].any()
    gaps = np.diff(np.flatnonzero(np.concatenate(([True], loud, [True])))) - 1
    assert gaps.max() * 10 <= 250
    assert 0.5 < np.abs(from_pcm(pcm)).max() < 0.7


def test_hebrew_is_not_read_as_something_else() -> None:
    """Different Hebrew gives different sound, longer text longer sound."""
    short, long = synthesise("שלום", "he"), synthesise("שלום ותודה רבה", "he")
    assert 0.3 < len(short) / 32_000 < len(long) / 32_000


def test_speakers_differ() -> None:
    sounds = {name: synthesise("Bonjour à tous.", "fr", voice=name) for name in SPEAKERS}
    assert len(set(sounds.values())) == len(SPEAKERS)


def test_nothing_to_say_is_no_sound() -> None:
    assert speak(" ... ", "fr").pcm == b""
    with pytest.raises(ValueError, match="characters"):
        speak("a" * 5_001, "fr")
    with pytest.raises(KeyError):
        speak("bonjour", "fr", voice="nobody")


def test_words_are_timed_in_order_within_the_audio() -> None:
    speech = speak(TEXTS["fr"], "fr")
    starts = [word.start_ms for word in speech.words]
    assert len(starts) >= 14
    assert starts == sorted(starts)
    assert starts[-1] < speech.duration_ms


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 16_000), (22_050, 24_000), (8_000, 24_000)])
def test_resampling_keeps_a_tone(from_hz: int, to_hz: int) -> None:
    def tone(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)

    made, wanted = resample(tone(from_hz), from_hz, to_hz), tone(to_hz)
    assert abs(len(made) - len(wanted)) <= 1
    middle = slice(to_hz // 10, to_hz // 3)
    assert np.abs(made[middle] - wanted[middle]).max() < 0.01


def test_the_line_passes_only_its_band() -> None:
    time = np.arange(8_000) / 8_000
    kept, low = np.sin(2 * np.pi * 1_000 * time), np.sin(2 * np.pi * 100 * time)
    assert np.abs(telephone_band(kept)[1_000:7_000]).max() > 0.95
    assert np.abs(telephone_band(low)[1_000:7_000]).max() < 0.02
    assert np.abs(companded(kept) - kept).max() < 0.05


def test_ulaw_matches_the_standard() -> None:
    """Known codes of G.711: silence, the extremes, and a small value of each sign."""
    samples = np.array([0, 32_767, -32_768, 1_000, -1_000], dtype="<i2")
    assert to_ulaw(samples.tobytes()).hex() == "ff8000ce4e"


def test_chunks_hold_all_audio_and_every_character_once() -> None:
    output = OutputFormat.parse("pcm_24000")
    text = TEXTS["fr"] + " "
    speech = speak(text, "fr", rate_hz=24_000)
    chunks = cut_into_chunks(text, speech, output)
    audio = b"".join(chunk.audio for chunk in chunks)
    assert audio.startswith(speech.pcm)
    assert len(audio) - len(speech.pcm) == 24_000 * 120 // 1000 * 2
    chars = [char for chunk in chunks for char in chunk.chars]
    assert "".join(char for char, _, _ in chars) == text
    assert all(a[1] + a[2] == b[1] for a, b in zip(chars, chars[1:], strict=False))
    assert sum(chunk.duration_ms for chunk in chunks) == len(audio) // 48


def test_mp3_chunks_are_one_stream_of_the_whole_speech() -> None:
    """What a decoder makes of the chunks joined is the speech, its loudness within a tenth, and no chunk is empty."""
    speech = speak(TEXTS["fr"], "fr", rate_hz=22_050)
    chunks = cut_into_chunks(TEXTS["fr"], speech, OutputFormat.parse("mp3_22050_32"))
    assert all(chunk.audio for chunk in chunks)
    with av.open(io.BytesIO(b"".join(chunk.audio for chunk in chunks)), format="mp3") as container:
        heard = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]).astype(np.float64)
    assert abs(len(heard) / 22_050 - sum(chunk.duration_ms for chunk in chunks) / 1000) < 0.2
    said = from_pcm(speech.pcm)
    assert np.sqrt(np.square(heard).sum()) == pytest.approx(np.sqrt(np.square(said).sum()), rel=0.1)


@pytest.mark.parametrize(
    ("name", "status"), [("opus_48000_32", 501), ("mp3_44100_7", 400), ("pcm_12345", 400), ("wav", 400)]
)
def test_formats_it_does_not_make_are_refused(name: str, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        OutputFormat.parse(name)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("text", "language"), [("Je vous écoute.", "fr"), ("How can I help?", "en"), ("איך אפשר לעזור?", "he")]
)
def test_language_guessed_from_text(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_pcm_survives_the_round_trip() -> None:
    pcm = synthesise("Oui.", "fr")
    assert np.abs(from_pcm(to_pcm(from_pcm(pcm))) - from_pcm(pcm)).max() < 1e-4
