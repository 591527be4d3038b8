"""What the system prompt tells the receptionist: language, services, what to say when it is urgent, a hidden number.

Reads lines like ``- detartrage: Détartrage (30 min)``; whatever else is on a service's line (aliases, a note) helps
to recognise it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sandbox.receptionist.english import LEXICON as ENGLISH
from sandbox.receptionist.french import LEXICON as FRENCH
from sandbox.receptionist.hebrew import LEXICON as HEBREW
from sandbox.receptionist.lexicon import Language, Lexicon
from sandbox.receptionist.words import fold, tokens

LEXICONS: dict[Language, Lexicon] = {"fr": FRENCH, "en": ENGLISH, "he": HEBREW}

_SERVICE = re.compile(r"^\s*[-*]\s+[`*\"]*([a-z][a-z0-9_]{0,39})[`*\"]*\s*(?::|—|–|=)\s*(\S.*)$", re.MULTILINE)
_DURATION = re.compile(r"\(?\d+ ?(?:min|minutes|mn|דקות)")
_NAMES: tuple[tuple[Language, str], ...] = (
    ("fr", r"francais|french|צרפתית"),
    ("en", r"anglais|english|אנגלית"),
    ("he", r"hebreu|hebrew|עברית"),
)
_SPEAK = r"(?:speak|always in|language|langue|parle\w*|reponds|repondez|answer|reply|שפה|דבר\w*)[^\n.]{0,30}?"
_URGENT_HEADING = re.compile(r"^\W*(?:#+ .*|\*\*.*)?(?:urgen|emergenc|חירום|דחופ|דחוף)", re.IGNORECASE)
_QUOTED = re.compile(r"[«“\"„]\s*([^»”\"“]{12,300}?)\s*[»”\"]")
_EMERGENCY_NUMBER = re.compile(
    r"(?:emergency number|numero d'urgence|numero d'appel"
    r"|מספר חירום)[^\d\n]{0,12}(\d{2,4})"
)
_HIDDEN_NUMBER = re.compile(
    r"^\W*(?:caller|the caller|appelant|l'appelant|numero|מתקשר|המתקשר)[^\n]{0,60}"
    r"(?:unknown|withh[eo]ld|hidden|anonymous|no number|masque|inconnu|anonyme|cache|חסוי|לא ידוע)",
    re.MULTILINE,
)
_GENERIC = frozenset(
    "min minutes mn euros eur aliases alias also called callers say aussi appele de du la le les des et ou a "
    "the of or and premier premiere first rendez vous appointment ביקור ראשון תור".split()
)

# What a note or an alias has and a caller says about anything: no sign of a service.
_COMMON = frozenset[str]().union(*(lexicon.common | lexicon.name_noise for lexicon in LEXICONS.values()))


@dataclass(frozen=True)
class ServiceLine:
    """``words``: all that the line helps to recognise it by; ``name``: those of them before its duration."""

    service_id: str
    words: frozenset[str]
    name: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PromptFacts:
    language: Language
    services: tuple[ServiceLine, ...]
    urgency: str | None  # to be said word for word
    emergency_number: str | None
    number_hidden: bool


@lru_cache(maxsize=64)
def read_prompt(system: str) -> PromptFacts:
    folded = fold(system)
    services = [_service_line(match[1], match[2]) for match in _SERVICE.finditer(system)]
    timed = [s for s, m in zip(services, _SERVICE.finditer(system), strict=True) if _DURATION.search(m[2])]
    return PromptFacts(
        language=_prompt_language(folded),
        services=tuple(timed or services),
        urgency=_urgency_text(system),
        emergency_number=number[1] if (number := _EMERGENCY_NUMBER.search(folded)) else None,
        number_hidden=bool(_HIDDEN_NUMBER.search(folded)),
    )


def _service_line(service_id: str, line: str) -> ServiceLine:
    words = _telling(tokens(fold(line)) + service_id.split("_"))
    return ServiceLine(service_id, words, _telling(tokens(fold(line.partition(" (")[0]))))


def _telling(words: Sequence[str]) -> frozenset[str]:
    return frozenset(w for w in words if w not in _GENERIC | _COMMON and not w.isdigit() and len(w) > 1)


def _prompt_language(folded: str) -> Language:
    named: list[tuple[int, Language]] = []
    for language, names in _NAMES:
        if match := re.search(_SPEAK + rf"(?:{names})", folded):
            named.append((match.start(), language))
    if named:
        return min(named)[1]
    return language_of(folded) or "fr"


def language_of(folded: str) -> Language | None:
    """The language ``folded`` is clearly in, or None: a name or a lone number belongs to no language."""
    words = tokens(folded)
    scores: dict[Language, int] = {
        language: sum(word in lexicon.common for word in words) for language, lexicon in LEXICONS.items()
    }
    scores["he"] += sum("\u05d0" <= word[0] <= "\u05ea" for word in words)
    (best, score), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    return best if score >= 2 and score - second >= 2 else None


def _urgency_text(system: str) -> str | None:
    lines = system.splitlines()
    for index, line in enumerate(lines):
        if not _URGENT_HEADING.search(fold(line)):
            continue
        section = _section(lines, index)
        if quoted := _QUOTED.search(section):
            return quoted[1].strip()
    return None


def _section(lines: Sequence[str], start: int) -> str:
    rest: list[str] = [lines[start]]
    for line in lines[start + 1 : start + 12]:
        if line.lstrip().startswith("#") or (not line.strip() and len(rest) > 2):
            break
        rest.append(line)
    return "\n".join(rest)


def guess_service(folded: str, services: Sequence[ServiceLine]) -> str | None:
    """The service whose line shares the most words with what was said, of two the one whose name was said whole; None
    when no line shares any."""
    said = set(tokens(folded))
    best = max(services, key=lambda s: (_overlap(said, s.words), bool(s.name) and s.name <= said), default=None)
    return best.service_id if best is not None and _overlap(said, best.words) > 0 else None


def _overlap(said: set[str], words: frozenset[str]) -> int:
    return sum(
        1 for word in said if len(word) > 2 and any(word == w or word.rstrip("s") == w.rstrip("s") for w in words)
    )
