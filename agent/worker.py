"""The production worker: LiveKit's AgentServer, one job process per call. Composition happens here."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from multiprocessing import connection, parent_process
from typing import Any
from uuid import uuid4

import structlog
from livekit import api, rtc
from livekit.agents import JobContext, JobProcess
from livekit.agents.utils.hw import get_cpu_monitor

from agent import logs
from agent.call import run_call
from agent.closing import OpenedCall
from agent.errands import Errands
from agent.health import Health, serving
from agent.inbound import InboundUnreadable, read_inbound, read_test_call
from agent.line import RoomLine
from agent.load import LoopLag, measured
from agent.lookout import Counts, Lookout
from agent.meters import Meter, MeterAddress, Meters
from agent.outgoing import Assignment, Outgoing, livekit_once, place, read_assignment
from agent.resources import Resources, nobody, open_resources
from agent.rooms import LiveKitRooms
from agent.server import Server
from agent.settings import Settings, export_livekit, load_settings
from agent.succession import Seat, enter, seat_of, take_over
from agent.sweep import sweep, sweep_forever
from agent.taking_up import take_up
from agent.warming import warm
from agent.web_line import WebLine
from contracts.call import InboundCall

log = structlog.get_logger("agent.worker")

CALLS_PER_CORE = 6
"""A call's process takes 11 % of a core while nobody speaks and the machine has little else to do, 18 % on a busy one: more
can't begin at once. Once they talk (26 %, bench/results/calls.md) the load threshold has the word."""

_JOIN_DEADLINE = 20.0


def prewarm(process: JobProcess, *, meter: MeterAddress | None = None) -> None:
    """Once per job process, before its call: what would else be paid by the first caller."""
    settings = load_settings()
    logs.set_up(settings.ava_log_level)
    _die_with_the_worker()
    asyncio.run(warm(settings))
    process.userdata["job"] = _Job(settings, Meter(meter) if meter is not None else None)


