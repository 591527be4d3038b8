"""One scenario, from ring to verdict: the world prepared, the call run by the agent's own `run_call`, everything read back."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from livekit.agents.testing import fake_job_context
from livekit.agents.utils import http_context

from agent.call import run_call
from agent.clipcache import ClipKey
from agent.closing import OpenedCall, percentile
from agent.sweep import sweep
from briefing.greeting import greeting_text
from contracts.call import AssistantSaid, CallerSaid, CallEvent, InboundCall
from contracts.ids import call_id_for
from demo import audio
from demo.caller import Caller
from demo.expectations import check_expected
from demo.line import InProcessLine, Spoken
from demo.report import CallerDid, CallReport, Check, Entry, LatencySummary, Percentiles, Records, Turn, Verdict
from demo.scenario import Scenario
from demo.sound import RATE
from demo.stack import NUMBERS, Stack
from demo.verify import read_records, verify
from demo.world import World
from sandbox.callers import get_recording
from store.spool import pending

_LONGEST = 150.0  # seconds; a call that is longer has gone wrong

Live = Callable[[Entry], None]
"""Told of each moment as it happens. Must not block."""


@dataclass
class Journal:
    """What happened on one call, as it happens: the agent's events and the caller's acts on the line's clock."""

    line: InProcessLine
    live: Live
    entries: list[Entry] = field(default_factory=list[Entry])
    events: list[CallEvent] = field(default_factory=list[CallEvent])
    _answers_told: int = 0

    def event(self, event: CallEvent) -> None:
        self.events.append(event)
        measured = None
        if isinstance(event, AssistantSaid):
            measured = self._measured()
        self._add(Entry(seconds=round(self.line.now, 2), moment=event, on_the_line_ms=measured))

    def act(self, act: CallerDid) -> None:
        self._add(Entry(seconds=round(self.line.now, 2), moment=act))

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.live(entry)

    def _measured(self) -> float | None:
        """Of the caller's last words, once: on the first turn after they were answered."""
        answered = [s for s in self.line.spoken if s.answered_after_ms is not None]
        if len(answered) <= self._answers_told:
            return None
        self._answers_told = len(answered)
        return answered[-1].answered_after_ms


@dataclass(frozen=True)
class Played:
    """A call that is over, before it is judged."""

    inbound: InboundCall
    line: InProcessLine
    journal: Journal
    caller: Caller
    finished: OpenedCall | None
    picked_up: float  # perf_counter
    greeting_cached: bool


async def play(stack: Stack, scenario: Scenario, *, keep: Path, live: Live) -> CallReport:
    """Runs in real time. The stack's stand-ins are the scenario's alone meanwhile."""
    began = time.monotonic()
    world = World(stack, scenario)
    sip = f"SCL_{uuid4().hex[:12]}"
    stack.clock.set()
    await world.prepare(call_id_for(sip))
    inbound = InboundCall(
        call_id=call_id_for(sip),
        sip_call_id=sip,
        dialed=scenario.dialed or NUMBERS[scenario.language],
        caller=scenario.caller,
        received_at=stack.clock(),
    )
    try:
        played = await _call(stack, world, scenario, inbound, live)
        if played.finished is not None:
            await played.finished.finish()
    finally:
        await world.repair()
    if scenario.after:
        await sweep(stack.resources)
    recording = keep / f"{scenario.name}.wav"
    await asyncio.to_thread(played.line.timeline.write_wav, recording)
    return await _report(stack, world, scenario, played, recording=recording, seconds=time.monotonic() - began)


async def _call(stack: Stack, world: World, scenario: Scenario, inbound: InboundCall, live: Live) -> Played:
    noise = get_recording(scenario.noise, rate_hz=RATE).pcm if scenario.noise else b""
    line = InProcessLine(inbound, transfer=scenario.transfer, noise=noise)
    journal = Journal(line, live)
    caller = Caller(line, scenario, world.control, world.asked, journal.act)
    stack.listener.hears = journal.event
    cached = await _greeting_cached(stack, world)
    async with http_context.open():
        with fake_job_context():
            acting = asyncio.create_task(caller.run())
            picked_up = time.perf_counter()
            try:
                async with asyncio.timeout(_LONGEST):
                    finished = await run_call(line, stack.resources)
                await acting
            finally:
                acting.cancel()
    return Played(inbound, line, journal, caller, finished, picked_up, cached)


async def _greeting_cached(stack: Stack, world: World) -> bool:
    config = world.config
    text = greeting_text(config, is_open=config.hours.is_open(stack.clock()))
    return await stack.resources.clips.get(ClipKey.of(config, text)) is not None


