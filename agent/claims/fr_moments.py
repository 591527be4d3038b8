"""Owns how French names days and times of day."""

# ruff: noqa: E501 - each pattern stays on one line

import re

from agent.claims.moments import Clock, Day, Part, Tagged, clock, minus

_UNITS = {
    "zero": 0, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
    "dix": 10, "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16,
}  # fmt: skip
_TENS = {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50}


def _number_words() -> dict[str, int]:
    words = dict(_UNITS)
    words |= {f"dix-{w}": 10 + n for w, n in _UNITS.items() if 7 <= n <= 9}
    for ten, value in _TENS.items():
        words[ten] = value
        words |= {f"{ten}-{w}": value + n for w, n in _UNITS.items() if 1 <= n <= 9}
        words |= {f"{ten}-et-{w}": value + 1 for w in ("un", "une")}
    return words


_NUMBERS = _number_words()
_NUMBER_WORD = re.compile(
    r"\b(?:(vingt|trente|quarante|cinquante)(?:[ -]et[ -](une?)|[ -](deux|trois|quatre|cinq|six|sept|huit|neuf|une?))?"
    r"|dix[ -](sept|huit|neuf)|(zero|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize)"
    r"|(une)(?= heures?\b)|(premier)(?= (?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)))\b(?!-vingt)"
)

_WEEKDAYS = {w: i for i, w in enumerate("lundi mardi mercredi jeudi vendredi samedi dimanche".split())}
_MONTHS = {
    w: i + 1
    for i, w in enumerate(
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()
    )
}
_WEEKDAY = "|".join(_WEEKDAYS)
_MONTH = "|".join(_MONTHS)
_NO_HOUR = r"(?!\d)(?! ?(?:h\b|h\d|heures?\b|:\d))"

_DAYS = re.compile(
    rf"\b(?P<wd>{_WEEKDAY})\b(?P<next>(?: de la semaine)? prochaine?)?(?:,? (?:le )?(?P<wdd>\d{{1,2}})(?:er)?\b{_NO_HOUR}"
    rf"(?! ?(?:minutes?|euros?|%|personnes?|ou \d+ ?h|et \d+ ?h))(?: (?P<wdm>{_MONTH})(?: 20\d\d)?\b)?)?"
    rf"|\b(?:le )?(?P<d>\d{{1,2}})(?:er)? (?P<m>{_MONTH})\b(?: 20\d\d)?"
    r"|\b(?P<nd>\d{1,2})/(?P<nm>\d{1,2})(?:/20\d\d)?\b"
    rf"|\ble (?P<dom>\d{{1,2}})(?:er)?\b{_NO_HOUR}(?! ?(?:rue|avenue|bis|\d|-|\.\d|numero))"
    r"|\b(?P<rel>apres[ -]demain|demain|aujourd'hui|hier)\b|\b(?P<this>ce|cet|cette)(?= (?:matin|apres[ -]midi|soir))"
    r"|\bdans (?P<in>\d{1,2}) jours?\b"
    r"|\b(?P<week>cette semaine|la semaine prochaine|semaine prochaine|de la semaine|le week-?end prochain|ce week-?end)\b"
    rf"|\b(?:en|debut|fin|mi-|courant) ?(?P<mon>{_MONTH})\b"
)
_PARTS = re.compile(r"\b(?:matinee|matin)\b|\bapres[ -]?midi\b|\bsoiree\b|\bsoir\b")
_HOUR = r"h(?:eures?|rs?)?(?![a-z])"
_CLOCKS = re.compile(
    rf"(?P<skip>\b(?:dans|pendant|durant|dure|durera|durent|duree d[e']|moins d[e']|plus d[e']|toutes les|il y a|en|sous|depuis|chaque|compter|prevoir|prevoyez|comptez|faut) ?"
    rf"(?:les )?(?:environ )?\d{{1,3}} ?{_HOUR}(?: ?[0-5]?\d\b| et demie| et quart)?"
    rf"|\b\d{{1,3}} ?{_HOUR}(?: et demie)? (?:avant|a l'avance|plus tot|plus tard|au prealable|de delai|d'attente|sur 24|apres (?:le|la|l'|votre|un|une)\b)"
    rf"|\b24 ?h?/\S+|\b\d+ ?[,.]\d+ ?(?:euros?|€)|\b\d+(?:[,.]\d+)? ?(?:euros?|€|%|minutes?|mn|min|jours?|mois|ans|semaines?|personnes?|fois|rue|avenue|boulevard)"
    r"|\b\d+(?:[ .-]\d+){3,}|entre midi et (?:2|14 ?h\w*))"
    rf"|\b(?P<h>\d{{1,2}}) ?(?::|h\. ?(?=[0-5]\d)|{_HOUR} ?)(?:(?P<m>[0-5]?\d)(?!\d|[ ]?h|[.,]?\d| ?(?:euros?|personnes?|jours?)))?"
    r"(?: ?et (?P<q>demie?|quart)| ?moins (?:le )?(?P<less>quart|\d{1,2}))?"
    r"(?: ?(?:du (?P<am>matin)|(?P<pm>de l'apres[ -]?midi|du soir)|pile|precises?|tapantes?))*"
    r"|(?<!apres )(?<!apres-)\b(?P<noon>midi|minuit)\b(?: et (?P<nq>demie?|quart))?"
    rf"|\b(?P<list>\d{{1,2}})(?=(?:,? (?:ou |et |puis |a |ou bien )?\d{{1,2}})* ?,? ?(?:ou|et|puis|a|ou bien) \d{{1,2}} ?{_HOUR})"
)
_LOOSE = re.compile(r"T +(?=[,.;:!?)]|$)")
_QUARTERS = {"demi": 30, "demie": 30, "quart": 15}
_RELATIVE = {"apres-demain": 2, "apres demain": 2, "demain": 1, "aujourd'hui": 0, "hier": -1}


