"""Every preset answers the telephone as it is: its whole greeting, a question of its own, and its first service booked.

The calls run side by side, each on real audio, before the first of them is judged.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from briefing.greeting import greeting_text
from contracts.assistant import AssistantConfig, Language
from contracts.calendar import CalComConnection
from contracts.call import AssistantSaid
from contracts.hours import WEEKDAYS
from demo.line import TICK
from demo.stack import ROOT, demo_config, event_type_rows, read_preset
from sandbox.elevenlabs_account import guess_language
from tests.fakes.ringing import House, Ring

# A Tuesday on which every preset is open, in its own zone.
NOW = datetime.fromisoformat("2026-11-24T10:00:00+00:00")
SIDE_BY_SIDE = 8  # calls at once: more, and two cores no longer keep their 20 ms
PATIENCE = 40.0  # seconds for one answer; so many calls at once are slow where others work too

# What a caller asks, and the topic whose answer they must hear.
QUESTIONS: dict[str, tuple[str, str]] = {
    "health.fr": ("Est-ce que vous prenez les enfants ?", "enfants"),
    "health.en": ("What should I bring with me?", "what to bring"),
    "health.he": ("האם אתם עובדים עם קופת חולים?", "קופת חולים וביטוח"),
    "beauty.fr": ("Est-ce que vous vendez des cartes cadeaux ?", "cartes cadeaux"),
    "beauty.en": ("Do you sell gift vouchers?", "gift vouchers"),
    "beauty.he": ("כמה עולה התספורת?", "מחירים"),
    "legal.fr": ("Est-ce que c'est confidentiel ?", "confidentialité"),
    "legal.en": ("Do you take criminal cases?", "areas of law"),
    "legal.he": ("מה השכר של הנוטריון?", "נוטריון"),
    "consulting.fr": ("Vous intervenez aussi à distance ?", "interventions sur site et à distance"),
    "consulting.en": ("How soon could a project start?", "how soon a project starts"),
    "consulting.he": ("אתם עובדים גם מרחוק?", "עבודה מרחוק ואצל הלקוח"),
    "ecommerce.fr": ("Est-ce que vos articles sont garantis ?", "garantie"),
    "ecommerce.en": ("How do I get a refund?", "refunds"),
    "ecommerce.he": ("מה האחריות על המוצרים?", "אחריות"),
    "real_estate.fr": ("Quel est le montant de la caution ?", "dépôt de garantie"),
    "real_estate.en": ("How much is the deposit?", "deposit"),
    "real_estate.he": ("מה דמי התיווך שלכם?", "דמי תיווך"),
    "other.fr": ("Jusqu'où est-ce que vous vous déplacez ?", "zone de déplacement"),
    "other.en": ("Is your work guaranteed?", "guarantee"),
    "other.he": ("יש לכם אחריות?", "אחריות"),
}


@dataclass(frozen=True)
class Caller:
    """What somebody who books says in a language; `service` is the first one's name, in the owner's words."""

    wants: str
    takes: str
    agrees: str
    name: str


CALLERS: dict[Language, Caller] = {
    "fr": Caller(
        wants="Je voudrais réserver, {service}, pour jeudi.",
        takes="Le premier, au nom de Jean Dupont.",
        agrees="Oui, c'est ça, je confirme.",
        name="Jean Dupont",
    ),
    "en": Caller(
        wants="I would like to book, {service}, on Thursday.",
        takes="The first one, my name is Susan Baker.",
        agrees="Yes, that is right, I confirm.",
        name="Susan Baker",
    ),
    "he": Caller(
        wants="אני רוצה לקבוע תור, {service}, ליום חמישי.",
        takes="הראשון, השם שלי דוד כהן.",
        agrees="כן, נכון, אני מאשר.",
        name="דוד כהן",
    ),
}


@dataclass(frozen=True)
class Assistant:
    """A preset as it is published, with an event type for each of its services."""

    preset: str
    config: AssistantConfig
    event_types: dict[str, int]
    number: str


@dataclass(frozen=True)
class Placed:
    """One call and what the calendar held after all of them. `outcome`: what kept the call from going to its end, if so."""

    assistant: Assistant
    outcome: Ring | BaseException
    bookings: tuple[dict[str, Any], ...]

    @property
    def config(self) -> AssistantConfig:
        return self.assistant.config

    @property
    def ring(self) -> Ring:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def _settle(house: House, preset: str, index: int) -> Assistant:
    config = demo_config(read_preset(preset))
    event_types = {s.service_id: 100 * (index + 1) + n for n, s in enumerate(config.services)}
    number = f"+3347801{index:04d}"
    house.stack.database.seed_assistant(
        tenant_name=config.business.name,
        config=config,
        number=number,
        calendar=CalComConnection(event_types=event_types),
    )
    return Assistant(preset, config, event_types, number)


async def _open_one_diary(house: House, assistants: list[Assistant]) -> None:
    """Free on all days and to everybody at once: what is offered is cut by each preset's own opening hours."""
    rows = [row for a in assistants for row in event_type_rows(a.config, a.event_types)]
    post = house.stack.post
    await post("calcom", "hours", {"zone": "UTC", "weekly": {day: [["05:00", "20:00"]] for day in WEEKDAYS}})
    await post("calcom", "event-types", [{**row, "interval": 30, "exclusive": False} for row in rows])


