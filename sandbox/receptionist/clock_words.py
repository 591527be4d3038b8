"""Times of day as people say them, in words or digits, in folded text.

Each time found is the set of minutes after midnight it may mean: "two o'clock" is 02:00 or 14:00 unless a part of the
day is said with it.
"""

import re
from collections.abc import Iterator

from sandbox.receptionist.lexicon import Lexicon

_NOON = 12 * 60
_OPEN_FROM, _OPEN_TO = 7 * 60, 19 * 60

_FR_UNITS = "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize".split()
_EN_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()


def _french_numbers() -> dict[str, int]:
    numbers = {word: n for n, word in enumerate(_FR_UNITS)} | {"une": 1, "dix sept": 17, "dix huit": 18, "dix neuf": 19}
    for tens, name in ((20, "vingt"), (30, "trente"), (40, "quarante"), (50, "cinquante")):
        numbers |= {name: tens, f"{name} et un": tens + 1, f"{name} et une": tens + 1}
        numbers |= {f"{name} {_FR_UNITS[unit]}": tens + unit for unit in range(2, 10)}
    return numbers


def _english_numbers() -> dict[str, int]:
    numbers = {word: n for n, word in enumerate(_EN_UNITS)}
    for tens, name in ((20, "twenty"), (30, "thirty"), (40, "forty"), (50, "fifty")):
        numbers |= {name: tens} | {f"{name} {_EN_UNITS[unit]}": tens + unit for unit in range(1, 10)}
    return numbers | {f"oh {_EN_UNITS[unit]}": unit for unit in range(1, 10)}


_FR = _french_numbers()
_EN = _english_numbers()
_HE_HOURS = {
    "אחת": 1, "שתיים": 2, "שלוש": 3, "ארבע": 4, "חמש": 5, "שש": 6, "שבע": 7, "שמונה": 8, "תשע": 9, "עשר": 10,
    "אחת עשרה": 11, "שתים עשרה": 12, "שתיים עשרה": 12, "שלוש עשרה": 13, "ארבע עשרה": 14, "חמש עשרה": 15,
    "שש עשרה": 16, "שבע עשרה": 17, "שמונה עשרה": 18, "תשע עשרה": 19, "עשרים": 20,
}  # fmt: skip
_HE_MINUTES = {
    "וחצי": 30, "ורבע": 15, "וחמישה": 5, "וחמש": 5, "ועשרה": 10, "ועשר דקות": 10, "ועשרים": 20, "ועשרים וחמש": 25,
    "ושלושים": 30, "ושלושים וחמש": 35, "וארבעים": 40, "וארבעים וחמש": 45, "וחמישים": 50, "וחמישים וחמש": 55,
}  # fmt: skip


_HE_MINUTES_SAID = _HE_MINUTES | {
    word.removeprefix("ו"): minutes for word, minutes in _HE_MINUTES.items() if " ו" in word
}


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_FR_TIME = re.compile(
    rf"(?<!apres )\b(?:(?P<noon>midi)(?! et deux)|(?P<hour>\d{{1,2}}|{_any(_FR)})(?: ?(?:h|heures?)\b|h(?=\d)"
    rf"|:(?=\d)))"
    rf" ?(?:(?P<minus>moins (?:le )?(?P<less>quart|vingt|dix|cinq))|(?P<minute>\d{{2}}\b|et demie?|et quart"
    rf"|{_any(_FR)})\b(?! ?h))?"
)
_EN_TIME = re.compile(
    rf"\b(?:(?P<noon>noon|midday)|(?P<rel>half past|(?:a )?quarter past"
    rf"|(?:a )?quarter to) (?P<relhour>\d{{1,2}}|{_any(_EN)})\b"
    rf"|(?P<hour>\d{{1,2}}|{_any(_EN)})(?:(?: o'?clock\b)|[:.](?P<digits>\d{{2}})\b| (?P<minute>{_any(_EN)})\b"
    rf"|(?= ?[ap]\.?m\b)))"
)
_EN_BARE = re.compile(rf"(?:\b(?:at|for|say|make it)|^) ?(?P<hour>\d{{1,2}}|{_any(_EN)})\b(?! (?:days?|weeks?|of))")
_HE_TIME = re.compile(
    rf"(?:(?<=\s)|^)[בלהוש]{{0,2}}(?:שעה )?(?:(?P<quarter>רבע ל)(?P<qhour>{_any(_HE_HOURS)})"
    rf"|(?P<digit>\d{{1,2}}):(?P<digits>\d{{2}})"
    rf"|(?P<hour>{_any(_HE_HOURS)})(?: (?P<minute>{_any(_HE_MINUTES_SAID)}))?)(?!\w)"
)
_HE_DIGIT = re.compile(r"(?:ב|ל)(?:שעה )? ?(?P<digit>\d{1,2})\b(?! ב)")


