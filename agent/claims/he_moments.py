"""Owns how Hebrew names days and times of day."""

# ruff: noqa: E501 - each pattern stays on one line

import re

from agent.claims.moments import Clock, Day, Part, Tagged, clock, minus

_ONES = {
    "אחת": 1, "אחד": 1, "שתיים": 2, "שתים": 2, "שניים": 2, "שלוש": 3, "שלושה": 3, "ארבע": 4, "ארבעה": 4, "חמש": 5, "חמישה": 5,
    "חמשה": 5, "שש": 6, "שישה": 6, "ששה": 6, "שבע": 7, "שבעה": 7, "שמונה": 8, "תשע": 9, "תשעה": 9,
}  # fmt: skip
_TENS = {"עשרים": 20, "שלושים": 30, "ארבעים": 40, "חמישים": 50}
_ONE = "|".join(sorted(_ONES, key=len, reverse=True))
_NUMBER_WORD = re.compile(
    rf"(?<!\w)(?P<prefix>[ובלמהש]{{0,2}}?)-?(?:(?P<ten>{'|'.join(_TENS)})(?: ו(?P<unit>{_ONE}))?|(?P<teen>{_ONE}) (?:עשרה|עשר)|(?P<one>{_ONE})|(?P<ten_alone>עשרה|עשר))(?!\w)"
)
_WEEKDAYS = {"ראשון": 0, "שני": 1, "שלישי": 2, "רביעי": 3, "חמישי": 4, "שישי": 5, "שבת": 6}  # Sunday first, as counted
_MONTHS = {
    "ינואר": 1, "פברואר": 2, "מרץ": 3, "מרס": 3, "אפריל": 4, "מאי": 5, "יוני": 6, "יולי": 7, "אוגוסט": 8, "ספטמבר": 9,
    "אוקטובר": 10, "נובמבר": 11, "דצמבר": 12,
}  # fmt: skip
_MONTH = "|".join(_MONTHS)
_DAYS = re.compile(
    r"(?<!\w)(?:(?:[ובלמהש]{0,2}יום )(?:ה)?(?P<wd>ראשון|שני|שלישי|רביעי|חמישי|שישי|שבת)|[ובלמש]{0,2}ה?(?P<sat>שבת)(?! שלום)|[ובל]{0,1}[בל](?P<short>ראשון|שלישי|רביעי|חמישי|שישי|שני))"
    rf"(?: הקרוב[ה]?)?(?:,? (?:[הב]-?)?\s?(?P<wdd>\d{{1,2}}) [בל](?P<wdm>{_MONTH})|,? (?:ה-? ?)(?P<dom2>\d{{1,2}})(?![:\d]))?(?!\w)"
    rf"|(?<!\w)[ובלה]{{0,2}}-? ?(?P<d>\d{{1,2}}) [בל](?P<m>{_MONTH})(?: 20\d\d)?(?!\w)"
    r"|(?<!\w)[ובלה]{0,2}-?(?P<nd>\d{1,2})[/.](?P<nm>\d{1,2})(?![\d.:])"
    r"|(?<!\w)[ובלמש]{0,2}(?P<rel>מחרתיים|מחר|היום|אתמול)(?!\w)|(?<!\w)(?P<this>ה)(?=(?:בוקר|ערב)(?!\w))"
    r"|(?<!\w)[בל]?(?P<week>ה?שבוע הבא|השבוע|סוף השבוע|סופ\"ש)(?!\w)|(?<!\w)בעוד (?P<in>\d{1,2}) ימים(?!\w)"
    rf"|(?<!\w)ב(?P<mon>{_MONTH})(?!\w)"
)
_PART = r"(?P<half{0}>בבוקר|לפנות בוקר|אחר הצהריים|אחרי הצהריים|אחה\"צ|בצהריים|בערב|בלילה)"
_NOUN = r"(?:דקות|דקה|ימים|יום|שעות|שבועות|חודשים|שנים|אנשים|שקלים|שקל|ש\"ח|יורו|%|אחוז|פעמים|תורים|שניות|קומה|מטר)"
_TAIL = rf"(?!\w)(?![:.]\d)(?! ?{_NOUN})(?=\s*(?:$|[.,;:!?)])|\s+(?:או|עד|על|עם|ל|ו|D|P|פנוי|פנויה|מתאים|מתאימה|זה|יש|אז|בדיוק|תפוס|תפוסה|אצל|אצלנו|ב)(?!\w)|\s+(?:D|בוקר|ו\w))"
_CLOCKS = re.compile(
    rf"(?P<skip>(?<!\w)\d+(?:[ -]\d+){{3,}}|(?<!\w)(?:תוך|בעוד|למשך|לפחות|עוד|במשך|כל) \d+ (?:{_NOUN})|(?<!\w)\d+(?:[.,]\d+)? ?{_NOUN}(?!\w)|\d{{3,}}|[₪$€]\s?\d+)"
    rf"|(?<!\w)(?P<lead>(?:[ובלמהש]{{0,3}}(?:שעה)?[ -]{{1,3}}|[ובלמה]{{1,2}}))?(?:(?P<h>\d{{1,2}}):(?P<m>[0-5]\d)|רבע ל ?-?(?P<qh>\d{{1,2}})|(?P<to>5|10|20|25) (?:דקות )?ל ?-?(?P<th>\d{{1,2}})(?! ?[:\d])(?= *(?:$|[.,!?]|ב|D|P|אחר))|(?P<hh>\d{{1,2}}) ?(?:(?P<hf>ו ?-?חצי)|(?P<q>ו ?-?רבע)|ו ?-?(?P<mm>[1-5]?\d)(?: דקות)?(?! ?{_NOUN})(?= *(?:$|[.,!?;:]|או|D|P|ב|אחר|על|עם|ו|ל))))(?: {_PART.format(1)})?"
    rf"|(?<!\w)(?:[ובלמה]{{0,2}}שעה ?-?)(?P<sh>\d{{1,2}})(?!\w)(?: {_PART.format(2)})?"
    rf"|(?<!\w)(?:[ובלמה]{{0,2}}[ -]{{0,2}})?(?P<ph>\d{{1,2}}) {_PART.format(3)}"
    rf"|(?P<wl>(?<!\w)(?:[ובלמש]{{1,2}}[ -]{{0,2}}|(?:עד|או|לפני|אחרי|לי|לנו|גם|רק|עוד|בין|סביב|D) |(?<=[TD]), |ו ?))(?P<wh>\d{{1,2}}){_TAIL}"
    rf"|(?<!\w)[בל]?(?P<noon>חצות)(?!\w)"
)
_PARTS = re.compile(r"(?<!\w)(?:[בלה]{0,2}(?:אחר הצהריים|בוקר|ערב|צהריים)|אחה\"צ|לפני הצהריים|אחרי הצהריים)(?!\w)")
_RELATIVE = {"מחרתיים": 2, "מחר": 1, "היום": 0, "אתמול": -1}


