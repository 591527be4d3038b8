"""Does the caller object to being recorded? Heard by code as soon as it is said, so that nothing depends on the model calling
its tool. Whoever names recording together with a refusal is taken to object: a recording that is missing harms nobody."""

import re

from contracts.assistant import Language

_REFUSALS: dict[Language, tuple[str, str]] = {
    "fr": (
        r"enregistr\w*",
        r"\bpas\b|\bnon\b|\brefus\w*|\barr[êe]te\w*|\bcoupe\w*|\bsans\b|\bcontre\b|\boppos\w*|\bsupprim\w*|\beffac\w*",
    ),
    "en": (
        r"\brecord(?:ed|ing|ings)?\b",
        r"\bnot\b|n[’']t\b|\bno\b|\bstop\w*|\brefuse\w*|\bwithout\b|\bobject\w*|\bagainst\b|\bdelet\w*|\beras\w*",
    ),
    "he": (
        r"הקלט\w*|הקליט\w*|מקליט\w*|מוקלט\w*|תקליט\w*|יקליט\w*|להקליט\w*",
        r"(?:^|\s)ש?לא(?:\s|$|[.,!?])|(?:^|\s)אל(?:\s|$)|(?:^|\s)בלי(?:\s|$)|הפסיק\w*|תפסיק\w*|מסרב\w*|מתנגד\w*|מחק\w*|תמחק\w*",
    ),
}


def objects(said: str, language: Language) -> bool:
    """In one sentence: words of two sentences don't belong together."""
    named, refused = _REFUSALS[language]
    return any(
        re.search(named, sentence) and re.search(refused, sentence)
        for sentence in re.split(r"[.!?…;]+", said.casefold())
    )
