"""Owns how English names days and times of day."""

# ruff: noqa: E501 - each pattern stays on one line

import re

from agent.claims.moments import Clock, Day, Part, Tagged, clock, minus

_UNITS = {w: i for i, w in enumerate("zero one two three four five six seven eight nine".split())}
_TEENS = {
    w: 10 + i
    for i, w in enumerate("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split())
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_NUMBER_WORD = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[ -]({'|'.join(list(_UNITS)[1:])}))?|({'|'.join(_UNITS)}|{'|'.join(_TEENS)}))\b(?!-)"
)
_FIRST_TWENTY = {
    w: i + 1
    for i, w in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
        "sixteenth seventeenth eighteenth nineteenth twentieth".split()
    )
}
_ORDINALS = {
    **_FIRST_TWENTY,
    **{f"20{gap}{w}": 20 + n for w, n in _FIRST_TWENTY.items() if n < 10 for gap in "- "},
    **{"thirtieth": 30, "30-first": 31, "30 first": 31},
}
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))

_WEEKDAYS = {w: i for i, w in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())}
_MONTHS = {
    w: i + 1
    for i, w in enumerate(
        "january february march april may june july august september october november december".split()
    )
}
_WEEKDAY = "|".join(_WEEKDAYS)
_MONTH = "|".join(_MONTHS)
_NTH = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{_ORDINAL})"
_DAYS = re.compile(
    rf"\b(?P<wd>{_WEEKDAY})s?\b(?:,? (?:the )?(?:(?P<wdd>{_NTH})(?: of)?(?: (?P<wdm>{_MONTH}))?|(?P<wdd3>\d{{1,2}}) (?P<wdm3>{_MONTH})"
    rf"|(?P<wdm2>{_MONTH}) (?:the )?(?P<wdd2>{_NTH}|\d{{1,2}})(?![\d:]| ?[ap]\.?m)))?(?:,? 20\d\d)?"
    rf"|\b(?P<m>{_MONTH}) (?:the )?(?P<md>{_NTH}|\d{{1,2}}(?! ?[ap]\.?m|[\d:]))\b(?:,? 20\d\d)?"
    rf"|\b(?:the )?(?P<d>{_NTH}|\d{{1,2}}) (?:of )?(?P<dm>{_MONTH})\b(?:,? 20\d\d)?"
    rf"|\bthe (?P<dom>\d{{1,2}}(?:st|nd|rd|th))\b(?! (?:floor|street|avenue|door))"
    r"|\b(?P<rel>(?:the )?day after tomorrow|tomorrow|today|tonight|yesterday)\b|\b(?P<this>this)(?= (?:morning|afternoon|evening))"
    r"|\bin (?P<in>\d{1,2}) days?\b|\b(?P<week>(?:this|next) (?:week(?:end)?))\b"
    rf"|\b(?:in|early|late|mid) (?P<mon>{_MONTH})\b"
)
_PARTS = re.compile(r"\b(?:(?:in|during) the )?(?:morning|afternoon|evening)s?\b|\bat night\b")
_HALF = r"(?: ?(?P<half{0}>[ap])(?:\.m\.?|m\b)|(?: o'?clock)?(?: (?:in the (?P<of{0}>morning|afternoon|evening)|at (?P<night{0}>night))))?"
_TAIL = (
    r"(?=\s*(?:$|[.,;:!?)](?!\d))|\s+(?:or|and|to|until|till|through|then|with|if|is|are|was|works?|would|sharp|please|instead|exactly|right|"
    r"for|as|but|so|free|open|available|on (?:the|D)|on D|D|P|ok|okay|that|this|today|good|suits?|now|taken|booked|it|it's|i|i'm|i've|we|we've|we're|you|you're|he|she|they|there|will|can|should|does|has|because|since|when|unless|while|that's|may|might|after|before|on\b)(?!\w))"
)
_CLOCKS = re.compile(
    r"(?P<skip>\b\d+(?:[ ,-]+\d+){4,}|\b\d+(?:[ -]\d+){3,}|[$£€]\s?\d+(?:[.,]\d+)?|\b\d+[.,]\d+ ?(?:euros?|dollars?|pounds?|shekels?|€|%)"
    r"|\b\d+(?:\s?(?:to|or|and|-)\s?\d+)?[ -](?:minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|people|persons?|euros?|dollars?|pounds?|shekels?|percent|times?|slots?|things?|openings?|appointments?|of (?:us|you|them))\b(?! (?:past|to))"
    r"|\b\d+(?:[.,]\d+)? ?(?:€|%)|\b24/7|\b\d{3,}\b)"
    rf"|\b(?P<word>half past|quarter (?:past|to|of)|(?P<past>\d{{1,2}}) (?:minutes? )?(?:past|after)|(?<!from )(?<!open )(?<!between )(?P<to>5|20|25) to|(?P<tom>\d{{1,2}}) minutes? to) (?P<wh>\d{{1,2}})\b{_HALF.format(1)}"
    rf"|\b(?P<h>\d{{1,2}})[:.](?P<m>[0-5]\d)\b(?!\.\d){_HALF.format(2)}"
    r"|\b(?P<h3>\d{1,2}) ?(?:(?:(?P<m3>[0-5]\d)|(?:oh|o) (?P<oh>\d)) ?)?(?P<half3>[ap])(?:\.m\.?|m\b)"
    r"|\b(?P<h4>\d{1,2}) ?o'?clock(?: in the (?P<of4>morning|afternoon|evening)| at (?P<night4>night))?"
    r"|\b(?P<h5>[1-9]|1[0-2]) (?:(?P<m5>[0-5][05]|1[0-9]|[2-5][0-9])|(?:oh|o) (?P<oh5>\d))(?! ?\d| (?:minutes?|euros?|dollars?|pounds?|people|street|road))\b(?: in the (?P<of5>morning|afternoon|evening))?"
    r"|\b(?P<h6>\d{1,2}) (?:in the (?P<of6>morning|afternoon|evening)|at (?P<night6>night))"
    r"|\b(?P<noon>noon|midday|midnight)\b"
    rf"|(?P<lead>\b(?:at|by|around|about|until|till|from|between|before|after|past|to|for|have|got|do|or|and|either|say|slot|down|maybe|only|also|is|on D|D)|(?<=\w),|(?<=T) ?,|D:?)\s(?P<h7>\d{{1,2}})\b{_TAIL}"
    rf"|^(?P<h8>\d{{1,2}})\b(?=(?:,? (?:or |and )?\d{{1,2}})* (?:works|is (?:free|open|available|fine|good)|on D|D|or \d|then|would)|, (?:\d|D))"
)
_RELATIVE = {"tomorrow": 1, "today": 0, "tonight": 0, "yesterday": -1}