async def _say(ring: Ring, words: str, tool: str) -> None:
    """Says it, and hears out what `tool` answers."""
    before = len(ring.line.mouth.history)
    await ring.says(words)
    try:
        async with asyncio.timeout(PATIENCE):
            while len(ring.line.mouth.history) == before or tool not in [called.tool for called in ring.tools]:
                await ring.line.next_tick()
                assert not ring.line.down.is_set(), f"{words!r}: AVA hung up"
            await ring.line.quiet_for(0.3)
    except TimeoutError:
        heard, problems = ring.understood[-1:], [(p.part, p.code) for p in ring.problems]
        raise AssertionError(f"{words!r}: no {tool}; heard {heard}, said {ring.said[-2:]}, {problems}") from None


async def _call(house: House, assistant: Assistant, line_is_free: asyncio.Semaphore) -> Ring:
    caller = CALLERS[assistant.config.language]
    async with line_is_free, house.ring(assistant.number) as ring:
        await ring.greeted()
        await _say(ring, QUESTIONS[assistant.preset][0], "look_up_faq")
        await _say(ring, caller.wants.format(service=assistant.config.services[0].name), "find_slots")
        await _say(ring, caller.takes, "hold_slot")
        await _say(ring, caller.agrees, "book_slot")
        await ring.hang_up()
    return ring


def _wanted(request: pytest.FixtureRequest) -> list[str]:
    """The presets of the tests that were chosen to run."""
    chosen = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    return sorted({str(spec.params["preset"]) for spec in chosen if spec is not None})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calls(open_house: House, request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Placed]]:
    """One call to each preset, by its name."""
    house, line_is_free = open_house, asyncio.Semaphore(SIDE_BY_SIDE)
    house.stack.clock.set(NOW)
    await house.as_on_the_first_day()
    assistants = [_settle(house, preset, index) for index, preset in enumerate(_wanted(request))]
    await _open_one_diary(house, assistants)
    outcomes = await asyncio.gather(*(_call(house, a, line_is_free) for a in assistants), return_exceptions=True)
    bookings: list[dict[str, Any]] = (await house.stack.get("calcom", "state"))["bookings"]
    house.stack.clock.set()

    def of(assistant: Assistant) -> tuple[dict[str, Any], ...]:
        return tuple(b for b in bookings if b["eventTypeId"] in assistant.event_types.values())

    yield {a.preset: Placed(a, outcome, of(a)) for a, outcome in zip(assistants, outcomes, strict=True)}


every_preset = pytest.mark.parametrize("preset", sorted(QUESTIONS))
on_one_loop = pytest.mark.asyncio(loop_scope="session")


def test_every_preset_is_called() -> None:
    """A preset that is added needs a question here."""
    assert set(QUESTIONS) == {path.stem for path in (ROOT / "presets").glob("*.yaml")}


@every_preset
@on_one_loop
async def test_it_greets_as_it_is_written_and_in_its_language(calls: dict[str, Placed], preset: str) -> None:
    """The first sentence is the preset's, with the names filled in, and was heard to its end."""
    placed = calls[preset]
    greeting = next(e for _, e in placed.ring.events if isinstance(e, AssistantSaid))
    assert greeting.text == greeting_text(placed.config, is_open=True)
    assert not greeting.interrupted
    assert placed.config.business.name in greeting.text
    assert placed.config.persona_name in greeting.text
    assert guess_language(greeting.text) == placed.config.language
    line = placed.ring.line
    before = [s for s in line.heard if s.began < line.spoken[0].began * TICK]
    assert sum(s.ended - s.began for s in before) > 1.5


@every_preset
@on_one_loop
async def test_it_answers_from_its_faq(calls: dict[str, Placed], preset: str) -> None:
    """The tool finds the entry by the caller's own words, and its answer is said word for word."""
    placed, (_, topic) = calls[preset], QUESTIONS[preset]
    [looked_up] = [called for called in placed.ring.tools if called.tool == "look_up_faq"]
    [entry] = [entry for entry in placed.config.faq if entry.topic == topic]
    assert json.loads(looked_up.result) == {"status": "known", "say": entry.answer}
    assert entry.answer in placed.ring.said


@every_preset
@on_one_loop
async def test_it_books_its_first_service(calls: dict[str, Placed], preset: str) -> None:
    """The calendar holds the booking within the preset's opening hours, the database holds the same, nothing went wrong."""
    placed, service = calls[preset], calls[preset].config.services[0]
    ring, hours = placed.ring, placed.config.hours
    [booking] = placed.bookings
    assert booking["eventTypeId"] == placed.assistant.event_types[service.service_id]
    assert (booking["status"], booking["attendees"][0]["name"]) == ("accepted", CALLERS[placed.config.language].name)
    start, end = (datetime.fromisoformat(booking[at]).astimezone(hours.zone) for at in ("start", "end"))
    assert (start.date().isoformat(), end - start) == ("2026-11-26", timedelta(minutes=service.duration_minutes))
    assert any(i.contains(start.time()) and end.time() <= i.closes for i in hours.on(start.date()).intervals)
    [row] = ring.rows("bookings")
    assert (row["state"], row["calendar_uid"], row["starts_at"]) == ("confirmed", booking["uid"], start)
    assert ring.row()["outcome"] == "booked"
    assert service.name in ring.said[-1]
    assert (ring.held, ring.problems) == ([], [])
