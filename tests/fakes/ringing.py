"""A house that can be rung: the embedded stack, assistants as a test wants them, and calls placed on real audio.

Owns: seeding an assistant, ringing it, speaking as its caller, and what the caller and the database saw. Refuses: judging.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from livekit.agents.testing import fake_job_context
from livekit.agents.utils import http_context

from agent.call import run_call
from agent.closing import OpenedCall
from agent.outgoing import Outgoing
from agent.resources import Resources
from contracts.assistant import AssistantConfig, FaqEntry
from contracts.calendar import CalComConnection
from contracts.call import (
    AssistantSaid,
    CallClosing,
    CallerSaid,
    CallEvent,
    InboundCall,
    MessageTaken,
    ProblemSeen,
    RanOn,
    SpeechHeld,
    ToolCalled,
)
from contracts.ids import call_id_for
from demo.line import RATE, InProcessLine
from demo.stack import Stack, demo_config, read_preset
from sandbox.callers import get_recording
from sandbox.seeding import Seeded

QUESTION, ANSWER = "Est-ce qu'il y a un parking ?", "Oui, juste en face."
PATIENCE = 20.0  # seconds; past it a call is stuck
VOICE = "en-yes"  # the sound a caller's typed words are given: one burst of 0.65 s


@dataclass
class Ring:
    """One call as its caller lives it."""

    inbound: InboundCall
    line: InProcessLine
    stack: Stack
    events: list[tuple[float, CallEvent]] = field(default_factory=list[tuple[float, CallEvent]])
    opened: list[OpenedCall] = field(default_factory=list[OpenedCall])
    task: "asyncio.Task[OpenedCall | None] | None" = None
    closing: CallClosing | None = None
    down_at: float = 0.0  # perf_counter at which the caller saw the line go down

    def watch(self, event: CallEvent) -> None:
        self.events.append((time.perf_counter(), event))

    async def greeted(self, quiet: float = 0.3) -> None:
        """AVA has said something and is silent again."""
        await self.hears(1)
        await self.line.quiet_for(quiet)

    async def hears(self, stretches: int) -> None:
        """Until AVA's n-th stretch of sound has begun, or the line is down."""
        while len(self.line.heard) < stretches and not self.line.down.is_set():
            await self.line.next_tick()

    async def hears_more(self, quiet: float = 0.3) -> None:
        """Until AVA has begun another stretch and ended it."""
        await self.hears(len(self.line.heard) + 1)
        await self.line.quiet_for(quiet)

    async def says(self, words: str, *, sound: str = VOICE) -> None:
        """`words` are what the recogniser will write for one burst of `sound`."""
        await self.announce({"text": words})
        await self.line.say(get_recording(sound, rate_hz=RATE).pcm)

    async def plays(self, utterance: str) -> None:
        """A recording with its own words."""
        recording = get_recording(utterance, rate_hz=RATE)
        await self.announce(recording.for_deepgram())
        await self.line.say(recording.pcm)

    async def asks(self, words: str) -> None:
        """Says it and hears the answer out."""
        await self.says(words)
        await self.hears_more()

    async def over(self) -> None:
        """Until the call is over. What is left to be done after it is not done."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self.task)
        self.down_at = self.down_at or time.perf_counter()

    async def hang_up(self) -> None:
        await self.line.caller_hangs_up()
        await self.over()

    async def finish(self) -> CallClosing:
        """What the worker does after the caller has gone."""
        await self.over()
        if self.closing is None:
            self.closing = await self.opened[0].finish()
        return self.closing

    async def announce(self, *utterances: dict[str, Any]) -> None:
        """What the recogniser is going to hear. Once before the ringing: its sockets belong to a session known by then."""
        body = {"session": str(self.inbound.call_id), "utterances": utterances}
        await self.stack.post("deepgram", "transcripts", body)

    # what was seen

    @property
    def said(self) -> list[str]:
        """AVA's sentences, as recorded."""
        return [e.text for _, e in self.events if isinstance(e, AssistantSaid)]

    @property
    def understood(self) -> list[str]:
        return [e.text for _, e in self.events if isinstance(e, CallerSaid)]

    @property
    def tools(self) -> list[ToolCalled]:
        return [e for _, e in self.events if isinstance(e, ToolCalled)]

    @property
    def held(self) -> list[SpeechHeld]:
        return [e for _, e in self.events if isinstance(e, SpeechHeld)]

    @property
    def problems(self) -> list[ProblemSeen]:
        return [e for _, e in self.events if isinstance(e, ProblemSeen)]

    @property
    def kept(self) -> list[MessageTaken]:
        return [e for _, e in self.events if isinstance(e, MessageTaken)]

    @property
    def ava(self) -> bytes:
        """All that AVA sent into the line: s16le mono at RATE."""
        return b"".join(self.line.timeline.ava)

    def row(self) -> dict[str, Any]:
        """The call as Postgres holds it."""
        [row] = self.rows("calls")
        return row

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.stack.database.select(f"select * from public.{table} where call_id = %s", self.inbound.call_id)


