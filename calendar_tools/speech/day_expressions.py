"""Owns reading a day expression: words in, a closed form out. Refuses the calendar: no clock, no zone, no date arithmetic.

The reading is strict. A word that is neither part of a day, part of a time nor known filler makes the text not understood:
"not Thursday" or "Thursday or Friday" must never silently become Thursday.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from calendar_tools.speech.languages import DayKind, Language, TimeKind, words_of
from calendar_tools.speech.numbers import ordinal_words, with_digits
from calendar_tools.speech.text import fold

Slice = Literal["all", "early", "mid", "late"]
MINUTES_IN_DAY = 24 * 60

# Minutes of the day. A slot at noon is "midday", not "afternoon": nobody who asks for the afternoon means lunch time.
PARTS: dict[str, tuple[int, int]] = {
    "any": (0, 24 * 60),
    "early_morning": (5 * 60, 9 * 60),
    "morning": (5 * 60, 12 * 60),
    "late_morning": (10 * 60, 12 * 60),
    "midday": (11 * 60 + 30, 14 * 60),
    "early_afternoon": (13 * 60, 15 * 60),
    "afternoon": (13 * 60, 18 * 60),
    "late_afternoon": (16 * 60, 19 * 60),
    "end_of_day": (16 * 60, 20 * 60),
    "evening": (17 * 60, 24 * 60),
}
_AFTER_NOON = frozenset({"midday", "early_afternoon", "afternoon", "late_afternoon", "end_of_day", "evening"})
_HEBREW_DAYS = "אבגדהוש"
_NIGHT = ("at night", "בלילה")
_EARLIEST: frozenset[DayKind] = frozenset({"earliest"})
_FIRST_KINDS: frozenset[DayKind] = frozenset(
    {"date", "in_days", "in_weeks", "in_months", "within_days", "within_weeks", "weekday_plus_weeks"}
)


@dataclass(frozen=True)
class DayForm:
    """A day as the caller bounded it. Which fields matter depends on `kind`; `weekday` counts from Monday = 0."""

    kind: DayKind
    n: int = 0
    weekday: int | None = None
    day: int | None = None
    month: int | None = None
    year: int | None = None
    either_order: bool = False
    part: Slice = "all"


@dataclass(frozen=True)
class TimeWish:
    """Minutes since local midnight, half-open. `exact` is a minute the caller named, if any."""

    start: int = 0
    end: int = MINUTES_IN_DAY
    exact: int | None = None

    def within(self, other: TimeWish) -> TimeWish | None:
        """The overlap of both, or None when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        exact = self.exact if self.exact is not None else other.exact
        if start >= end or (exact is not None and not start <= exact < end):
            return None
        return TimeWish(start, end, exact)


@dataclass(frozen=True)
class Reading:
    """What one text says. `day` is None when it only bounds the hours, `time` when it only names a day."""

    day: DayForm | None
    time: TimeWish | None


_ISO_TIME_MARK = re.compile(r"(?<=\d)T(?=\d\d:)")
_ISO = re.compile(r"(?<![\w/-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?![\w/-])")
_CLOSED_MONTH_DAY = re.compile(r"(?<![\w/-])(\d{2})-(\d{2})(?![\w/:-])")
_NUMERIC = re.compile(r"(?<![\w/.:-])(\d{1,2})([-/.])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\w/.:-])")


def read_expression(text: str, language: Language, *, part_hint: str = "any") -> Reading | None:
    """Read a text in the call's language, then in the others (a model may write English whatever the call speaks).

    `part_hint` (a key of `PARTS`) settles whether "eight" is morning or evening. None when any word is left over.
    """
    folded = fold(_ISO_TIME_MARK.sub(" ", text.replace("_", " ")))
    if not folded:
        return Reading(None, None)
    order: list[Language] = [language, *(other for other in ("en", "fr", "he") if other != language)]
    for candidate in order:
        if (reading := _read(folded, candidate, part_hint)) is not None:
            return reading
    return None


def read_clock(text: str, language: Language) -> int | None:
    """The one clock time a text states, in minutes since midnight, else None."""
    found, _ = _read_times(with_digits(fold(text), language), language, "any")
    exact = {wish.exact for wish, _ in found if wish.exact is not None}
    return exact.pop() if len(exact) == 1 else None


