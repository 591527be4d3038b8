"""What a transcriber wrote becomes a number, an address, a name, a time, a yes or a no, or nothing at all."""

from __future__ import annotations

from datetime import time

import pytest

from calendar_tools.speech import (
    Language,
    hear_email,
    hear_name,
    hear_number,
    hear_phone,
    hear_time,
    hear_yes_no,
    looks_like_dictation,
)

MOBILE = "+33612345678"


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("fr", "soixante-dix-sept", 77),
        ("fr", "quatre-vingt-douze", 92),
        ("fr", "quatre vingt douze", 92),
        ("fr", "septante-deux", 72),
        ("fr", "nonante et un", 91),
        ("fr", "huitante", 80),
        ("fr", "vingt et une", 21),
        ("fr", "deux mille vingt-six", 2026),
        ("fr", "Zéro.", 0),
        ("fr", "1 250", 1250),
        ("fr", "bonjour", None),
        ("fr", "", None),
        ("en", "ninety two", 92),
        ("en", "one hundred and five", 105),
        ("en", "1,250", 1250),
        ("en", "hello", None),
        ("he", "עשרים ואחת", 21),
        ("he", "עשרים ואחד", 21),
        ("he", "אלפיים עשרים ושש", 2026),
        ("he", "שלושת אלפים", 3000),
        ("he", "שלום", None),
    ],
)
def test_a_number(language: Language, text: str, number: int | None) -> None:
    assert hear_number(text, language) == number


@pytest.mark.parametrize(
    ("language", "country", "text", "number"),
    [
        ("fr", "FR", "06 12 34 56 78", MOBILE),
        ("fr", "FR", "06.12.34.56.78", MOBILE),
        ("fr", "FR", "0612345678", MOBILE),
        ("fr", "FR", "zéro six douze trente-quatre cinquante-six soixante-dix-huit", MOBILE),
        ("fr", "FR", "Zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit.", MOBILE),
        ("fr", "FR", "mon numéro c'est le zéro six douze 34 cinquante-six soixante dix huit", MOBILE),
        ("fr", "FR", "plus trente-trois six douze trente-quatre cinquante-six soixante-dix-huit", MOBILE),
        ("fr", "FR", "+33 6 12 34 56 78", MOBILE),
        ("fr", "FR", "zéro zéro trente-trois six douze trente-quatre cinquante-six soixante-dix-huit", MOBILE),
        ("fr", "FR", "zéro six un deux trois quatre cinq six sept huit", MOBILE),
        ("fr", "FR", "zéro six double trois trente-quatre cinquante-six soixante-dix-huit", "+33633345678"),
        ("fr", "FR", "06 12 34 56 60 18", None),
        ("fr", "FR", "zéro six douze trente-quatre soixante, dix-huit", "+33612346018"),
        ("fr", "FR", "zéro six douze trente-quatre soixante dix huit", "+33612346018"),
        ("fr", "FR", "zéro un soixante dix-huit douze treize quatorze", "+33178121314"),
        ("fr", "FR", "06 12, non pardon, 06 13 34 56 78", "+33613345678"),
        ("fr", "FR", "06 12 34 56 78 et", MOBILE),
        ("fr", "FR", "quatre vingt dix sept " * 10 + "double", None),
        ("fr", "FR", "zéro six douze trente-quatre", None),
        ("fr", "FR", "jeudi à dix heures trente", None),
        ("fr", "FR", "", None),
        ("fr", "CH", "zéro septante-huit un deux trois quarante-cinq soixante-sept", "+41781234567"),
        ("en", "US", "four one five five five five two six seven one", "+14155552671"),
        ("en", "US", "four one five, triple five, two six seven one", "+14155552671"),
        ("en", "US", "(415) 555-2671", "+14155552671"),
        ("en", "GB", "oh two oh seven nine four six double oh one eight", "+442079460018"),
        ("en", "US", "ten thirty", None),
        ("he", "IL", "050-234-5678", "+972502345678"),
        ("he", "IL", "אפס חמש אפס שתיים שלוש ארבע חמש שש שבע שמונה", "+972502345678"),
        ("he", "IL", "אפס חמישים 2345678", "+972502345678"),
    ],
)
def test_a_phone_number(language: Language, country: str, text: str, number: str | None) -> None:
    assert hear_phone(text, language, country) == number