@dataclass
class House:
    stack: Stack
    _numbers: Any = field(default_factory=lambda: count(1000))
    seeded: dict[str, Seeded] = field(default_factory=dict[str, Seeded])

    @property
    def resources(self) -> Resources:
        return self.stack.resources

    @property
    def data(self) -> Path:
        return self.resources.settings.ava_data_dir

    async def as_on_the_first_day(self) -> None:
        """Stand-ins without faults, scripts and logs; the calendar as the practice keeps it."""
        await self.stack.open_for("fr")
        self.stack.database.clear_faults()

    def config(self, **changes: Any) -> AssistantConfig:
        """The French practice with a short greeting and a short answer to QUESTION, so that calls are short."""
        faq = (FaqEntry(topic="parking", answer=ANSWER, keywords=("parking", "garer")),)
        short = {"greeting": "Bonjour, cabinet du Parc.", "faq": faq}
        config = demo_config(read_preset("health.fr")).model_copy(update=short)
        merged = config.model_dump(mode="json")
        for name, change in changes.items():
            merged[name] = {**merged[name], **change} if isinstance(change, dict) else change
        return AssistantConfig.model_validate(merged)

    def assistant(self, **changes: Any) -> str:
        """-> the number that a new assistant answers. A dict changes single fields of a part."""
        return self.seed(self.config(**changes))

    def seed(self, config: AssistantConfig | dict[str, Any]) -> str:
        number = f"+3347800{next(self._numbers)}"
        self.seeded[number] = self.stack.database.seed_assistant(
            tenant_name="Cabinet dentaire du Parc",
            config=config,
            number=number,
            calendar=CalComConnection(event_types=self.stack.practices["fr"].event_types),
        )
        return number

    @asynccontextmanager
    async def ring(
        self,
        number: str,
        *,
        caller: str | None = "+33612345678",
        noise: bytes = b"",
        resources: Resources | None = None,
        line: Callable[[InboundCall], InProcessLine] | None = None,
        test_of: RanOn | None = None,
        outgoing: Outgoing | None = None,
        past: Sequence[CallEvent] = (),
    ) -> AsyncGenerator[Ring]:
        """Rings, or, with `outgoing`, has been rung and picks up. At the end of the block hangs up if AVA has
        not, and closes the record. `test_of`: from a browser, to try that version. `past`: what is on record of a job that had
        this call and died."""
        sip = f"SCL_{uuid4().hex[:10]}"
        inbound = InboundCall(
            call_id=call_id_for(sip),
            sip_call_id=sip,
            dialed=number if test_of is None else "web",
            caller=caller if test_of is None else None,
            received_at=self.resources.clock(),
            test_of=test_of,
        )
        ring = Ring(inbound, line(inbound) if line else InProcessLine(inbound, noise=noise), self.stack)
        await ring.announce()
        if past:
            await self.resources.store.open_call(inbound)
            await self.resources.store.append_events(inbound.call_id, past)
        watched = replace(resources or self.resources, watch=ring.watch)
        async with http_context.open():
            with fake_job_context() as job:
                ring.task = asyncio.create_task(
                    run_call(ring.line, watched, ring.opened.append, outgoing=outgoing, succeeding=bool(past))
                )
                try:
                    yield ring
                finally:
                    if not ring.task.done():
                        await ring.line.caller_hangs_up()
                    await ring.over()
                    if ring.opened:
                        await ring.finish()
                    await job._on_cleanup()  # the framework's own end of a job, which its fake context leaves out

    async def fault(self, app: str, operation: str, kind: str, **rule: Any) -> None:
        await self.stack.post(app, "faults", [{"operation": operation, "kind": kind, **rule}])

    async def model_says(self, *replies: dict[str, Any]) -> None:
        """Words and tool calls put in the model's mouth (`sandbox.receptionist.forced.ForcedReply`)."""
        await self.stack.post("openai", "script", list(replies))

    async def log(self, app: str) -> list[dict[str, Any]]:
        return (await self.stack.get(app, "log"))["entries"]

    async def calendar_rows(self) -> list[dict[str, Any]]:
        """As Cal.com holds them."""
        return (await self.stack.get("calcom", "state"))["bookings"]
