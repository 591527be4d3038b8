"""What a worker has measured of its calls, for Prometheus. Job processes tell the main process, one datagram on loopback a
figure: a call never waits for its meter, and what is lost is a point of a histogram. Figures and outcomes only, nothing of what
was said or by whom.
"""

import asyncio
import json
import secrets
import socket
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from agent.lookout import Counts
from contracts.call import AssistantSaid, CallClosing, CallEvent, ToolCalled

log = structlog.get_logger("agent.meters")

_HOST = "127.0.0.1"
_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_LENGTHS = (15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_STAGES = ("total", "endpointing", "stt", "llm_ttft", "tool", "tts_ttfb")
_LARGEST = 2048


@dataclass(frozen=True)
class MeterAddress:
    """Handed to job processes. `token`: what else is sent to the port counts nothing."""

    port: int
    token: str


class Meter:
    """A job process's end. Its methods take no time and never raise."""

    def __init__(self, address: MeterAddress) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def saw(self, event: CallEvent) -> None:
        match event:
            case AssistantSaid(latency=latency):
                turn = {stage: ms for stage in _STAGES if (ms := getattr(latency, stage)) is not None}
                if turn:
                    self._send({"turn": turn})
            case ToolCalled():
                self._send({"tool": event.tool, "ms": event.milliseconds, "failed": event.failed})
            case _:
                pass

    def closed(self, closing: CallClosing) -> None:
        self._send({"outcome": str(closing.outcome), "seconds": closing.usage.call_seconds})

    def picked_up(self, seconds: float, *, successor: bool) -> None:
        """From the job's begin to its voice being ready."""
        self._send({"picked_up": seconds, "successor": successor})

    def close(self) -> None:
        self._socket.close()

    def _send(self, figures: dict[str, Any]) -> None:
        body = json.dumps({"token": self._address.token, **figures}).encode()
        try:
            self._socket.sendto(body, (_HOST, self._address.port))
        except OSError as error:
            log.debug("a figure was not told", errno=error.errno)


class Meters(asyncio.DatagramProtocol):
    """The main process's end: made before the job processes, so that they know where to."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_HOST, 0))
        self._socket.setblocking(False)
        self.address = MeterAddress(self._socket.getsockname()[1], secrets.token_hex(8))
        self.registry = CollectorRegistry()
        names: dict[str, Any] = {"registry": self.registry}
        self._turns = Histogram(
            "ava_turn_seconds",
            "A turn, end of speech to first audio, and its stages",
            ["stage"],
            buckets=_SECONDS,
            **names,
        )
        self._tools = Histogram("ava_tool_seconds", "A tool's work", ["tool", "failed"], buckets=_SECONDS, **names)
        self._pick_ups = Histogram(
            "ava_pickup_seconds", "A job's begin to its voice being ready", ["successor"], buckets=_SECONDS, **names
        )
        self._calls = Counter("ava_calls", "Calls that ended", ["outcome"], **names)
        self._lengths = Histogram("ava_call_seconds", "Length of a call", buckets=_LENGTHS, **names)
        self._successors = Gauge("ava_successors", "Jobs sent to calls whose job had died", ["what"], **names)
        self._state = Gauge("ava_worker_state", "1 for the state the worker is in", ["state"], **names)
        self._live = Gauge("ava_live_calls", "Calls under way; absent while not known", ["state"], **names)
        self._most = Gauge("ava_most_calls", "Calls that this worker takes at once", **names)
        self._load = Gauge("ava_worker_load", "Share of what this machine bears", **names)

    async def open(self) -> asyncio.DatagramTransport:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=self._socket)
        return transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if len(data) > _LARGEST:
            return
        try:
            said: dict[str, Any] = json.loads(data)
            if said["token"] == self.address.token:
                self._count(said)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("a figure that is none", size=len(data))

    def _count(self, said: dict[str, Any]) -> None:
        match said:
            case {"turn": turn}:
                for stage in _STAGES:
                    if stage in turn:
                        self._turns.labels(stage).observe(float(turn[stage]) / 1000)
            case {"tool": tool, "ms": ms, "failed": failed}:
                self._tools.labels(str(tool)[:40], str(bool(failed)).lower()).observe(float(ms) / 1000)
            case {"picked_up": seconds, "successor": successor}:
                self._pick_ups.labels(str(bool(successor)).lower()).observe(float(seconds))
            case {"outcome": outcome, "seconds": seconds}:
                self._calls.labels(str(outcome)).inc()
                self._lengths.observe(float(seconds))
            case _:
                raise ValueError("no such figure")

    def exposed(self, *, state: str, live: int | None, most: int, load: float, counts: Counts) -> bytes:
        """In Prometheus' text format, with the framework's own. `live` None: not known, and then not given."""
        self._state.clear()
        self._state.labels(state).set(1)
        self._most.set(most)
        self._load.set(load)
        for what in ("sent", "came", "let_go", "silent_beats"):
            self._successors.labels(what).set(getattr(counts, what))
        self._live.clear()
        if live is not None:
            self._live.labels(state).set(live)
        return generate_latest(REGISTRY) + generate_latest(self.registry)
