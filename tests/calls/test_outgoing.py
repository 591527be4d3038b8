"""Somebody whom AVA rang has picked up: a person hears who calls and why, a machine a short message or nothing."""

from typing import Literal

import pytest

from agent.phrases import PHRASES
from contracts.call import CallOutcome
from store.dialling import TryOutcome
from tests.fakes.ringing import ANSWER, QUESTION, House
from tests.fakes.rung_out import CALLEE, OPENING, Book, outgoing

pytestmark = pytest.mark.asyncio(loop_scope="session")

FR = PHRASES["fr"]


async def test_a_person_hears_who_calls_and_why_and_is_answered(house: House) -> None:
    """Their hello gets the opening, once, and no second answer of the model's; what they ask then is answered."""
    book, number = Book(), house.assistant(business={"name": "Cabinet dentaire du Parc"}, persona_name="Ava")
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.greeted(quiet=1.0)
        await ring.asks(QUESTION)
    assert ring.said == [OPENING, ANSWER]
    assert QUESTION in ring.understood
    assert book.ended == [], "the end of the record is the end of the plan"


async def test_a_business_that_is_closed_talks_to_whom_it_rang(house: House) -> None:
    """Its notice is for those who ring: a call of its own is not ended behind the first words."""
    book = Book()
    number = house.assistant(hours={"weekly": {}}, after_hours={"behaviour": "closed_notice", "notice": "C'est fermé."})
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.greeted(quiet=1.0)
        await ring.asks(QUESTION)
    assert ring.said[-1] == ANSWER
    assert not any("fermé" in text for text in ring.said)


async def test_who_says_nothing_is_spoken_to(house: House) -> None:
    """After a moment: a person who waits for the other side to begin."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.greeted()
    assert "au sujet de votre rendez-vous de demain" in ring.said[0]
    assert ring.line.heard[0].began < 6.0


@pytest.mark.parametrize(
    ("greeting", "on_machine", "told", "says"),
    [
        (
            "Vous êtes bien sur la messagerie de Paul, laissez un message après le bip.",
            "leave_message",
            "message_left",
            1,
        ),
        ("Vous êtes bien sur la messagerie de Paul, laissez un message après le bip.", "hang_up", "machine", 0),
        ("Bonjour, la messagerie est pleine, veuillez rappeler plus tard.", "leave_message", "machine", 0),
    ],
    ids=["voicemail, message", "voicemail, hang up", "voicemail, full"],
)
async def test_a_machine_gets_what_the_plan_says(
    house: House, greeting: str, on_machine: Literal["leave_message", "hang_up"], told: TryOutcome, says: int
) -> None:
    """A short message that tells nothing of what it is about, or nothing; AVA hangs up, and the plan knows."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number, on_machine=on_machine)) as ring:
        await ring.says(greeting, sound="fr-message-crown")
        await ring.over()
        closing = await ring.finish()
    assert book.ended == [told]
    assert len(ring.said) == says
    assert not any("rendez-vous" in text or "Martin" in text for text in ring.said)
    assert (closing.outcome, closing.ended_by) == (CallOutcome.SILENT, "assistant")


async def test_who_wants_no_more_calls_is_put_on_the_list(house: House) -> None:
    """Before it is said that they are."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.greeted(quiet=1.0)
        await ring.asks("Ne m'appelez plus, s'il vous plaît.")
    assert book.unwanted == [CALLEE]
    assert "nous ne vous appellerons plus" in ring.said[-1]


async def test_a_wish_that_the_list_does_not_take_is_left_with_the_team(house: House) -> None:
    """It is not said to be done, and it is not lost."""
    book, number = Book(away=True), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.greeted(quiet=1.0)
        await ring.asks("Ne m'appelez plus, s'il vous plaît.")
    assert "plus appeler" not in ring.said[-1]
    assert "Je transmets votre demande" in ring.said[-1]
    [kept] = ring.kept
    assert kept.urgent
    assert kept.callback_number == CALLEE


async def test_who_hangs_up_into_the_opening_leaves_a_record(house: House) -> None:
    """As any caller does."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.hears(1)
        await ring.hang_up()
        closing = await ring.finish()
    assert closing.ended_by == "caller"
