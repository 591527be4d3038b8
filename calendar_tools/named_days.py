"""Days that callers call by a name: "Noël", "lundi de Pâques", "Boxing Day", "חנוכה". A table of the country's, no clock."""

import re
import unicodedata
from datetime import date
from functools import lru_cache

import holidays

from contracts.assistant import Language
from contracts.hours import OpeningHours, holiday_language

_FILLING = frozenset(
    "le la les l un une du de des d au aux a en pour jour jours day the on of for il est ce prochain next "
    "fete ferie bank holiday feast חג יום".split()
)
_HEBREW_PREFIX = re.compile(r"^[בהל](?=[א-ת]{3})")  # in, the, to: written into the word


def find_named_day(words: str, hours: OpeningHours, *, after: date, language: Language) -> date | None:
    """The next day from `after` on that the business's country calls by this name. The words must hold the whole name but
    for filling words, or be a part of it."""
    said = set(_plain_words(words))
    if not hours.country or not said:
        return None
    named = holiday_language(hours.country, language)
    for year in (after.year, after.year + 1):
        for day, name in _named_days(hours.country, hours.subdivision, year, named).items():
            for one in re.split(r"[;,/]", name):
                called = set(_plain_words(one))
                if day >= after and called and (called <= said or said <= called):
                    return day
    return None


def _plain_words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = [_HEBREW_PREFIX.sub("", word) for word in re.findall(r"\w+", plain)]
    return [word for word in words if word not in _FILLING]


@lru_cache(maxsize=64)
def _named_days(country: str, subdivision: str | None, year: int, language: str | None) -> dict[date, str]:
    """Public holidays and the days that a country names without closing for them (Hanukkah in Israel)."""
    try:
        kinds = getattr(holidays, country).supported_categories
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, language=language, categories=kinds)
    except (NotImplementedError, AttributeError):
        return {}
    return {day: str(found.get(day) or "") for day in sorted(found)}
