"""The first words: at once, once synthesised, and stopped by a caller who knows what they want."""

import pytest

from calendar_tools.speech import normalise_for_tts
from contracts.call import AssistantSaid
from tests.fakes.ringing import ANSWER, QUESTION, House

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = (
    "Bonjour et bienvenue au cabinet dentaire du Parc, nous sommes à votre écoute du lundi au vendredi, et nous vous "
    "remercions de votre appel, que pouvons-nous faire pour vous aujourd'hui ?"
)


async def test_greeting_is_synthesised_once_and_then_replayed_at_once(house: House) -> None:
    words = "Bonjour, vous êtes bien au cabinet du Parc."
    number = house.assistant(greeting=words)
    characters = len(normalise_for_tts(words, "fr"))

    async def syntheses() -> int:
        return sum(
            e["operation"] == "speak" and e["summary"]["characters"] == characters
            for e in await house.log("elevenlabs")
        )

    async with house.ring(number) as first:
        await first.greeted()
    assert await syntheses() == 1

    async with house.ring(number) as second:
        await second.greeted()
    assert await syntheses() == 1, "the second caller hears the kept clip"
    assert second.line.heard[0].began < 0.3
    assert words in second.said
    length = first.line.heard[0].ended - first.line.heard[0].began
    assert second.line.heard[0].ended - second.line.heard[0].began == pytest.approx(length, abs=0.15)


async def test_greeting_is_interrupted_from_its_first_second(house: House) -> None:
    """The framework's echo warm-up would keep the caller unheard for three seconds."""
    number = house.assistant(greeting=LONG)
    async with house.ring(number) as ring:
        await ring.hears(1)
        while ring.line.now < 0.8:
            await ring.line.next_tick()
        began = ring.line.now
        await ring.says(QUESTION, sound="fr-confirm")
        stopped = ring.line.heard[0].ended
        assert stopped - began < 1.2, f"AVA stopped {stopped - began:.2f} s after the caller began"
        await ring.hears_more()
    greeting = next(e for _, e in ring.events if isinstance(e, AssistantSaid))
    assert greeting.interrupted
    assert QUESTION in ring.understood
    assert ring.said[-1] == ANSWER, "what was said over the greeting is answered"
