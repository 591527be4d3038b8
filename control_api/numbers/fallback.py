"""What becomes of a call that reached no worker: the choice, and the words. Pure.

Owns: the address at which a carrier asks, and what a caller gets. Refuses: any carrier's wire (`numbers.twilio_recovery`), the
database, and judging what an owner asks for (`numbers.fallback_schemas`).

A forwarded call must never come back to where it was forwarded from: a number that leads here is not rung, nor one that is just
being rung for the same caller, nor one that has forwarded the call to us itself, as telephones do that nobody picks up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from briefing.languages import language_of
from contracts.assistant import Language

RING_SECONDS: Final = 20
"""How long the number that a call is forwarded to rings: less than a mobile's own mailbox takes to answer."""

_RECOVERY = re.compile(r"/v1/carriers/twilio/[0-9a-f-]{36}/fallback$")
_SORRY: Final[dict[Language, str]] = {
    "fr": "Bonjour. Nous ne pouvons pas prendre votre appel pour le moment. Merci de rappeler dans quelques minutes.",
    "en": "Hello. We can't take your call at the moment. Please call again in a few minutes.",
    "he": "שלום. איננו יכולים לענות לשיחתכם כרגע. אנא התקשרו שוב בעוד כמה דקות.",
}


def recovery_url(public_url: str | None, carrier_id: UUID) -> str | None:
    """Where the carrier asks about calls of this account's numbers. None: nobody outside reaches this deployment."""
    return None if public_url is None else f"{public_url.rstrip('/')}/v1/carriers/twilio/{carrier_id}/fallback"


def is_recovery_url(url: str) -> bool:
    """Ours, or ours of before, wherever this deployment was reached then."""
    return _RECOVERY.search(url) is not None


@dataclass(frozen=True)
class Asked:
    """A call that no destination took, as the carrier tells it. `caller` None: withheld. `rang`: what became of ringing the
    number that it was forwarded to; None: it was not forwarded yet."""

    dialed: str = field(repr=False)
    caller: str | None = field(default=None, repr=False)
    forwarded_from: str | None = field(default=None, repr=False)
    rang: Literal["answered", "not_answered"] | None = None


@dataclass(frozen=True)
class Known:
    """What is known of the dialled number. `kind` None: its owner chose nothing. `leads_here`: ringing `forward_to` would end
    here again."""

    kind: Literal["forward", "message", "none"] | None = None
    forward_to: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    language: Language | None = None
    leads_here: bool = False


def known_from(row: Mapping[str, Any] | None) -> Known:
    """None: the account has no such number here (any more)."""
    if row is None:
        return Known()
    chosen: Mapping[str, Any] = row["fallback"] or {}
    return Known(chosen.get("kind"), row["forward_to"], chosen.get("text"), row["language"], row["leads_here"])


@dataclass(frozen=True)
class Ring:
    """`caller_id` None: the caller's own."""

    number: str = field(repr=False)
    caller_id: str | None = field(repr=False)


@dataclass(frozen=True)
class Speak:
    text: str = field(repr=False)
    language: Language


@dataclass(frozen=True)
class Busy:
    """The call is turned away unanswered."""


@dataclass(frozen=True)
class End:
    """It was answered, and is over."""


Step = Ring | Speak | Busy | End


def decide(asked: Asked, known: Known, *, ringing: bool = False) -> Step:
    """`ringing`: the number it would be forwarded to is being rung for this caller now."""
    if asked.rang == "answered":
        return End()
    if known.kind == "none":
        return Busy()
    language = known.language or language_of(asked.dialed)
    if known.kind == "message" and known.text:
        return Speak(known.text, language)
    number = known.forward_to
    comes_back = known.leads_here or ringing or number in (asked.caller, asked.forwarded_from, asked.dialed)
    if number is None or comes_back or asked.rang is not None or asked.caller == asked.dialed:
        return Speak(_SORRY[language], language)
    return Ring(number, None if asked.caller else asked.dialed)


def sorry(dialed: str) -> Speak:
    """Where nothing can be found out."""
    language = language_of(dialed)
    return Speak(_SORRY[language], language)
