"""A version tried by its business: it answers as it answers callers, and the calendar never hears of it."""

from dataclasses import replace

import pytest

from calendar_tools.rehearsal import UID_PREFIX
from contracts.call import RanOn
from store.memory import MemoryCallStore
from tests.fakes.ringing import House

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOOK = {
    "name": "book_slot",
    "arguments": {"slot_id": "s1", "caller_name": "Jean Dupont", "callback_number": "+33612345678", "email": ""},
}
HOLD = {"name": "hold_slot", "arguments": {"slot_id": "s1", "caller_name": "Jean Dupont"}}


def published(house: House, number: str) -> RanOn:
    seeded = house.seeded[number]
    return RanOn(assistant_id=seeded.assistant_id, version=seeded.version)


async def test_a_booking_is_rehearsed(house: House) -> None:
    """Times are read from the calendar, the booking is said and on record as the test's, and no write reaches Cal.com."""
    number, before = house.assistant(), await house.calendar_rows()
    await house.model_says(
        {"when_user_matches": "le premier", "tool_calls": [HOLD]},
        {"when_user_matches": "je confirme", "tool_calls": [BOOK]},
    )
    async with house.ring(number, test_of=published(house, number)) as ring:
        await ring.greeted()
        await ring.plays("fr-want-thursday")
        await ring.hears_more(0.5)
        await ring.asks("Le premier, au nom de Jean Dupont.")
        await ring.plays("fr-confirm")
        await ring.hears_more(0.5)
        await ring.hang_up()
    assert any("C'est réservé" in sentence for sentence in ring.said)
    asked = {entry["operation"] for entry in await house.log("calcom")}
    assert "slots" in asked
    assert asked.isdisjoint({"create_booking", "reserve", "reservations", "reschedule", "cancel"})
    assert await house.calendar_rows() == before
    [booking] = ring.rows("bookings")
    assert (booking["state"], booking["calendar_uid"][: len(UID_PREFIX)]) == ("confirmed", UID_PREFIX)
    assert (ring.row()["test"], ring.row()["dialed"], ring.row()["outcome"]) == (True, "web", "booked")


async def test_the_draft_answers_and_callers_keep_what_is_published(house: House) -> None:
    """Each hears their own greeting, at the same time; what is known of the number stays as its callers have it."""
    number = house.assistant()
    seeded = house.seeded[number]
    draft = house.config(greeting="Bonjour, ceci est un essai.")
    house.stack.database.select(
        "insert into assistant_versions (assistant_id, tenant_id, version, config) values (%s, %s, 2, %s::jsonb) returning 1",
        seeded.assistant_id,
        seeded.tenant_id,
        draft.model_dump_json(),
    )
    async with house.ring(number, test_of=RanOn(assistant_id=seeded.assistant_id, version=2)) as trial:
        await trial.greeted()
        async with house.ring(number) as caller:
            await caller.greeted()
            await caller.hang_up()
        await trial.hang_up()
    assert (trial.said[0], trial.row()["version"]) == ("Bonjour, ceci est un essai.", 2)
    assert (caller.said[0], caller.row()["version"]) == ("Bonjour, cabinet du Parc.", 1)
    assert not caller.row()["test"]
    known = house.resources.known
    assert (await known.find(caller.inbound)) is not None
    assert (await known.find(trial.inbound)) is None, "a test leaves nothing behind that a call could run on"


async def test_a_test_that_nobody_can_answer_is_nobodys_missed_call(house: House) -> None:
    """A version that is not there: a sentence, the line goes down, and no message is left with the team."""
    nowhere = replace(house.resources, store=MemoryCallStore())
    number = house.assistant()
    before = set(house.resources.spool.glob("*")) if house.resources.spool.exists() else set()
    async with house.ring(number, resources=nowhere, test_of=published(house, number)) as ring:
        await ring.over()
    assert ring.line.heard
    assert ring.rows("calls") == []
    assert set(house.resources.spool.glob("*") if house.resources.spool.exists() else ()) == before
