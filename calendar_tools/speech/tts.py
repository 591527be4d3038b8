"""Owns the last rewrite of a sentence before the voice: digits and symbols a model wrote become words.

Refuses to touch words. Works on one sentence at a time; running it twice changes nothing more, since its output holds neither
digits nor the abbreviations it reads. Patterns are compiled once per language; a sentence without any of them costs one search.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from functools import cache

import phonenumbers
from babel.dates import format_date

from calendar_tools.speech.languages import Language, words_of
from calendar_tools.speech.numbers import digits_words, number_words, ordinal_words
from calendar_tools.speech.say import say_email, say_phone, say_price, say_time, year_words

Rewrite = Callable[[re.Match[str]], str]
_COUNTRY = {"fr": "FR", "en": "US", "he": "IL"}
_CURRENCY = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "₪": "ILS",
    "eur": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "dollars": "USD",
    "chf": "CHF",
    'ש"ח': "ILS",
    "ש״ח": "ILS",
}
_DECIMAL = {"fr": "virgule", "en": "point", "he": "נקודה"}
_PERCENT = {"fr": "pour cent", "en": "percent", "he": "אחוז"}
_TO = {"fr": " à ", "en": " to ", "he": " עד "}
_NUMBER_SIGN = {"fr": "numéro", "en": "number", "he": "מספר"}
_MINUS = {"fr": "moins", "en": "minus", "he": "מינוס"}
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+'-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?<![\w/.:,-])(?:\+|00)?\(?\d(?:[\s.()\u00a0-]{0,2}\d){7,14}(?![\w])(?!\s?[€$£₪%])")
_ISO_DATE = re.compile(r"(?<![\w-])(\d{4})-(\d{2})-(\d{2})(?![\w-])")
_NUMERIC_DATE = re.compile(r"(?<![\w/.])(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d{2})(?![\w/])")
_N = r"\d{1,3}(?:[ \u00a0\u202f.,]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d{1,2}(?!\d))?"
_PRICE_AFTER = re.compile(rf"(?<![\w.,])({_N})[ \u00a0\u202f]?(€|\$|£|₪|EUR|CHF|ש[\"״]ח)(\d\d)?(?![\w])")
_PRICE_BEFORE = re.compile(rf"(?<!\w)(€|\$|£|₪)[ \u00a0]?({_N})(?!\w)")
_PERCENTAGE = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)?)[ \u00a0\u202f]?%")
_NUMBERED = re.compile(r"(?<!\w)(?:[nN]°|№|#)\s?(?=\d)")
_CLOCK = re.compile(r"(?<![\w:.,])([01]?\d|2[0-4])(?:\s?[hH]\s?([0-5]\d)?|:([0-5]\d))(?![\w:])(\s?[-–]\s?(?=\d))?")
_TWELVE = re.compile(
    r"(?<![\w:.,])(1[0-2]|0?[1-9])(?::([0-5]\d))?\s?([ap])\.?m(?:\.(?!\s*$)|\b)(\s?[-–]\s?(?=\d))?", re.IGNORECASE
)
_DECIMAL_NUMBER = re.compile(r"(?<![\w.,])(\d+)[.,](\d+)(?![\w]|[.,]\d)")
_GROUPED = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?![\w]|[.,]\d)|(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w]|[.,]\d)"
)
_INTEGER = re.compile(r"(?<![\w])(-(?=\d))?(\d+)(?![\w])")
_FRENCH_ORDINAL = re.compile(r"(?<!\w)(\d{1,3})(ers?|ères?|re|res|es?|èmes?|emes?|nde?)(?!\w)")
_ENGLISH_ORDINAL = re.compile(r"(?<!\w)(\d{1,3})(?:st|nd|rd|th)(?!\w)", re.IGNORECASE)
_HEBREW_GLUE = re.compile(r"(?<=[\u05d0-\u05ea])-(?=\d)")
_TWO_STOPS = re.compile(r"(?<=[ap]\.m)\.\.(?!\.)")
_ANY = re.compile(r"[\d@%€$£₪°№#.'׳״\"]")


def normalise_for_tts(text: str, language: Language) -> str:
    """The sentence with times, dates, phone numbers, e-mails, prices, percentages, ordinals, units, titles and plain numbers in
    words. Never raises; what it cannot read as one of those it leaves, but for plain numbers, which are always said."""
    if _ANY.search(text) is None and _titles(language)[0].search(text) is None:
        return text
    for pattern, rewrite in _rewrites(language):
        text = pattern.sub(rewrite, text)
    return _TWO_STOPS.sub(".", text)


@cache
def _titles(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    spoken = words_of(language).abbreviations
    body = "|".join(re.escape(a) for a in sorted(spoken, key=len, reverse=True))
    # A title's own full stop goes with it; "M." is one only before a name, and a sentence may end in "J'arrive au 3 M."
    return re.compile(rf"(?<![\w.'’-])(?:({body}))(?!\w)(?:\.(?=\s+\S))?"), spoken


@cache
def _rewrites(language: Language) -> tuple[tuple[re.Pattern[str], Rewrite], ...]:
    words = words_of(language)
    months = "|".join(format_date(date(2026, m, 1), "MMMM", locale=language) for m in range(1, 13))
    titles, spoken = _titles(language)
    units = "|".join(re.escape(u) for u in sorted(words.units, key=len, reverse=True))
    found: list[tuple[re.Pattern[str], Rewrite]] = [
        (_EMAIL, lambda m: say_email(m.group(), language)),
        (_ISO_DATE, lambda m: _date(m, int(m[1]), int(m[2]), int(m[3]), language)),
        (_NUMERIC_DATE, lambda m: _numeric_date(m, language)),
        (_PHONE, lambda m: _phone(m, language)),
        (_PRICE_AFTER, lambda m: _price(m[1] + (f".{m[3]}" if m[3] else ""), m[2], language)),
        (_PRICE_BEFORE, lambda m: _price(m[2], m[1], language)),
        (
            _PERCENTAGE,
            lambda m: (
                f"{_number(m[1], language)} {_PERCENT[language]}{'ים' if language == 'he' and m[1] != '1' else ''}"
            ),
        ),
        (titles, lambda m: spoken[m[1]]),
        (_NUMBERED, lambda m: f"{_NUMBER_SIGN[language]} "),
    ]
    if language == "he":
        found.append(
            (re.compile(rf"(?<!\w)([בלהמ]?)-?(\d{{1,2}}) ב-?({months})(?: (\d{{4}}))?(?!\w)"), _hebrew_named_date)
        )
        found.append((_HEBREW_GLUE, lambda m: ""))
        found.append(
            (
                re.compile(r"(?<![\w])([בלהמו]{1,2})([01]?\d|2[0-3]):([0-5]\d)(?![\w:])"),
                lambda m: m[1] + say_time(time(int(m[2]), int(m[3])), "he"),
            )
        )
        found.append(
            (re.compile(r"(?<!\w)([בלהמושכ]{1,2})(\d+)(?!\w)"), lambda m: m[1] + number_words(int(m[2]), "he"))
        )
    if language == "en":
        found.append(
            (
                re.compile(rf"(?<!\w)({months}) (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?(?![\w:])"),
                _english_month_first,
            )
        )
        found.append(
            (re.compile(rf"(?<!\w)(\d{{1,2}})(?:st|nd|rd|th)? ({months})(?: (\d{{4}}))?(?![\w:])"), _english_day_first)
        )
        found.append((_ENGLISH_ORDINAL, lambda m: ordinal_words(int(m[1]), "en")))
        found.append((_TWELVE, _twelve_hours))
    if language == "fr":
        found.append((re.compile(rf"(?<!\w)(\d{{1,2}})(er)? ({months})(?: (\d{{4}}))?(?!\w)"), _french_named_date))
        found.append((_FRENCH_ORDINAL, _french_ordinal))
    found.append((_CLOCK, lambda m: _clock(m, language)))
    found.append(
        (re.compile(rf"(?<![\w.,])(\d+(?:[.,]\d+)?)[ \u00a0\u202f]?({units})(?!\w)"), lambda m: _unit(m, language))
    )
    found.append((_GROUPED, lambda m: number_words(int(re.sub(r"\D", "", m.group())), language)))
    found.append((_DECIMAL_NUMBER, lambda m: _number(m.group(), language)))
    found.append((_INTEGER, lambda m: (_MINUS[language] + " " if m[1] else "") + _integer(m[2], language)))
    return tuple(found)


def _integer(digits: str, language: Language) -> str:
    if len(digits) > 9 or (len(digits) > 1 and digits[0] == "0"):
        return digits_words(digits, language)
    return number_words(int(digits), language)


def _number(text: str, language: Language) -> str:
    whole, _, rest = text.replace(",", ".").partition(".")
    if not rest.strip("0"):
        return _integer(whole, language)
    tail = (
        number_words(int(rest), language)
        if language == "fr" and rest[0] != "0" and len(rest) <= 2
        else digits_words(rest, language)
    )
    return f"{_integer(whole, language)} {_DECIMAL[language]} {tail}"


def _price(number: str, sign: str, language: Language) -> str:
    compact = re.sub(r"[ \u00a0\u202f]", "", number)
    compact = re.sub(r"[.,](?=\d{3}(?!\d))", "", compact).replace(",", ".")
    return say_price(Decimal(compact), _CURRENCY[sign.lower()], language)


def _phone(match: re.Match[str], language: Language) -> str:
    written = match.group()
    try:
        number = phonenumbers.parse(written, _COUNTRY[language])
    except phonenumbers.NumberParseException:
        return written
    if not phonenumbers.is_valid_number(number):
        groups = re.findall(r"\d+", written)
        return ", ".join(digits_words(g, language) for g in groups) if written[0] in "+0(" else written
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return say_phone(e164, language, country=_COUNTRY[language])


def _date(match: re.Match[str], year: int, month: int, day: int, language: Language) -> str:
    try:
        value = date(year, month, day)
    except ValueError:
        return match.group()
    name = format_date(value, "MMMM", locale=language)
    return _named(value.day, name, str(value.year), language)


def _named(day: int, month: str, year: str | None, language: Language) -> str:
    match language:
        case "fr":
            said = f"{'premier' if day == 1 else number_words(day, 'fr')} {month}"
        case "en":
            said = f"{month} {ordinal_words(day, 'en')}"
        case "he":
            said = f"{number_words(day, 'he', gender='m')} ב{month}"
    if year is None:
        return said
    return f"{said}{',' if language == 'en' else ''} {year_words(int(year), language)}"


def _numeric_date(match: re.Match[str], language: Language) -> str:
    first, second = int(match[1]), int(match[3])
    year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
    month_first = (language == "en" and match[2] == "/" and first <= 12) or second > 12
    month, day = (first, second) if month_first else (second, first)
    return _date(match, year, month, day, language)


def _french_named_date(match: re.Match[str]) -> str:
    return _named(int(match[1]), match[3], match[4], "fr")


def _english_month_first(match: re.Match[str]) -> str:
    return _named(int(match[2]), match[1], match[3], "en") if int(match[2]) else match.group()


def _english_day_first(match: re.Match[str]) -> str:
    return _named(int(match[1]), match[2], match[3], "en") if int(match[1]) else match.group()


def _hebrew_named_date(match: re.Match[str]) -> str:
    return match[1] + _named(int(match[2]), match[3], match[4], "he")


def _french_ordinal(match: re.Match[str]) -> str:
    number, suffix = int(match[1]), match[2]
    if not number:
        return match.group()
    words = ordinal_words(number, "fr", gender="f" if suffix.startswith(("re", "ère")) else "m")
    return words + "s" if suffix.endswith("s") and not words.endswith("s") else words


def _clock(match: re.Match[str], language: Language) -> str:
    hour, minute = int(match[1]), int(match[2] or match[3] or 0)
    if language == "en" and match[3] is None and match[2] is None:
        return match.group()  # "2h" in English is a duration: the units read it
    said = say_time(time(hour % 24, minute), language)
    return said + (_TO[language] if match[4] else "")


def _twelve_hours(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0)
    return say_time(time(hour, int(match[2] or 0)), "en") + (_TO["en"] if match[4] else "")


def _unit(match: re.Match[str], language: Language) -> str:
    singular, plural = words_of(language).units[match[2]]
    value = Decimal(match[1].replace(",", "."))
    one = value < 2 if language == "fr" else value == 1
    words = _number(match[1], language)
    feminine = language == "fr" and singular in ("minute", "seconde")
    if feminine and value == value.to_integral_value() and value < 10**9:
        words = number_words(int(value), "fr", gender="f")
    if language == "he" and value == 1:
        return f"{singular} {'אחת' if singular == 'דקה' else 'אחד'}"
    return f"{words} {singular if one else plural}"