def _digits(match: re.Match[str]) -> str:
    found = match.groupdict()
    if found["ten"]:
        value = _TENS[found["ten"]] + _ONES.get(found["unit"] or "", 0)
    elif found["teen"]:
        value = 10 + _ONES[found["teen"]]
    else:
        value = _ONES[found["one"]] if found["one"] else 10
    return f"{found['prefix']} {value}" if found["prefix"] else str(value)


def _day(match: re.Match[str]) -> Day:
    found = match.groupdict()
    name = found["wd"] or found["sat"] or found["short"]
    if name:
        day = found["wdd"] or found["dom2"]
        month = _MONTHS[found["wdm"]] if found["wdm"] else None
        return Day((_WEEKDAYS[name] + 6) % 7, int(day) if day else None, month)
    if found["d"]:
        return Day(day=int(found["d"]), month=_MONTHS[found["m"]])
    if found["nd"]:
        return Day(day=int(found["nd"]), month=int(found["nm"]))
    if found["rel"]:
        return Day(offset=_RELATIVE[found["rel"]])
    if found["week"]:
        return Day(week=1 if "הבא" in found["week"] else 0, weekend="סו" in found["week"])
    if found["in"]:
        return Day(offset=int(found["in"]))
    return Day(month=_MONTHS[found["mon"]]) if found["mon"] else Day(offset=0)


def _half(part: str | None) -> str:
    return "" if part is None else "am" if "בוקר" in part else "pm"


def _clock(match: re.Match[str]) -> Clock | None:
    found = match.groupdict()
    if found["skip"]:
        return None
    half = _half(found["half1"] or found["half2"] or found["half3"])
    if found["qh"]:
        return minus(int(found["qh"]), 15, half)
    if found["to"]:
        return minus(int(found["th"]), int(found["to"]), half)
    if found["noon"]:
        return clock(0)
    hour = int(found["h"] or found["hh"] or found["sh"] or found["ph"] or found["wh"] or 99)
    minute = 30 if found["hf"] else 15 if found["q"] else int(found["m"] or found["mm"] or 0)
    return clock(hour, minute, half)


def tag(text: str) -> Tagged:
    """Plain Hebrew text -> tagged text."""
    days: list[Day] = []
    clocks: list[Clock] = []
    parts: list[Part] = []

    def mark_day(match: re.Match[str]) -> str:
        days.append(_day(match))
        return "D" if not match.groupdict()["this"] else "D "

    def mark_clock(match: re.Match[str]) -> str:
        found = _clock(match)
        if found is None:
            return "N"
        clocks.append(found)
        return f"{match.group('wl') or ''}T"

    def mark_part(match: re.Match[str]) -> str:
        word = match.group()
        evening, late = "ערב" in word, "אחר" in word or 'אחה"צ' in word
        parts.append(
            Part(16, 24)
            if evening
            else Part(12, 20)
            if late
            else Part(0, 13)
            if "בוקר" in word or "לפני" in word
            else Part(11, 16)
        )
        return "P"

    text = _DAYS.sub(mark_day, _NUMBER_WORD.sub(_digits, text))
    text = _PARTS.sub(mark_part, _CLOCKS.sub(mark_clock, text))
    return Tagged(re.sub(r"  +", " ", text).strip(), tuple(days), tuple(clocks), tuple(parts))
