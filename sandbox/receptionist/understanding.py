"""One utterance of the caller, taken apart by the vocabulary of its language. Pure; knows nothing of the conversation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.receptionist.caller_details import detail_matches, find_email, find_number, introduced_name
from sandbox.receptionist.clock_words import times_in
from sandbox.receptionist.lexicon import Lexicon
from sandbox.receptionist.prompt import ServiceLine, guess_service
from sandbox.receptionist.words import blank, fold, own_words, tokens

_SPELLED = re.compile(r"(?:\b[^\W\d_]\b[ .,'-]*){3,}")


@dataclass(frozen=True)
class Heard:
    """``days`` and ``part`` are the caller's own words; ``times`` the minutes of the day each time said may mean."""

    text: str
    folded: str
    intents: frozenset[str] = frozenset()
    days: tuple[str, ...] = ()
    part: str | None = None
    times: tuple[frozenset[int], ...] = ()
    ordinal: int | None = None
    name: str | None = None
    spelled: bool = False
    number: str | None = None
    email: str | None = None
    service: str | None = None

    def means(self, *intents: str) -> bool:
        return any(intent in self.intents for intent in intents)

    @property
    def yes(self) -> bool:
        return "yes" in self.intents and "no" not in self.intents

    @property
    def no(self) -> bool:
        return "no" in self.intents

    @property
    def about_when(self) -> bool:
        return bool(self.days or self.part or self.means("any_day"))


def understand(text: str, lexicon: Lexicon, services: Sequence[ServiceLine]) -> Heard:
    folded = fold(text)
    intents = frozenset(name for name, pattern in lexicon.intents.items() if pattern.search(folded))
    existing = list(lexicon.day_of_existing.finditer(folded)) if intents & {"cancel", "reschedule"} else []
    plain = blank(folded, [*existing, *detail_matches(folded)])
    day_matches = list(lexicon.day.finditer(plain))
    rest = blank(plain, day_matches)
    part = lexicon.part.search(rest)
    return Heard(
        text=text,
        folded=folded,
        intents=intents,
        days=tuple(own_words(text, match) for match in day_matches),
        part=own_words(text, part) if part else None,
        times=times_in(rest, lexicon),
        ordinal=next((index for pattern, index in lexicon.ordinals if pattern.search(rest)), None),
        name=introduced_name(text, lexicon),
        spelled=bool(_SPELLED.search(text)),
        number=find_number(text),
        email=find_email(text),
        service=guess_service(folded, services),
    )


def reason_in(text: str, lexicon: Lexicon) -> str | None:
    """The message itself, without "yes" and "I'd like to leave a message"; None when nothing is left."""
    rest = text.strip()
    for _ in range(4):
        match = lexicon.reason_lead.match(fold(rest))
        if match is None or match.end() == 0:
            break
        rest = rest[match.end() :].strip(" ,.;:")
    words = [w for w in tokens(fold(rest)) if w not in lexicon.name_noise]
    return rest if words else None
