"""A whole sentence leaves for the voice at once: nothing waits for the next one, nothing is said that is only markup."""

import asyncio

import pytest

from agent.sentences import WholeSentences, without_marks


async def test_a_sentence_leaves_before_anything_follows_it() -> None:
    stream = WholeSentences().stream()
    stream.push_text("Oui, je vous entends très bien.")
    async with asyncio.timeout(0.1):
        assert (await anext(stream)).token == "Oui, je vous entends très bien."
    await stream.aclose()


async def test_several_sentences_pushed_at_once_come_one_by_one_and_whole() -> None:
    stream = WholeSentences().stream()
    stream.push_text("Jeudi vingt-six novembre à dix heures trente. Est-ce que cela vous convient ?")
    stream.push_text("Sinon, il y a vendredi à neuf heures.")
    stream.end_input()
    assert [token.token async for token in stream] == [
        "Jeudi vingt-six novembre à dix heures trente.",
        "Est-ce que cela vous convient ?",
        "Sinon, il y a vendredi à neuf heures.",
    ]
    with pytest.raises(RuntimeError, match="closed"):
        stream.push_text("trop tard")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Jeudi** à dix heures.", "Jeudi à dix heures."),
        (" Dites-moi tout 🙂 !", " Dites-moi tout  !"),
        ("Bonjour !", "Bonjour !"),
        ("- Le [site](https://example.org), ou `sur place`.", "Le site, ou sur place."),
    ],
)
async def test_marks_that_a_voice_would_read_out_are_gone_and_the_last_one_of_the_sentence_stays(
    written: str, spoken: str
) -> None:
    assert await without_marks(written) == spoken
