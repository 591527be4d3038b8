"""The stand-in's ear: speech is told from noise, recordings from each other, and words come in order. No I/O but files."""

import numpy as np
import pytest

from sandbox.callers import get_recording, known_utterances
from sandbox.hearing import STEP_MS, Ear, SpeechGate, levels_of, likeness
from sandbox.line_effects import cough, line_noise
from sandbox.recognition import Script, Utterance, words_at_end
from sandbox.voice import from_pcm, resample, to_pcm

RATE = 16_000


def telephoned(utterance_id: str, *, gain: float = 0.7, shift: int = 77) -> bytes:
    """As the agent's chain gives it to the recogniser: 16 kHz, quieter, off the recording's own 10 ms grid."""
    samples = resample(from_pcm(get_recording(utterance_id).pcm), 24_000, RATE)
    return to_pcm(np.concatenate((np.zeros(RATE // 2 + shift), samples * gain, np.zeros(RATE // 2))))


def bursts(pcm: bytes, *, quiet_ms: int = 175) -> list[tuple[int, int, list[float]]]:
    """(first step, ms of speech, levels) of each stretch of speech."""
    ear, gate = Ear(RATE), SpeechGate()
    found: list[tuple[int, int, list[float]]] = []
    begun, levels = 0, list[float]()
    for level in ear.hear(pcm):
        if gate.hear(level):
            begun, levels = gate.step - 1, []
        if gate.speaking:
            levels.append(level)
            if gate.silent_ms >= quiet_ms:
                spoken = gate.last_active_step - begun
                found.append((begun, spoken * STEP_MS, levels[:spoken]))
                gate.end()
    return found


def test_levels_are_the_same_piecewise_and_whole() -> None:
    pcm = telephoned("fr-confirm", shift=0)
    ear = Ear(RATE)
    piecewise = [level for i in range(0, len(pcm), 1_234) for level in ear.hear(pcm[i : i + 1_234])]
    assert np.allclose(piecewise, levels_of(from_pcm(pcm), RATE)[: len(piecewise)], atol=1e-6)


@pytest.mark.parametrize("level_db", [-60.0, -50.0, -42.0])
def test_hiss_is_never_speech(level_db: float) -> None:
    """Even when it begins after digital silence."""
    hiss = resample(line_noise(3, level_db, seed=1), 8_000, RATE)
    assert bursts(to_pcm(np.concatenate((np.zeros(RATE), hiss)))) == []


@pytest.mark.parametrize("utterance_id", [u for u in known_utterances() if not u.startswith("noise")])
def test_every_caller_is_heard_to_his_end(utterance_id: str) -> None:
    """Speech is found, and its end is within 150 ms of the recording's last sound."""
    heard = bursts(telephoned(utterance_id))
    assert heard
    first, spoken_ms, _ = heard[-1]
    end_ms = first * STEP_MS + spoken_ms - 500
    assert abs(end_ms - (get_recording(utterance_id).duration_ms - 180)) <= 150


def chosen(script: Script, pcm: bytes) -> list[str]:
    """The words of each burst, as the socket would send them."""
    said: list[str] = []
    for begun, spoken_ms, levels in bursts(pcm):
        choice = script.choose(levels, begun * STEP_MS, complete=True)
        if choice is None:
            said.append("")
            continue
        expected = choice.expected
        script.begin(choice, begun * STEP_MS)
        count = max(expected.next_word, words_at_end(choice, spoken_ms))
        said.append(" ".join(word.word for word in expected.words[expected.next_word : count]))
        expected.next_word = count
        expected.bursts_heard += 1
        script.consumed(expected)
    return said


def script_of(*utterance_ids: str) -> Script:
    script = Script()
    script.add([Utterance.model_validate(get_recording(u).for_deepgram()) for u in utterance_ids])
    return script


@pytest.mark.parametrize("utterance_id", [u for u in known_utterances() if not u.startswith("noise")])
def test_each_recording_is_recognised_among_all_of_its_language(utterance_id: str) -> None:
    """All its words, in order, though every other utterance of the language is awaited too.

    It is the third in line, unless it begins with a short word: a bare "yes" sounds like the beginning of other sentences,
    and only its turn can tell.
    """
    pcm = telephoned(utterance_id)
    others = [u for u in known_utterances() if u.startswith(utterance_id[:2]) and u != utterance_id]
    before = 0 if bursts(pcm)[0][1] < 400 else 2
    said = chosen(script_of(*others[:before], utterance_id, *others[before:]), pcm)
    assert " ".join(filter(None, said)) == get_recording(utterance_id).transcript


def test_a_cough_is_none_of_them() -> None:
    script = script_of("fr-open-christmas", "fr-confirm", "fr-yes")
    sound = resample(cough(seed=5), 8_000, RATE)
    sound = sound * (0.4 / np.abs(sound).max())
    assert chosen(script, to_pcm(np.concatenate((np.zeros(RATE), sound, np.zeros(RATE))))) == [""]
    assert len(script.outstanding()) == 3


def test_after_a_cut_the_second_half_is_recognised_where_it_is() -> None:
    """A connection that begins in the middle of a sentence hears the rest of it, not its beginning."""
    pcm = telephoned("fr-want-thursday")
    second_half = bytes(RATE) + pcm[len(pcm) // 2 // 2 * 2 :]
    said = " ".join(chosen(script_of("fr-confirm", "fr-want-thursday"), second_half))
    whole = get_recording("fr-want-thursday").transcript
    assert said
    assert whole.endswith(said)
    assert said != whole


@pytest.mark.parametrize("late_ms", [200, 300, 500])
def test_letters_that_come_late_are_nobody_elses_yes(late_ms: int) -> None:
    """A line that hiccups in the middle of a name that is spelled: what follows belongs to it still."""
    pcm, hiccup = telephoned("fr-spell-dupont"), int(3.15 * RATE) * 2
    slipped = pcm[:hiccup] + bytes(RATE * late_ms // 1000 * 2) + pcm[hiccup:]
    said = " ".join(filter(None, chosen(script_of("fr-first-please", "fr-spell-dupont", "fr-confirm"), slipped)))
    assert said == get_recording("fr-spell-dupont").transcript


def test_likeness_knows_the_place() -> None:
    recording = get_recording("fr-open-christmas")
    levels = levels_of(from_pcm(recording.pcm), recording.rate_hz)
    found = likeness(list(levels[100:180] - 7), levels, awaited=0, tolerance=30)
    assert found.offset == 100
    assert found.difference_db < 0.5


def test_too_many_or_unknown_utterances_are_refused() -> None:
    script = Script()
    with pytest.raises(ValueError, match="outstanding"):
        script.add([Utterance(text="oui")] * 201)
    with pytest.raises(ValueError, match="no recording"):
        script.add([Utterance(text="oui", recording="fr-nobody")])
