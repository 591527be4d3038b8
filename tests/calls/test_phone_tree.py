"""A phone tree has answered a call of AVA's: it gets keys and no word, and whoever is behind it hears who calls."""

import asyncio

import pytest

from agent import phone_tree
from agent.phrases import PHRASES
from contracts.call import CallOutcome
from tests.fakes.ringing import ANSWER, PATIENCE, QUESTION, House, Ring
from tests.fakes.rung_out import OPENING, Book, outgoing

pytestmark = pytest.mark.asyncio(loop_scope="session")

FR = PHRASES["fr"]
MENU, SUBMENU = "Bienvenue, tapez 1 pour l'accueil, tapez 2 pour la comptabilité.", "Pour l'accueil, tapez 3."
MAILBOX = "Vous êtes bien sur la messagerie de Paul, laissez un message après le bip."
LONG = "fr-message-crown"  # the sound of a machine: longer than a person's hello


async def pressed(ring: Ring, *keys: str) -> None:
    """These, so far, and nothing was said."""
    async with asyncio.timeout(PATIENCE):
        while len(ring.line.pressed) < len(keys):
            await ring.line.next_tick()
    assert [key for _, key in ring.line.pressed] == list(keys)
    assert ring.line.heard == []


async def passes(ring: Ring, seconds: float) -> None:
    since = ring.line.now
    while ring.line.now - since < seconds and not ring.line.down.is_set():
        await ring.line.next_tick()


async def test_a_phone_tree_gets_keys_and_the_person_behind_it_hears_who_calls(house: House) -> None:
    """Menu after menu, without a word; the opening is for who picks up then, and the call goes on as any other. What was
    pressed is on record, as the tool's."""
    book, number = Book(), house.assistant(business={"name": "Cabinet dentaire du Parc"}, persona_name="Ava")
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        await ring.says(SUBMENU, sound=LONG)
        await pressed(ring, "1", "3")
        await ring.says("Accueil, bonjour ?")
        await ring.greeted(quiet=1.0)
        await ring.asks(QUESTION)
    assert ring.said == [OPENING, ANSWER]
    used = [(tool.tool, tool.arguments, tool.failed) for tool in ring.tools][:2]
    assert used == [("press_keys", {"keys": "1"}, False), ("press_keys", {"keys": "3"}, False)]
    assert ring.understood[:2] == [MENU, SUBMENU], "each once"
    assert book.ended == []


async def test_who_says_more_than_hello_behind_a_phone_tree_is_not_taken_for_an_announcement(house: House) -> None:
    """The detector's model puts its verdict off three times, for more than AVA waits after an announcement."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        await ring.says("Cabinet du Parc, bonjour, j'écoute.")
        await ring.greeted()
    assert "au sujet de votre rendez-vous de demain" in ring.said[0]


async def test_a_mailbox_behind_a_phone_tree_gets_the_message(house: House) -> None:
    """And nothing of what the call is about."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        await ring.says(MAILBOX, sound=LONG)
        await ring.over()
    assert book.ended == ["message_left"]
    [message] = ring.said
    assert "rendez-vous" not in message


async def test_who_waits_behind_a_phone_tree_is_waited_for(house: House) -> None:
    """An announcement is nobody: AVA says nothing to it, and is there when somebody comes."""
    book, number = Book(), house.assistant(limits={"silence_prompt": 4.0, "silence_hang_up": 8.0})
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        await ring.says("Merci de patienter, nous allons prendre votre appel dans un instant.", sound=LONG)
        await passes(ring, 6.0)
        assert ring.line.heard == []
        await ring.says("Oui, bonjour ?")
        await ring.greeted()
    assert "au sujet de votre rendez-vous de demain" in ring.said[0]


async def test_a_phone_tree_that_leads_to_nobody_is_hung_up_on(house: House) -> None:
    """After the assistant's own limit of silence; the plan knows that it was a machine."""
    book, number = Book(), house.assistant(limits={"silence_prompt": 2.0, "silence_hang_up": 4.0})
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        since = ring.line.now
        await ring.over()
        assert 3.0 < ring.line.now - since < 8.0
        closing = await ring.finish()
    assert (ring.said, book.ended) == ([], ["machine"])
    assert (closing.outcome, closing.ended_by) == (CallOutcome.SILENT, "assistant")


async def test_menus_that_go_in_a_circle_have_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many, and no more."""
    monkeypatch.setattr(phone_tree, "_MENUS", 2)
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        for round_ in (1, 2):
            await ring.says(MENU, sound=LONG)
            await pressed(ring, *["1"] * round_)
        await ring.says(MENU, sound=LONG)
        await ring.over()
    assert (len(ring.line.pressed), ring.said, book.ended) == (2, [], ["machine"])


async def test_the_longest_call_is_no_longer_for_menus(house: House) -> None:
    """Waiting on them counts: the call ends when its time is up, whoever speaks then."""
    book, number = Book(), house.assistant(limits={"max_call": 30.0, "silence_hang_up": 60.0})
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says(MENU, sound=LONG)
        await pressed(ring, "1")
        await passes(ring, 10.0)
        await ring.says("Accueil, bonjour ?")
        async with asyncio.timeout(40.0):
            while not ring.line.down.is_set():
                await ring.line.next_tick()
        closing = await ring.finish()
    assert closing.ended_by == "limit"
    assert ring.line.now < 40.0


async def test_a_machine_that_asks_who_calls_is_told(house: House) -> None:
    """A screening that names no key: AVA says who she is, and why she calls."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Dites votre nom et pourquoi vous appelez, je vais voir si Paul est là.", sound=LONG)
        await ring.greeted()
    assert ring.line.pressed == []
    assert "au sujet de votre rendez-vous de demain" in ring.said[0]


async def test_keys_are_pressed_later_in_the_call_too(house: House) -> None:
    """A person puts AVA through to a menu: the keys are the answer, and no word of hers."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.greeted(quiet=1.0)
        heard = len(ring.line.heard)
        await ring.says("Pour confirmer que vous attendez, tapez 42#.")
        async with asyncio.timeout(PATIENCE):
            while not ring.line.pressed:
                await ring.line.next_tick()
        await passes(ring, 2.0)
        assert len(ring.line.heard) == heard
    assert [key for _, key in ring.line.pressed] == ["42#"]
    assert len(ring.said) == 1
