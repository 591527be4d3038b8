"""Owns hearing a name, spelled or not. Pure. When letters are given they win over the word the transcriber believed it heard.

Refuses to know names: there is no list of them, so any one to four words may be one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from calendar_tools.speech.languages import Language, words_of
from calendar_tools.speech.text import fold

_LOOSE = {"e": "[eéèêë]", "a": "[aàâä]", "c": "[cç]", "o": "[oôö]", "i": "[iîï]", "u": "[uùûü]"}
_SIGN, _MARK = "\x01", "\x02"
_TOKEN = re.compile(r"[\x01\x02].|[^\s,;:.!?\"()«»\x01\x02]+")
_FINAL_FORMS = {"כ": "ך", "מ": "ם", "נ": "ן", "פ": "ף", "צ": "ץ"}
_MIDDLE_FORMS = {final: middle for middle, final in _FINAL_FORMS.items()}
_MAX_WORDS = 4
_SAME_NAME = 0.5


@dataclass(frozen=True)
class _Spelled:
    text: str


def _loose(phrase: str) -> str:
    """A pattern for a folded phrase that also matches accents and apostrophes. "i m" is only "I'm", never the letters I, M."""
    words = phrase.split(" ")
    body = [re.sub(r"[eacoiu]", lambda m: _LOOSE[m.group()], re.escape(words[0]))]
    for word in words[1:]:
        body.append(r"['’]" if word in ("m", "s") and word == words[-1] else r"(?:['’-]|\s+)")
        body.append(re.sub(r"[eacoiu]", lambda m: _LOOSE[m.group()], re.escape(word)))
    return "".join(body)


def _any_of(phrases: list[str]) -> str:
    return "|".join(_loose(p) for p in sorted(phrases, key=len, reverse=True))


@cache
def _patterns(language: Language) -> dict[str, re.Pattern[str]]:
    words = words_of(language)
    sources = {
        "opening": rf"^[\s,.:;!]*(?:{_any_of(list(words.name_openings))})(?=[\s,.:;!]|$)",
        "said": rf"(?<![\w'’-])(?:{_any_of([p for p in words.spelling_words if ' ' in p] or ['spelling'])})(?![\w'’])",
        "as_in": rf"(?<![\w'’])(\w)[\s,]+(?:{_any_of(list(words.as_in))})[\s,]+(?:[ld]['’])?[\w'’-]+",
        "repeat": rf"(?<![\w'’])({_any_of(list(words.repeats))})\s+(\w)(?![\w'’])",
        "letters": rf"(?<![\w'’])({_any_of([w for w in words.letters if ' ' in w] or ['double u'])})(?![\w'’])",
        "sign": rf"(?<![\w'’])({_any_of(list(words.name_signs))})(?![\w'’])",
        "mark": rf"(?<![\w'’])({_any_of(list(words.accents) or ['umlaut'])})(?![\w'’])",
        "hyphened": r"(?<!\w)\w(?:-\w)+(?!\w)",
    }
    return {name: re.compile(source, re.IGNORECASE) for name, source in sources.items()}


def hear_name(text: str, language: Language) -> str | None:
    """The name a text gives, capitalised, else None.

    "Dupont, D U P O N D" is "Dupond"; "Jean Dupont, D comme Denise, U, P, O, N, T" is "Jean Dupont"; "deux N" and "double L"
    repeat; accents, hyphens and apostrophes may be named. Several spelled words each replace the heard word most like them.
    """
    pieces = _pieces(_prepared(unicodedata.normalize("NFC", text[:400]), language), language)
    spelled = [p for p in pieces if isinstance(p, _Spelled)]
    stops = words_of(language).name_stops
    filler = {w for w in words_of(language).spelling_words if " " not in w}
    heard = [p for p in pieces if isinstance(p, str)]
    if not spelled:
        if any(fold(w) in stops or not _is_name_word(w) for w in heard):
            return None
        return " ".join(_cased(heard, language)) if 0 < len(heard) <= _MAX_WORDS else None
    kept: list[str | _Spelled] = [
        p
        for p in pieces
        if isinstance(p, _Spelled) or (_is_name_word(p) and fold(p) not in stops and fold(p) not in filler)
    ]
    return _merged(kept, language)


def _prepared(text: str, language: Language) -> str:
    patterns, words = _patterns(language), words_of(language)
    while (match := patterns["opening"].search(text)) is not None and text[match.end() :].strip(" ,.:;!"):
        text = text[match.end() :]
    text = patterns["as_in"].sub(r"\1", text)
    text = patterns["said"].sub(" , ", text)
    text = patterns["letters"].sub(lambda m: words.letters[fold(m.group(1))], text)
    text = (
        patterns["mark"].sub(lambda m: f" {_MARK}{words.accents[fold(m.group(1))]} ", text) if words.accents else text
    )
    text = patterns["sign"].sub(lambda m: f" {_SIGN}{words.name_signs[fold(m.group(1))]} ", text)
    text = patterns["repeat"].sub(lambda m: " ".join(m.group(2) * words.repeats[fold(m.group(1))]), text)
    return patterns["hyphened"].sub(lambda m: m.group().replace("-", " "), text)


def _letter(token: str, language: Language) -> str | None:
    if token.startswith((_SIGN, _MARK)):
        return token[1]
    if len(token) == 1 and token.isalpha():
        return token
    return words_of(language).letters.get(fold(token))


def _pieces(text: str, language: Language) -> list[str | _Spelled]:
    """Heard words and spelled runs in order. A run is two single letters or more, or three letter names."""
    pieces: list[str | _Spelled] = []
    run: list[str] = []
    for token in [*_TOKEN.findall(text), ""]:
        if token and _letter(token, language) is not None:
            run.append(token)
            continue
        pieces.extend(_run(run, language))
        run = []
        if token:
            pieces.append(token)
    return pieces


def _run(run: list[str], language: Language) -> list[str | _Spelled]:
    single = sum(1 for t in run if len(t) == 1)
    named = sum(1 for t in run if len(t) > 1 and t[0] not in (_SIGN, _MARK))
    if not (single >= 2 or named >= 3 or (single and named >= 2)):
        return [t for t in run if not t.startswith((_SIGN, _MARK))]
    letters = "".join(_letter(t, language) or "" for t in run)
    composed = unicodedata.normalize("NFC", letters.lower().strip(" '-"))
    parts = re.split(r"([-' ])", composed)
    return [_Spelled("".join(_hebrew_final(p) if language == "he" else p[:1].upper() + p[1:] for p in parts))]


def _hebrew_final(word: str) -> str:
    middle = "".join(_MIDDLE_FORMS.get(c, c) for c in word[:-1])
    return middle + _FINAL_FORMS.get(word[-1], word[-1]) if word else word


def _is_name_word(word: str) -> bool:
    return all(c.isalpha() or c in "'’-׳״\"" for c in word) and any(c.isalpha() for c in word)


def _merged(pieces: list[str | _Spelled], language: Language) -> str:
    """Each spelled run takes the place of the heard word most like it, else its own place."""
    replaced: dict[int, str] = {}
    own_place: list[int] = []
    for index, piece in enumerate(pieces):
        if not isinstance(piece, _Spelled):
            continue
        likeness = {
            other: SequenceMatcher(None, fold(heard), fold(piece.text)).ratio()
            for other, heard in enumerate(pieces)
            if isinstance(heard, str) and other not in replaced
        }
        best = max(likeness, key=lambda i: (likeness[i], i), default=None)
        if best is not None and likeness[best] >= _SAME_NAME:
            replaced[best] = piece.text
        else:
            own_place.append(index)
    result: list[str] = []
    for index, piece in enumerate(pieces):
        if isinstance(piece, _Spelled):
            result.extend([piece.text] if index in own_place else [])
        elif index in replaced:
            result.append(replaced[index])
        else:
            result.extend(_cased([piece], language, first=not result))
    if len(result) > _MAX_WORDS:
        return " ".join(p.text for p in pieces if isinstance(p, _Spelled))
    return " ".join(result)


def _cased(words: list[str], language: Language, *, first: bool = True) -> list[str]:
    """Capitals where the transcriber left none; a particle keeps its small letter unless it comes first."""
    particles = words_of(language).particles
    cased: list[str] = []
    for index, word in enumerate(words):
        if not word.islower() and not (word.isupper() and len(word) > 1):
            cased.append(word)
        elif word.lower() in particles and (index or not first):
            cased.append(word.lower())
        else:
            cased.append("".join(p[:1].upper() + p[1:].lower() for p in re.split(r"([-'’])", word)))
    return cased
