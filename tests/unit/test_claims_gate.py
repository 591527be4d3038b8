"""Proves what the gate lets through: whole sentences, in order, nothing lost, nothing unproved, however the text is cut."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.claims import ClaimKind, Evidence, SentenceGate, Verdict, judge
from agent.claims.gate import MAX_HELD
from contracts.assistant import Language

ZONE = ZoneInfo("Europe/Paris")
NOTHING = Evidence()
TODAY = date(2026, 11, 23)
CORPUS = yaml.safe_load((Path(__file__).parent / "claims_corpus.yaml").read_text())
LANGUAGES = st.sampled_from(["fr", "en", "he"])


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def judging(language: Language, evidence: Evidence) -> Callable[[str], Verdict]:
    return lambda sentence: judge(sentence, language, evidence, today=TODAY, zone=ZONE)


def through(pieces: list[str], language: Language, evidence: Evidence = NOTHING) -> tuple[list[str], list[str]]:
    """-> what may be spoken, and the sentences that were held."""
    held: list[str] = []
    gate = SentenceGate(judging(language, evidence), lambda verdict, sentence: held.append(sentence))
    spoken = [text for piece in pieces for text in gate.push(piece)]
    return spoken + gate.flush(), held


def spoken(text: str, language: Language = "fr", evidence: Evidence = NOTHING) -> str:
    return "".join(through([text], language, evidence)[0])


def sentences_of(language: str, part: str) -> list[str]:
    return [sentence for group in CORPUS[language][part].values() for sentence in group]


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[Language, str, list[str]]:
    """Some sentences of any kind, joined, and one way to cut them into deltas."""
    language = draw(LANGUAGES)
    pool = [s for part in ("harmless", "unproved", "proved") for s in sentences_of(language, part)]
    chosen = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5))
    text = draw(st.sampled_from([" ", "  ", "\n", ""])).join(chosen)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=25)))
    return language, text, [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(cut_texts())
@settings(max_examples=300, deadline=None)
def test_how_the_stream_is_cut_changes_nothing(case: tuple[Language, str, list[str]]) -> None:
    """What is spoken and what is held depend on the text alone, not on the model's deltas."""
    language, text, pieces = case
    evidence = Evidence(offered=(at(26, 9),), booked=(at(26, 14),))
    whole = through([text], language, evidence)
    assert through(pieces, language, evidence) == whole
    assert through(list(text), language, evidence) == whole


@given(st.text(alphabet=st.sampled_from("ab1 .,!?…\n:'\"»)A9éא"), max_size=1500), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_out_whole_when_nothing_is_held(text: str, size: int) -> None:
    """Cutting into sentences loses, adds and reorders nothing, in any punctuation and at any length."""
    gate = SentenceGate(lambda sentence: Verdict(True, None, ""), lambda verdict, sentence: None)
    out: list[str] = []
    for start in range(0, len(text), size):
        out += gate.push(text[start : start + size])
    assert "".join(out + gate.flush()) == text
    assert all(len(piece) <= MAX_HELD for piece in out)


@given(
    LANGUAGES.flatmap(
        lambda lang: st.tuples(
            st.just(lang), st.lists(st.sampled_from(CORPUS[lang]["harmless"]["nothing"]), max_size=6)
        )
    )
)
@settings(max_examples=200, deadline=None)
def test_harmless_speech_comes_out_as_it_went_in(case: tuple[Language, list[str]]) -> None:
    """Several ordinary sentences in a row are spoken unchanged: judging them together invents no claim."""
    language, chosen = case
    text = " ".join(chosen)
    assert spoken(text, language) == text


@pytest.mark.parametrize("language", ["fr", "en", "he"])
def test_every_unproved_claim_is_replaced_in_the_stream_too(language: Language) -> None:
    """None of the corpus's unproved claims reaches the voice through the gate, with or without its final stop."""
    for sentence in CORPUS[language]["unproved"]["nothing"]:
        for text in (sentence, sentence.rstrip(".!")):
            out, held = through([*text], language)
            assert held, text
            assert text not in "".join(out)


def test_a_replacement_says_nothing_that_would_be_held() -> None:
    """Replacements pass the same judge in a call without any evidence, and there are several to choose from."""
    seen: dict[str, set[str]] = {"fr": set(), "en": set(), "he": set()}
    for language, found in seen.items():
        for sentence in sentences_of(language, "unproved"):
            verdict = judge(sentence, language, Evidence(), today=TODAY, zone=ZONE)
            if not verdict.ok:
                found.add(verdict.replacement)
        for replacement in found:
            assert judge(replacement, language, Evidence(), today=TODAY, zone=ZONE) == Verdict(
                True, None, "", stands_alone=False
            )
    assert {language: len(found) >= 4 for language, found in seen.items()} == {"fr": True, "en": True, "he": True}


def test_what_leans_on_a_held_sentence_is_dropped() -> None:
    """After a false booking neither the goodbye nor the promise of a confirmation is spoken; there is one replacement."""
    out, held = through(
        ["C'est réservé pour jeudi à dix heures ! À jeudi ! Vous recevrez une confirmation. Autre chose ?"], "fr"
    )
    assert held == ["C'est réservé pour jeudi à dix heures !", "À jeudi !", "Vous recevrez une confirmation."]
    assert len(out) == 1
    assert "agenda" in out[0]


def test_a_question_that_stands_alone_survives_a_held_sentence() -> None:
    """The caller is still asked what is needed to go on."""
    assert spoken("Vous êtes noté pour demain. Puis-je avoir votre nom ?").endswith(" Puis-je avoir votre nom ?")


def test_speech_before_a_held_sentence_is_kept() -> None:
    """Only from the claim on is speech replaced."""
    text = spoken("Merci, Monsieur Dupont. C'est confirmé.")
    assert text.startswith("Merci, Monsieur Dupont. ")
    assert "confirmé" not in text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "C'est fait. Jeudi à dix heures."),
        ("fr", "C'est réservé. Jeudi, dix heures."),
        ("fr", "Jeudi à dix heures. C'est réservé."),
        ("fr", "C'est noté pour jeudi…\nà dix heures."),
        ("en", "You're booked. Thursday at ten."),
        ("en", "Thursday at ten. You're all set."),
        ("he", "התור נקבע. יום חמישי בעשר."),
    ],
)
def test_a_claim_over_two_sentences_is_read_as_one(language: Language, text: str) -> None:
    """Both halves pass alone (ten is on offer, half past ten is booked); together they are false."""
    evidence = Evidence(booked=(at(26, 10, 30),), offered=(at(26, 10), at(26, 10, 30)))
    out, held = through([text], language, evidence)
    assert len(held) == 1
    assert text not in "".join(out)


