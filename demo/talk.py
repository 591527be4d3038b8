"""The typed call: the agent as it is, its words in the terminal instead of a voice. `--mic` gives it ears and a voice.

Owns: reading lines, printing turns. Refuses: knowing how AVA answers: `run_call` runs as on any line.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from livekit.agents import Agent, AgentSession
from livekit.agents.testing import fake_job_context
from livekit.agents.utils import http_context

from agent.call import run_call
from agent.handover import Consult
from agent.line import Line
from agent.resources import Resources, open_resources
from agent.settings import Settings
from contracts.assistant import AssistantConfig, Language, Limits
from contracts.call import AssistantSaid, CallerSaid, CallEvent, InboundCall, TransferResult, TurnLatency
from contracts.ids import call_id_for
from demo.keys import real_settings
from demo.report import Entry
from demo.screen import Screen, open_console
from demo.stack import NUMBERS, Stack, open_stack

_CALLER = {"fr": "+33612345678", "en": "+447400123456", "he": "+972502345678"}
_SETTLED = 0.25  # seconds without a word or work after which an answer is over
_LONGEST_ANSWER = 30.0
_LINES = 20  # typed ahead
_QUIT = ("/quit", "/exit", "/q")


class TypedLine:
    """A line without sound: what is typed is the caller's turn."""

    def __init__(self, inbound: InboundCall) -> None:
        self._inbound = inbound
        self.session: AgentSession[Any] | None = None
        self.up = asyncio.Event()
        self.down = asyncio.Event()

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        self.session = session
        session.input.set_audio_enabled(False)
        await session.start(agent)
        self.up.set()

    async def hang_up(self) -> None:
        self.down.set()

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        return False

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        return "unavailable"

    async def say(self, words: str) -> None:
        """Returns when AVA has answered and has nothing left to do. A turn of hers that still goes on is interrupted, as
        a voice would."""
        assert self.session is not None
        with suppress(RuntimeError):  # what may not be interrupted is said to its end
            await self.session.interrupt()
        try:
            self.session.generate_reply(user_input=words, input_modality="text")
        except RuntimeError:  # she has hung up meanwhile
            return
        await self.settled()

    async def settled(self) -> None:
        session = self.session
        assert session is not None
        quiet_since = time.monotonic()
        began = quiet_since
        while not self.down.is_set() and time.monotonic() - began < _LONGEST_ANSWER:
            await asyncio.sleep(0.02)
            if session.current_speech is not None or session.agent_state in ("thinking", "speaking"):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= _SETTLED:
                return

    def end(self) -> None:
        if self.session is not None and not self.down.is_set():
            self.session.shutdown(drain=False)


class _Printer:
    """The agent's events as lines; what was typed is on the screen already."""

    def __init__(self, screen: Screen, *, typed: bool) -> None:
        self._screen = screen
        self._typed = typed
        self._began = time.monotonic()
        self._asked: float | None = None

    def asked(self) -> None:
        """Something was typed: the next answer is timed from here."""
        self._asked = time.monotonic()

    def _latency(self, known: TurnLatency) -> TurnLatency:
        """The agent times turns by sound; what is typed is timed from the return key to AVA's words."""
        if self._asked is None:
            return known
        total, self._asked = (time.monotonic() - self._asked) * 1000, None
        return known.model_copy(update={"total": round(total, 1)})

    def __call__(self, event: CallEvent) -> None:
        if self._typed and isinstance(event, CallerSaid):
            return
        if self._typed and isinstance(event, AssistantSaid):
            event = event.model_copy(update={"latency": self._latency(event.latency)})
        self._screen.entry(Entry(seconds=round(time.monotonic() - self._began, 1), moment=event))


