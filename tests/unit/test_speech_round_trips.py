"""What is said can be heard again: the read-back and the ear agree."""

from __future__ import annotations

from datetime import time

import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calendar_tools.speech import (
    Language,
    hear_email,
    hear_name,
    hear_number,
    hear_phone,
    hear_time,
    number_words,
    say_email,
    say_phone,
    say_spelled,
    say_time,
)

LANGUAGES: list[Language] = ["fr", "en", "he"]
languages = st.sampled_from(LANGUAGES)


@settings(max_examples=300, deadline=None)
@given(number=st.integers(min_value=0, max_value=9999), language=languages)
@example(number=9999, language="en")
@example(number=1080, language="fr")
def test_numbers(number: int, language: Language) -> None:
    assert hear_number(number_words(number, language), language) == number


@settings(max_examples=150, deadline=None)
@given(
    digits=st.integers(min_value=0, max_value=99_999_999), prefix=st.sampled_from([1, 4, 6, 7, 9]), language=languages
)
@example(digits=60_18_70_08, prefix=6, language="fr")
@example(digits=80_12_60_11, prefix=6, language="fr")
@example(digits=20_04_40_09, prefix=1, language="fr")
def test_french_numbers(digits: int, prefix: int, language: Language) -> None:
    number = f"+33{prefix}{digits:08}"
    assume(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
    assert hear_phone(say_phone(number, language), language, "FR") == number


@settings(max_examples=60, deadline=None)
@given(
    rest=st.integers(min_value=0, max_value=9_999_999),
    country=st.sampled_from([("US", "+1415"), ("IL", "+97250"), ("BE", "+3247")]),
)
def test_other_countries_numbers_in_every_language(rest: int, country: tuple[str, str]) -> None:
    region, start = country
    number = f"{start}{rest:07}"
    assume(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
    for language in LANGUAGES:
        assert hear_phone(say_phone(number, language), language, region) == number
        assert hear_phone(say_phone(number, language, country="FR"), language, "FR") == number


_LATIN = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(_LATIN, min_size=1, max_size=2),
    sign=st.sampled_from(["-", "'", " "]),
    language=st.sampled_from(["fr", "en"]),
)
@example(parts=["deux"], sign="-", language="fr")
@example(parts=["marc"], sign="-", language="en")
def test_spelled_names(parts: list[str], sign: str, language: Language) -> None:
    name = sign.join(p.capitalize() for p in parts)
    assert hear_name(say_spelled(name, language), language) == name


@pytest.mark.parametrize("name", ["Hélène", "François", "Noël", "D'Arc", "Jean-Pierre", "Nuñez", "Benoît"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_spelled_names_with_accents(name: str, language: Language) -> None:
    assert hear_name(say_spelled(name, language), language) == name


@pytest.mark.parametrize("name", ["כהן", "לוי", "מזרחי", "אברהם", "פרץ"])
def test_spelled_hebrew_names(name: str) -> None:
    assert hear_name(say_spelled(name, "he"), "he") == name


@settings(max_examples=100, deadline=None)
@given(
    user=st.from_regex(r"[b-df-hj-np-tv-z]{3,8}([._-][b-df-hj-np-tv-z]{3,8})?[0-9]{0,3}", fullmatch=True),
    language=languages,
)
def test_emails(user: str, language: Language) -> None:
    address = f"{user}@gmail.com"
    assert hear_email(say_email(address, language), language) == address


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_five_minutes_of_the_day(language: Language) -> None:
    missed = [
        at
        for minute in range(0, 1440, 5)
        if hear_time(say_time(at := time(*divmod(minute, 60)), language), language) != at
    ]
    assert missed == []