def test_a_true_claim_over_two_sentences_is_spoken() -> None:
    """The same halves with the right receipt."""
    text = "C'est fait. Jeudi à dix heures trente. À jeudi, bonne journée !"
    assert spoken(text, "fr", Evidence(booked=(at(26, 10, 30),))) == text


@pytest.mark.parametrize(
    "text",
    [
        "Merci M. Dupont. Un instant.",
        "Le Dr. Petit consulte ici. Un instant.",
        "Cela coûte 85.50 euros. Un instant.",
        "Alors... je regarde. Un instant.",
        "Écrivez à contact@cabinet.fr. Un instant.",
        "We close at 5 p.m. on Fridays. Un instant.",
    ],
)
def test_a_dot_inside_a_sentence_does_not_end_it(text: str) -> None:
    """Abbreviations, prices, addresses and hesitations stay in one piece; two sentences come out."""
    out, _held = through([*text], "fr")
    assert "".join(out) == text
    assert len(out) == 2


def test_a_time_with_dots_is_compared_whole() -> None:
    """ "10 h. 30" and "10:30 a.m." are one time, not ten o'clock and a new sentence."""
    evidence = Evidence(booked=(at(26, 10, 30),))
    assert spoken("C'est réservé pour jeudi à 10 h. 30.", "fr", evidence) == "C'est réservé pour jeudi à 10 h. 30."
    assert (
        spoken("You're booked for 10:30 a.m. on Thursday.", "en", evidence)
        == "You're booked for 10:30 a.m. on Thursday."
    )
    assert through(["C'est réservé pour jeudi à 10 h. 30."], "fr", Evidence(booked=(at(26, 10),)))[1]


def test_sentences_are_released_as_soon_as_they_end() -> None:
    """A question is out with its mark, a statement with the space after its dot; nothing waits for the next sentence."""
    gate = SentenceGate(judging("fr", Evidence()), lambda verdict, sentence: None)
    assert gate.push("Quel jour ?") == ["Quel jour ?"]
    assert gate.push(" Je regarde.") == []
    assert gate.push(" ") == [" Je regarde."]
    assert gate.flush() == [" "]


def test_what_was_held_is_reported_with_its_kind() -> None:
    """The recorder learns the sentence and what it claimed."""
    seen: list[tuple[ClaimKind | None, str]] = []
    gate = SentenceGate(judging("en", Evidence()), lambda verdict, sentence: seen.append((verdict.claim, sentence)))
    gate.push("One moment. I've cancelled it. ")
    assert seen == [(ClaimKind.CANCELLED, "I've cancelled it.")]


def test_an_endless_sentence_is_bounded_and_still_judged() -> None:
    """A model that never stops can't make the gate keep text for ever, nor hide a claim across the cut."""
    text = "je vous explique, " * 32 + "votre rendez-vous, monsieur, comme je vous le disais, est confirmé pour jeudi"
    out, held = through([*text], "fr")
    assert held
    assert "confirmé" not in "".join(out)
