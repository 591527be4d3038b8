"""Owns reading what a transcriber wrote of phone numbers, e-mails, times, yes and no. Pure, and strict: None when unsure.

Refuses to guess: a phone number is only ever returned when it is a valid one, an e-mail when it is well formed. Names are in
`spelling`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import time
from functools import cache
from itertools import islice

import phonenumbers

from calendar_tools.speech.day_expressions import read_clock
from calendar_tools.speech.languages import Language, words_of
from calendar_tools.speech.numbers import number_phrases, with_digits
from calendar_tools.speech.text import fold, without_accents

_MAX_CUTS = 400
_LONGEST_PHRASE = 8
_PAUSE = "|"
_PHONE_ALIASES: dict[Language, dict[str, str]] = {
    "fr": {"o": "0"},
    "en": {"oh": "0", "o": "0", "nought": "0"},
    "he": {},
}
_PHONE_REPEATS = {"double": 2, "triple": 3, "כפול": 2, "פעמיים": 2}
_CLOCK_FRAMES: dict[Language, tuple[str, ...]] = {"fr": ("à {}", "{} heures"), "en": ("at {}",), "he": ("בשעה {}",)}
_EMAIL = re.compile(r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9_+-])?@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}")


def hear_time(text: str, language: Language) -> time | None:
    """The wall time a text states ("dix heures et demie", "half past ten", "עשר וחצי"); None for none or several.

    An unmarked hour from 1 to 6 is after noon.
    """
    minute = read_clock(text, language)
    bare = fold(text)
    for frame in _CLOCK_FRAMES[language] if bare and minute is None else ():
        minute = minute if minute is not None else read_clock(frame.format(bare), language)
    return None if minute is None else time(*divmod(minute, 60))


# --- phone numbers


def hear_phone(text: str, language: Language, country: str) -> str | None:
    """A dictated phone number as E.164, read for `country` (ISO 3166, two letters) unless it starts with plus or a dial-out
    code. None unless some reading of the words is a valid number.

    "soixante dix-huit" may be 78 or 60 18: commas are taken for pauses first, then every cut is tried, longest words first.
    After a correction ("06 12, non, 06 13 …") the last complete number counts.
    """
    for pauses in (True, False):
        runs = [run for run in _runs(text, language, pauses=pauses) if run]
        whole = [token for part in runs for token in part]
        for run in [*reversed(runs), whole]:
            for digits in islice(_cuts(run, language), _MAX_CUTS):
                if (number := _valid_number(digits, country)) is not None:
                    return number
    return None


def _valid_number(digits: str, country: str) -> str | None:
    if not 7 <= len(digits) <= 18:
        return None
    try:
        number = phonenumbers.parse(digits, country.upper())
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@cache
def _number_vocabulary(language: Language) -> frozenset[str]:
    return frozenset(word for phrase in number_phrases(language) for word in phrase)


def _runs(text: str, language: Language, *, pauses: bool) -> list[list[str]]:
    """Stretches of number words and digits; any other word ends one."""
    aliases, plus = _PHONE_ALIASES[language], words_of(language).plus_words
    runs: list[list[str]] = [[]]
    for token in fold(text.replace("+", " + "), pauses=pauses).split():
        word = aliases.get(token, token)
        if word[0].isdecimal():
            runs[-1].append(re.sub(r"\D", "", word))
        elif word in plus:
            runs.append(["+"])
        elif word in _number_vocabulary(language) or word in _PHONE_REPEATS or (word == _PAUSE and runs[-1]):
            runs[-1].append(word)
        elif word != _PAUSE:
            runs.append([])
    return runs


def _cuts(tokens: Sequence[str], language: Language, at: int = 0) -> Iterator[str]:
    """Every way to cut number words into digits, longest phrase first.

    A word that starts no phrase is skipped, so every path ends in a result: the caller's bound on results bounds the work.
    """
    if at >= len(tokens):
        yield ""
        return
    token = tokens[at]
    if token == "+":
        starts = [("+", at + 1)]
    elif token in _PHONE_REPEATS and at + 1 < len(tokens):
        single = (piece for piece in _pieces(tokens, language, at + 1) if len(piece[0]) == 1)
        starts = [(piece * _PHONE_REPEATS[token], after) for piece, after in single]
    else:
        starts = list(_pieces(tokens, language, at))
    for piece, after in starts or [("", at + 1)]:
        for rest in _cuts(tokens, language, after):
            yield piece + rest


def _pieces(tokens: Sequence[str], language: Language, at: int) -> Iterator[tuple[str, int]]:
    if tokens[at].isdecimal():
        yield tokens[at], at + 1
        return
    phrases = number_phrases(language)
    for length in range(min(_LONGEST_PHRASE, len(tokens) - at), 0, -1):
        number = phrases.get(tuple(tokens[at : at + length]))
        if number is not None:
            yield str(number), at + length


# --- e-mail addresses


@cache
def _email_signs(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    words = words_of(language)
    spoken = {
        **dict.fromkeys(words.dots, "."),
        **dict.fromkeys(words.at_signs, "@"),
        **words.email_signs,
        **words.email_words,
        **dict.fromkeys(words.email_noise, ""),
    }
    body = "|".join(re.escape(s) for s in sorted(spoken, key=len, reverse=True))
    return re.compile(rf"(?<![\w])(?:{body})(?![\w])"), spoken


def hear_email(text: str, language: Language) -> str | None:
    """A dictated e-mail address, lower case, else None: "jean point dupont arobase gmail point com"."""
    plain = without_accents(text[:400]).lower()
    if (written := _EMAIL.search(plain)) is not None:
        return written.group()
    pattern, spoken = _email_signs(language)
    loose = re.sub(r"['’׳,;:!?()\"]", " ", plain)
    loose = re.sub(r"(?<!\w)(\w(?:-\w)+)(?!\w)", lambda m: m.group(1).replace("-", " "), loose)
    loose = _unhyphenated(re.sub(r"\.(?=\s|$)", " ", loose), language)
    loose = _repeated_letters(_without_examples(" ".join(loose.split()), language), language)
    signs = pattern.sub(lambda m: f" {spoken[m.group()]} ", loose)
    tokens = with_digits(re.sub(r"([@.])", r" \1 ", signs), language).split()
    if tokens.count("@") != 1:
        return None
    middle = tokens.index("@")
    address = f"{_local_part(tokens[:middle], language)}@{_domain(tokens[middle + 1 :])}"
    return address if _EMAIL.fullmatch(address) and ".." not in address else None


def _unhyphenated(text: str, language: Language) -> str:
    """ "trente-quatre" and "trait-d'union" lose their hyphens, "jean-pierre" keeps it: there it is a sign of the address."""
    known = _number_vocabulary(language)

    def opened(match: re.Match[str]) -> str:
        parts = match.group().split("-")
        return " ".join(parts) if all(p in known for p in parts) or parts[0] in ("trait", "e") else match.group()

    return re.sub(r"\w+(?:-\w+)+", opened, text)


def _without_examples(text: str, language: Language) -> str:
    as_in = "|".join(sorted(words_of(language).as_in, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(\w) (?:{as_in}) \w+", r"\1", text)


def _repeated_letters(text: str, language: Language) -> str:
    counts = words_of(language).repeats
    certain = [w for w in sorted(counts, key=len, reverse=True) if w in _PHONE_REPEATS or " " in w]
    if not certain:
        return text
    # "double u" and "double v" are one letter, w
    pattern = re.compile(rf"(?<!\w)({'|'.join(certain)}) (?:le |la |l )?([a-z])(?!\w)")
    return pattern.sub(lambda m: m.group() if m.group(2) in "uv" else " ".join(m.group(2) * counts[m.group(1)]), text)


def _local_part(tokens: list[str], language: Language) -> str:
    openings = words_of(language).email_openings
    for index in range(len(tokens) - 2, -1, -1):
        if tokens[index] in openings:
            return "".join(tokens[index + 1 :])
    return "".join(tokens)


def _domain(tokens: list[str]) -> str:
    """Labels up to the last dot, then one word (or spelled letters): what is said after the address is not part of it."""
    if "." not in tokens:
        return ""
    last = len(tokens) - 1 - tokens[::-1].index(".")
    tail: list[str] = []
    for token in tokens[last + 1 :]:
        if tail and len(token) > 1:
            break
        tail.append(token)
        if len(token) > 1:
            break
    return "".join(tokens[: last + 1]) + "".join(tail)


# --- yes, no, dictation


def _contains(folded: str, phrases: Sequence[str]) -> tuple[bool, str]:
    """Whether any phrase occurs, and the text without those that do (longest first)."""
    found = False
    for phrase in sorted(phrases, key=len, reverse=True):
        without = re.sub(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)", " ", folded)
        found, folded = found or without != folded, without
    return found, folded


def hear_yes_no(text: str, language: Language) -> bool | None:
    """True or False when the text plainly agrees or refuses, None when it does neither or both."""
    words, folded = words_of(language), fold(text)
    unsure, folded = _contains(folded, words.unsure)
    if unsure:
        return None
    friendly = [
        p for p in words.yes if any(f" {n} " in f" {fold(p)} " for n in ("pas", "no", "not", "אין", "לא", "aucun"))
    ]
    agreed, folded = _contains(folded, friendly)
    refused, folded = _contains(folded, words.no)
    agreed_plainly, _ = _contains(folded, words.yes)
    agreed = agreed or agreed_plainly
    return None if agreed == refused else agreed


def looks_like_dictation(interim_text: str, language: Language) -> bool:
    """Whether a caller is in the middle of spelling, or of dictating a number or an e-mail: end-of-turn should wait longer.

    False again once an e-mail is complete or ten digits with a leading zero have been said. Times and dates are not dictation.
    """
    folded = fold(interim_text)
    if not folded:
        return False
    words = words_of(language)
    signs = {
        sign for sign in (*words.at_signs, *words.email_signs.keys()) if sign not in ("at", "plus", "moins", "minus")
    }
    if "@" in interim_text or _contains(folded, tuple(signs))[0]:
        return hear_email(interim_text, language) is None
    tokens = re.sub(r"(?<!\w)as in(?!\w)", "as", folded).split()
    if tokens[-1] in words.as_in and len(tokens) > 1 and len(tokens[-2]) == 1:
        return True
    if any(re.search(rf"(?<!\w)(?:{opening})$", folded) for opening in words.dictation_openings):
        return True
    return _spelling_tail(tokens, language) or _digits_tail(interim_text, language)


def _spelling_tail(tokens: list[str], language: Language) -> bool:
    words = words_of(language)
    letters = 0
    index = len(tokens) - 1
    while index >= 0:
        token = tokens[index]
        if index >= 2 and tokens[index - 1] in words.as_in and len(tokens[index - 2]) == 1:
            letters, index = letters + 2, index - 3
            continue
        if not (len(token) == 1 and token.isalpha()) and token not in words.name_signs and token not in words.repeats:
            break
        letters, index = letters + (len(token) == 1), index - 1
    return letters >= 2


def _digits_tail(text: str, language: Language) -> bool:
    """A run of digits at the end which is no time, date or price: it starts with zero or plus, or is long."""
    tail = _runs(text, language, pauses=False)[-1]
    if not tail:
        return False
    digits = next(_cuts(tail, language), "")
    pieces = sum(1 for _ in _piece_lengths(tail, language))
    complete = digits.startswith("0") and len(digits) >= 10
    started = digits.startswith(("0", "+")) and len(digits) >= 2
    return not complete and (started or (pieces >= 3 and len(digits) >= 3) or len(digits) >= 5)


def _piece_lengths(tokens: Sequence[str], language: Language) -> Iterator[int]:
    at = 0
    while at < len(tokens):
        piece = next(_pieces(tokens, language, at), None) if tokens[at] != "+" else None
        at = piece[1] if piece else at + 1
        yield at
