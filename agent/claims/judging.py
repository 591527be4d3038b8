"""Owns the decision on one sentence: what it asserts and whether this call's evidence bears it out. Pure; no I/O."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from agent.claims.model import ClaimKind, Evidence, Verdict
from agent.claims.moments import Named, Tagged, named_moments
from agent.claims.vocabulary import KIND_OF, Proof, Vocabulary, plain, vocabulary_of
from agent.claims.written import as_written
from contracts.assistant import Language

_TOPIC = re.compile(
    r"\b(D(?: P)?), (?=c'est |on est |nous sommes |we're |we are |it's |is |est )"
)  # "Thursday, it's …"
_HEBREW = re.compile(r"[\u05d0-\u05ea]")


@dataclass
class _Clause:
    """`proof` is what its assertion needs; `speech` how it names times when it asserts nothing."""

    text: str
    start: int
    fragment: bool
    asked: bool
    proof: Proof | None = None
    speech: str = "neutral"
    owner: "_Clause | None" = None


@dataclass(frozen=True)
class _Sentence:
    words: Vocabulary
    tagged: Tagged
    asks: bool
    clauses: tuple[_Clause, ...]
    named: tuple[Named, ...]

    @property
    def text(self) -> str:
        return self.tagged.text

    def under_way(self) -> bool:
        return self.words.under_way.search(self.text) is not None


def spoken_language(text: str, expected: Language) -> Language:
    """The language a sentence is in: the expected one unless its script or its words say otherwise. `text` is plain."""
    if _HEBREW.search(text):
        return "he"
    counts = {language: len(vocabulary_of(language).marks.findall(text)) for language in _LATIN}
    if expected == "he":
        return "en" if counts["en"] > counts["fr"] else "fr"
    other: Language = "en" if expected == "fr" else "fr"
    return other if counts[other] >= 2 and counts[other] > 2 * counts[expected] else expected


_LATIN: tuple[Language, ...] = ("fr", "en")


def _split(words: Vocabulary, text: str) -> list[_Clause]:
    clauses: list[_Clause] = []
    start = 0
    for cut in [*words.splits.finditer(text), None]:
        end = cut.start() if cut else len(text)
        if piece := text[start:end].strip():
            asked = cut is not None and "?" in cut.group()
            offset = start + (len(text[start:end]) - len(text[start:end].lstrip()))
            clauses.append(_Clause(piece, offset, fragment=words.verbs.search(piece) is None, asked=asked))
        start = cut.end() if cut else end
    return clauses


def _before(pattern: re.Pattern[str], clause: str, end: int) -> bool:
    found = pattern.search(clause)
    return found is not None and found.start() < end


def _asserted(words: Vocabulary, asking: _Clause) -> Proof | None:
    """What the clause asserts. A question asserts nothing, nor does what stands under a condition."""
    clause = asking.text
    if asking.asked and not words.tags.search(clause):
        return None
    for assertion in words.assertions:
        found = assertion.pattern.search(clause)
        if found is None:
            continue
        if _before(words.conditions, clause, found.end()) or words.conditions_after.match(clause[found.end() :]):
            continue
        if assertion.proof is not Proof.NONE and _before(words.negations, clause, found.end()):
            continue
        return assertion.proof
    return None


def _speech(words: Vocabulary, clause: str) -> str:
    if words.echoes.search(clause):
        return "echo"
    if words.clock_now.search(clause):
        return "now"
    return "hours" if words.hours.search(clause) else "neutral"


def _own(clauses: Sequence[_Clause]) -> None:
    """A fragment ("Thursday at ten") belongs to the clause before it, or, at the beginning, to the one after."""
    settled = [c for c in clauses if not c.fragment or c.proof is not None or c.speech != "neutral"]
    owner = settled[0] if settled else clauses[0] if clauses else None
    for clause in clauses:
        if any(clause is c for c in settled):
            owner = clause
        clause.owner = owner


def _read(sentence: str, language: Language) -> _Sentence:
    text = plain(sentence)
    words = vocabulary_of(spoken_language(text, language))
    tagged = words.tag(words.courtesies.sub(",", text))
    tagged = replace(tagged, text=_TOPIC.sub(r"\1 ", tagged.text))
    asks = tagged.text.rstrip(" )\"'").endswith("?")
    clauses = _split(words, tagged.text)
    for clause in clauses:
        clause.proof = _asserted(words, clause)
        clause.speech = "neutral" if clause.proof else _speech(words, clause.text)
    _own(clauses)
    return _Sentence(words, tagged, asks, tuple(clauses), tuple(named_moments(tagged)))


def _named_in(sentence: _Sentence, clauses: Iterable[_Clause]) -> list[Named]:
    spans = [(c.start, c.start + len(c.text)) for c in clauses]
    return [n for n in sentence.named if any(a <= n.at < b for a, b in spans)]


@dataclass(frozen=True)
class _Case:
    """One assertion of the sentence before the judge."""

    sentence: _Sentence
    named: Sequence[Named]
    text: str
    evidence: Evidence
    today: date

    def all_among(self, moments: Sequence[datetime]) -> bool:
        return all(n.among(moments, self.today) for n in self.named)

    def proved_by(self, moments: Sequence[datetime]) -> bool:
        return bool(moments) and self.all_among(moments)


def _act(case: _Case) -> bool:
    return case.proved_by(case.evidence.booked + case.evidence.rescheduled_to)


def _state(case: _Case) -> bool:
    """Without a time, an older booking is no proof while another slot is being read back."""
    if not case.named and case.evidence.pending_readback:
        return _act(case)
    return case.proved_by(case.evidence.standing)


def _done(case: _Case) -> bool:
    evidence = case.evidence
    if not case.named:
        return evidence.has_receipt
    return case.proved_by(evidence.booked + evidence.rescheduled_to + evidence.cancelled)


def _promise(case: _Case) -> bool:
    return _state(case) or case.sentence.words.conditions.search(case.sentence.text) is not None


def _doing(case: _Case) -> bool:
    if _act(case) or (case.named and _state(case)) or case.proved_by(case.evidence.pending_readback):
        return True
    return case.sentence.under_way() and case.all_among(case.evidence.sayable)


def _noted(case: _Case) -> bool:
    if any(n.clock for n in case.named) or case.sentence.words.booking_words.search(case.text):
        return _state(case)
    if case.named:
        return _state(case) or case.all_among(case.evidence.sayable)
    return case.evidence.has_receipt or not case.evidence.pending_readback


def _moved(case: _Case) -> bool:
    """May also name where the booking was before."""
    evidence = case.evidence
    if not evidence.rescheduled_to:
        return False
    if not case.named:
        return True
    known = evidence.rescheduled_to + evidence.existing + evidence.booked + evidence.cancelled
    return case.all_among(known) and any(n.among(evidence.rescheduled_to, case.today) for n in case.named)


def _moving(case: _Case) -> bool:
    return _moved(case) or (case.sentence.under_way() and case.all_among(case.evidence.sayable))


def _cancelled(case: _Case) -> bool:
    return case.proved_by(case.evidence.cancelled)


def _cancelling(case: _Case) -> bool:
    return _cancelled(case) or (case.sentence.under_way() and case.all_among(case.evidence.sayable))


def _call_back(case: _Case) -> bool:
    return case.evidence.message_taken or case.sentence.words.offers_help.search(case.sentence.text) is not None


def _offer(case: _Case) -> bool:
    return case.proved_by(case.evidence.offered + case.evidence.pending_readback)


def _none(case: _Case) -> bool:
    evidence = case.evidence
    if evidence.gone and all(n.among(evidence.gone, case.today) for n in case.named):
        return True
    if not evidence.none_found:
        return False
    return not evidence.empty_days or all(_searched(n, evidence.empty_days, case.today) for n in case.named)


def _searched(named: Named, empty: tuple[date, ...], today: date) -> bool:
    if not named.days:
        return True
    if any(day.is_span for day in named.days):
        span = (today + timedelta(days=n) for n in range(15))
        asked = [d for d in span if d.weekday() < 5 and all(day.matches(d, today) for day in named.days)]
        return bool(asked) and set(asked) <= set(empty)
    return any(all(day.matches(d, today) for day in named.days) for d in empty)


_PROVED: dict[Proof, Callable[[_Case], bool]] = {
    Proof.ACT: _act,
    Proof.STATE: _state,
    Proof.DONE: _done,
    Proof.NOTED: _noted,
    Proof.PROMISE: _promise,
    Proof.DOING: _doing,
    Proof.MOVED: _moved,
    Proof.MOVING: _moving,
    Proof.CANCELLED: _cancelled,
    Proof.CANCELLING: _cancelling,
    Proof.TRANSFERRED: lambda case: case.evidence.transferred,
    Proof.MESSAGE: lambda case: case.evidence.message_taken,
    Proof.CALL_BACK: _call_back,
    Proof.OFFER: _offer,
    Proof.NONE: _none,
}


def _runs(sentence: _Sentence) -> list[list[_Clause]]:
    """Each clause that stands on its own, with the fragments that belong to it."""
    runs: dict[int, list[_Clause]] = {}
    for clause in sentence.clauses:
        runs.setdefault(id(clause.owner), []).append(clause)
    return list(runs.values())


def _said_time_holds(named: Named, speech: str, evidence: Evidence, today: date) -> tuple[bool, ClaimKind | None]:
    """A clock time outside an assertion: is there a reason to name it, and what does naming it amount to?"""
    if named.clock is None or speech in ("echo", "now"):
        return True, None
    if named.among(evidence.sayable, today):
        return True, ClaimKind.AVAILABLE
    if named.clock.times & evidence.opening_moments and speech == "hours":
        return True, None
    if speech == "hours":
        return not evidence.opening_moments, ClaimKind.OPENING_HOURS
    return False, ClaimKind.AVAILABLE


def _first_failure(sentence: _Sentence, evidence: Evidence, today: date) -> tuple[ClaimKind | None, bool]:
    """-> the first assertion that nothing bears out and False, or the last one that holds and True."""
    held: ClaimKind | None = None
    for run in _runs(sentence):
        owner = run[0].owner or run[0]
        proof, speech = owner.proof, owner.speech
        named = _named_in(sentence, run)
        if proof is None:
            for moment in named:
                fine, kind = _said_time_holds(moment, speech, evidence, today)
                if not fine:
                    return kind, False
                held = kind or held
            continue
        case = _Case(sentence, named, " ".join(c.text for c in run), evidence, today)
        if not _PROVED[proof](case):
            return KIND_OF[proof], False
        courtesy = proof is Proof.NOTED and not named
        held = held if courtesy else KIND_OF[proof]
    return held, True


def _replacement(sentence: _Sentence, kind: ClaimKind | None) -> str:
    choices = sentence.words.replacements.get(kind or ClaimKind.BOOKED) or sentence.words.replacements[ClaimKind.BOOKED]
    return choices[crc32(sentence.text.encode()) % len(choices)]


def judge(sentence: str, language: Language, evidence: Evidence, *, today: date, zone: ZoneInfo) -> Verdict:
    """May this sentence be spoken? `today` is the business's date; `zone` its zone, into which evidence is converted.

    Fast (well under a millisecond) and pure. A sentence in another of our languages than `language` is read in its own.
    """
    read = _read(sentence, language)
    if as_written(sentence) in evidence.written and read.words.booking_words.search(read.text) is None:
        return Verdict(ok=True, claim=None, replacement="")
    kind, ok = _first_failure(read, _local(evidence, zone), today)
    alone = read.asks and read.words.leaning.search(read.text) is None
    return Verdict(ok, kind, "" if ok else _replacement(read, kind), stands_alone=alone)


def _local(evidence: Evidence, zone: ZoneInfo) -> Evidence:
    def there(moments: tuple[datetime, ...]) -> tuple[datetime, ...]:
        return tuple(m.astimezone(zone) for m in moments)

    return Evidence(
        booked=there(evidence.booked),
        rescheduled_to=there(evidence.rescheduled_to),
        cancelled=there(evidence.cancelled),
        existing=there(evidence.existing),
        offered=there(evidence.offered),
        none_found=evidence.none_found,
        opening_moments=evidence.opening_moments,
        message_taken=evidence.message_taken,
        transferred=evidence.transferred,
        pending_readback=there(evidence.pending_readback),
        empty_days=evidence.empty_days,
        gone=there(evidence.gone),
    )


def times_in(text: str, language: Language) -> frozenset[time]:
    """Every time of day a text names: what an FAQ answer makes sayable (for Evidence.opening_moments)."""
    words = vocabulary_of(language)
    return frozenset(t for clock in words.tag(plain(text)).clocks for t in clock.times)


def warm(language: Language) -> None:
    """Loads one language's patterns (tens of milliseconds once a process); call it before the first turn."""
    judge(vocabulary_of(language).replacements[ClaimKind.BOOKED][0], language, Evidence(), today=date.min, zone=_UTC)


_UTC = ZoneInfo("UTC")
