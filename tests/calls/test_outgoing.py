"""Somebody whom AVA rang has picked up: a person hears who calls and why, a machine a short message or nothing."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest

from agent import phone_tree
from agent.outgoing import Outgoing
from agent.phrases import PHRASES
from contracts.call import AssistantSaid, CallerSaid, CallEvent, CallOutcome, PickedUp
from contracts.errors import StoreUnavailable
from store.dialling import Ringing, TryOutcome, UnderWay
from tests.fakes.ringing import ANSWER, PATIENCE, QUESTION, House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLEE = "+33612345678"
FR = PHRASES["fr"]
OPENING = (
    "Bonjour Mme Martin, ici Ava, l'assistante virtuelle de Cabinet dentaire du Parc. "
    "Je vous appelle au sujet de votre rendez-vous de demain. Avez-vous un instant ?"
)


@dataclass
class Book:
    """The planned calls' database, as the worker asks it."""

    away: bool = False
    ended: list[TryOutcome] = field(default_factory=list[TryOutcome])
    unwanted: list[str] = field(default_factory=list[str])

    async def begin(self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int) -> Ringing | None:
        raise AssertionError("it rings already")

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None:
        raise AssertionError("whoever takes a call up has asked before")

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None:
        self.ended.append(outcome)

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.unwanted.append(number)


def outgoing(book: Book, number: str, *, on_machine: Literal["leave_message", "hang_up"] = "leave_message") -> Outgoing:
    ringing = Ringing(
        planned_call_id=uuid4(),
        attempt_id=uuid4(),
        callee=CALLEE,
        callee_name="Mme Martin",
        about="votre rendez-vous de demain",
        kind="reminder",
        from_number=number,
        on_machine=on_machine,
    )
    return Outgoing(ringing, book)


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


# a phone tree


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


# no more calls


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


async def test_who_hangs_up_into_the_opening_leaves_a_record(house: House) -> None:
    """As any caller does."""
    book, number = Book(), house.assistant()
    async with house.ring(number, outgoing=outgoing(book, number)) as ring:
        await ring.says("Allô ?")
        await ring.hears(1)
        await ring.hang_up()
        closing = await ring.finish()
    assert closing.ended_by == "caller"