def _die_with_the_worker() -> None:
    """A worker that is killed leaves no job behind that speaks on for a while: its calls are another worker's at once."""
    worker = parent_process()
    if worker is None:
        return

    def wait() -> None:
        connection.wait([worker.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="worker_watch", daemon=True).start()


class _Job:
    """What a job process keeps from its call's begin until its record is closed; it has one call."""

    def __init__(self, settings: Settings, meter: Meter | None = None) -> None:
        self.settings = settings
        self.meter = meter
        self.call: OpenedCall | None = None
        self.line: RoomLine | None = None
        self.began = time.monotonic()
        self.seat: Seat | None = None
        self._open = AsyncExitStack()

    async def open(self) -> Resources:
        watch = self.meter.saw if self.meter is not None else nobody
        return await self._open.enter_async_context(open_resources(self.settings, watch=watch))

    def begins(self, seat: Seat) -> None:
        self.seat, self.began = seat, time.monotonic()

    def opened(self, call: OpenedCall) -> None:
        self.call = call
        if self.meter is not None and self.seat is not None:
            self.meter.picked_up(time.monotonic() - self.began, successor=self.seat.succeeding)

    async def close(self) -> None:
        try:
            if self.call is None or self.line is None:
                return
            if self.line.taken_over:
                return await self.call.hand_over()
            closing = await self.call.finish()
            if self.meter is not None:
                self.meter.closed(closing)
            await sweep(self.call.resources)
        finally:
            await self._open.aclose()


async def answer(ctx: JobContext) -> None:
    """One call. Returns when the line is down."""
    job: _Job = ctx.proc.userdata.setdefault("job", _Job(load_settings()))
    job.begins(seat := seat_of(ctx.job))
    resources = await job.open()
    async with asyncio.timeout(_JOIN_DEADLINE):
        entered, _ = await asyncio.gather(enter(seat, resources.duties), ctx.connect())
        if not entered or not await take_over(ctx, seat, resources.duties):
            ctx.shutdown("another job answers")
            return
    found = await _who_is_there(ctx, seat, resources)
    if found is None:
        return
    line, outgoing = found
    inbound = line.inbound
    structlog.contextvars.bind_contextvars(call_id=str(inbound.call_id))
    job.line = line
    await run_call(line, resources, job.opened, outgoing=outgoing, succeeding=seat.succeeding)
    ctx.shutdown("call ended")


async def _who_is_there(ctx: JobContext, seat: Seat, resources: Resources) -> tuple[RoomLine, Outgoing | None] | None:
    """Which kind of call it is says the job, never a participant. None: there is nobody to talk to."""
    assignment = read_assignment(ctx.job.metadata)
    if assignment is None:
        try:
            return await _line(ctx), None
        except InboundUnreadable as error:
            log.error("not a call AVA can place", room=ctx.room.name, detail=str(error))
            ctx.shutdown("inbound unreadable")
            return None
    if seat.succeeding:
        placed = await take_up(ctx, assignment, resources.planned, now=resources.clock)
    else:
        placed = await _whom_we_rang(ctx, assignment, resources)
    if placed is None:
        ctx.shutdown("nobody to talk to")
        return None
    inbound, outgoing = placed
    return RoomLine(ctx, inbound), outgoing


async def _line(ctx: JobContext) -> RoomLine:
    """Whoever is in the room, or will be. Raises InboundUnreadable."""
    test_call = read_test_call(ctx.job.metadata, received_at=datetime.now(UTC))
    kind = (
        rtc.ParticipantKind.PARTICIPANT_KIND_SIP if test_call is None else rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    )
    async with asyncio.timeout(_JOIN_DEADLINE):
        caller = await ctx.wait_for_participant(kind=kind)
    if test_call is not None:
        return WebLine(ctx, test_call)
    return RoomLine(ctx, read_inbound(caller.attributes, received_at=datetime.now(UTC)))


async def _whom_we_rang(
    ctx: JobContext, assignment: Assignment, resources: Resources
) -> tuple[InboundCall, Outgoing] | None:
    settings = resources.settings
    url, key, secret = settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret
    if not (url and key and secret):
        return None
    async with livekit_once(url, key, secret.get_secret_value()) as livekit:
        return await place(ctx, assignment, resources.planned, livekit, now=resources.clock)


async def after_call(ctx: JobContext) -> None:
    """The framework's on_session_end: the caller is gone, up to session_end_timeout is ours."""
    job: _Job | None = ctx.proc.userdata.get("job")
    if job is not None:
        await job.close()


class Worker(Server):
    """The server, and beside it what the main process does for as long as it runs: the sweep, the lookout, health."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lag = LoopLag()
        # The numbers: facts measured on a 2-core machine (docs/decisions/0002).
        super().__init__(
            most_calls=settings.ava_max_calls or max(1, round(CALLS_PER_CORE * get_cpu_monitor().cpu_count())),
            warm_processes=settings.ava_idle_processes,
            load_threshold=settings.ava_load_threshold,
            load_fnc=measured(self._lag),
            job_memory_warn_mb=300,
            drain_timeout=7_320,  # longer than the longest call that an assistant may allow (contracts Limits.max_call)
            initialize_process_timeout=30,  # a process takes 0.1 s alone, and seconds where many begin at once
            shutdown_process_timeout=30,
            session_end_timeout=60,
            host="127.0.0.1",
            port=0,  # the framework's own health is fine before anything is warm: agent/health.py tells
            prometheus_port=settings.ava_prometheus_port,
            preload_modules=["agent.preload"],
            setup_fnc=prewarm,
        )
        self.rtc_session(agent_name=settings.ava_agent_name, on_session_end=after_call)(answer)

    async def run(self, *, devmode: bool = False, unregistered: bool = False) -> None:
        settings, counts, meters = self._settings, Counts(), Meters()
        self.setup_fnc = partial(prewarm, meter=meters.address)
        health = Health(self, meters, counts)
        async with AsyncExitStack() as beside:
            beside.callback((await meters.open()).close)
            await beside.enter_async_context(serving(health.app, settings.ava_health_host, settings.ava_health_port))
            resources = await beside.enter_async_context(open_resources(settings))
            livekit = await beside.enter_async_context(api.LiveKitAPI())
            rooms = LiveKitRooms(livekit, agent_name=settings.ava_agent_name)
            lookout = Lookout(uuid4(), resources.duties, rooms, lambda: self.duties, counts)
            self.when_a_job_dies(lookout.job_died)
            self.on("worker_started", lambda: _beside(beside, lookout.run(), sweep_forever(resources)))
            _beside(beside, self._lag.watch())
            await super().run(devmode=devmode, unregistered=unregistered)


def _beside(stack: AsyncExitStack, *work: Coroutine[Any, Any, None]) -> None:
    """Runs until the stack is left; work that ends by itself has failed, and says so."""
    errands = Errands("worker")
    errands.start(*work)
    stack.push_async_callback(errands.aclose)


def build_server(settings: Settings) -> Worker:
    export_livekit(settings)
    return Worker(settings)
