"""Owns the shape of one language's word tables and their lookup; refuses logic: the tables are data, read elsewhere.

Patterns are regular expressions over *folded* text (see `speech.text.fold`): lower case, no accents, no punctuation,
number words already written as digits. `{WD}` and `{MONTH}` stand for the language's weekday and month names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from contracts.assistant import Language as Language

DayKind = Literal[
    "offset",
    "in_days",
    "in_weeks",
    "in_months",
    "within_days",
    "within_weeks",
    "date",
    "numeric",
    "day_of_month",
    "weekday",
    "this_weekday",
    "next_weekday",
    "weekday_of_week",
    "weekday_plus_weeks",
    "week",
    "weekend",
    "month",
    "earliest",
]
TimeKind = Literal["between", "from", "until", "around", "exact", "part"]


@dataclass(frozen=True)
class DayRule:
    """One way to name a day. `n` is the kind's number (days, weeks) when the words themselves carry none."""

    kind: DayKind
    pattern: str
    n: int = 0


@dataclass(frozen=True)
class TimeRule:
    """One way to bound the hours. `{T}` and `{T2}` stand for a clock time; `part` names a part of the day."""

    kind: TimeKind
    pattern: str
    part: str = ""
    today: bool = False


@dataclass(frozen=True)
class LanguageWords:
    """All the words of one language that the parsers and the spoken forms need."""

    weekdays: dict[str, int]
    months: dict[str, int]
    day_rules: tuple[DayRule, ...]
    time_rules: tuple[TimeRule, ...]
    clock: str
    minutes: dict[str, int]
    filler: frozenset[str]
    number_aliases: dict[str, int]
    at_signs: tuple[str, ...]
    dots: tuple[str, ...]
    email_signs: dict[str, str]
    email_words: dict[str, str]
    email_openings: frozenset[str]
    email_noise: tuple[str, ...]
    plus_words: frozenset[str]
    repeats: dict[str, int]
    letters: dict[str, str]
    as_in: frozenset[str]
    accents: dict[str, str]
    name_signs: dict[str, str]
    name_openings: tuple[str, ...]
    spelling_words: tuple[str, ...]
    name_stops: frozenset[str]
    dictation_openings: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unsure: tuple[str, ...]
    abbreviations: dict[str, str]
    units: dict[str, tuple[str, str]]
    particles: frozenset[str] = field(default_factory=frozenset[str])


@cache
def words_of(language: Language) -> LanguageWords:
    """The tables of one language, built once."""
    match language:
        case "fr":
            from calendar_tools.speech.languages import fr

            return fr.WORDS
        case "en":
            from calendar_tools.speech.languages import en

            return en.WORDS
        case "he":
            from calendar_tools.speech.languages import he

            return he.WORDS