def _number(word: str, table: dict[str, int]) -> int:
    return int(word) if word.isdigit() else table[word]


def _french(folded: str) -> Iterator[int]:
    for match in _FR_TIME.finditer(folded):
        hour = 12 if match["noon"] else _number(match["hour"], _FR)
        minute = 0
        if match["minus"]:
            minute = -{"quart": 15, "vingt": 20, "dix": 10, "cinq": 5}[match["less"]]
        elif said := match["minute"]:
            minute = 30 if said.startswith("et demi") else 15 if said == "et quart" else _number(said, _FR)
        yield hour * 60 + minute


def _english(folded: str) -> Iterator[int]:
    found = list(_EN_TIME.finditer(folded))
    for match in found:
        if match["noon"]:
            yield _NOON
        elif match["rel"]:
            shift = 30 if match["rel"].startswith("half") else 15 if match["rel"].endswith("past") else -15
            yield _number(match["relhour"], _EN) * 60 + shift
        else:
            minute = int(match["digits"]) if match["digits"] else _EN[match["minute"]] if match["minute"] else 0
            yield _number(match["hour"], _EN) * 60 + minute
    if not found:
        for match in _EN_BARE.finditer(folded.removesuffix(".")):
            yield _number(match["hour"], _EN) * 60


def _hebrew(folded: str) -> Iterator[int]:
    found = list(_HE_TIME.finditer(folded))
    for match in found:
        if match["quarter"]:
            yield _HE_HOURS[match["qhour"]] * 60 - 15
        elif match["digit"]:
            yield int(match["digit"]) * 60 + int(match["digits"])
        else:
            yield _HE_HOURS[match["hour"]] * 60 + (_HE_MINUTES_SAID[match["minute"]] if match["minute"] else 0)
    if not found:
        for match in _HE_DIGIT.finditer(folded):
            yield int(match["digit"]) * 60


_FINDERS = {"fr": _french, "en": _english, "he": _hebrew}


def times_in(folded: str, lexicon: Lexicon) -> tuple[frozenset[int], ...]:
    """The times said, in order, each as the minutes of the day it may mean."""
    finder = _FINDERS[lexicon.language]
    morning, afternoon = bool(lexicon.morning.search(folded)), bool(lexicon.afternoon.search(folded))
    times: list[frozenset[int]] = []
    for minutes in finder(folded):
        if not 0 <= minutes < 24 * 60:
            continue
        both = {minutes, minutes + _NOON} if 0 < minutes < _NOON else {minutes}
        if morning != afternoon and len(both) == 2:
            both = {minutes} if morning else {minutes + _NOON}
        times.append(frozenset(both))
    return tuple(times)


def is_morning(times: frozenset[int]) -> bool:
    """Which half of the day is meant, for an hour that may mean two: the one a business is open at."""
    usual = [t for t in times if _OPEN_FROM <= t < _OPEN_TO] or list(times)
    return min(usual) < _NOON
