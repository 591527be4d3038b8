"""Owns the owner's own sentences: what is written for callers may be said as it stands, also by the model, which has read it
in a tool's result. "It is free" said of a patch test is no free time."""

from collections.abc import Iterable

from agent.claims.gate import SentenceGate
from agent.claims.model import Verdict
from agent.claims.vocabulary import plain


def as_written(sentence: str) -> str:
    """The form in which two spellings of one sentence are the same."""
    return plain(sentence).rstrip(" .!")


def written_sentences(texts: Iterable[str]) -> frozenset[str]:
    """The sentences of `texts`, cut as the gate cuts the model's (for Evidence.written)."""
    found: set[str] = set()
    for text in texts:
        gate = SentenceGate(lambda _: Verdict(ok=True, claim=None, replacement=""), lambda _, __: None)
        found.update(as_written(sentence) for sentence in [*gate.push(text), *gate.flush()])
    return frozenset(found)
