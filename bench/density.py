"""How many calls at once: what each caller heard, what a round of them gave, which round comes next, the largest that holds.

Owns: the definitions. A call has failed when it was not answered, when the line went down before its caller had finished, or
when anything he said got no answer. A round holds when none has failed and p95 of voice-to-voice is within SLACK of one call's
alone. Refuses: placing calls (`bench.calls`), reading processes (`bench.usage`), words (`bench.density_report`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.measure import Spread
from bench.usage import Usage
from sandbox.two_way import TwoWay

SLACK = 0.20
LADDER = (1, 2, 4, 8, 12, 16, 24)
_SAMPLES = 12  # turns, at least, of a round: with more, all ways take half an hour
_FEWEST_TURNS = 5  # of a call


def turns_of(calls: int) -> int:
    """How often each of so many callers speaks: enough of them for a p95."""
    return max(_FEWEST_TURNS, -(-_SAMPLES // calls))


@dataclass(frozen=True)
class Heard:
    """A call as its caller had it. `picked_up`: seconds from INVITE to 200, None: not answered. `answers`: ms from his last
    audible sound to AVA's first; those that came before he had finished are counted in `too_early` only. `cut`: the line
    went down while he spoke or listened."""

    picked_up: float | None
    answers: tuple[float, ...] = ()
    too_early: int = 0
    unanswered: int = 0
    cut: bool = False

    @property
    def why_failed(self) -> str | None:
        if self.picked_up is None:
            return "not answered"
        if self.cut:
            return "cut"
        return "turn unanswered" if self.unanswered else None

    @staticmethod
    def of(line: TwoWay, *, picked_up: float, cut: bool) -> "Heard":
        waits = [line.answer_to(spoken) for spoken in line.spoken]
        answered = [ms for ms in waits if ms is not None]
        return Heard(
            picked_up=picked_up,
            answers=tuple(ms for ms in answered if ms >= 0),
            too_early=sum(ms < 0 for ms in answered),
            unanswered=len(waits) - len(answered),
            cut=cut,
        )


@dataclass(frozen=True)
class Round:
    """`calls` at once. `usage` is of the time in which they talked."""

    calls: int
    heard: Sequence[Heard]
    usage: Usage

    @property
    def pick_up(self) -> Spread | None:
        return Spread.of([1000 * call.picked_up for call in self.heard if call.picked_up is not None])

    @property
    def voice_to_voice(self) -> Spread | None:
        return Spread.of([ms for call in self.heard for ms in call.answers])

    @property
    def too_early(self) -> int:
        return sum(call.too_early for call in self.heard)

    @property
    def failed(self) -> dict[str, int]:
        """Why -> calls."""
        reasons = [call.why_failed for call in self.heard if call.why_failed is not None]
        return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}

    def holds(self, alone: "Round") -> bool:
        """`alone`: the round of one call."""
        here, there = self.voice_to_voice, alone.voice_to_voice
        if self.failed or here is None or there is None:
            return False
        return here.p95 <= (1 + SLACK) * there.p95


@dataclass
class Climb:
    """One way to run a worker, with ever more calls. Up the ladder until a round does not hold, then between. `idle` is what it
    takes without a call: warm processes, heartbeats."""

    idle: Usage
    ladder: Sequence[int] = LADDER
    rounds: list[Round] = field(default_factory=list[Round])

    @property
    def held(self) -> Mapping[int, bool]:
        return {one.calls: one.holds(self.rounds[0]) for one in self.rounds}

    def cpu_of_a_call(self, one: Round) -> float:
        """Cores that a call adds."""
        return (one.usage.worker - self.idle.worker) / one.calls

    def mb_of_a_call(self, one: Round) -> float:
        return (one.usage.worker_mb - self.idle.worker_mb) / one.calls

    @property
    def largest(self) -> int:
        """0: one call alone has failed."""
        return largest(self.held)

    def next(self) -> int | None:
        return next_size(self.held, self.ladder)


def largest(held: Mapping[int, bool]) -> int:
    """The greatest number that held, of those below the first that did not."""
    broke = min((calls for calls, ok in held.items() if not ok), default=None)
    return max((calls for calls, ok in held.items() if ok and (broke is None or calls < broke)), default=0)


def next_size(held: Mapping[int, bool], ladder: Sequence[int] = LADDER) -> int | None:
    """None: the ladder is at its end, or the largest is known to the call."""
    broke = min((calls for calls, ok in held.items() if not ok), default=None)
    if broke is None:
        return next((calls for calls in ladder if calls not in held), None)
    best = largest(held)
    return (best + broke) // 2 if broke - best > 1 and best else None
