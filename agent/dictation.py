"""Gives callers time while they spell: a pause between two letters is no end of turn."""

import re
from typing import Any

from livekit.agents import AgentSession, UserInputTranscribedEvent

from agent.conversation import Conversation
from calendar_tools.speech import looks_like_dictation
from contracts.assistant import Language

_REMEMBERED = 400  # characters of a turn: more than anybody spells

# What AVA asks before somebody spells; matched in her own last sentence.
_ASKS: dict[Language, re.Pattern[str]] = {
    "fr": re.compile(r"épel|votre nom|quel nom|e-?mail|adresse|numéro", re.IGNORECASE),
    "en": re.compile(r"spell|your name|which name|e-?mail|address|number", re.IGNORECASE),
    "he": re.compile(r"לאיית|איות|השם|שמך|שמכם|מייל|כתובת|מספר|טלפון"),
}


class Dictation:
    """Lengthens endpointing as soon as AVA asks for something that is spelled, or the words heard look like spelling; back to
    the ordinary once what was spelled is complete: a name said after its letters, a whole number, a whole address."""

    def __init__(self, session: AgentSession[Any], c: Conversation) -> None:
        self._session = session
        self._c = c
        self.listening = False
        self._turn = ""  # what the caller has said since AVA spoke
        self._spelled = False

    def asked(self, sentence: str, *, cut: bool = False) -> None:
        """After AVA has spoken: her question decides. `cut`: the caller did not wait for its end, and is spelling already."""
        self._turn, self._spelled = "", False
        self._set(("?" in sentence or cut) and bool(_ASKS[self._c.language].search(sentence)))

    def heard(self, event: UserInputTranscribedEvent) -> None:
        """While the caller speaks: spelling lengthens at once; only what was spelled and is complete shortens again."""
        said = f"{self._turn} {event.transcript}".strip()
        if event.is_final:
            self._turn = said[-_REMEMBERED:]
        if looks_like_dictation(said, self._c.language):
            self._spelled = True
            self._set(True)
        elif self._spelled:
            self._set(False)

    def _set(self, listening: bool) -> None:
        if listening == self.listening:
            return
        self.listening = listening
        turns = self._c.config.turn_taking
        delay = turns.dictation_min_endpointing if listening else turns.min_endpointing
        self._session.update_options(
            endpointing_opts={"min_delay": delay, "max_delay": max(turns.max_endpointing, delay)}
        )
