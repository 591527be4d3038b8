"""Owns numbers as words, both ways. num2words speaks them; text2num hears French and English.

Written here because the libraries lack it: hearing Hebrew numbers (text2num has no Hebrew), and the table of short number
phrases that dictated digits are cut with (text2num joins "soixante dix-huit" for good, a phone number may need 60 18).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal, cast

from num2words import num2words  # pyright: ignore[reportUnknownVariableType]  # the package has no types
from text_to_num import text2num  # pyright: ignore[reportUnknownVariableType]  # the package has no types

from calendar_tools.speech.languages import Language, words_of
from calendar_tools.speech.text import fold

Gender = Literal["f", "m"]
MAX_SPOKEN = 999_999_999
_SPACES = re.compile(r"[\s-]+")
_SEPTANTE = {70: "septante", 80: "huitante", 90: "nonante"}


@lru_cache(maxsize=4096)
def number_words(number: int, language: Language, *, gender: Gender | None = None) -> str:
    """A whole number in words. `gender` matters for French "une" and in Hebrew, where counting is feminine.

    Numbers beyond 999,999,999 in size are read digit by digit: nobody hears a longer one.
    """
    if abs(number) > MAX_SPOKEN:
        return digits_words(str(abs(number)), language)
    if language == "he":
        return str(cast(object, num2words(number, lang="he", gender=gender or "f")))
    words = str(cast(object, num2words(number, lang=language))).replace(",", "")
    if language == "fr" and gender == "f" and re.search(r"\bun$", words):
        return words + "e"
    return words


@lru_cache(maxsize=256)
def ordinal_words(number: int, language: Language, *, gender: Gender = "m") -> str:
    """An ordinal in words: "premier", "twenty-first", "ראשון"."""
    if language == "fr" and number == 1 and gender == "f":
        return "première"
    if language == "he":
        return str(cast(object, num2words(number, lang="he", to="ordinal", gender=gender)))
    return str(cast(object, num2words(number, lang=language, to="ordinal")))


def digits_words(digits: str, language: Language) -> str:
    """Each digit on its own, separated by spaces."""
    return " ".join(number_words(int(d), language) for d in digits if d.isdigit())


@cache
def number_phrases(language: Language) -> dict[tuple[str, ...], int]:
    """Folded words of every number from 0 to 999 as callers say it, with the variants a caller may use."""
    phrases: dict[tuple[str, ...], int] = {}
    for number in range(1000):
        for spelled in _variants(number, language):
            phrases.setdefault(tuple(fold(spelled).split()), number)
    for words, number in words_of(language).number_aliases.items():
        phrases.setdefault(tuple(words.split()), number)
    if language == "he":
        phrases.pop(("שני",), None)  # also Monday, and "second": only the patterns that name a unit read it as two
    return phrases


def _variants(number: int, language: Language) -> list[str]:
    if language == "he":
        genders: tuple[Gender, ...] = ("f", "m")
        found = [number_words(number, "he", gender=g) for g in genders]
        if number in (2, 12):
            found += ["שתי"] if number == 2 else ["שתיים עשרה", "שניים עשר"]
        return found
    words = number_words(number, language)
    if language == "en":
        return [words, words.replace(" and ", " ")]
    found = [
        words,
        number_words(number, "fr", gender="f"),
        words.replace("cents", "cent"),
        words.replace("cent ", "cents "),
    ]
    tens, rest = divmod(number % 100, 10)
    if tens * 10 in _SEPTANTE:
        joined = _SEPTANTE[tens * 10] + ("" if rest == 0 else " et un" if rest == 1 else "-" + number_words(rest, "fr"))
        hundreds = number_words(number - number % 100, "fr").replace("cents", "cent") + " " if number >= 100 else ""
        found += [hundreds + joined, hundreds + joined.replace(" et un", " un")]
    return found


@cache
def _below_hundred(language: Language) -> re.Pattern[str]:
    phrases = sorted((" ".join(w) for w, n in number_phrases(language).items() if n < 100), key=len, reverse=True)
    body = "|".join(re.escape(p) for p in phrases)
    prefix = r"(?<![\w])([בלמוה]{0,2})" if language == "he" else r"(?<![\w])()"
    return re.compile(prefix + rf"({body})(?![\w])")


def with_digits(folded: str, language: Language) -> str:
    """Folded text with every number word below 100 written in digits; a Hebrew prefix is set apart ("בעשר" → "ב 10")."""
    values = number_phrases(language)

    def digits(match: re.Match[str]) -> str:
        number = values[tuple(match.group(2).split())]
        return f"{match.group(1)} {number}" if match.group(1) else str(number)

    return _below_hundred(language).sub(digits, folded)


def hear_number(text: str, language: Language) -> int | None:
    """The whole number a text states, in digits or words ("quatre-vingt-douze", "nonante-deux", "ninety two"), else None."""
    folded = fold(text)
    plain = re.sub(r"(?<=\d)[ ,.](?=\d{3}\b)", "", folded)
    if plain.isdecimal():
        return int(plain)
    if language == "he":
        return _hear_hebrew(folded.split())
    words = folded.split()
    known = number_phrases(language).get(tuple(words))
    if known is not None:
        return known
    try:
        return int(cast(int, text2num(_for_text2num(words, language), language)))
    except ValueError:
        return None


def _for_text2num(words: list[str], language: Language) -> str:
    """text2num wants French accents back and no English "and" before the units."""
    if language == "en":
        return " ".join(w for w in words if w != "and")
    respelled = {"zero": "zéro", "une": "un"}
    return " ".join(respelled.get(w, w) for w in words)


def _hear_hebrew(words: list[str]) -> int | None:
    """Thousands, then hundreds and the rest; the and-prefix may stand on any of them."""
    if not words:
        return None
    total = 0
    for index, raw in enumerate(words):
        word = raw.removeprefix("ו") if raw.removeprefix("ו") in ("אלף", "אלפיים", "אלפים") else raw
        if word not in ("אלף", "אלפיים", "אלפים"):
            continue
        head = _hear_below_thousand(words[:index]) if index else 1
        if word == "אלפיים":
            head = 2
        if head is None:
            return None
        total, words = head * 1000, words[index + 1 :]
        break
    rest = _hear_below_thousand(words) if words else 0
    return None if rest is None else total + rest


_CONSTRUCT = {
    "שלושת": 3, "ארבעת": 4, "חמשת": 5, "ששת": 6, "שבעת": 7, "שמונת": 8, "תשעת": 9, "עשרת": 10,
}  # fmt: skip


def _hear_below_thousand(words: list[str]) -> int | None:
    if len(words) == 1 and words[0] in _CONSTRUCT:
        return _CONSTRUCT[words[0]]
    phrases = number_phrases("he")
    for candidate in (words, [words[0].removeprefix("ו"), *words[1:]]):
        if (found := phrases.get(tuple(candidate))) is not None:
            return found
    for cut in range(len(words) - 1, 0, -1):
        head = phrases.get(tuple(words[:cut]))
        tail = _hear_below_thousand([words[cut].removeprefix("ו"), *words[cut + 1 :]])
        if head is not None and tail is not None and head >= 100 and head % 100 == 0 and tail < 100:
            return head + tail
    return None
