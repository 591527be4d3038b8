"""Owns the stream between the language model and the voice: whole sentences go on once judged, never before.

A sentence is judged at its end, because its last word can still make it a claim or stop it from being one ("réservé …
une fois confirmé", "… ?"); the synthesis cuts its input into sentences too, so nothing is spoken later for it. What is
released does not depend on how the text was cut into deltas. One gate serves one generation of the model.
"""

from collections.abc import Callable

from agent.claims.model import ClaimKind, Verdict

MAX_HELD = 600  # characters; a sentence that is longer is judged in pieces, each with the piece before it

_ABBREVIATIONS = frozenset(
    "m mm dr pr st ste av bd tel no n° mr mrs ms prof ex vs approx h hr hrs env apt rue ext min dept cf al "
    'ד"ר גב פרופ רח טל'.split()
)
_CLOSERS = "\"'»”’)]*"


def _word_before(text: str, index: int) -> str:
    start = index
    while start > 0 and not text[start - 1].isspace() and text[start - 1] not in "(«\"'’":
        start -= 1
    return text[start:index].lower()


def _dot_ends(text: str, index: int) -> bool | None:
    """Does the sentence end at the dot? None: the next characters decide."""
    after = index + 1
    while after < len(text) and text[after] in _CLOSERS:
        after += 1
    if after >= len(text):
        return None
    if not text[after].isspace():
        return False
    word = _word_before(text, index)
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or (len(word) >= 3 and word[-2] == "."):
        return False
    ellipsis = word.endswith((".", "…")) or text[index] == "…"
    if not ellipsis and not word[-1:].isdigit():
        return True
    while after < len(text) and text[after].isspace():
        if text[after] == "\n":
            return True
        after += 1
    if after >= len(text):
        return None
    return text[after].isupper() if ellipsis else not text[after].isdigit()


def _end_of_sentence(text: str) -> int | None:
    """Index after the first sentence's last character; None while it is not complete."""
    for index, char in enumerate(text):
        if char in "!?\n׃":
            if text[:index].strip() or char == "\n":
                return index + 1
        elif char in ".…" and text[:index].strip():
            ends = _dot_ends(text, index)
            if ends is None:
                return None
            if ends:
                return index + 1
    return None


def _forced_cut(text: str) -> int:
    for marks in (",;:", " \t"):
        if (cut := max(text.rfind(mark, 0, MAX_HELD) for mark in marks)) > MAX_HELD // 3:
            return cut + 1
    return MAX_HELD


class SentenceGate:
    """Feed it text as it is generated; speak what it returns.

    `judge` decides on one sentence. `on_held(verdict, sentence)` is told of every sentence that may not be spoken. The
    first one is replaced by the verdict's replacement; after it only sentences that make sense without it go on.
    """

    def __init__(self, judge: Callable[[str], Verdict], on_held: Callable[[Verdict, str], None]) -> None:
        self._judge = judge
        self._on_held = on_held
        self._pending = ""
        self._before = ""  # what was released and may be completed by the next sentence
        self._asked = ""  # the question just before
        self._holding = False

    def push(self, delta: str) -> list[str]:
        """-> the text that may be spoken now, in order; often nothing."""
        self._pending += delta
        released: list[str] = []
        while True:
            end = _end_of_sentence(self._pending[:MAX_HELD])
            if end is None and len(self._pending) < MAX_HELD:
                return released
            forced = end is None
            end = _forced_cut(self._pending) if end is None else end
            sentence, self._pending = self._pending[:end], self._pending[end:]
            released += self._decide(sentence, forced=forced)

    def flush(self) -> list[str]:
        """The model has finished: -> what is left, judged."""
        rest, self._pending = self._pending, ""
        return self._decide(rest, forced=False) if rest else []

    def _decide(self, sentence: str, *, forced: bool) -> list[str]:
        if not any(c.isalnum() for c in sentence):
            return [] if self._holding else [sentence]
        verdict = self._judge(sentence)
        if verdict.claim is ClaimKind.MESSAGE_TAKEN and not verdict.ok and self._asked:
            verdict = self._judge(self._asked + sentence)  # "Shall I take a message? They will call you back."
        self._asked = sentence if verdict.ok and sentence.rstrip().endswith("?") else ""
        if verdict.ok and self._before and not sentence.rstrip().endswith("?"):
            together = self._judge(self._before + sentence)
            verdict = verdict if together.ok else together
        if not verdict.ok:
            self._on_held(verdict, sentence.strip())
            return self._replace(sentence, verdict)
        if self._holding and not verdict.stands_alone:
            return []
        timed = verdict.claim not in (None, ClaimKind.MESSAGE_TAKEN, ClaimKind.TRANSFERRED, ClaimKind.OPENING_HOURS)
        joint = sentence if forced else sentence.rstrip(" \t\n.…!") + ", "
        self._before = joint if timed or forced else ""
        return [sentence]

    def _replace(self, sentence: str, verdict: Verdict) -> list[str]:
        self._before = ""
        if self._holding:
            return []
        self._holding = True
        lead = sentence[: len(sentence) - len(sentence.lstrip())]
        tail = sentence[len(sentence.rstrip()) :]
        return [f"{lead}{verdict.replacement}{tail or ' '}"]