@pytest.mark.parametrize(
    ("language", "text", "address"),
    [
        ("fr", "jean point dupont arobase gmail point com", "jean.dupont@gmail.com"),
        ("fr", "Mon adresse c'est jean tiret pierre arobase orange point fr.", "jean-pierre@orange.fr"),
        ("fr", "jean tiret du bas dupont soixante-quinze arobase free point fr", "jean_dupont75@free.fr"),
        ("fr", "jean underscore dupont arobase g mail point com", "jean_dupont@gmail.com"),
        ("fr", "j e a n point d u p o n t arobase hotmail point fr merci", "jean.dupont@hotmail.fr"),
        ("fr", "D comme Denise U P O N T arobase free point fr", "dupont@free.fr"),
        ("fr", "Hélène arobase la poste point net", "helene@laposte.net"),
        ("fr", "contact arobase mon tiret salon point fr tout en minuscules", "contact@mon-salon.fr"),
        ("fr", "Jean.Dupont@Gmail.com", "jean.dupont@gmail.com"),
        ("fr", "jean arobase gmail", None),
        ("fr", "arobase gmail point com", None),
        ("fr", "je voudrais un rendez-vous jeudi", None),
        ("en", "jane dot doe at gmail dot com", "jane.doe@gmail.com"),
        ("en", "my email is j smith two four at out look dot co dot uk", "jsmith24@outlook.co.uk"),
        ("en", "b as in bravo, o, b at yahoo dot com, all lower case", "bob@yahoo.com"),
        ("en", "I'll be at home", None),
        ("he", "dana נקודה levi שטרודל gmail נקודה com", "dana.levi@gmail.com"),
        ("he", "די איי אן איי שטרודל גימייל נקודה קום", "dana@gmail.com"),
        ("he", "דנה שטרודל גימייל נקודה קום", None),
    ],
)
def test_an_email(language: Language, text: str, address: str | None) -> None:
    assert hear_email(text, language) == address


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("fr", "Dupont, D U P O N T", "Dupont"),
        ("fr", "Dupont, D U P O N D", "Dupond"),
        ("fr", "Jean Dupont, D comme Denise, U, P, O, N, T", "Jean Dupont"),
        ("fr", "Jean Dupond, D, U, P, O, N, T", "Jean Dupont"),
        ("fr", "D-U-P-O-N-T", "Dupont"),
        ("fr", "A deux N E", "Anne"),
        ("fr", "B, E, double L, E", "Belle"),
        ("fr", "double V A L T E R", "Walter"),
        ("fr", "dé u pé o enne té", "Dupont"),
        ("fr", "D apostrophe A R C", "D'Arc"),
        ("fr", "Jean, J E A N trait d'union P I E R R E", "Jean-Pierre"),
        ("fr", "H, E accent aigu, L, E accent grave, N, E", "Hélène"),
        ("fr", "François, F R A N C cédille O I S", "François"),
        ("fr", "au nom de Durand, ça s'écrit D U R A N D", "Durand"),
        ("fr", "N comme Noémie, O, E accent aigu", "Noé"),
        ("fr", "je m'appelle marie lefèvre", "Marie Lefèvre"),
        ("fr", "oui bonjour, c'est madame de la Tour", "De la Tour"),
        ("fr", "Jean-Pierre Dupont", "Jean-Pierre Dupont"),
        ("fr", "bonjour je voudrais un rendez-vous", None),
        ("fr", "", None),
        ("fr", "06 12 34 56 78", None),
        ("en", "Smith, S M Y T H", "Smyth"),
        ("en", "my name is John Smith, S as in Sierra, M as in Mike, Y, T, H", "John Smyth"),
        ("en", "I'm Anne, A double N E", "Anne"),
        ("en", "O apostrophe N E I L", "O'Neil"),
        ("en", "it's spelled W H Y T E", "Whyte"),
        ("en", "double u i l l i a m s", "Williams"),
        ("en", "I M A N", "Iman"),
        ("en", "B for Bravo, O, B", "Bob"),
        ("en", "thank you", None),
        ("he", "שמי דנה לוי", "דנה לוי"),
        ("he", "כהן, כ ה נ", "כהן"),
        ("he", "כף הא נון", "כהן"),
        ("he", "אני רוצה תור", None),
    ],
)
def test_a_name(language: Language, text: str, name: str | None) -> None:
    assert hear_name(text, language) == name


