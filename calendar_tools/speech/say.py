"""Owns the spoken form of facts: days, times, numbers, addresses, prices. Pure; the result holds no digit and no symbol.

Refuses sentences: what is said around a fact is the receptionist's. Day and month names come from babel, number words from
num2words, phone groups from phonenumbers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date

from calendar_tools.speech.languages import Language
from calendar_tools.speech.numbers import digits_words, number_words, ordinal_words

_OR = {"fr": "ou", "en": "or", "he": "או"}
_AND = {"fr": "et", "en": "and", "he": "ו"}
_TODAY = {"fr": "aujourd'hui", "en": "today", "he": "היום"}
_TOMORROW = {"fr": "demain", "en": "tomorrow", "he": "מחר"}
_PLUS = {"fr": "plus", "en": "plus", "he": "פלוס"}
_CLOSED = {"fr": "fermé", "en": "closed", "he": "סגור"}
_SIGNS: dict[str, dict[str, str]] = {
    "fr": {
        "@": "arobase",
        ".": "point",
        "-": "tiret",
        "_": "tiret du bas",
        "+": "plus",
        "'": "apostrophe",
        " ": "espace",
    },
    "en": {"@": "at", ".": "dot", "-": "hyphen", "_": "underscore", "+": "plus", "'": "apostrophe", " ": "space"},
    "he": {"@": "שטרודל", ".": "נקודה", "-": "מקף", "_": "קו תחתון", "+": "פלוס", "'": "גרש", " ": "רווח"},
}
_ACCENTS = {
    "\u0301": {"fr": "accent aigu", "en": "acute", "he": "אקוט"},
    "\u0300": {"fr": "accent grave", "en": "grave", "he": "גרביס"},
    "\u0302": {"fr": "accent circonflexe", "en": "circumflex", "he": "סירקומפלקס"},
    "\u0308": {"fr": "tréma", "en": "umlaut", "he": "אומלאוט"},
    "\u0327": {"fr": "cédille", "en": "cedilla", "he": "סדיליה"},
    "\u0303": {"fr": "tilde", "en": "tilde", "he": "טילדה"},
}
# unit and cent, each in the singular and the plural
_MONEY: dict[tuple[str, Language], tuple[str, str, str, str]] = {
    ("EUR", "fr"): ("euro", "euros", "centime", "centimes"),
    ("EUR", "en"): ("euro", "euros", "cent", "cents"),
    ("EUR", "he"): ("אירו", "אירו", "סנט", "סנט"),
    ("USD", "fr"): ("dollar", "dollars", "cent", "cents"),
    ("USD", "en"): ("dollar", "dollars", "cent", "cents"),
    ("USD", "he"): ("דולר", "דולר", "סנט", "סנט"),
    ("CAD", "fr"): ("dollar", "dollars", "cent", "cents"),
    ("CAD", "en"): ("dollar", "dollars", "cent", "cents"),
    ("CAD", "he"): ("דולר", "דולר", "סנט", "סנט"),
    ("GBP", "fr"): ("livre", "livres", "penny", "pence"),
    ("GBP", "en"): ("pound", "pounds", "penny", "pence"),
    ("GBP", "he"): ("פאונד", "פאונד", "פני", "פני"),
    ("ILS", "fr"): ("shekel", "shekels", "agora", "agorot"),
    ("ILS", "en"): ("shekel", "shekels", "agora", "agorot"),
    ("ILS", "he"): ("שקל", "שקלים", "אגורה", "אגורות"),
    ("CHF", "fr"): ("franc", "francs", "centime", "centimes"),
    ("CHF", "en"): ("franc", "francs", "centime", "centimes"),
    ("CHF", "he"): ("פרנק", "פרנק", "סנט", "סנט"),
}
_FEMININE_MONEY = frozenset({("GBP", "fr")})


@lru_cache(maxsize=1024)
def _day_words(day: date, language: Language, with_year: bool) -> str:
    weekday = format_date(day, "EEEE", locale=language)
    month = format_date(day, "MMMM", locale=language)
    match language:
        case "fr":
            number = "premier" if day.day == 1 else number_words(day.day, "fr")
            words = f"{weekday} {number} {month}"
            return f"{words} {year_words(day.year, 'fr')}" if with_year else words
        case "en":
            words = f"{weekday}, {month} {ordinal_words(day.day, 'en')}"
            return f"{words}, {year_words(day.year, 'en')}" if with_year else words
        case "he":
            words = f"{weekday}, {number_words(day.day, 'he', gender='m')} ב{month}"
            return f"{words} {year_words(day.year, 'he')}" if with_year else words


def year_words(year: int, language: Language) -> str:
    """A year as it is said: "deux mille vingt-six", "twenty twenty-six"."""
    if language != "en" or not 1100 <= year <= 2099 or 2000 <= year <= 2009 or year % 100 == 0:
        return number_words(year, language)
    century, rest = divmod(year, 100)
    tail = f"oh {number_words(rest, 'en')}" if rest < 10 else number_words(rest, "en")
    return f"{number_words(century, 'en')} {tail}"


def say_day(day: date, language: Language, *, today: date) -> str:
    """ "jeudi vingt-six novembre", with "aujourd'hui," or "demain," before it where true, the year only when it is another."""
    words = _day_words(day, language, day.year != today.year)
    if day == today:
        return f"{_TODAY[language]}, {words}"
    if day == today + timedelta(days=1):
        return f"{_TOMORROW[language]}, {words}"
    return words


@lru_cache(maxsize=2048)
def say_time(at: time, language: Language) -> str:
    """A wall time: "dix heures trente", "midi"; "ten thirty a.m.", "noon"; "עשר וחצי". Seconds are not said."""
    match language:
        case "fr":
            return _french_time(at)
        case "en":
            return _english_time(at)
        case "he":
            return _hebrew_time(at)


def _french_time(at: time) -> str:
    if at.hour == 0:
        hour = "minuit"
    elif at.hour == 12 and at.minute == 0:
        hour = "midi"
    else:
        hour = f"{number_words(at.hour, 'fr', gender='f')} heure{'s' if at.hour > 1 else ''}"
    said = hour if at.minute == 0 else f"{hour} {number_words(at.minute, 'fr', gender='f')}"
    return f"{said} du matin" if 1 <= at.hour <= 6 else said  # unmarked, callers take these for the afternoon


def _english_time(at: time) -> str:
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    words = number_words((at.hour - 1) % 12 + 1, "en")
    if at.minute:
        words += (" oh " if at.minute < 10 else " ") + number_words(at.minute, "en")
    return f"{words} {'a.m.' if at.hour < 12 else 'p.m.'}"


def _hebrew_time(at: time) -> str:
    if at.hour == 0 and at.minute == 0:
        return "חצות"
    words = number_words((at.hour - 1) % 12 + 1, "he")
    match at.minute:
        case 0:
            pass
        case 15:
            words += " ורבע"
        case 30:
            words += " וחצי"
        case minute if minute > 20 and minute % 10:
            words += " " + number_words(minute, "he")
        case minute:
            words += " ו" + number_words(minute, "he") + (" דקות" if minute <= 10 and minute > 1 else "")
    if at.hour < 5:
        return f"{words} {'בלילה' if at.hour == 0 else 'לפנות בוקר'}"
    if at.hour < 9:
        return f"{words} בבוקר"
    if at.hour < 12:
        return words
    return f"{words} {'בצהריים' if at.hour == 12 else 'אחר הצהריים' if at.hour < 18 else 'בערב'}"


def _at(language: Language, at: time) -> str:
    words = say_time(at, language)
    if language == "he":
        return f"ב{words}"
    return f"{'à' if language == 'fr' else 'at'} {words}"


def say_moment(at: datetime, language: Language, *, zone: ZoneInfo, today: date) -> str:
    """ "jeudi vingt-six novembre à dix heures trente", on the wall clock of `zone`. Raises ValueError on a naive datetime."""
    local = _local(at, zone)
    return f"{say_day(local.date(), language, today=today)} {_at(language, local.timetz().replace(tzinfo=None))}"


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment must be aware")
    return at.astimezone(zone)


def joined(words: Sequence[str], language: Language, *, conjunction: str | None = None) -> str:
    """ "a, b ou c" in the language; "or" unless another conjunction is given."""
    if len(words) < 2:
        return "".join(words)
    last = conjunction or _OR[language]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def say_moments(moments: Iterable[datetime], language: Language, *, zone: ZoneInfo, today: date) -> str:
    """Several moments, grouped by day in order: "jeudi vingt-six novembre : neuf heures, dix heures trente ou onze heures"."""
    by_day: dict[date, list[str]] = {}
    for local in sorted((_local(m, zone) for m in moments), key=lambda m: m.timestamp()):
        times = by_day.setdefault(local.date(), [])
        words = say_time(time(local.hour, local.minute), language)
        if words not in times:
            times.append(words)
    colon = " : " if language == "fr" else ": "
    days = [say_day(d, language, today=today) + colon + joined(t, language) for d, t in by_day.items()]
    return f"{' ; ' if language == 'fr' else '; '}".join(days)


def say_phone(e164: str, language: Language, *, country: str | None = None) -> str:
    """A number in its national groups: pairs in French, single digits in English and Hebrew, a comma between groups.

    With `country` (ISO 3166, two letters) a number of another country is said with "plus" and its code. Raises ValueError
    when `e164` is no phone number.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("not an E.164 number") from error
    foreign = country is not None and phonenumbers.region_code_for_number(number) != country.upper()
    shape = phonenumbers.PhoneNumberFormat.INTERNATIONAL if foreign else phonenumbers.PhoneNumberFormat.NATIONAL
    text = phonenumbers.format_number(number, shape)
    groups = "".join(c if c.isdigit() else " " for c in text).split()
    said = ", ".join(words for group in groups for words in _phone_group(group, language))
    return f"{_PLUS[language]} {said}" if foreign else said


