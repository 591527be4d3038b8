"""A generation on its way through the guard: what is held, what hangs, what is said only once."""

from collections.abc import AsyncIterator

from livekit.agents.llm import ChatChunk, ChoiceDelta, FunctionToolCall

from agent.claims import ClaimKind, Verdict
from agent.receptionist import Generation
from agent.speaking import tidy

MOMENT = "Un instant, je vérifie."


def judge(sentence: str) -> Verdict:
    held = "réservé" in sentence
    return Verdict(ok=not held, claim=ClaimKind.BOOKED if held else None, replacement=MOMENT if held else "")


async def answer(*parts: str, call: bool = False) -> AsyncIterator[ChatChunk]:
    for part in parts:
        yield ChatChunk(id="1", delta=ChoiceDelta(role="assistant", content=part))
    if call:
        tool = FunctionToolCall(name="find_slots", arguments="{}", call_id="c1")
        yield ChatChunk(id="1", delta=ChoiceDelta(role="assistant", tool_calls=[tool]))


async def spoken(generation: Generation, chunks: AsyncIterator[ChatChunk]) -> str:
    return "".join([chunk async for chunk in generation.guarded(chunks) if isinstance(chunk, str)])


async def test_harmless_words_pass_and_leave_nothing_hanging() -> None:
    generation = Generation(judge, lambda *_: None)
    assert await spoken(generation, answer("Bien sûr. ", "Quel jour ?")) == "Bien sûr. Quel jour ?"
    assert not generation.left_hanging


async def test_a_held_claim_without_a_tool_is_left_hanging_and_noted() -> None:
    noted: list[str] = []
    generation = Generation(judge, lambda _, sentence: noted.append(sentence))
    assert (await spoken(generation, answer("C'est réservé."))).strip() == MOMENT
    assert generation.left_hanging
    assert noted == ["C'est réservé."]


async def test_a_held_claim_with_a_tool_call_waits_for_the_tool() -> None:
    generation = Generation(judge, lambda *_: None)
    await spoken(generation, answer("C'est réservé. ", call=True))
    assert not generation.left_hanging


async def test_the_second_try_does_not_say_one_moment_again() -> None:
    second = Generation(judge, lambda *_: None, second=True)
    assert (await spoken(second, answer("C'est réservé."))).strip() == ""
    assert second.left_hanging


def test_one_dot_ends_a_sentence_that_ends_in_an_abbreviation() -> None:
    assert tidy("The next free time is nine a.m.. Would that suit you?") == (
        "The next free time is nine a.m. Would that suit you?"
    )
    assert tidy("Un instant... voilà.") == "Un instant... voilà."
