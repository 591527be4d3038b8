"""Calls in progress that no worker is left for: who is sent on, once, who is let go, and who is left alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from contracts.call import CallEvent, ProblemSeen, TransferRequested, TransferResult
from contracts.errors import StoreUnavailable
from contracts.ids import call_id_for
from control_api.numbers import stranded
from control_api.numbers.fallback import Known
from control_api.numbers.stranded import (
    CallerGone,
    Duties,
    Leg,
    Legs,
    LineAway,
    Outcome,
    Present,
    Stranded,
    StrandedCalls,
    Unconfirmed,
    Watch,
    judge,
)

ROOM, DIALED, CALLER, OWNERS = "call-_+33612345678_1", "+33478000010", "+33612345678", "+33698765432"
HER = Leg("sip_1", "active", "SCL_1", DIALED, CALLER)
PERSON = Leg("person_1", "active", "SCL_2", DIALED, OWNERS)
BROWSER = Leg("somebody")


class TestTheRule:
    @pytest.mark.parametrize(
        ("room", "legs", "move", "whom"),
        [
            (ROOM, (HER,), "send_on", HER),
            ("another-1", (HER,), "send_on", HER),  # an operator's own dispatch rule
            (ROOM, (), "pass", None),
            (ROOM, (HER, PERSON), "pass", None),  # put through: they talk with each other
            (ROOM, (HER, Leg("person_1", "dialing", "SCL_2", DIALED)), "send_on", HER),
            (ROOM, (PERSON,), "end", None),  # the caller has left
            (ROOM, (Leg("sip_1", "ringing", "SCL_1", DIALED, CALLER),), "pass", None),  # its trunk gives it back
            (ROOM, (Leg("sip_1", "hangup", "SCL_1", DIALED, CALLER),), "pass", None),
            (ROOM, (Leg("sip_1", "active", "SCL_1"),), "end", None),  # to no number of ours
            ("out-1", (HER,), "end", HER),
            ("out-1", (Leg("callee", "dialing"),), "end", None),
            ("out-1", (), "pass", None),
            (ROOM, (HER, BROWSER), "send_on", HER),  # somebody watches
        ],
    )
    def test_what_becomes_of_whom(self, room: str, legs: tuple[Leg, ...], move: str, whom: Leg | None) -> None:
        assert judge(room, Present(legs)) == (move, whom)

    def test_nobody_is_sent_on_twice(self) -> None:
        assert judge(ROOM, Present((HER,)), again=True) == ("end", HER)

    def test_silence_is_believed_after_watching_without_a_gap(self) -> None:
        """Whoever has only just come back, as everybody has after an outage, believes nothing."""
        now = 100.0
        watch = Watch(silent=6, clock=lambda: now)
        assert watch.silent is None
        watch.saw()
        for _ in range(5):
            now += 1
            watch.saw()
            assert watch.silent is None
        now += 1
        assert watch.silent == 6
        now += 3
        assert watch.silent is None
        watch.saw()
        assert watch.silent is None


@dataclass
class Database(Duties):
    """`due`: what is claimed next; what is not left is found again."""

    known: Known = field(default_factory=lambda: Known(forward_to=OWNERS))
    due: dict[str, Stranded] = field(default_factory=lambda: {ROOM: Stranded(ROOM, 2)})
    away: set[str] = field(default_factory=set[str])
    events: list[CallEvent] = field(default_factory=list[CallEvent])
    recorded: list[UUID] = field(default_factory=list[UUID])
    asked: list[float | None] = field(default_factory=list[float | None])

    def _ask(self, what: str) -> None:
        if what in self.away:
            raise StoreUnavailable("away")

    async def claim(
        self, claimant: UUID, in_hand: Sequence[str], *, silent: float | None, hold: float, limit: int
    ) -> list[Stranded]:
        self._ask("claim")
        self.asked.append(silent)
        return [claim for room, claim in self.due.items() if room not in in_hand][:limit]

    async def leave(self, claim: Stranded) -> None:
        self._ask("leave")
        del self.due[claim.room]

    async def find_fallback(self, dialed: str) -> Known:
        self._ask("find")
        assert dialed == DIALED
        return self.known

    async def record(self, call_id: UUID, events: Sequence[CallEvent]) -> None:
        self._ask("record")
        self.recorded.append(call_id)
        self.events += [one for one in events if one.event_id not in {known.event_id for known in self.events}]


@dataclass
class Line(Legs):
    """`answer`: what comes of sending somebody on; an error is raised. `stays`: they don't leave afterwards."""

    there: dict[str, Present] = field(default_factory=lambda: {ROOM: Present((HER,), ("agent-1",))})
    living: set[str] = field(default_factory=set[str])
    answer: TransferResult | Exception = "transferred"
    stays: bool = False
    away: int = 0  # requests
    referred: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    ended: list[str] = field(default_factory=list[str])

    def _ask(self) -> None:
        self.away -= 1
        if self.away >= 0:
            raise LineAway("away")

    async def present(self, room: str) -> Present:
        self._ask()
        return self.there.get(room, Present())

    async def is_alive(self, room: str, agent: str) -> bool:
        self._ask()
        return agent in self.living

    async def refer(self, room: str, leg: Leg, number: str) -> TransferResult:
        self.referred.append((leg.identity, number))
        if isinstance(self.answer, Exception):
            if isinstance(self.answer, Unconfirmed) and not self.stays:
                self.there.pop(room)
            raise self.answer
        if not self.stays and self.answer == "transferred":
            self.there.pop(room)
        return self.answer

    async def end(self, room: str) -> None:
        self._ask()
        self.ended.append(room)
        self.there.pop(room, None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"_LEAVES_WITHIN": 0.05, "_UNSURE": 0.05, "_LOOK": 0.01, "LOOK_EVERY": 0.01}.items():
        monkeypatch.setattr(stranded, name, seconds)


