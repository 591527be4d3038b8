"""Owns the shape of one language's words for the guard; refuses decisions: `judging` reads these.

Patterns are searched in *tagged* text: lower case, no accents, `'` for every apostrophe, numbers in digits, and D, T, P for
days, times and parts of the day (N for other quantities).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache

from agent.claims.model import ClaimKind
from agent.claims.moments import Tagged
from contracts.assistant import Language


class Proof(StrEnum):
    """What must be on record for an assertion to stand."""

    ACT = auto()  # "I have booked": a receipt of this call
    STATE = auto()  # "your appointment is confirmed": a booking that exists
    DONE = auto()  # "it's done": any receipt of this call
    NOTED = auto()  # "it's noted": a booking if it names one or follows a read-back, else a mere courtesy
    PROMISE = auto()  # "you will receive a confirmation": a booking, unless the sentence says once there is one
    DOING = auto()  # "I'm booking Thursday at ten": the read-back slot, or words that say it is under way
    MOVED = auto()
    MOVING = auto()
    CANCELLED = auto()
    CANCELLING = auto()
    TRANSFERRED = auto()
    MESSAGE = auto()
    CALL_BACK = auto()  # "someone will call you back": a message, unless it is an offer to take one
    OFFER = auto()
    NONE = auto()


KIND_OF: dict[Proof, ClaimKind] = {
    Proof.ACT: ClaimKind.BOOKED,
    Proof.STATE: ClaimKind.BOOKED,
    Proof.DONE: ClaimKind.BOOKED,
    Proof.NOTED: ClaimKind.BOOKED,
    Proof.PROMISE: ClaimKind.BOOKED,
    Proof.DOING: ClaimKind.BOOKED,
    Proof.MOVED: ClaimKind.RESCHEDULED,
    Proof.MOVING: ClaimKind.RESCHEDULED,
    Proof.CANCELLED: ClaimKind.CANCELLED,
    Proof.CANCELLING: ClaimKind.CANCELLED,
    Proof.TRANSFERRED: ClaimKind.TRANSFERRED,
    Proof.MESSAGE: ClaimKind.MESSAGE_TAKEN,
    Proof.CALL_BACK: ClaimKind.MESSAGE_TAKEN,
    Proof.OFFER: ClaimKind.AVAILABLE,
    Proof.NONE: ClaimKind.UNAVAILABLE,
}


@dataclass(frozen=True)
class Assertion:
    proof: Proof
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Vocabulary:
    """assertions: in order of precedence within one clause.
    courtesies: phrases with a negation or an "if" that mean nothing ("no problem"), removed first.
    conditions: before an assertion in its clause they make it none ("once it is booked"); `conditions_after` likewise.
    negations: the same, but of no use against "there is none".
    under_way: "one moment": the sentence announces work. echoes: names a time without offering it.
    hours: speaks of opening hours. clock_now: the time it is. verbs: marks a clause that stands on its own.
    splits: between clauses. tags: a final "right?" that leaves the assertion one. leaning: a question about what was said.
    booking_words: name a booking. marks: frequent words, to tell the languages apart.
    """

    tag: Callable[[str], Tagged]
    assertions: tuple[Assertion, ...]
    courtesies: re.Pattern[str]
    conditions: re.Pattern[str]
    negations: re.Pattern[str]
    conditions_after: re.Pattern[str]
    offers_help: re.Pattern[str]
    under_way: re.Pattern[str]
    echoes: re.Pattern[str]
    hours: re.Pattern[str]
    clock_now: re.Pattern[str]
    verbs: re.Pattern[str]
    splits: re.Pattern[str]
    tags: re.Pattern[str]
    leaning: re.Pattern[str]
    booking_words: re.Pattern[str]
    marks: re.Pattern[str]
    replacements: dict[ClaimKind, tuple[str, ...]]


_APOSTROPHES = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "׳": "'", "״": '"', "–": ",", "—": ",", "־": "-"}
)
_SPACES = re.compile(r"\s+")
_MARKUP = re.compile(r"[*_#~«»“”„]+|<[^>]{0,40}>")


def plain(sentence: str) -> str:
    """Lower case, no accents or vowel points, one kind of apostrophe and quote, dashes as commas, single spaces."""
    opened = sentence.replace("œ", "oe").replace("Œ", "oe").translate(_APOSTROPHES)
    if not opened.isascii():
        opened = "".join(c for c in unicodedata.normalize("NFKD", opened) if not unicodedata.combining(c))
    return _SPACES.sub(" ", _MARKUP.sub(" ", opened).lower()).strip()


def assertion(proof: Proof, *alternatives: str) -> Assertion:
    return Assertion(proof, re.compile("|".join(f"(?:{a})" for a in alternatives)))


@cache
def vocabulary_of(language: Language) -> Vocabulary:
    match language:
        case "fr":
            from agent.claims.fr import VOCABULARY as found
        case "en":
            from agent.claims.en import VOCABULARY as found
        case "he":
            from agent.claims.he import VOCABULARY as found
    return found
