"""Proves on a corpus, per language: no unproved claim is spoken, no proved or harmless sentence is held."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
import yaml

from agent.claims import Evidence, judge
from agent.phrases import PHRASES
from contracts.assistant import Language

ZONE = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 23)  # a Monday
CORPUS = yaml.safe_load((Path(__file__).parent / "claims_corpus.yaml").read_text())


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


OPENING = frozenset({time(9), time(12), time(14), time(18, 30)})
SLOTS = (at(26, 9), at(26, 10, 30), at(26, 11), at(27, 14))
EVIDENCE = {
    "nothing": Evidence(),
    "slots": Evidence(offered=SLOTS),
    "reading": Evidence(offered=(at(26, 14),), pending_readback=(at(26, 14),)),
    "booked": Evidence(booked=(at(26, 14),), offered=(at(26, 14),)),
    "booked_half_past_ten": Evidence(booked=(at(26, 10, 30),), offered=(at(26, 10), at(26, 10, 30))),
    "moved": Evidence(rescheduled_to=(at(27, 11),), existing=(at(26, 10),), cancelled=()),
    "cancelled": Evidence(cancelled=(at(26, 10),), existing=(at(26, 10),)),
    "found": Evidence(existing=(at(26, 10),)),
    "none": Evidence(none_found=True),
    "none_thursday": Evidence(none_found=True, empty_days=(date(2026, 11, 26),)),
    "none_then_slot": Evidence(none_found=True, empty_days=(date(2026, 11, 26),), offered=(at(27, 14),)),
    "gone": Evidence(gone=(at(26, 9),)),
    "message": Evidence(message_taken=True),
    "transferred": Evidence(transferred=True),
    "hours": Evidence(opening_moments=OPENING),
}


def sentences(part: str) -> Iterator[tuple[Language, str, str]]:
    for language in get_args(Language):
        for proof, spoken in CORPUS[language][part].items():
            for sentence in spoken:
                yield language, proof, sentence


def listed(part: str) -> list[tuple[Language, str, str]]:
    return list(sentences(part))


def wrong(part: str, *, should_pass: bool) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    for language, proof, sentence in sentences(part):
        verdict = judge(sentence, language, EVIDENCE[proof], today=TODAY, zone=ZONE)
        if verdict.ok is not should_pass:
            found.append((language, proof, sentence, str(verdict.claim)))
    return found


def test_no_unproved_claim_is_spoken() -> None:
    """Every sentence that asserts what the call can't prove is held."""
    assert wrong("unproved", should_pass=False) == []


def test_no_proved_claim_is_held() -> None:
    """Every sentence with its receipt is spoken."""
    assert wrong("proved", should_pass=True) == []


def test_no_harmless_sentence_is_held() -> None:
    """A receptionist's ordinary speech is spoken, in a call that can prove nothing at all."""
    assert wrong("harmless", should_pass=True) == []


@pytest.mark.parametrize("proof", ["slots", "reading", "booked", "moved", "cancelled", "none", "message"])
def test_what_is_harmless_stays_harmless_with_evidence(proof: str) -> None:
    """Having receipts never makes an ordinary sentence unspeakable (a bare "noted" is ambiguous while reading back)."""
    held = [
        sentence
        for language, name, sentence in sentences("harmless")
        if name == "nothing"
        and not judge(sentence, language, EVIDENCE[proof], today=TODAY, zone=ZONE).ok
        and not (
            proof == "reading" and judge(sentence, language, EVIDENCE[proof], today=TODAY, zone=ZONE).claim == "booked"
        )
    ]
    assert held == []


@pytest.mark.parametrize(("language", "total"), [("fr", 120), ("en", 120), ("he", 60)])
def test_the_corpus_is_large_enough(language: Language, total: int) -> None:
    """The numbers above mean something: per language, enough sentences, none twice."""
    spoken = [
        (p, s)
        for part in ("proved", "unproved", "harmless")
        for p, group in CORPUS[language][part].items()
        for s in group
    ]
    assert len(spoken) >= total
    assert len(set(spoken)) == len(spoken)


@pytest.mark.parametrize("language", get_args(Language))
def test_sentences_that_code_speaks_pass_with_their_evidence(language: Language) -> None:
    """The house's own phrases pass when their facts are on record."""
    moments = {
        "fr": "jeudi vingt-six novembre à quatorze heures",
        "en": "Thursday, November 26th at two p.m.",
        "he": "יום חמישי בשעה 14:00",
    }
    facts = {
        "service": "X", "name": "Y", "moment": moments[language], "moments": moments[language], "options": moments[language],
        "old": moments[language], "new": moments[language],
        "day": {"fr": "Jeudi", "en": "Thursday", "he": "יום חמישי"}[language], "hours": "9:00 - 12:00", "reason": "X",
        "number": "06 12 34 56 78",
    }  # fmt: skip
    slot = (at(26, 14),)
    everything = Evidence(
        booked=slot, rescheduled_to=slot, cancelled=slot, existing=slot, offered=slot, pending_readback=slot, gone=slot,
        none_found=True, message_taken=True, transferred=True, opening_moments=OPENING,
    )  # fmt: skip
    held = {
        name: text
        for name, text in vars(PHRASES[language]).items()
        if not judge(text.format(**facts), language, everything, today=TODAY, zone=ZONE).ok
    }
    assert held == {}