class Bench:
    def __init__(self, database: Database | None = None, line: Line | None = None) -> None:
        self.database, self.line = database or Database(), line or Line()
        self.outcomes: list[Outcome] = []
        self.calls = StrandedCalls(
            self.database, self.line, silent=6, clock=lambda: datetime.now(UTC), told=self.outcomes.append
        )

    async def looks(self) -> None:
        await self.calls.look()
        await self.calls.settled()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each event, as far as it matters here."""
        return [
            (one.code, one.detail) if isinstance(one, ProblemSeen) else (one.to, one.result)
            for one in self.database.events
            if isinstance(one, ProblemSeen | TransferRequested)
        ]


async def test_a_caller_is_sent_on_and_the_record_says_so() -> None:
    """Nobody's number is in the log."""
    bench = Bench()
    with capture_logs() as logs:
        await bench.looks()
    assert bench.line.referred == [("sip_1", OWNERS)]
    assert bench.told == [("no_worker_left", "sent_on"), (OWNERS, "transferred")]
    assert bench.database.recorded == [call_id_for("SCL_1")]
    assert (bench.outcomes, bench.database.due) == (["sent_on"], {})
    assert not any(number.removeprefix("+33") in str(logs) for number in (DIALED, CALLER, OWNERS))


@pytest.mark.parametrize("result", ["busy", "no_answer", "declined", "failed"])
async def test_who_is_not_taken_where_they_were_sent_hears_the_line_end(result: TransferResult) -> None:
    bench = Bench(line=Line(answer=result))
    await bench.looks()
    assert (bench.line.ended, bench.outcomes) == ([ROOM], ["refused"])
    assert bench.told == [("no_worker_left", "refused"), (OWNERS, result)]


@pytest.mark.parametrize(
    "known",
    [
        Known(),
        Known("none"),
        Known("message", text="Nous rappelons."),  # nobody is there to say it
        Known(forward_to=OWNERS, leads_here=True),
        Known(forward_to=CALLER),
        Known(forward_to=DIALED),
    ],
)
async def test_where_a_number_leads_nowhere_the_line_ends(known: Known) -> None:
    bench = Bench(Database(known))
    await bench.looks()
    assert (bench.line.referred, bench.line.ended, bench.outcomes) == ([], [ROOM], ["ended"])
    assert bench.told == [("no_worker_left", "ended")]


async def test_a_job_that_lives_keeps_its_call() -> None:
    """Only its worker seemed dead. The duty is given up, so that its worker's next beat may have it again."""
    bench = Bench(line=Line(living={"agent-1"}))
    await bench.looks()
    assert (bench.line.referred, bench.line.ended, bench.outcomes) == ([], [], ["alive"])
    assert (bench.database.due, bench.told) == ({}, [])


