"""What the owner has written for callers passes the guard as it stands; nothing else gains by it."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from agent.claims import Evidence, SentenceGate, judge, written_sentences
from agent.receptionist import opening_times
from calendar_tools.speech import normalise_for_tts
from contracts.assistant import AssistantConfig, Language
from demo.stack import ROOT, read_preset

PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
TODAY, ZONE = date(2026, 11, 24), ZoneInfo("Europe/London")


def held(text: str, config: AssistantConfig) -> list[str]:
    """The sentences of a model that says `text` which are not spoken."""
    answers = written_sentences(entry.answer for entry in config.faq)
    evidence = Evidence(opening_moments=opening_times(config), written=answers)
    found: list[str] = []
    gate = SentenceGate(
        lambda sentence: judge(sentence, config.language, evidence, today=TODAY, zone=config.hours.zone),
        lambda _, sentence: found.append(sentence),
    )
    for cut in range(0, len(text), 7):
        gate.push(text[cut : cut + 7])
    gate.flush()
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_the_model_may_repeat_every_answer_of_a_preset(preset: str) -> None:
    """A caller asks again, and the model says what it has read in the tool's result."""
    config = read_preset(preset)
    assert {entry.topic: said for entry in config.faq if (said := held(entry.answer, config))} == {}


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_says_is_spoken_as_it_is_written(preset: str) -> None:
    """No digits or abbreviations that have to be guessed at: the voice gets the words that the owner reads."""
    config = read_preset(preset)
    said = [config.greeting, config.farewell, config.after_hours.notice, config.recording.consent]
    for text in [*said, *(entry.answer for entry in config.faq), *(service.name for service in config.services)]:
        assert normalise_for_tts(text, config.language) == text
        assert not any(c.isdigit() or c in "/&%()" for c in text), text


@pytest.mark.parametrize(
    ("language", "answer", "claim"),
    [
        ("en", "The test is free. It is free and takes ten minutes.", "It is free."),
        ("en", "It is free in store.", "It is free in store at three."),
        ("fr", "Votre rendez-vous est confirmé.", "Votre rendez-vous est confirmé."),
        ("he", "התור נקבע.", "התור נקבע."),
    ],
)
def test_only_whole_sentences_that_name_no_booking_are_let_through(language: Language, answer: str, claim: str) -> None:
    """A piece of an answer, more than an answer, and an answer that says a booking stands need proof as ever."""
    evidence = Evidence(written=written_sentences([answer]))
    assert not judge(claim, language, evidence, today=TODAY, zone=ZONE).ok


def test_an_answer_is_known_by_its_words() -> None:
    """Capitals, accents and the last sign may differ between the owner's hand and the model's."""
    evidence = Evidence(written=written_sentences(["Le test est libre d'accès à dix heures. Il dure peu."]))
    assert judge("le test est libre d’acces à dix heures !", "fr", evidence, today=TODAY, zone=ZONE).ok
