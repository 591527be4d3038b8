"""Callers get time while they spell, and are answered at once when what they spelled is complete."""

from pathlib import Path
from typing import Any, cast

import pytest
from livekit.agents import AgentSession, UserInputTranscribedEvent

from agent.dictation import Dictation
from tests.fakes.tool_calls import open_conversation


class Session:
    """Stands for the session: remembers the shortest delay it was told to wait."""

    def __init__(self) -> None:
        self.delay = 0.3

    def update_options(self, *, endpointing_opts: dict[str, float]) -> None:
        self.delay = endpointing_opts["min_delay"]


async def delays(spool: Path, question: str, heard: list[tuple[str, bool]]) -> list[float]:
    """The delay after AVA's question, then after each (transcript, is_final)."""
    async with open_conversation(spool) as d:
        session = Session()
        dictation = Dictation(cast("AgentSession[Any]", session), d.conversation)
        dictation.asked(question)
        found = [session.delay]
        for text, final in heard:
            dictation.heard(UserInputTranscribedEvent(transcript=text, is_final=final))
            found.append(session.delay)
        return found


@pytest.mark.parametrize(
    ("question", "heard", "expected"),
    [
        pytest.param(
            "À quel nom ? Vous pouvez l'épeler.",
            [("Dupont.", True), ("D, U, P,", False), ("D, U, P, O, N, T.", True), ("Jean Dupont.", True)],
            [1.2, 1.2, 1.2, 1.2, 0.3],
            id="a name said after its letters is complete",
        ),
        pytest.param(
            "Et votre numéro ?",
            [("zéro six douze", True), ("trente-quatre cinquante-six", True), ("soixante-dix-huit", True)],
            [1.2, 1.2, 1.2, 0.3],
            id="ten digits are a number",
        ),
        pytest.param(
            "Que puis-je faire pour vous ?",
            [("Bonjour, mon nom c'est D, U,", False)],
            [0.3, 1.2],
            id="spelling without being asked",
        ),
        pytest.param(
            "Que puis-je faire pour vous ?",
            [("Un rendez-vous jeudi à dix heures.", True)],
            [0.3, 0.3],
            id="a day and a time are no dictation",
        ),
        pytest.param(
            "À quel nom ?", [("Martin.", True)], [1.2, 1.2], id="a name alone may still be spelled: there is time"
        ),
    ],
)
async def test_time_to_spell(
    tmp_path: Path, question: str, heard: list[tuple[str, bool]], expected: list[float]
) -> None:
    assert await delays(tmp_path, question, heard) == expected
