"""What a model wrote in digits reaches the voice in words; words are left alone; twice changes nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_tools.speech import Language, normalise_for_tts, warm

SENTENCES = [
    ("fr", "Jeudi 26 novembre à 10h30 ou 14h.", "Jeudi vingt-six novembre à dix heures trente ou quatorze heures."),
    ("fr", "Le 26/11/2026 à 10:30.", "Le vingt-six novembre deux mille vingt-six à dix heures trente."),
    ("fr", "le 2026-11-26", "le vingt-six novembre deux mille vingt-six"),
    ("fr", "Le 1er décembre.", "Le premier décembre."),
    ("fr", "La 2e fois, la 1ère.", "La deuxième fois, la première."),
    ("fr", "Au 06 12 34 56 78.", "Au zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit."),
    ("fr", "Au +33 6 12 34 56 78 ?", "Au zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit ?"),
    ("fr", "Au 0612345678.", "Au zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit."),
    ("fr", "À jean.dupont75@gmail.com.", "À jean point dupont sept cinq arobase gmail point com."),
    ("fr", "Cela coûte 85,50 €.", "Cela coûte quatre-vingt-cinq euros cinquante."),
    ("fr", "C'est 30€ ou 12€50.", "C'est trente euros ou douze euros cinquante."),
    ("fr", "C'est 1 250 euros, soit 20 %.", "C'est mille deux cent cinquante euros, soit vingt pour cent."),
    ("fr", "Le Dr Martin, M. Dupont et Mme Petit.", "Le docteur Martin, monsieur Dupont et madame Petit."),
    ("fr", "À 5 min, 3,5 km, n° 12.", "À cinq minutes, trois virgule cinq kilomètres, numéro douze."),
    ("fr", "1 min", "une minute"),
    ("fr", "De 9h-12h.", "De neuf heures à midi."),
    ("fr", "Le code 0042.", "Le code zéro zéro quatre deux."),
    ("fr", "Il fait -3 dehors.", "Il fait moins trois dehors."),
    ("fr", "Il reste 21 places.", "Il reste vingt et un places."),
    ("fr", "Bonjour, comment allez-vous ?", "Bonjour, comment allez-vous ?"),
    ("fr", "La salle A4 et le B2B en 4G.", "La salle A4 et le B2B en 4G."),
    ("en", "Thursday, November 26 at 10:30 am.", "Thursday, November twenty-sixth at ten thirty a.m."),
    ("en", "It's at 2pm-4pm, on the 3rd.", "It's at two p.m. to four p.m., on the third."),
    ("en", "That is $85.50 or €20.", "That is eighty-five dollars fifty or twenty euros."),
    ("en", "Call (415) 555-2671 now.", "Call four one five, five five five, two six seven one now."),
    ("en", "Dr. Smith and Mr. Jones.", "Doctor Smith and Mister Jones."),
    ("en", "11/26/2026 at 14:00", "November twenty-sixth, twenty twenty-six at two p.m."),
    ("en", "1,250 people, 50%.", "one thousand two hundred and fifty people, fifty percent."),
    ("en", "We are 5 min away.", "We are five minutes away."),
    ("en", "I may march on.", "I may march on."),
    ("he", "ב-26 בנובמבר בשעה 10:30", "בעשרים ושישה בנובמבר בשעה עשר וחצי"),
    ("he", "המחיר 85.50 ₪", "המחיר שמונים וחמישה שקלים וחמישים אגורות"),
    ("he", 'ד"ר כהן', "דוקטור כהן"),
    ("he", "טלפון 050-234-5678", "טלפון אפס חמש אפס, שתיים שלוש ארבע, חמש שש שבע שמונה"),
    ("he", "20% הנחה", "עשרים אחוזים הנחה"),
    ("he", "שלום, מה שלומך?", "שלום, מה שלומך?"),
]


@pytest.mark.parametrize(("language", "written", "said"), SENTENCES)
def test_a_sentence(language: Language, written: str, said: str) -> None:
    assert normalise_for_tts(written, language) == said


@pytest.mark.parametrize(("language", "written"), [(s[0], s[1]) for s in SENTENCES])
def test_a_second_pass_changes_nothing(language: Language, written: str) -> None:
    once = normalise_for_tts(written, language)
    assert normalise_for_tts(once, language) == once


PIECES = [
    "10h30", "26/11/2026", "31/02/2026", "06 12 34 56 78", "85,50 €", "€5", "99%", "n° 3", "M. Dupont", "Dr Who",
    "3rd", "1er", "5 km",
    "a@b.co", "0", "007", "1.2.3", "25:99", "3,14", "12345678901234567890", "10-12", "#4", "½",
    "24h", "9h-12h", "$", "…", "l'été", "à",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8),
    language=st.sampled_from(["fr", "en", "he"]),
)
def test_no_text_makes_it_fail_and_it_settles_at_once(pieces: list[str], language: Language) -> None:
    once = normalise_for_tts(" ".join(pieces), language)
    assert normalise_for_tts(once, language) == once


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyzéèçà", min_size=2, max_size=9), max_size=12))
def test_plain_words_are_returned_as_they_are(words: list[str]) -> None:
    kept = [w for w in words if w not in ("bd", "env", "rdv", "etc", "tél", "av")]
    assert normalise_for_tts(" ".join(kept), "fr") == " ".join(kept)


def test_a_sentence_costs_less_than_a_millisecond() -> None:
    warm("fr")
    sentence = "Je vous propose jeudi 26 novembre à 10h30 ou 14h, au 06 12 34 56 78, pour 85,50 €."
    started = time.perf_counter()
    for _ in range(100):
        normalise_for_tts(sentence, "fr")
    assert (time.perf_counter() - started) / 100 < 0.001
