"""A call that AVA placed, and whose job has died: the next one goes on with it, and with what was said."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.phrases import PHRASES
from contracts.call import AssistantSaid, CallerSaid, CallEvent, CallOutcome, PickedUp
from tests.fakes.ringing import ANSWER, QUESTION, House
from tests.fakes.rung_out import CALLEE, OPENING, Book, outgoing

pytestmark = pytest.mark.asyncio(loop_scope="session")

FR = PHRASES["fr"]


def said(*events: tuple[str, str]) -> list[CallEvent]:
    """On record, a second apart, up to now."""
    kinds = {"person": CallerSaid, "ava": AssistantSaid}
    began = datetime.now(UTC) - timedelta(seconds=10)
    at = [began + timedelta(seconds=n) for n in range(len(events))]
    return [
        PickedUp(at=moment, by="machine" if what == "machine" else "person")
        if who == "picked_up"
        else kinds[who](at=moment, text=what)
        for moment, (who, what) in zip(at, events, strict=True)
    ]


TALKED = said(("person", "Allô ?"), ("picked_up", "person"), ("ava", OPENING), ("person", "Oui."), ("ava", ANSWER))


async def test_a_call_whose_job_died_goes_on_as_the_call_that_it_was(house: House) -> None:
    """They hear that they were cut off, and not again who calls; they are answered, and may still say that they want no more
    calls. Nobody is taken for a machine now."""
    book, number = Book(), house.assistant(business={"name": "Cabinet dentaire du Parc"}, persona_name="Ava")
    async with house.ring(number, outgoing=outgoing(book, number), past=TALKED) as ring:
        await ring.greeted(quiet=1.0)
        await ring.asks(QUESTION)
        await ring.asks("Ne m'appelez plus, s'il vous plaît.")
    assert ring.said[:3] == [FR.cut_off, FR.go_on, ANSWER]
    assert OPENING not in ring.said
    assert book.unwanted == [CALLEE]
    assert not any(isinstance(event, PickedUp) for _, event in ring.events)
    assert ring.line.heard[0].began < 2.0
    assert book.ended == []


async def test_who_had_not_heard_who_calls_hears_it(house: House) -> None:
    """The job died in its opening."""
    book, number = Book(), house.assistant(business={"name": "Cabinet dentaire du Parc"}, persona_name="Ava")
    past = said(("person", "Allô ?"), ("picked_up", "person"))
    async with house.ring(number, outgoing=outgoing(book, number), past=past) as ring:
        await ring.greeted(quiet=1.0)
        await ring.asks(QUESTION)
    assert ring.said == [FR.cut_off, OPENING, ANSWER]


async def test_who_had_only_said_hello_is_found_out_about(house: House) -> None:
    """Nobody knows yet whether it is a person: the call begins as any other."""
    book, number = Book(), house.assistant(business={"name": "Cabinet dentaire du Parc"}, persona_name="Ava")
    async with house.ring(number, outgoing=outgoing(book, number), past=said(("person", "Allô ?"))) as ring:
        await ring.greeted(quiet=1.0)
    assert ring.said == [OPENING]


async def test_a_machine_that_a_dead_job_has_found_is_left(house: House) -> None:
    """It hears nothing of what the call is about, now that its own words are over."""
    book, number = Book(), house.assistant()
    past = said(("person", "Vous êtes bien sur la messagerie de Paul."), ("picked_up", "machine"))
    async with house.ring(number, outgoing=outgoing(book, number), past=past) as ring:
        await ring.over()
        closing = await ring.finish()
    assert (ring.said, book.ended) == ([], ["machine"])
    assert (closing.outcome, closing.ended_by) == (CallOutcome.SILENT, "assistant")
