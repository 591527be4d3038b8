"""Workers of the real line, as production runs them: started, found ready, watched from outside, drained or killed.

Owns: one worker's process and what it says of itself over HTTP. Refuses: its environment (`demo.exchange`), what a test does to
it.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from sandbox.servers import Server

AS_IT_SHIPS = ("-m", "agent", "start")
_SECONDS = 90.0
_DRAIN_SECONDS = 20.0


@dataclass(frozen=True)
class Worker:
    server: Server
    health_url: str
    data: Path

    @staticmethod
    def make(name: str, data: Path, environment: Mapping[str, str], command: Sequence[str] = AS_IT_SHIPS) -> "Worker":
        """`command`: Python's arguments."""
        data.mkdir(parents=True, exist_ok=True)
        server = Server(
            name,
            [sys.executable, *command],
            log=data / f"{name.replace(' ', '-')}.log",
            folder=data,  # no .env lies there
            environment=environment,
            stop_seconds=_DRAIN_SECONDS,
        )
        return Worker(server, f"http://127.0.0.1:{environment['AVA_HEALTH_PORT']}", data)

    async def start(self) -> None:
        """Returns when it takes calls. Raises SandboxError."""
        await self.server.start(self.is_ready, seconds=_SECONDS)

    async def is_ready(self) -> bool:
        return (await self.asks("/readyz")).status_code == 200

    async def asks(self, path: str) -> httpx.Response:
        """Raises OSError where nobody listens."""
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as http:
            try:
                return await http.get(f"{self.health_url}{path}")
            except httpx.TransportError as error:
                raise ConnectionError(type(error).__name__) from error

    async def live_calls(self) -> int:
        figures: dict[str, Any] = (await self.asks("/calls")).raise_for_status().json()
        return int(figures["live"])

    def drain(self) -> None:
        """SIGTERM, as every supervisor sends it."""
        os.kill(self.server.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the worker: its container's memory limit, or its machine."""
        os.kill(self.server.pid, signal.SIGKILL)

    def jobs_in_a_room(self, livekit_port: int) -> list[psutil.Process]:
        """Its processes that are connected to LiveKit, whether or not anybody is there to talk with."""

        def is_connected(process: psutil.Process) -> bool:
            try:
                return any(c.raddr and c.raddr.port == livekit_port for c in process.net_connections("tcp"))
            except psutil.Error:
                return False

        return [
            process for process in psutil.Process(self.server.pid).children(recursive=True) if is_connected(process)
        ]

    def jobs_in_a_call(self) -> list[psutil.Process]:
        """Its processes that write a call's journal."""
        spool = str(self.data / "spool")

        def writes(process: psutil.Process) -> bool:
            try:
                return any(file.path.startswith(spool) for file in process.open_files())
            except psutil.Error:
                return False

        return [process for process in psutil.Process(self.server.pid).children(recursive=True) if writes(process)]
