"""Days that callers call by a name are found in the tables of the business's country."""

from datetime import date

import pytest

from calendar_tools.named_days import find_named_day
from contracts.assistant import Language
from contracts.hours import OpeningHours

AFTER = date(2026, 11, 23)


def hours(country: str) -> OpeningHours:
    return OpeningHours(time_zone="Europe/Paris", country=country)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Noël", date(2026, 12, 25)),
        ("le jour de Noël", date(2026, 12, 25)),
        ("à Noël", date(2026, 12, 25)),
        ("lundi de Pâques", date(2027, 3, 29)),
        ("le jour de l'an", date(2027, 1, 1)),
        ("l'Ascension", date(2027, 5, 6)),
        ("fête du travail", date(2027, 5, 1)),
        ("le jour férié", None),
        ("demain", None),
        ("jeudi", None),
    ],
)
def test_a_holiday_is_found_by_its_french_name(words: str, expected: date | None) -> None:
    assert find_named_day(words, hours("FR"), after=AFTER, language="fr") == expected


@pytest.mark.parametrize(
    ("country", "language", "words", "expected"),
    [
        ("GB", "en", "on Christmas Day", date(2026, 12, 25)),
        ("GB", "en", "Boxing Day", date(2026, 12, 26)),
        ("GB", "en", "a bank holiday", None),
        ("IL", "he", "בחנוכה", date(2026, 12, 5)),
        ("IL", "he", "חג החנוכה", date(2026, 12, 5)),
        ("IL", "he", "יום כיפור", date(2027, 10, 11)),
    ],
)
def test_a_holiday_is_found_by_its_name_elsewhere(
    country: str, language: Language, words: str, expected: date | None
) -> None:
    assert find_named_day(words, hours(country), after=AFTER, language=language) == expected
