"""Asking a person whether they take a call: what they are told, what is an answer, and what is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent import consultation
from agent.consultation import Consultation, briefing
from agent.person_phrases import PERSON_PHRASES
from calendar_tools.speech import normalise_for_tts
from tests.fakes.people_room import Participant, PeopleRoom
from tests.fakes.tool_calls import Desk, open_conversation

FR = PERSON_PHRASES["fr"]
WHO = "person_1"


class SideSession:
    """Stands for the AgentSession beside the caller's: a sentence takes 20 ms."""

    def __init__(self) -> None:
        self.stt = self.llm = self.tts = None
        self.said: list[str] = []
        self.listeners: dict[str, Callable[[Any], None]] = {}
        self.options: Any = None
        self.closed = False

    def on(self, event: str, listener: Callable[[Any], None]) -> None:
        self.listeners[event] = listener

    async def start(self, *_: Any, room_options: Any, **__: Any) -> None:
        self.options = room_options

    async def say(self, words: str, *, allow_interruptions: bool) -> None:
        assert not allow_interruptions
        self.said.append(words)
        await asyncio.sleep(0.02)

    async def interrupt(self, *, force: bool) -> None:
        assert force

    async def aclose(self) -> None:
        self.closed = True

    def hears(self, words: str, *, final: bool = True) -> None:
        self.listeners["user_input_transcribed"](SimpleNamespace(transcript=words, is_final=final))

    async def until(self, count: int) -> None:
        """So many sentences are begun."""
        async with asyncio.timeout(2):
            while len(self.said) < count:  # noqa: ASYNC110 - a list's growth wakes nobody
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consultation, "_PATIENCE", 0.1)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path) as desk:
        yield desk


def spoken(*sentences: str) -> list[str]:
    """As a voice gets them: numbers are words."""
    return [normalise_for_tts(sentence, "fr") for sentence in sentences]


class Asked:
    """A consultation that runs."""

    def __init__(self, desk: Desk, *, keys: str = "") -> None:
        self.session, self.room = SideSession(), PeopleRoom()
        self.caller_left = asyncio.Event()
        config = desk.conversation.config
        behind = config.model_copy(update={"transfer": config.transfer.model_copy(update={"keys": keys})})
        context = desk.conversation.context.model_copy(update={"config": behind})
        consulting = Consultation(context, cast(Any, None), "Qui et quoi.", build=lambda *_: cast(Any, self.session))
        self.keys = consulting.keys
        self.running = asyncio.create_task(consulting.ask(cast(Any, self.room), WHO, self.caller_left))

    def presses(self, key: str, *, who: str = WHO) -> None:
        self.room.emit("sip_dtmf_received", SimpleNamespace(digit=key, participant=Participant(who)))


@pytest.mark.parametrize(
    ("words", "answer", "last"),
    [("Oui.", "accepted", FR.taken), ("Non, pas maintenant.", "declined", FR.declined)],
)
async def test_words_answer_the_question(desk: Desk, words: str, answer: str, last: str) -> None:
    """And the person hears what follows from it, before the session is closed."""
    asked = Asked(desk)
    await asked.session.until(2)
    asked.session.hears(words)
    assert await asked.running == answer
    assert asked.session.said == spoken("Qui et quoi.", FR.asked, last)
    assert asked.session.closed


async def test_how_people_pick_up_is_no_answer(desk: Desk) -> None:
    """ "Oui, allô ?" comes before the question, and half a sentence is none."""
    asked = Asked(desk)
    await asked.session.until(1)
    asked.session.hears("Oui, allô ?")
    await asked.session.until(2)
    asked.session.hears("oui", final=False)
    asked.session.hears("C'est qui ?")
    assert not asked.running.done()
    asked.session.hears("D'accord.")
    assert await asked.running == "accepted"