@pytest.mark.parametrize(
    ("language", "text", "dictating"),
    [
        ("fr", "zéro six", True),
        ("fr", "zéro six douze trente-quatre", True),
        ("fr", "06 12 34", True),
        ("fr", "06 12 34 56 78", False),
        ("fr", "plus trente-trois six", True),
        ("fr", "mon numéro c'est le", True),
        ("fr", "D U P", True),
        ("fr", "D comme", True),
        ("fr", "D comme Denise, U", True),
        ("fr", "ça s'écrit", True),
        ("fr", "jean point dupont arobase", True),
        ("fr", "jean point dupont arobase gmail point com", False),
        ("fr", "jeudi à dix heures trente", False),
        ("fr", "le vingt-six novembre", False),
        ("fr", "le vingt-six novembre deux mille vingt-six", False),
        ("fr", "quatre-vingt-cinq euros cinquante", False),
        ("fr", "oui c'est ça", False),
        ("fr", "j'ai trois enfants", False),
        ("fr", "", False),
        ("en", "four one five five", True),
        ("en", "S M I", True),
        ("en", "S as in", True),
        ("en", "my email is", True),
        ("en", "at ten thirty", False),
        ("en", "November twenty six", False),
        ("en", "I would like an appointment", False),
        ("he", "אפס חמש ארבע", True),
        ("he", "יום חמישי בעשר", False),
    ],
)
def test_dictation_is_noticed_while_it_lasts(language: Language, text: str, dictating: bool) -> None:
    assert looks_like_dictation(text, language) is dictating


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("fr", "Oui.", True),
        ("fr", "ouais d'accord", True),
        ("fr", "c'est bien ça", True),
        ("fr", "oui pas de problème", True),
        ("fr", "pourquoi pas", True),
        ("fr", "tout à fait", True),
        ("fr", "non merci", False),
        ("fr", "pas tout à fait", False),
        ("fr", "non, c'est pas ça", False),
        ("fr", "ce n'est pas correct", False),
        ("fr", "ça ne me va pas", False),
        ("fr", "je ne sais pas", None),
        ("fr", "oui et non", None),
        ("fr", "bonjour", None),
        ("fr", "", None),
        ("en", "yeah sure", True),
        ("en", "no problem", True),
        ("en", "that's right", True),
        ("en", "that's not right", False),
        ("en", "nope", False),
        ("en", "of course not", False),
        ("en", "I'm not sure", None),
        ("he", "כן", True),
        ("he", "אין בעיה", True),
        ("he", "לא תודה", False),
        ("he", "לא נכון", False),
        ("he", "לא יודע", None),
    ],
)
def test_yes_and_no(language: Language, text: str, answer: bool | None) -> None:
    assert hear_yes_no(text, language) is answer


@pytest.mark.parametrize(
    ("language", "text", "at"),
    [
        ("fr", "dix heures et demie", time(10, 30)),
        ("fr", "10h30", time(10, 30)),
        ("fr", "à onze heures moins le quart", time(10, 45)),
        ("fr", "midi", time(12)),
        ("fr", "midi et demi", time(12, 30)),
        ("fr", "minuit", time(0)),
        ("fr", "quatorze heures", time(14)),
        ("fr", "trois heures", time(15)),
        ("fr", "trois heures du matin", time(3)),
        ("fr", "neuf", time(9)),
        ("fr", "bonjour", None),
        ("fr", "vingt-six heures", None),
        ("en", "half past ten", time(10, 30)),
        ("en", "ten thirty a.m.", time(10, 30)),
        ("en", "twelve fifteen a.m.", time(0, 15)),
        ("en", "three", time(15)),
        ("en", "noon", time(12)),
        ("en", "hello", None),
        ("he", "עשר וחצי", time(10, 30)),
        ("he", "בשעה שלוש", time(15)),
        ("he", "רבע לאחת עשרה", time(10, 45)),
    ],
)
def test_a_time(language: Language, text: str, at: time | None) -> None:
    assert hear_time(text, language) == at
