"""Calls that AVA placed: what a model says that is asked who picked up, which keys it presses in a menu, and what it does of
somebody who wants no more calls.

Owns: telling a machine from a person by words that machines say; of a menu's keys the first. Refuses: voices, pauses and beeps;
what it cannot show is how often a real model is wrong, nor which key it would choose.
"""

import re
from typing import Literal

from sandbox.receptionist.reply import Reply, ToolCall
from sandbox.receptionist.request import ChatRequest
from sandbox.receptionist.words import fold, tokens

DETECTING = "save_prediction"  # the one tool that only the framework's answering-machine detection offers
PRESSING = "press_keys"
Label = Literal["human", "machine-ivr", "machine-vm", "machine-unavailable", "uncertain"]

_WAITING = "postpone_termination"
_HELLO_WORDS = 3  # "allô, oui, bonjour"
_WAIT_SECONDS = 2.0

_FULL = re.compile(r"mailbox is full|messagerie est pleine|not been set up|hasn't been set up|התא הקולי מלא")
_MENU = re.compile(
    r"\b(?:press|tapez|appuyez)\b.*\d|state your name|why you(?:'re| are) calling|(?:dites|indiquez) votre nom|הקישו|הקש"
)
_HOLD = re.compile(r"\bhold\b|patiente[rz]|ne quittez pas|המתינו")
_KEYS = re.compile(r"(?:\b(?:press|tapez|appuyez)\b|הקישו|הקש)\D{0,16}?(\d+#?|[*#])")
_VOICEMAIL = re.compile(
    r"leave (?:a|your) message|after the (?:beep|tone)|voice ?mail|laisse[rz] (?:un|votre) message|apres le (?:bip|signal)"
    r"|messagerie vocale|repondeur|השאירו הודעה|אחרי הצליל|תא קולי"
)
_LABELS: dict[Label, re.Pattern[str]] = {
    "machine-unavailable": _FULL,
    "machine-ivr": _MENU,
    "machine-vm": _VOICEMAIL,
    "uncertain": _HOLD,
}
_STOP = re.compile(
    r"ne m'? ?appele[zr] plus|plus (?:etre|jamais) (?:appele|rappele)|arrete[zr] de m'? ?appeler|(?:don't|do not|stop) call"
    r"(?:ing)? me|take me off|אל תתקשרו|תפסיקו להתקשר"
)


def detects(request: ChatRequest) -> bool:
    return DETECTING in request.schemas


def predict(request: ChatRequest) -> Reply:
    """Who picked up, by the greeting's transcript: the last thing the user is said to have said. What is too long for a hello
    and tells nothing yet is waited for, where that is offered."""
    label = label_of(request.last_user_text)
    if label == "human" and len(tokens(request.last_user_text)) > _HELLO_WORDS and _WAITING in request.schemas:
        return Reply(calls=(ToolCall.of(_WAITING, seconds=_WAIT_SECONDS),))
    return Reply(calls=(ToolCall.of(DETECTING, label=label),))


def label_of(greeting: str) -> Label:
    folded = fold(greeting)
    for label, words in _LABELS.items():
        if words.search(folded):
            return label
    return "human"


def keys_of(request: ChatRequest) -> Reply | None:
    """A menu is answered with the first keys that it names, once; where keys are demanded and it names none, with none. None:
    the last words are no menu's."""
    if PRESSING not in request.schemas or request.messages[-1].role == "tool":
        return None
    found = _KEYS.search(fold(request.last_user_text))
    if found is None and request.tool_choice != "required":
        return None
    return Reply(calls=(ToolCall.of(PRESSING, keys=found[1] if found else ""),))


def wants_no_calls(said: str) -> bool:
    return _STOP.search(fold(said)) is not None