async def run_talk(language: str, *, mic: bool, real: bool, data: Path) -> None:
    """Until /quit, the end of the input, or AVA hangs up."""
    spoken = cast(Language, language)
    console = open_console()
    screen = Screen(console)
    microphone = None
    if mic:
        from demo.microphone import find_microphone

        microphone, why = find_microphone()
        if microphone is None:
            console.print(f"No microphone: {why}. You can type instead.", style="yellow")
    async with open_stack(data=data) as stack, _resources(stack, real=real, data=data) as (resources, notes):
        await stack.open_for(spoken)
        practice = stack.practices[spoken]
        stack.database.publish(practice.seeded.assistant_id, _patient(practice.config, speaks=microphone is not None))
        for note in notes:
            console.print(note, style="dim")
        business = stack.practices[spoken].config.business.name
        how = "you speak" if microphone else "you type; /quit hangs up"
        screen.header(
            scenario="talk", title=how, business=business, language=language, who=f"you ring {NUMBERS[spoken]}"
        )
        sip = f"SCL_{uuid4().hex[:12]}"
        inbound = InboundCall(
            call_id=call_id_for(sip),
            sip_call_id=sip,
            dialed=NUMBERS[spoken],
            caller=_CALLER[spoken],
            received_at=resources.clock(),
        )
        printer = _Printer(screen, typed=microphone is None)
        resources = replace(resources, watch=printer)
        if microphone is not None:
            await _call(microphone.line(inbound), resources, None, printer)
        else:
            line = TypedLine(inbound)
            await _call(line, resources, line, printer)
        await _farewell(stack, resources, inbound, console_print=console.print)


def _patient(config: AssistantConfig, *, speaks: bool) -> AssistantConfig:
    """Who types is silent for long, and no caller; who really speaks is understood by the turn model of the preset."""
    changes: dict[str, object] = {"limits": Limits(max_call=7200, silence_prompt=60, silence_hang_up=180)}
    if speaks:
        changes["turn_taking"] = config.turn_taking.model_copy(update={"detection": "model"})
    return config.model_copy(update=changes)


async def _call(line: Line, resources: Resources, typed: TypedLine | None, printer: _Printer) -> None:
    async with http_context.open():
        with fake_job_context():
            reading = asyncio.create_task(_read(typed, printer)) if typed is not None else None
            call = await run_call(line, resources)
            if reading is not None:
                reading.cancel()
            if call is not None:
                await call.finish()


def _lines() -> asyncio.Queue[str]:
    """Standard input by the line, "" at its end. A thread that ends with the process: a call that is over waits for no key."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue(_LINES)

    def read() -> None:
        typed = "…"
        while typed:
            typed = sys.stdin.readline()
            if loop.is_closed():
                return
            asyncio.run_coroutine_threadsafe(lines.put(typed), loop).result()

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return lines


async def _read(line: TypedLine, printer: _Printer) -> None:
    """Lines of standard input, a pipe as well as a keyboard."""
    lines = _lines()
    await line.up.wait()
    await line.settled()
    while not line.down.is_set():
        if sys.stdin.isatty():
            sys.stdout.write("       you       ")
            sys.stdout.flush()
        typed = await lines.get()
        words = typed.strip()
        if not typed or words in _QUIT:
            line.end()
            return
        if words:
            if not sys.stdin.isatty():
                print(f"       you       {words}", flush=True)
            printer.asked()
            await line.say(words)


@asynccontextmanager
async def _resources(stack: Stack, *, real: bool, data: Path) -> AsyncGenerator[tuple[Resources, list[str]]]:
    """The stack's, or with `real` some of the real providers'; with notes on which."""
    if not real:
        yield stack.resources, []
        return
    settings, notes = real_settings(stack.resources.settings)
    async with open_resources(_in(settings, data), clock=stack.clock) as resources:
        yield resources, notes


def _in(settings: Settings, data: Path) -> Settings:
    return settings.model_copy(update={"ava_data_dir": data})


async def _farewell(stack: Stack, resources: Resources, inbound: InboundCall, *, console_print: Any) -> None:
    rows = await asyncio.to_thread(
        stack.database.select,
        "select outcome, ended_by, summary, cost_total, cost_currency from public.calls where call_id = %s",
        inbound.call_id,
    )
    if rows:
        row = rows[0]
        console_print(
            f"\nThe call as Postgres holds it: {row['outcome']}, ended by {row['ended_by']} · {row['summary']} · "
            f"{row['cost_total']} {row['cost_currency']}"
        )
