"""Owns the border between facts and speech: what is said (`say_*`, `normalise_for_tts`) and what was heard (`hear_*`).

Pure functions over text, in French, English and Hebrew; no clock, no network. The first use in a language builds its tables
(about a tenth of a second): a process that answers calls runs `warm` for its languages at start.
"""

from __future__ import annotations

from calendar_tools.speech.hear import hear_email, hear_phone, hear_time, hear_yes_no, looks_like_dictation
from calendar_tools.speech.languages import Language
from calendar_tools.speech.numbers import hear_number, number_words
from calendar_tools.speech.say import (
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
from calendar_tools.speech.spelling import hear_name
from calendar_tools.speech.tts import normalise_for_tts

__all__ = [
    "Language",
    "hear_email",
    "hear_name",
    "hear_number",
    "hear_phone",
    "hear_time",
    "hear_yes_no",
    "looks_like_dictation",
    "normalise_for_tts",
    "number_words",
    "say_day",
    "say_duration",
    "say_email",
    "say_moment",
    "say_moments",
    "say_opening",
    "say_phone",
    "say_price",
    "say_spelled",
    "say_time",
    "warm",
]


def warm(language: Language) -> None:
    """Build a language's tables and patterns now, so that no caller waits for them."""
    hear_phone("1", language, "FR")
    hear_email("a", language)
    hear_name("a", language)
    hear_time("1", language)
    normalise_for_tts("1", language)