def _read(folded: str, language: Language, hint: str) -> Reading | None:
    text = with_digits(_ordinals_as_digits(folded, language), language)
    day, text = _read_numeric(text, language)
    if day is None:
        day, text = _read_day(text, language, kinds=_FIRST_KINDS)
    found, text = _read_times(text, language, hint)
    if day is None:
        day, text = _read_day(text, language)
    if day is not None and day.kind != "earliest":
        _, text = _read_day(text, language, kinds=_EARLIEST)  # "any day next week" is next week
    if day is None and any(today for _, today in found):
        day = DayForm("offset")
    filler = words_of(language).filler
    if any(word not in filler for word in text.replace("|", " ").split()):
        return None
    wish: TimeWish | None = None
    for bound, _ in sorted(found, key=lambda item: item[0].exact is None):
        narrowed = bound if wish is None else wish.within(bound)
        if narrowed is None:
            return None
        wish = narrowed
    return Reading(day, wish) if day is not None or wish is not None else None


@cache
def _ordinals(language: Language) -> tuple[re.Pattern[str], dict[str, int]] | None:
    if language != "en":
        return None
    values = {fold(ordinal_words(n, "en")): n for n in range(1, 32)}
    body = "|".join(sorted(values, key=len, reverse=True))
    return re.compile(rf"\b({body})\b(?! (?:thing|available|week))"), values


def _ordinals_as_digits(text: str, language: Language) -> str:
    if (table := _ordinals(language)) is None:
        return text
    pattern, values = table
    return pattern.sub(lambda match: f"{values[match.group(1)]}th", text)


def _read_numeric(text: str, language: Language) -> tuple[DayForm | None, str]:
    if match := _ISO.search(text):
        year, month, day = (int(g) for g in match.groups())
        return DayForm("date", year=year, month=month, day=day), _cut(text, match)
    if (match := _CLOSED_MONTH_DAY.search(text)) and int(match.group(1)) <= 12:
        return DayForm("date", month=int(match.group(1)), day=int(match.group(2))), _cut(text, match)
    for match in _NUMERIC.finditer(text):
        first, second = int(match.group(1)), int(match.group(3))
        if match.group(2) == "." and (language == "en" or second > 12) and match.group(4) is None:
            continue  # "10.30" is a time
        if first > 31 or second > 31 or (first > 12 and second > 12) or not first or not second:
            continue
        year = int(match.group(4)) if match.group(4) else None
        year = 2000 + year if year is not None and year < 100 else year
        month, day = (first, second) if second > 12 else (second, first)
        either = language == "en" and first <= 12 and second <= 12 and first != second
        weekday, rest = _weekday_before(text, match, language)
        return DayForm("date", weekday=weekday, day=day, month=month, year=year, either_order=either), rest
    return None, text


def _weekday_before(text: str, match: re.Match[str], language: Language) -> tuple[int | None, str]:
    rest = _cut(text, match)
    for word, number in words_of(language).weekdays.items():
        if found := re.search(rf"(?<!\w){word}(?!\w)", rest):
            return number, _cut(rest, found)
    return None, rest


def _cut(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} | {text[match.end() :]}".strip(" |")