async def _report(
    stack: Stack, world: World, scenario: Scenario, played: Played, *, recording: Path, seconds: float
) -> CallReport:
    journal, inbound = played.journal, played.inbound
    calendar = await world.calendar()
    records = _plain(await asyncio.to_thread(read_records, stack.database, inbound.call_id))
    latency = _latency(played)
    checks: list[Check] = []
    if played.finished is not None:
        spooled = sum(1 for path in pending(stack.resources.spool) if path.name.startswith(str(inbound.call_id)))
        raw = await asyncio.to_thread(read_records, stack.database, inbound.call_id)
        checks += verify(calendar, raw, journal.events, zone=world.zone, spooled=spooled)
    checks += _audio_checks(scenario, played, latency)
    checks += check_expected(
        scenario, calendar=calendar, records=records, events=journal.events, unanswered=played.caller.unanswered
    )
    cost = (records.call or {}).get("cost_total")
    return CallReport(
        scenario=scenario.name,
        title=scenario.title,
        language=scenario.language,
        business=world.config.business.name,
        preset=f"health.{scenario.language}",
        dialed=inbound.dialed,
        caller=inbound.caller,
        clock=inbound.received_at.astimezone(world.zone).isoformat(timespec="minutes"),
        call_id=str(inbound.call_id),
        entries=tuple(journal.entries),
        turns=tuple(_turns(journal.entries)),
        calendar=tuple(calendar),
        records=records,
        recording=str(recording),
        seconds=round(seconds, 1),
        latency=latency,
        cost=Decimal(str(cost)) if cost is not None else None,
        verdict=Verdict(ok=all(check.ok for check in checks), checks=tuple(checks)),
    )


def _plain(records: Records) -> Records:
    """Rows with uuids, times and decimals as text, for the document."""
    return Records.model_validate(json.loads(json.dumps(records.model_dump(), default=str)))


def _audio_checks(scenario: Scenario, played: Played, latency: LatencySummary) -> list[Check]:
    line, events = played.line, played.journal.events
    call = audio.Recorded.of(line.timeline.caller, line.timeline.ava, line.mouth.history, line.spoken)
    turns = sum(1 for e in events if isinstance(e, AssistantSaid) and e.text)
    checks = [
        audio.speech_present(call, turns=max(1, turns)),
        audio.not_clipped(call),
        audio.no_gaps(call),
        audio.greets_in_time(latency.session_to_greeting_ms, cached=latency.greeting != "voice"),
    ]
    if line.spoken:
        checks.append(audio.caller_is_heard(call))
    barge_ins = [s for s in line.spoken if s.over_ava and get_recording(s.what).transcript]
    stopped = audio.stops_when_interrupted(call, barge_ins)
    return [*checks, stopped] if stopped is not None else checks


def _latency(played: Played) -> LatencySummary:
    line = played.line
    measured = [ms for s in line.spoken if (ms := s.answered_after_ms) is not None and _wanted_answer(s)]
    agent = list(played.finished.scribe.latencies) if played.finished else []
    first = line.first_audio_at
    return LatencySummary(
        on_the_line=_percentiles(measured),
        agent=_percentiles(agent),
        pick_up_to_greeting_ms=None if first is None else round((first - played.picked_up) * 1000, 1),
        session_to_greeting_ms=None if first is None else round((first - line.started_at) * 1000, 1),
        greeting="shipped" if played.finished is None else "cache" if played.greeting_cached else "voice",
        late_ticks=line.late_ticks,
    )


def _wanted_answer(spoken: Spoken) -> bool:
    return bool(get_recording(spoken.what).transcript)


def _percentiles(values: Sequence[float]) -> Percentiles:
    ordered = sorted(values)
    return Percentiles(p50=percentile(ordered, 0.5), p95=percentile(ordered, 0.95), turns=len(ordered))


def _turns(entries: Sequence[Entry]) -> list[Turn]:
    found: list[Turn] = []
    for entry in entries:
        moment = entry.moment
        if isinstance(moment, CallerSaid):
            found.append(Turn(who="caller", text=moment.text, seconds=entry.seconds))
        elif isinstance(moment, AssistantSaid):
            found.append(
                Turn(
                    who="ava",
                    text=moment.text,
                    seconds=entry.seconds,
                    interrupted=moment.interrupted,
                    latency=moment.latency,
                    on_the_line_ms=entry.on_the_line_ms,
                )
            )
    return found