def _digits(match: re.Match[str]) -> str:
    ten, unit, single = match.groups()
    if ten:
        return str(_TENS[ten] + _UNITS.get(unit or "", 0))
    return str(_UNITS.get(single, _TEENS.get(single, 0)))


def _nth(word: str) -> int:
    return _ORDINALS[word] if word in _ORDINALS else int(re.sub(r"\D", "", word))


def _day(match: re.Match[str]) -> Day:
    found = match.groupdict()
    if found["wd"]:
        day = found["wdd"] or found["wdd2"] or found["wdd3"]
        month = found["wdm"] or found["wdm2"] or found["wdm3"]
        return Day(_WEEKDAYS[found["wd"]], _nth(day) if day else None, _MONTHS[month] if month else None)
    if found["m"] or found["d"]:
        return Day(day=_nth(found["md"] or found["d"]), month=_MONTHS[found["m"] or found["dm"]])
    if found["dom"]:
        return Day(day=_nth(found["dom"]))
    if found["rel"]:
        return Day(offset=_RELATIVE.get(found["rel"], 2))
    if found["in"]:
        return Day(offset=int(found["in"]))
    if found["week"]:
        return Day(week=1 if found["week"].startswith("next") else 0, weekend="end" in found["week"])
    return Day(month=_MONTHS[found["mon"]]) if found["mon"] else Day(offset=0)


def _half(found: dict[str, str | None], suffix: str) -> str:
    if letter := found.get(f"half{suffix}"):
        return f"{letter}m"
    if found.get(f"night{suffix}"):
        return "pm"
    part = found.get(f"of{suffix}")
    return "" if part is None else "am" if part == "morning" else "pm"


def _worded(found: dict[str, str | None]) -> Clock | None:
    """ "half past ten", "twenty to three"."""
    hour, half, word = int(found["wh"] or 0), _half(found, "1"), found["word"] or ""
    if word == "half past":
        return clock(hour, 30, half)
    if word.startswith("quarter"):
        return clock(hour, 15, half) if word.endswith("past") else minus(hour, 15, half)
    if found["past"]:
        return clock(hour, int(found["past"]), half)
    return minus(hour, int(found["to"] or found["tom"] or 0), half)


def _clock(match: re.Match[str]) -> Clock | None:
    found = match.groupdict()
    if found["skip"]:
        return None
    if found["word"]:
        return _worded(found)
    if found["noon"]:
        return clock(0 if found["noon"] == "midnight" else 12)
    if found["h"]:
        return clock(int(found["h"]), int(found["m"]), _half(found, "2"))
    for suffix in "3456":
        if hour := found[f"h{suffix}"]:
            minutes = found.get(f"m{suffix}") or found.get("oh" if suffix == "3" else "oh5") or "0"
            return clock(int(hour), int(minutes), _half(found, suffix))
    return clock(int(found["h7"] or found["h8"] or 0))


def tag(text: str) -> Tagged:
    """Plain English text -> tagged text."""
    days: list[Day] = []
    clocks: list[Clock] = []
    parts: list[Part] = []

    def mark_day(match: re.Match[str]) -> str:
        days.append(_day(match))
        return "D"

    def mark_clock(match: re.Match[str]) -> str:
        found = _clock(match)
        if found is None:
            return match.group() if match.group("h7") else "N"
        clocks.append(found)
        return f"{match.group('lead')} T" if match.group("h7") else "T"

    def mark_part(match: re.Match[str]) -> str:
        word = match.group()
        parts.append(Part(0, 12) if "morning" in word else Part(12, 18) if "afternoon" in word else Part(16, 24))
        return "P"

    text = _DAYS.sub(mark_day, _NUMBER_WORD.sub(_digits, text))
    text = _CLOCKS.sub(mark_clock, text)
    return Tagged(_PARTS.sub(mark_part, text), tuple(days), tuple(clocks), tuple(parts))