def _digits(match: re.Match[str]) -> str:
    ten, one, unit, teen, word, single, first = match.groups()
    if ten:
        return str(_TENS[ten] + (1 if one else _NUMBERS.get(unit or "", 0)))
    return str(10 + _NUMBERS[teen]) if teen else "1" if single or first else str(_NUMBERS[word])


def _day(match: re.Match[str]) -> Day:
    found = match.groupdict()
    if found["wd"]:
        month = _MONTHS[found["wdm"]] if found["wdm"] else None
        return Day(_WEEKDAYS[found["wd"]], int(found["wdd"]) if found["wdd"] else None, month)
    if found["d"]:
        return Day(day=int(found["d"]), month=_MONTHS[found["m"]])
    if found["nd"]:
        return Day(day=int(found["nd"]), month=int(found["nm"]))
    if found["dom"]:
        return Day(day=int(found["dom"]))
    if found["rel"]:
        return Day(offset=_RELATIVE[found["rel"]])
    if found["in"]:
        return Day(offset=int(found["in"]))
    if found["week"]:
        return Day(week=1 if "prochain" in found["week"] else 0, weekend="end" in found["week"])
    return Day(month=_MONTHS[found["mon"]]) if found["mon"] else Day(offset=0)


def _clock(match: re.Match[str]) -> Clock | None:
    found = match.groupdict()
    if found["skip"]:
        return None
    if found["noon"]:
        return clock(0 if found["noon"] == "minuit" else 12, _QUARTERS.get(found["nq"] or "", 0))
    if found["list"]:
        return clock(int(found["list"]))
    half = "am" if found["am"] else "pm" if found["pm"] else ""
    hour = int(found["h"])
    if less := found["less"]:
        return minus(hour, 15 if less == "quart" else int(less), half)
    return clock(hour, int(found["m"] or 0) + _QUARTERS.get(found["q"] or "", 0), half)


def tag(text: str) -> Tagged:
    """Plain French text -> tagged text."""
    days: list[Day] = []
    clocks: list[Clock] = []
    parts: list[Part] = []

    def mark_day(match: re.Match[str]) -> str:
        days.append(_day(match))
        return "D"

    def mark_clock(match: re.Match[str]) -> str:
        found = _clock(match)
        if found is None:
            return "N"
        clocks.append(found)
        return "T "

    def mark_part(match: re.Match[str]) -> str:
        word = match.group()
        parts.append(
            Part(0, 13) if word.startswith("matin") else Part(17, 24) if word.startswith("soir") else Part(12, 20)
        )
        return "P"

    text = _NUMBER_WORD.sub(_digits, text)
    text = _CLOCKS.sub(mark_clock, _DAYS.sub(mark_day, text))
    return Tagged(
        _PARTS.sub(mark_part, text).replace("T  ", "T ").replace("T ,", "T,").strip(),
        tuple(days),
        tuple(clocks),
        tuple(parts),
    )
