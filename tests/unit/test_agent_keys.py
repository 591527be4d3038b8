"""Typed keys become the words that the caller would have said; when, and which."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from livekit.agents.llm import ChatContext

from agent import keys
from agent.keys import KeyPad
from agent.phrases import PHRASES
from calendar_tools.speech import hear_phone, hear_yes_no
from tests.fakes.tool_calls import Desk, open_conversation


@dataclass
class Session:
    """Stands for AgentSession: what is said in the caller's name, and in AVA's."""

    history: ChatContext = field(default_factory=ChatContext.empty)
    replied_to: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])
    interrupted: int = 0
    uninterruptible: bool = False

    def interrupt(self) -> None:
        self.interrupted += 1
        if self.uninterruptible:
            raise RuntimeError("it can't be interrupted")

    def generate_reply(self, *, user_input: str) -> None:
        self.replied_to.append(user_input)

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_PAUSE", 0.15)
    monkeypatch.setattr(keys, "_ALONE", 0.02)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path) as desk:
        yield desk


def pad_of(desk: Desk, session: Session, *, ava: str = "C'est bien ça ?") -> KeyPad:
    session.history.add_message(role="assistant", content=ava)
    return KeyPad(cast(Any, session), desk.conversation)


def press(pad: KeyPad, typed: str) -> None:
    for key in typed:
        pad.pressed(key)


@pytest.mark.parametrize(("key", "agrees"), [("1", True), ("2", False)])
async def test_one_and_two_answer_a_question(desk: Desk, key: str, agrees: bool) -> None:
    """After a moment, for they may begin a number; AVA's sentence is cut short."""
    session = Session()
    press(pad_of(desk, session), key)
    assert session.replied_to == []
    await asyncio.sleep(0.05)
    [words] = session.replied_to
    assert hear_yes_no(words, "fr") is agrees
    assert session.interrupted == 1


async def test_a_number_ends_with_the_hash_key(desk: Desk) -> None:
    """And begins anew with the star."""
    session = Session()
    press(pad_of(desk, session), "06*0687654321#")
    [words] = session.replied_to
    assert hear_phone(words, "fr", "FR") == "+33687654321"


async def test_a_number_ends_with_a_pause_too(desk: Desk) -> None:
    """One that begins with 1 or 2 is no answer."""
    session = Session()
    press(pad_of(desk, session), "0687654321")
    await asyncio.sleep(0.05)
    assert session.replied_to == []
    await asyncio.sleep(0.2)
    assert len(session.replied_to) == 1


@pytest.mark.parametrize("typed", ["0687#", "1#"])
async def test_what_is_no_number_is_asked_for_again(desk: Desk, typed: str) -> None:
    """By AVA, without the model; 1 answers nothing where nothing was asked."""
    session = Session()
    press(pad_of(desk, session, ava="Je vous écoute."), typed)
    assert session.replied_to == []
    assert session.said == [desk.conversation.phrases.typed_unclear]


async def test_keys_count_as_being_there_and_do_not_break_a_write(desk: Desk) -> None:
    """Somebody who types is not silent; a sentence that must be heard is not cut."""
    session = Session(uninterruptible=True)
    desk.conversation.progress.last_heard = -1.0
    press(pad_of(desk, session), "0687654321#")
    assert desk.conversation.progress.last_heard > 0
    assert len(session.replied_to) == 1


@pytest.mark.parametrize("state", ["on_hold", "transferred"])
async def test_keys_are_not_avas_while_the_caller_is_somebody_elses(desk: Desk, state: str) -> None:
    """They are the person's to hear."""
    session = Session()
    setattr(desk.conversation.progress, state, True)
    press(pad_of(desk, session), "0687654321#")
    assert (session.replied_to, session.said, session.interrupted) == ([], [], 0)


@pytest.mark.parametrize("language", ["fr", "en", "he"])
def test_every_language_means_the_same_by_its_keys(language: Any) -> None:
    """The words are heard as a yes, a no and a number of its country."""
    phrases = PHRASES[language]
    country, typed = {"fr": ("FR", "0687654321"), "en": ("US", "2025550123"), "he": ("IL", "0502345678")}[language]
    assert hear_yes_no(phrases.typed_yes, language) is True
    assert hear_yes_no(phrases.typed_no, language) is False
    assert hear_phone(phrases.typed_number.format(number=typed), language, country) is not None