def _phone_group(group: str, language: Language) -> list[str]:
    if language != "fr" or len(group) % 2:
        return [digits_words(group, language)]
    return [_pair(group[i : i + 2]) for i in range(0, len(group), 2)]


def _pair(pair: str) -> str:
    return digits_words(pair, "fr") if pair[0] == "0" else number_words(int(pair), "fr")


def say_email(address: str, language: Language) -> str:
    """ "jean point dupont arobase gmail point com". Digits are said one by one; case is not said: addresses ignore it."""
    words: list[str] = []
    run = ""
    for character in address.strip().lower() + "\0":
        if character.isalpha():
            run += character
            continue
        if run:
            words.append(run)
            run = ""
        if character.isdigit():
            words.append(number_words(int(character), language))
        elif character in _SIGNS[language]:
            words.append(_SIGNS[language][character])
    return " ".join(words)


def say_spelled(name: str, language: Language) -> str:
    """Letter by letter, a comma between: "D, U, P, O, N, T"; an accent follows its letter in words."""
    said: list[str] = []
    for character in unicodedata.normalize("NFC", name.strip()):
        if character in _SIGNS[language]:
            said.append(_SIGNS[language][character])
        elif character.isdigit():
            said.append(number_words(int(character), language))
        elif character.isalpha():
            said.append(_letter(character, language))
    return ", ".join(said)


