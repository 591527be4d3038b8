"""Facts are said in words, with no digit left for the voice to stumble over."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from calendar_tools.speech import (
    Language,
    number_words,
    say_day,
    say_duration,
    say_email,
    say_moment,
    say_moments,
    say_opening,
    say_phone,
    say_price,
    say_spelled,
    say_time,
)

PARIS = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("language", "day", "said"),
    [
        ("fr", date(2026, 11, 26), "jeudi vingt-six novembre"),
        ("fr", date(2026, 12, 1), "mardi premier décembre"),
        ("fr", date(2026, 11, 24), "aujourd'hui, mardi vingt-quatre novembre"),
        ("fr", date(2026, 11, 25), "demain, mercredi vingt-cinq novembre"),
        ("fr", date(2027, 1, 3), "dimanche trois janvier deux mille vingt-sept"),
        ("en", date(2026, 11, 26), "Thursday, November twenty-sixth"),
        ("en", date(2026, 11, 25), "tomorrow, Wednesday, November twenty-fifth"),
        ("en", date(2027, 1, 3), "Sunday, January third, twenty twenty-seven"),
        ("he", date(2026, 11, 26), "יום חמישי, עשרים ושישה בנובמבר"),
        ("he", date(2026, 11, 24), "היום, יום שלישי, עשרים וארבעה בנובמבר"),
        ("he", date(2026, 12, 6), "יום ראשון, שישה בדצמבר"),
    ],
)
def test_a_day(language: Language, day: date, said: str) -> None:
    assert say_day(day, language, today=TODAY) == said


def test_tomorrow_on_the_last_day_of_the_year_names_the_new_year() -> None:
    assert (
        say_day(date(2027, 1, 1), "fr", today=date(2026, 12, 31))
        == "demain, vendredi premier janvier deux mille vingt-sept"
    )


@pytest.mark.parametrize(
    ("language", "at", "said"),
    [
        ("fr", time(10, 30), "dix heures trente"),
        ("fr", time(12), "midi"),
        ("fr", time(0), "minuit"),
        ("fr", time(9), "neuf heures"),
        ("fr", time(14), "quatorze heures"),
        ("fr", time(1), "une heure du matin"),
        ("fr", time(21, 5), "vingt et une heures cinq"),
        ("fr", time(12, 15), "douze heures quinze"),
        ("en", time(10, 30), "ten thirty a.m."),
        ("en", time(14), "two p.m."),
        ("en", time(9, 5), "nine oh five a.m."),
        ("en", time(12), "noon"),
        ("en", time(0), "midnight"),
        ("en", time(0, 15), "twelve fifteen a.m."),
        ("he", time(10, 30), "עשר וחצי"),
        ("he", time(9, 15), "תשע ורבע"),
        ("he", time(14), "שתיים אחר הצהריים"),
        ("he", time(8), "שמונה בבוקר"),
        ("he", time(19, 45), "שבע ארבעים וחמש בערב"),
    ],
)
def test_a_time(language: Language, at: time, said: str) -> None:
    assert say_time(at, language) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "jeudi vingt-six novembre à dix heures trente"),
        ("en", "Thursday, November twenty-sixth at ten thirty a.m."),
        ("he", "יום חמישי, עשרים ושישה בנובמבר בעשר וחצי"),
    ],
)
def test_a_moment_is_said_on_the_wall_clock_of_the_business(language: Language, said: str) -> None:
    assert say_moment(datetime(2026, 11, 26, 9, 30, tzinfo=UTC), language, zone=PARIS, today=TODAY) == said


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        say_moment(datetime.fromisoformat("2026-11-26T10:00"), "fr", zone=PARIS, today=TODAY)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "fr",
            "jeudi vingt-six novembre : neuf heures, dix heures trente ou onze heures ; "
            "vendredi vingt-sept novembre : neuf heures",
        ),
        (
            "en",
            "Thursday, November twenty-sixth: nine a.m., ten thirty a.m. or eleven a.m.; "
            "Friday, November twenty-seventh: nine a.m.",
        ),
        ("he", "יום חמישי, עשרים ושישה בנובמבר: תשע, עשר וחצי או אחת עשרה; יום שישי, עשרים ושבעה בנובמבר: תשע"),
    ],
)
def test_moments_are_grouped_by_day_in_order(language: Language, said: str) -> None:
    walls = [(27, 9, 0), (26, 11, 0), (26, 9, 0), (26, 10, 30)]
    moments = [datetime(2026, 11, day, hour, minute, tzinfo=PARIS) for day, hour, minute in walls]
    assert say_moments(moments, language, zone=PARIS, today=TODAY) == said


def test_the_two_equal_hours_of_an_autumn_night_are_said_once() -> None:
    doubled = [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]
    assert (
        say_moments(doubled, "fr", zone=PARIS, today=TODAY)
        == "dimanche vingt-cinq octobre : deux heures trente du matin"
    )


@pytest.mark.parametrize(
    ("language", "number", "country", "said"),
    [
        ("fr", "+33612345678", None, "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("fr", "+33102030405", None, "zéro un, zéro deux, zéro trois, zéro quatre, zéro cinq"),
        ("fr", "+33612345678", "FR", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("fr", "+33612345678", "BE", "plus trois trois, six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("en", "+14155552671", None, "four one five, five five five, two six seven one"),
        ("he", "+972502345678", None, "אפס חמש אפס, שתיים שלוש ארבע, חמש שש שבע שמונה"),
    ],
)
def test_a_phone_number(language: Language, number: str, country: str | None, said: str) -> None:
    found = say_phone(number, language, country=country)
    assert found.replace("trente-trois", "trois trois") == said


def test_what_is_no_phone_number_is_refused() -> None:
    with pytest.raises(ValueError, match="E.164"):
        say_phone("anonymous", "fr")


@pytest.mark.parametrize(
    ("language", "address", "said"),
    [
        ("fr", "jean.dupont@gmail.com", "jean point dupont arobase gmail point com"),
        ("fr", "J-P_75@free.fr", "j tiret p tiret du bas sept cinq arobase free point fr"),
        ("en", "jane.doe@example.co.uk", "jane dot doe at example dot co dot uk"),
        ("he", "dana@gmail.com", "dana שטרודל gmail נקודה com"),
    ],
)
def test_an_email(language: Language, address: str, said: str) -> None:
    assert say_email(address, language) == said


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("fr", "Dupont", "D, U, P, O, N, T"),
        ("fr", "Noé", "N, O, E accent aigu"),
        ("fr", "D'Arc", "D, apostrophe, A, R, C"),
        ("en", "O'Neil-Fox", "O, apostrophe, N, E, I, L, hyphen, F, O, X"),
        ("he", "כהן", "כ, ה, ן"),
    ],
)
def test_a_spelled_name(language: Language, name: str, said: str) -> None:
    assert say_spelled(name, language) == said


@pytest.mark.parametrize(
    ("language", "amount", "currency", "said"),
    [
        ("fr", "85.50", "EUR", "quatre-vingt-cinq euros cinquante"),
        ("fr", "1", "EUR", "un euro"),
        ("fr", "0", "EUR", "zéro euro"),
        ("fr", "0.50", "EUR", "cinquante"),
        ("fr", "21", "GBP", "vingt et une livres"),
        ("fr", "1000000", "EUR", "un million d'euros"),
        ("fr", "80", "EUR", "quatre-vingts euros"),
        ("en", "85.50", "USD", "eighty-five dollars fifty"),
        ("en", "120.05", "USD", "one hundred and twenty dollars and five cents"),
        ("en", "-3", "EUR", "minus three euros"),
        ("he", "2", "ILS", "שני שקלים"),
        ("he", "1", "ILS", "שקל אחד"),
        ("he", "85.50", "ILS", "שמונים וחמישה שקלים וחמישים אגורות"),
    ],
)
def test_a_price(language: Language, amount: str, currency: str, said: str) -> None:
    expected = "cinquante centimes" if said == "cinquante" else said
    assert say_price(Decimal(amount), currency, language) == expected


@pytest.mark.parametrize(
    ("language", "minutes", "said"),
    [
        ("fr", 1, "une minute"),
        ("fr", 45, "quarante-cinq minutes"),
        ("fr", 60, "une heure"),
        ("fr", 75, "une heure quinze minutes"),
        ("fr", 90, "une heure et demie"),
        ("en", 30, "half an hour"),
        ("en", 75, "an hour and fifteen minutes"),
        ("en", 150, "two hours and a half"),
        ("he", 45, "ארבעים וחמש דקות"),
        ("he", 120, "שעתיים"),
        ("he", 90, "שעה וחצי"),
    ],
)
def test_a_duration(language: Language, minutes: int, said: str) -> None:
    assert say_duration(minutes, language) == said


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        say_duration(-1, "fr")


@pytest.mark.parametrize(
    ("language", "said", "closed"),
    [
        ("fr", "de neuf heures à midi et de quatorze heures à dix-huit heures trente", "fermé"),
        ("en", "from nine a.m. to noon and from two p.m. to six thirty p.m.", "closed"),
        ("he", "מתשע עד שתים עשרה בצהריים ומשתיים אחר הצהריים עד שש וחצי בערב", "סגור"),
    ],
)
def test_the_opening_of_a_day(language: Language, said: str, closed: str) -> None:
    hours = [(time(14), time(18, 30)), (time(9), time(12))]
    assert say_opening(hours, language) == said
    assert say_opening([], language) == closed


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("fr", 71, "soixante et onze"),
        ("fr", 80, "quatre-vingts"),
        ("en", 1250, "one thousand two hundred and fifty"),
        ("he", 21, "עשרים ואחת"),
        ("fr", 12345678901, "un deux trois quatre cinq six sept huit neuf zéro un"),
    ],
)
def test_a_number(language: Language, number: int, said: str) -> None:
    assert number_words(number, language) == said
