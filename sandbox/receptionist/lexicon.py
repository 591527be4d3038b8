"""The shape of one language's vocabulary. Patterns are written for, and searched in, folded text (see `words.fold`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en", "he"]

INTENTS = (
    "urgent",
    "person",
    "cancel",
    "reschedule",
    "message",
    "hours",
    "faq",
    "book",
    "goodbye",
    "all_done",
    "thanks",
    "hello",
    "wait",
    "question",
    "yes",
    "no",
    "any_day",
    "any_part",
)

QUESTIONS = (
    "name",
    "day",
    "slot",
    "confirm",
    "change",
    "message_offer",
    "reason",
    "number",
    "proof",
    "booking_offer",
    "earliest_offer",
    "anything_else",
    "which_booking",
)


@dataclass(frozen=True)
class Lexicon:
    """``asked``: how a question of each kind is recognised in what the assistant said last.

    ``says`` has, for each sentence, the variants in order of use; ``{offers}`` and ``{slot}`` are filled in.
    """

    language: Language
    intents: Mapping[str, re.Pattern[str]]
    asked: Mapping[str, re.Pattern[str]]
    day: re.Pattern[str]
    day_of_existing: re.Pattern[str]
    part: re.Pattern[str]
    morning: re.Pattern[str]
    afternoon: re.Pattern[str]
    afternoon_word: str
    morning_word: str
    today_word: str
    or_word: str
    ordinals: tuple[tuple[re.Pattern[str], int], ...]
    name_intro: re.Pattern[str]
    name_noise: frozenset[str]
    reason_lead: re.Pattern[str]
    common: frozenset[str]
    says: Mapping[str, tuple[str, ...]]


def compiled(table: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {key: re.compile(pattern) for key, pattern in table.items()}