def _alternatives(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


@cache
def _day_patterns(language: Language) -> tuple[tuple[DayKind, int, re.Pattern[str]], ...]:
    words = words_of(language)
    names = {"{WD}": _alternatives(words.weekdays), "{MONTH}": _alternatives(words.months)}
    compiled: list[tuple[DayKind, int, re.Pattern[str]]] = []
    for rule in words.day_rules:
        pattern = rule.pattern
        for key, body in names.items():
            pattern = pattern.replace(key, f"(?:{body})")
        compiled.append((rule.kind, rule.n, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")))
    return tuple(compiled)


def _read_day(text: str, language: Language, *, kinds: frozenset[DayKind] | None = None) -> tuple[DayForm | None, str]:
    for kind, n, pattern in _day_patterns(language):
        if kinds is not None and kind not in kinds:
            continue
        match = pattern.search(text)
        if match is not None and match.group().strip():
            return _day_form(kind, n, match, language), _cut(text, match)
    return None, text


def _day_form(kind: DayKind, n: int, match: re.Match[str], language: Language) -> DayForm:
    words = words_of(language)
    groups = match.groupdict()
    weekday = groups.get("wd") or groups.get("wd2")
    letter = groups.get("letter")  # Hebrew numbers its days by letters, from Sunday
    day = groups.get("day") or groups.get("day2")
    number = groups.get("n") or groups.get("n2")
    month, year = groups.get("month"), groups.get("year")
    part: Slice = (
        "early" if groups.get("early") else "mid" if groups.get("mid") else "late" if groups.get("late") else "all"
    )
    return DayForm(
        kind,
        n=n or _count(number),
        weekday=words.weekdays[weekday] if weekday else (_HEBREW_DAYS.index(letter) + 6) % 7 if letter else None,
        day=(int(day) if day.isdecimal() else 1) if day else None,
        month=words.months[month] if month else None,
        year=int(year) if year else None,
        part=part,
    )


def _count(number: str | None) -> int:
    if number is None:
        return 0
    return int(number) if number.isdecimal() else (2 if number == "שני" else 1)


@cache
def _time_patterns(language: Language) -> tuple[tuple[TimeKind, str, bool, re.Pattern[str]], ...]:
    words = words_of(language)
    clocks = {"{T}": words.clock.format(i="1"), "{T2}": words.clock.format(i="2")}
    compiled: list[tuple[TimeKind, str, bool, re.Pattern[str]]] = []
    for rule in words.time_rules:
        pattern = rule.pattern.replace("{{", "{").replace("}}", "}")
        for key, body in clocks.items():
            pattern = pattern.replace(key, body)
        compiled.append((rule.kind, rule.part, rule.today, re.compile(rf"(?<![\w/:.])(?:{pattern})(?!\w)")))
    return tuple(compiled)


def _read_times(text: str, language: Language, hint: str) -> tuple[list[tuple[TimeWish, bool]], str]:
    """Every bound on the hours, with whether it also says "today", and the text without them."""
    found: list[tuple[TimeWish, bool]] = []
    clocks: list[tuple[TimeKind, re.Match[str]]] = []
    for kind, part, today, pattern in _time_patterns(language):
        match = pattern.search(text)
        if match is None:
            continue
        if kind == "part":
            found.append((TimeWish(*PARTS[part]), today))
            hint = part if part != "any" else hint
        elif not _valid(match, language):
            continue
        else:
            clocks.append((kind, match))
        text = _cut(text, match)
    for kind, match in clocks:
        if (wish := _clock_wish(kind, match, language, hint)) is not None:
            found.append((wish, False))
    return found, text


def _valid(match: re.Match[str], language: Language) -> bool:
    return any(_minute(match, i, language, "any") is not None for i in ("1", "2"))


def _clock_wish(kind: TimeKind, match: re.Match[str], language: Language, hint: str) -> TimeWish | None:
    first, second = (_minute(match, i, language, hint) for i in ("1", "2"))
    if kind == "between":
        bare = match.groupdict().get("bare")
        first = int(bare) * 60 if bare else first
        if first is None or second is None:
            return None
        if first >= second and second + 12 * 60 > first:
            second += 12 * 60 if second <= 12 * 60 else 0
        return TimeWish(first, min(second, MINUTES_IN_DAY)) if first < second else None
    minute = first if first is not None else second
    if minute is None:
        return None
    match kind:
        case "from":
            return TimeWish(minute, MINUTES_IN_DAY)
        case "until":
            return TimeWish(0, minute) if minute else None
        case "around":
            return TimeWish(max(0, minute - 30), min(minute + 60, MINUTES_IN_DAY), minute)
        case _:
            return TimeWish(minute, min(minute + 60, MINUTES_IN_DAY), minute)


def _minute(match: re.Match[str], i: str, language: Language, hint: str) -> int | None:
    """Minutes since midnight of clock `i` of a match; None when absent or not a time of day."""
    groups = {name.removesuffix(i): value for name, value in match.groupdict().items() if name.endswith(i) and value}
    minutes = words_of(language).minutes
    fraction = next((groups[name] for name in ("w", "wn", "wm", "wp") if name in groups), "").strip()
    extra = int(fraction) if fraction.isdecimal() else minutes.get(fraction, 0)
    for name in ("m", "ms", "mo", "past"):
        extra += int(groups.get(name, 0))
    extra -= int(groups.get("less", 0)) + int(groups.get("to", 0))
    if "noon" in groups or "midnight" in groups:
        return extra + (12 * 60 if "noon" in groups else 0)
    written = groups.get("h") or groups.get("hp")
    if written is None or int(written) > 24 or abs(extra) > 59:
        return None
    hour = _full_hour(int(written), written, groups, hint)
    return (hour * 60 + extra) % MINUTES_IN_DAY


def _full_hour(hour: int, written: str, groups: dict[str, str], hint: str) -> int:
    """On a 24-hour clock. Unmarked 1 to 6 means after noon (no business books at 3 a.m.) unless written "03"."""
    if "am" in groups or (hour == 12 and groups.get("pm") in _NIGHT):
        return 0 if hour == 12 else hour
    if hour == 12 or hour > 12:
        return hour
    if "pm" in groups:
        return hour + 12
    if hour == 0 or (len(written) == 2 and written[0] == "0"):
        return hour
    if hint in _AFTER_NOON:
        return hour if hint == "midday" and hour == 11 else hour + 12
    return hour + 12 if hour <= 6 and "morning" not in hint else hour