def _letter(character: str, language: Language) -> str:
    base, *marks = unicodedata.normalize("NFD", character)
    accents = [_ACCENTS[m][language] for m in marks if m in _ACCENTS]
    return " ".join([base.upper(), *accents])


def say_price(amount: Decimal, currency: str, language: Language) -> str:
    """ "quatre-vingt-cinq euros cinquante". Rounded to cents; an unknown currency is said by its letters."""
    currency = currency.upper()
    negative, amount = amount < 0, abs(amount.quantize(Decimal("0.01")))
    whole, cents = int(amount), int(amount % 1 * 100)
    spelled = ", ".join(currency)
    one, many, cent, cent_many = _MONEY.get((currency, language), (spelled, spelled, "", ""))
    masculine = (currency, language) not in _FEMININE_MONEY
    said: list[str] = []
    if whole or not cents:
        singular = whole == 1 or (language == "fr" and whole == 0)
        said.append(_amount(whole, one if singular else many, language, masculine=masculine))
    if cents and said and language != "he":
        said.append(
            number_words(cents, language)
            if cents >= 10
            else _amount(cents, cent if cents == 1 else cent_many, language)
        )
    elif cents:
        words = _amount(cents, cent if cents == 1 else cent_many, language, masculine=currency != "ILS")
        said.append(f"ו{words}" if said else words)
    if language == "en" and len(said) == 2 and cents < 10:
        said.insert(1, "and")
    minus = {"fr": "moins ", "en": "minus ", "he": "מינוס "}[language] if negative else ""
    return minus + " ".join(said)


