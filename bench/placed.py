"""One call placed and measured: AVA as the worker runs it, or a bare session on the same kind of line.

Owns: the caller's plan, the order of things in a call, what is taken down of it. Refuses: which calls are compared
(`bench.turns`, `bench.ablation`).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import httpx
from livekit.agents import AgentSession
from livekit.agents.testing import fake_job_context
from livekit.agents.utils import http_context

from agent.call import run_call
from agent.conversation import Conversation
from bench.bare import BareAgent, bare_session
from bench.floor import MODEL
from bench.line import PacedLine, Tune, as_they_are
from bench.measure import Cost, measured
from briefing.greeting import greeting_text
from contracts.assistant import AssistantConfig
from contracts.call import InboundCall
from contracts.ids import call_id_for
from demo.stack import Stack
from sandbox.callers import get_recording
from sandbox.hearing import heard_to

Kind = Literal["plain", "tool"]

SAYS: dict[Kind, tuple[str, ...]] = {
    "plain": ("fr-first-at-two", "fr-confirm", "fr-rather-afternoon", "fr-goodbye"),
    "tool": ("fr-want-thursday",),
}
_PATIENCE = 8.0  # seconds without an answer: counted as none
_REST = 2.0  # seconds: after an answer into the caller's pause comes one to the rest of what was said
_CALLER = "+33612345678"


@dataclass(frozen=True)
class Subject:
    """Whom the caller rings. `number`: AVA's assistant; None: the bare session."""

    name: str
    number: str | None
    rate_in: int = 16_000
    rate_out: int = 16_000
    frame: float = 0.02
    tune: Callable[[Conversation], Tune] = lambda _: as_they_are


BARE = Subject("bare", None, rate_in=24_000, rate_out=24_000, frame=0.05)


@dataclass(frozen=True)
class Stages:
    """What the stand-ins saw of one turn, each request in ms after the caller's last sound; `frame` is the answer's."""

    heard: list[float]  # final transcripts sent
    model: list[float]  # requests come in
    calendar: list[float]
    voice: list[float]  # texts come in
    frame: float


@dataclass
class Taken:
    """What a call gave. ms; a turn without an answer, or answered before the caller had finished, is counted only."""

    subject: str
    turns: dict[Kind, list[float]] = field(default_factory=lambda: {"plain": [], "tool": []})
    stages: dict[Kind, list[Stages]] = field(default_factory=lambda: {"plain": [], "tool": []})
    unanswered: int = 0
    too_early: int = 0
    greeting_ms: float = 0.0  # from session start
    ring_ms: float = 0.0  # from the call's arrival; of a bare session the same
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Bench:
    """What all calls share. `dice` is seeded: both sides get the same silences between turns."""

    stack: Stack
    config: AssistantConfig
    http: httpx.AsyncClient

    async def place(self, subject: Subject, plan: list[Kind], *, dice: random.Random) -> Taken:
        recordings = _recordings(plan)
        script = [get_recording(name).for_deepgram() for name in recordings]
        await self.stack.post("deepgram", "reset", {})
        await self.stack.post("deepgram", "transcripts", {"session": "*", "utterances": script})
        sip = f"SCL_{uuid4().hex[:12]}"
        inbound = InboundCall(
            call_id=call_id_for(sip),
            sip_call_id=sip,
            dialed=subject.number or _CALLER,
            caller=_CALLER,
            received_at=self.stack.resources.clock(),
        )
        taken = Taken(subject.name)
        carry = self._bare if subject.number is None else self._ava
        async with http_context.open():
            with fake_job_context():
                async with measured() as taken.cost, asyncio.timeout(30 + 20 * len(plan)):
                    await carry(subject, inbound, list(zip(plan, recordings, strict=True)), taken, dice)
        return taken

    async def _ava(
        self, subject: Subject, inbound: InboundCall, turns: list[tuple[Kind, str]], taken: Taken, dice: random.Random
    ) -> None:
        opened: asyncio.Future[Conversation] = asyncio.get_running_loop().create_future()
        sessions: list[AgentSession[Any]] = []

        def tune(session: AgentSession[Any], agent: Any) -> Any:
            sessions.append(session)
            return subject.tune(opened.result())(session, agent)

        line = PacedLine(inbound, rate_in=subject.rate_in, rate_out=subject.rate_out, frame=subject.frame, tune=tune)
        rang = time.perf_counter()
        call = asyncio.create_task(
            run_call(line, self.stack.resources, lambda answer: opened.set_result(answer.conversation))
        )
        try:
            await self._talk(line, rang, turns, taken, dice)
        finally:
            for session in sessions:
                session.shutdown(drain=False)
            finished = await call
        if finished is not None:
            await finished.finish()

    async def _bare(
        self, subject: Subject, inbound: InboundCall, turns: list[tuple[Kind, str]], taken: Taken, dice: random.Random
    ) -> None:
        settings, ids = self.stack.resources.settings, self.stack.practices["fr"].event_types
        line = PacedLine(inbound, rate_in=subject.rate_in, rate_out=subject.rate_out, frame=subject.frame)
        rang = time.perf_counter()
        session = bare_session(self.config, settings, model=MODEL)
        try:
            await line.start(session, BareAgent(self.http, settings, ids))
            session.say(greeting_text(self.config, is_open=True))
            await self._talk(line, rang, turns, taken, dice)
        finally:
            with contextlib.suppress(RuntimeError):
                await session.aclose()
            await line.hang_up()

    async def _stages(self, stopped: float, first: float) -> Stages:
        wall = time.time() - time.perf_counter()

        async def seen(app: str, operation: str) -> list[float]:
            """ms after the caller's last sound, up to the first frame."""
            log: dict[str, Any] = await self.stack.get(app, f"log?operation={operation}")
            at = [(datetime.fromisoformat(e["at"]).timestamp() - wall - stopped) * 1000 for e in log["entries"]]
            return [round(ms, 1) for ms in at if -50 <= ms <= (first - stopped) * 1000]

        return Stages(
            heard=await seen("deepgram", "final"),
            model=await seen("openai", "chat.completions"),
            calendar=await seen("calcom", "slots"),
            voice=await seen("elevenlabs", "speak"),
            frame=round((first - stopped) * 1000, 1),
        )

    async def _talk(
        self, line: PacedLine, rang: float, turns: list[tuple[Kind, str]], taken: Taken, dice: random.Random
    ) -> None:
        async with asyncio.timeout(10):
            first = await line.first_audio_at
        taken.greeting_ms = (first - line.picked_up_at) * 1000
        taken.ring_ms = (first - rang) * 1000
        await asyncio.sleep(1.2)
        for kind, name in turns:
            await line.cut_answer()
            await asyncio.sleep(0.6 + dice.random() * 0.2)  # never in step with frames
            recording = get_recording(name, rate_hz=line.rate_in)
            heard = heard_to(recording.pcm, line.rate_in)
            answer = await line.answer_to(recording.pcm, heard_to=heard, timeout=_PATIENCE)
            if answer is None:
                taken.unanswered += 1
                continue
            stopped, first = answer
            if first < stopped:
                taken.too_early += 1
                await asyncio.sleep(_REST)
                continue
            taken.turns[kind].append((first - stopped) * 1000)
            await asyncio.sleep(0.25)
            taken.stages[kind].append(await self._stages(stopped, first))
        await line.cut_answer()


def _recordings(plan: list[Kind]) -> list[str]:
    said: dict[Kind, int] = {"plain": 0, "tool": 0}
    names: list[str] = []
    for kind in plan:
        names.append(SAYS[kind][said[kind] % len(SAYS[kind])])
        said[kind] += 1
    return names