@pytest.mark.parametrize(("key", "answer"), [("1", "accepted"), ("2", "declined")])
async def test_keys_answer_at_any_time(desk: Desk, key: str, answer: str) -> None:
    """The person's, not the caller's."""
    asked = Asked(desk)
    await asked.session.until(1)
    asked.presses("1" if key == "2" else "2", who="sip_caller")
    asked.presses("5")
    asked.presses(key)
    assert await asked.running == answer


async def test_it_is_asked_twice_and_then_given_up(desk: Desk) -> None:
    """An answering machine says a lot, but neither yes nor no."""
    asked = Asked(desk)
    assert await asked.running == "unanswered"
    assert asked.session.said == spoken("Qui et quoi.", FR.asked, FR.again, FR.unanswered)


async def test_behind_a_switchboard_the_briefing_waits_for_a_voice(desk: Desk) -> None:
    """The extension rings first. The voice may have been the switchboard's: all of it is said again with the question."""
    asked = Asked(desk, keys="2")
    assert asked.keys == "2"
    await asyncio.sleep(0.1)
    assert asked.session.said == []
    asked.session.hears("Allô", final=False)
    asked.session.hears("Allô, oui ?")
    assert await asked.running == "unanswered"
    assert asked.session.said == spoken("Qui et quoi.", FR.asked, f"Qui et quoi. {FR.again}", FR.unanswered)


async def test_who_picks_up_an_extension_and_says_nothing_is_told_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while; and a key counts before it."""
    monkeypatch.setattr(consultation, "_BEHIND_KEYS", 0.05)
    asked = Asked(desk, keys="2")
    await asked.session.until(1)
    asked.presses("1")
    assert await asked.running == "accepted"
    at_once = Asked(desk, keys="2")
    await asyncio.sleep(0)
    at_once.presses("2")
    assert await at_once.running == "declined"


async def test_a_person_who_hangs_up_has_declined(desk: Desk) -> None:
    """Nobody else's leaving counts."""
    asked = Asked(desk)
    await asked.session.until(1)
    asked.room.emit("participant_disconnected", Participant("somebody"))
    assert not asked.running.done()
    asked.room.emit("participant_disconnected", Participant(WHO))
    assert await asked.running == "declined"


async def test_a_caller_who_leaves_is_told_of(desk: Desk) -> None:
    """In the middle of a sentence."""
    asked = Asked(desk)
    await asked.session.until(1)
    asked.caller_left.set()
    assert await asked.running == "caller_left"
    assert asked.session.said[-1] == FR.caller_left


async def test_it_neither_closes_the_room_nor_speaks_in_the_callers_track(desk: Desk) -> None:
    """The caller's session goes on whatever the person does."""
    asked = Asked(desk)
    await asked.session.until(1)
    options = asked.session.options
    assert (options.participant_identity, options.close_on_disconnect, options.delete_room_on_close) == (
        WHO,
        False,
        False,
    )
    assert options.audio_output.track_name == "consultation"
    asked.presses("2")
    await asked.running
    assert all(not heard for heard in asked.room.listeners.values()), "nothing of it listens any more"


def test_every_language_asks_for_a_word_and_a_key() -> None:
    """Both keys are named whenever the question is asked."""
    for phrases in PERSON_PHRASES.values():
        for question in (phrases.asked, phrases.again):
            assert "1" in question
            assert "2" in question


async def test_the_briefing_says_who_calls_by_the_line_and_why(desk: Desk, tmp_path: Path) -> None:
    """The number from SIP even where a name was said; of a hidden one, that it is hidden."""
    told = briefing(desk.conversation, name="Madame Dupont", reason="un devis.")
    assert "Madame Dupont" in told
    assert "zéro six, douze, trente-quatre" in told
    assert "un devis." in told
    assert desk.conversation.config.business.name in told
    async with open_conversation(tmp_path / "hidden", caller=None) as hidden:
        assert FR.withheld in briefing(hidden.conversation, name="", reason="")
