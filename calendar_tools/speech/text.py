"""Owns the folded form every parser here reads; refuses meaning: it only removes what spelling may vary in."""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = re.compile("[’‘ʼ`´']")
_DASHES = re.compile("[־–—]")
_QUOTES = re.compile('[׳״"]')
_SIGN_NOT_BETWEEN_DIGITS = re.compile(r"(?<!\d)[-./:,]|[-./:,](?!\d)")
_OTHER = re.compile(r"[^\w+@./:,\- ]+|_")
_SPACES = re.compile(r"\s+")
_HEBREW_PREFIX = re.compile(r"(?<=[\u05d0-\u05ea])-?(?=\d)")
MAX_TEXT = 400


def without_accents(text: str) -> str:
    """The text without combining marks (Latin accents, Hebrew vowel points), ligatures opened."""
    opened = text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    return "".join(c for c in unicodedata.normalize("NFKD", opened) if not unicodedata.combining(c))


def fold(text: str, *, pauses: bool = False) -> str:
    """Lower case, no accents, words separated by one space; `- . / : ,` stay only between two digits.

    `pauses` keeps commas as a word of their own (`|`): in a dictated number a comma is a pause.
    Text beyond 400 characters is cut: nothing a caller says in one breath is longer.
    """
    folded = _DASHES.sub("-", without_accents(text[:MAX_TEXT]).lower())
    folded = _QUOTES.sub("", _APOSTROPHES.sub(" ", folded))
    folded = _HEBREW_PREFIX.sub(" ", folded)
    pieces = folded.split(",") if pauses else [folded]
    cleaned = [_SIGN_NOT_BETWEEN_DIGITS.sub(" ", _OTHER.sub(" ", piece)) for piece in pieces]
    return _SPACES.sub(" ", " | ".join(cleaned)).strip()