async def test_who_has_hung_up_meanwhile_is_not_seen_to() -> None:
    """Before anybody looked, or while they were being sent on: nothing is said of it, nothing ended."""
    for line in (Line({}), Line(answer=CallerGone("gone"))):
        bench = Bench(line=line)
        await bench.looks()
        assert (bench.line.ended, bench.outcomes, bench.told, bench.database.due) == ([], ["left"], [], {})


@pytest.mark.parametrize("stays", [False, True])
async def test_an_answer_that_was_lost_is_not_asked_for_again(stays: bool) -> None:
    """They may be talking with the owner: it is looked whether they are still there, and only then is the line ended. The
    record claims neither."""
    bench = Bench(line=Line(answer=Unconfirmed("lost"), stays=stays))
    await bench.looks()
    assert len(bench.line.referred) == 1
    assert bench.line.ended == [ROOM]
    assert (bench.outcomes, bench.told) == (["unconfirmed"], [("no_worker_left", "unconfirmed")])


async def test_a_line_that_is_away_is_asked_again() -> None:
    """Until something was done the claim is found again by the next look."""
    bench = Bench(line=Line(away=2))
    await bench.looks()
    await bench.looks()
    assert (bench.line.referred, bench.outcomes) == ([], [])
    await bench.looks()
    assert bench.outcomes == ["sent_on"]


async def test_what_was_certainly_not_sent_is_sent_again() -> None:
    bench = Bench(line=Line(answer=LineAway("no connection")))
    await bench.looks()
    bench.line.answer = "transferred"
    await bench.looks()
    assert (len(bench.line.referred), bench.outcomes) == (2, ["sent_on"])


async def test_nobody_is_sent_on_twice_though_the_database_went_away_meanwhile() -> None:
    """What came of it could not be kept at first; the claim is found again, and what is known of it is kept then."""
    bench = Bench(Database(away={"record", "leave"}))
    await bench.looks()
    assert bench.outcomes == []
    bench.database.away.clear()
    await bench.looks()
    assert (len(bench.line.referred), bench.outcomes, bench.database.due) == (1, ["sent_on"], {})
    assert bench.told == [("no_worker_left", "sent_on"), (OWNERS, "transferred")]


async def test_a_line_that_goes_away_after_it_said_what_came_of_it_is_still_ended() -> None:
    """The room, with somebody in it who was not taken where they were sent; and the record says what LiveKit said."""
    bench = Bench(line=Line(answer="busy"))
    ends = bench.line.end

    async def away(room: str) -> None:
        bench.line.end = ends  # type: ignore[method-assign]  # once
        raise LineAway("away")

    bench.line.end = away  # type: ignore[method-assign]  # a fault at one moment of many
    await bench.looks()
    assert (bench.line.ended, bench.outcomes) == ([], [])
    await bench.looks()
    assert (len(bench.line.referred), bench.line.ended, bench.outcomes) == (1, [ROOM], ["refused"])
    assert bench.told == [("no_worker_left", "refused"), (OWNERS, "busy")]


async def test_who_was_in_the_hands_of_another_process_is_not_sent_on_again() -> None:
    """It died over them."""
    bench = Bench(Database(due={ROOM: Stranded(ROOM, 3, again=True)}))
    await bench.looks()
    assert (bench.line.referred, bench.line.ended, bench.outcomes) == ([], [ROOM], ["unconfirmed"])


async def test_a_database_that_does_not_know_the_number_yet_is_asked_again() -> None:
    bench = Bench(Database(away={"find"}))
    await bench.looks()
    assert (bench.line.referred, bench.line.ended) == ([], [])
    bench.database.away.clear()
    await bench.looks()
    assert bench.outcomes == ["sent_on"]


async def test_looking_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away, and a fault of our own; and a call is in one pair of hands at a time."""
    bench = Bench(Database(away={"claim"}), Line(answer=RuntimeError("a fault")))
    with capture_logs() as logs:
        async with bench.calls.running():
            await asyncio.sleep(0.05)
            bench.database.away.clear()
            async with asyncio.timeout(2):
                while not bench.line.referred:  # noqa: ASYNC110 - what is waited for wakes nobody
                    await asyncio.sleep(0.01)
            bench.line.answer = "transferred"
            async with asyncio.timeout(2):
                while not bench.outcomes:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.01)
    assert {"round.put_off", "stranded.broke"} <= {entry["event"] for entry in logs}
    assert len(bench.line.referred) == 1, "what broke may have sent them on"
    assert bench.database.asked[0] is None, "nobody is believed silent by who has only just come"
