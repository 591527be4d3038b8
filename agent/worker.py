"""The production worker: LiveKit's AgentServer, one job process per call. Composition happens here."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog
from livekit.agents import AgentServer, JobContext, JobProcess

from agent import logs
from agent.call import run_call
from agent.claims import warm as warm_claims
from agent.closing import OpenedCall
from agent.inbound import InboundUnreadable, read_inbound
from agent.line import RoomLine
from agent.resources import open_resources
from agent.settings import Settings, export_livekit, load_settings
from agent.sweep import sweep, sweep_forever
from calendar_tools.speech import warm
from contracts import hours as opening_hours
from contracts.assistant import Language

log = structlog.get_logger("agent.worker")

_OPENED = "ava.opened"
_JOIN_DEADLINE = 20.0


def prewarm(process: JobProcess) -> None:
    """Once per job process, before its call: what would else be paid by the first caller."""
    settings = load_settings()
    logs.set_up(settings.ava_log_level)
    languages: tuple[Language, ...] = ("fr", "en", "he")
    for language in languages:
        warm(language)
        warm_claims(language)
    opening_hours.warm()
    asyncio.run(_make_clients_once(settings))
    process.userdata["settings"] = settings


async def _make_clients_once(settings: Settings) -> None:
    """Clients import much of themselves when the first one is made; nothing is sent."""
    async with open_resources(settings):
        pass


async def answer(ctx: JobContext) -> None:
    """One call. Returns when the line is down."""
    settings: Settings = ctx.proc.userdata.get("settings") or load_settings()
    async with asyncio.timeout(_JOIN_DEADLINE):
        await ctx.connect()
        caller = await ctx.wait_for_participant()
    try:
        inbound = read_inbound(caller.attributes, received_at=datetime.now(UTC))
    except InboundUnreadable as error:
        log.error("not a telephone call AVA can place", room=ctx.room.name, detail=str(error))
        ctx.shutdown("inbound unreadable")
        return
    structlog.contextvars.bind_contextvars(call_id=str(inbound.call_id))
    resources = await ctx.proc.userdata.setdefault("stack", _Stack()).enter(settings)

    def opened(call: OpenedCall) -> None:
        ctx.proc.userdata[_OPENED] = call

    await run_call(RoomLine(ctx, inbound), resources, opened)
    ctx.shutdown("call ended")


class _Stack:
    """Keeps the resources open from the call's begin until its record is closed; a job process has one call."""

    def __init__(self) -> None:
        self._context: Any = None

    async def enter(self, settings: Settings) -> Any:
        self._context = open_resources(settings)
        return await self._context.__aenter__()

    async def leave(self) -> None:
        if self._context is not None:
            await self._context.__aexit__(None, None, None)


async def after_call(ctx: JobContext) -> None:
    """The framework's on_session_end: the caller is gone, up to session_end_timeout is ours."""
    call: OpenedCall | None = ctx.proc.userdata.get(_OPENED)
    try:
        if call is not None:
            await call.finish()
            await sweep(call.resources)
    finally:
        stack: _Stack | None = ctx.proc.userdata.get("stack")
        if stack is not None:
            await stack.leave()


def build_server(settings: Settings) -> AgentServer:
    """The numbers: facts measured on a 2-core machine (docs/decisions/0002)."""
    export_livekit(settings)
    server = AgentServer(
        num_idle_processes=settings.ava_idle_processes,
        load_threshold=0.7,
        job_memory_warn_mb=300,
        drain_timeout=7_320,  # longer than the longest call that an assistant may allow (contracts Limits.max_call)
        shutdown_process_timeout=30,
        session_end_timeout=60,
        port=settings.ava_health_port,
        prometheus_port=settings.ava_prometheus_port,
    )
    server.setup_fnc = prewarm
    sweeping: set[asyncio.Task[None]] = set()

    def begin_sweeping() -> None:
        sweeping.add(asyncio.create_task(sweep_forever(settings), name="sweep"))

    server.on("worker_started", begin_sweeping)
    server.rtc_session(agent_name=settings.ava_agent_name, on_session_end=after_call)(answer)
    return server
