"""What the speech guard costs: time to judge one sentence, over the corpus of its tests. `python -m bench.claims`"""

import statistics
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import yaml

from agent.claims import Evidence, SentenceGate, judge, warm
from agent.claims.gate import MAX_HELD
from contracts.assistant import Language

ZONE = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 23)
EVIDENCE = Evidence(
    booked=(datetime(2026, 11, 26, 14, tzinfo=ZONE),),
    offered=tuple(datetime(2026, 11, 26, hour, tzinfo=ZONE) for hour in (9, 10, 11, 14)),
)
BUDGET_MS = 5.0
ROUNDS = 20


def _sentences(language: Language) -> Iterator[str]:
    stored: Any = yaml.safe_load((Path(__file__).parents[1] / "tests/unit/claims_corpus.yaml").read_text())
    for part in stored[language].values():
        for group in part.values():
            yield from group


def _judging(language: Language, sentences: list[str]) -> list[float]:
    taken: list[float] = []
    for _ in range(ROUNDS):
        for sentence in sentences:
            started = time.perf_counter()
            judge(sentence, language, EVIDENCE, today=TODAY, zone=ZONE)
            taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)


def _gate(language: Language, sentences: list[str]) -> float:
    """Milliseconds per sentence through the gate, fed four characters at a time."""
    text = " ".join(sentences)
    started = time.perf_counter()
    for first in range(0, len(text), 2000):
        gate = SentenceGate(lambda s: judge(s, language, EVIDENCE, today=TODAY, zone=ZONE), lambda _v, _s: None)
        answer = text[first : first + 2000]
        for start in range(0, len(answer), 4):
            gate.push(answer[start : start + 4])
        gate.flush()
    return (time.perf_counter() - started) * 1000 / len(sentences)


def _hostile(language: Language) -> float:
    """Milliseconds for the slowest of some texts made to be slow: as long as the gate ever passes on, and repetitive."""
    units = (
        "a ",
        "1 2 3 ",
        "je vous ai bien ",
        "j'ai , ",
        "10 h 30, ",
        "thursday at ten, ",
        "is now ",
        "יש לי ",
        "D T P ",
        "est bien ",
    )
    worst = 0.0
    for unit in units:
        text = (unit * MAX_HELD)[:MAX_HELD]
        started = time.perf_counter()
        judge(text, language, EVIDENCE, today=TODAY, zone=ZONE)
        worst = max(worst, (time.perf_counter() - started) * 1000)
    return worst


def main() -> int:
    """Prints one line per language; exit code 1 when the slowest percent is over the budget."""
    print(
        f"{'':4}{'sentences':>10}{'median ms':>11}{'p99 ms':>9}{'max ms':>9}{'first ms':>10}{'gate ms':>9}{'hostile ms':>12}"
    )
    worst = 0.0
    for language in get_args(Language):
        sentences = list(_sentences(language))
        started = time.perf_counter()
        warm(language)
        first = (time.perf_counter() - started) * 1000
        taken = _judging(language, sentences)
        p99 = taken[int(len(taken) * 0.99)]
        worst = max(worst, p99)
        row = f"{statistics.median(taken):>11.3f}{p99:>9.3f}{taken[-1]:>9.3f}{first:>10.1f}{_gate(language, sentences):>9.3f}"
        row += f"{_hostile(language):>12.2f}"
        print(f"{language:4}{len(sentences):>10}{row}")
    print(f"budget: {BUDGET_MS} ms a sentence; slowest percent: {worst:.3f} ms")
    return 0 if worst < BUDGET_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
