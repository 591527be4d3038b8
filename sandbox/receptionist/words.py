"""Text made comparable: lower case, no accents, no vowel points, hyphens as spaces, the length unchanged.

The length stays the same so that a match in the folded text can be given back in the caller's own words.
"""

import re
import unicodedata
from functools import lru_cache

_TABLE = {"’": "'", "‘": "'", "׳": "'", "״": '"', "-": " ", "‑": " ", "–": " ", "־": " ", "\u00a0": " ", "\u202f": " "}


@lru_cache(maxsize=2048)
def _fold_char(char: str) -> str:
    if char in _TABLE:
        return _TABLE[char]
    base = unicodedata.normalize("NFKD", char)[0]
    if unicodedata.combining(base):
        return char
    lower = base.lower()
    return lower if len(lower) == 1 else base


def fold(text: str) -> str:
    return "".join(_fold_char(c) for c in text)


def own_words(text: str, match: re.Match[str]) -> str:
    """What the caller said where ``match`` was found in ``fold(text)``."""
    return text[match.start() : match.end()].strip(" ,.;:!?")


def blank(text: str, matches: list[re.Match[str]]) -> str:
    """``text`` with the matched places made spaces: a date's number is then not taken for a time."""
    for match in matches:
        text = text[: match.start()] + " " * (match.end() - match.start()) + text[match.end() :]
    return text


def tokens(folded: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded)
