"""A child process with a log that is quoted when it fails: started, waited for, ended, and gone with its parent.

Owns: one process's life. Refuses: what it is (`sandbox.telephony`, `demo.exchange`).
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from sandbox.postgres import SandboxError, die_with_parent, tail

_POLL_SECONDS = 0.05
_LEFTOVER_SECONDS = 3.0

Ready = Callable[[], Awaitable[bool]]
"""Asked again and again until it says yes. OSError is taken for no."""


class Server:
    """Has a process group of its own: what it has started ends with it. Made and started on the main thread, for the
    kernel ends the child with the thread that it came from."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        stop_seconds: float = 5.0,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._folder = folder
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LC_ALL": "C.UTF-8",
            **(environment or {}),
        }
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, ready: Ready, *, seconds: float = 20.0) -> None:
        """Raises SandboxError with the end of its log if it is not ready in time."""
        self._process = process = self._launch()
        try:
            async with asyncio.timeout(seconds):
                while process.poll() is None:
                    with contextlib.suppress(OSError):
                        if await ready():
                            return
                    await asyncio.sleep(_POLL_SECONDS)
            why = f"ended at once, with {process.returncode}"
        except TimeoutError:
            why = f"was not ready within {seconds:g} s"
        except BaseException:
            await self.stop()
            raise
        await self.stop()
        raise SandboxError(f"{self.name} {why}: {tail(self.log)}")

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    @property
    def pid(self) -> int:
        """Raises SandboxError when it is not running."""
        if self._process is None:
            raise SandboxError(f"{self.name} is not running")
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def said(self, words: str, *, times: int = 1) -> bool:
        """Whether its log holds these words, so often at least."""
        return self.log.exists() and self.log.read_bytes().count(words.encode()) >= times

    async def stop(self) -> None:
        """In order; by force what is not gone after `stop_seconds`. Fine when it has ended already."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, self._stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        await self._end_group(process.pid)

    @staticmethod
    async def _end_group(group: int) -> None:
        """Children that it has left behind."""
        for _ in range(round(_LEFTOVER_SECONDS / _POLL_SECONDS)):
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                return
            await asyncio.sleep(_POLL_SECONDS)


def free_udp_port(*, also_tcp: bool = False) -> int:
    """Free now on loopback, for UDP. `also_tcp`: for TCP too, and so is the next number, where SIP has its TLS."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", 0))
            port = int(datagrams.getsockname()[1])
            if not also_tcp or (_is_free(port) and _is_free(port + 1)):
                return port


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as streams:
        try:
            streams.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True