def _amount(number: int, unit: str, language: Language, *, masculine: bool = True) -> str:
    if language == "he":
        if number == 1:
            return f"{unit} {'אחד' if masculine else 'אחת'}"
        words = (
            ("שני" if masculine else "שתי")
            if number == 2
            else number_words(number, "he", gender="m" if masculine else "f")
        )
        return f"{words} {unit}".rstrip()
    words = number_words(number, language, gender=None if masculine else "f")
    linked = "d'" if language == "fr" and number >= 10**6 and number % 10**6 == 0 and unit[:1] in "aeiou" else ""
    return f"{words} {linked}{unit}".rstrip()


def say_duration(minutes: int, language: Language) -> str:
    """ "quarante-cinq minutes", "une heure et demie", "an hour and fifteen minutes". Raises ValueError below zero."""
    if minutes < 0:
        raise ValueError("a duration is not negative")
    hours, rest = divmod(minutes, 60)
    match language:
        case "fr":
            spoken_hours = f"{number_words(hours, 'fr', gender='f')} heure{'s' if hours > 1 else ''}"
            spoken_rest = f"{number_words(rest, 'fr', gender='f')} minute{'s' if rest > 1 else ''}"
            half, link = " et demie", " "
        case "en":
            spoken_hours = "an hour" if hours == 1 else f"{number_words(hours, 'en')} hours"
            spoken_rest = f"{number_words(rest, 'en')} minute{'' if rest == 1 else 's'}"
            half, link = " and a half", " and "
        case "he":
            spoken_hours = {1: "שעה", 2: "שעתיים"}.get(hours, f"{number_words(hours, 'he')} שעות")
            spoken_rest = {1: "דקה אחת", 2: "שתי דקות"}.get(rest, f"{number_words(rest, 'he')} דקות")
            half, link = " וחצי", " ו"
    if not hours:
        return "half an hour" if language == "en" and rest == 30 else spoken_rest
    if not rest:
        return spoken_hours
    return spoken_hours + (half if rest == 30 else link + spoken_rest)


def say_opening(intervals: Sequence[tuple[time, time]], language: Language) -> str:
    """A day's opening intervals: "de neuf heures à midi et de quatorze heures à dix-huit heures"; "fermé" without any."""
    if not intervals:
        return _CLOSED[language]
    template = {"fr": "de {} à {}", "en": "from {} to {}", "he": "מ{} עד {}"}[language]
    said = [template.format(say_time(start, language), say_time(end, language)) for start, end in sorted(intervals)]
    if language == "he":
        return " ו".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]
    return joined(said, language, conjunction=_AND[language])
