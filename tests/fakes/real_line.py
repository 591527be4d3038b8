"""The real line as its tests find it: numbers of one owner, by what a caller meets there."""

from dataclasses import dataclass

from demo.exchange import Exchange
from demo.owner import OnTheLine

PERSON = "+33142000000"
KEYS = "1w204#"
SHORT_GREETING = "Bonjour, cabinet du Parc."
AFTER_HOURS = {"behaviour": "closed_notice", "notice": "Le cabinet est fermé, rappelez-nous demain matin."}


@dataclass(frozen=True)
class Line:
    """`practice` answers two numbers, `closed` is never open, `unassigned` leads here and answers to nobody. `warm`, `behind`
    and `cold` put callers through to PERSON, whose telephone has to be at `person_port`; `behind` presses KEYS first."""

    exchange: Exchange
    practice: OnTheLine
    paused: OnTheLine
    closed: OnTheLine
    unassigned: str
    warm: OnTheLine
    behind: OnTheLine
    cold: OnTheLine
    person_port: int

    @property
    def number(self) -> str:
        return self.practice.numbers[0]
