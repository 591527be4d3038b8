"""Hosts the stand-ins: each on its own loopback port, all in one child process that dies with whoever started it.

Owns: starting, waiting until ready, stopping. Refuses: knowing what a stand-in does; a stand-in is any module
``sandbox.<name>`` with ``create_app(options: Mapping[str, str] | None = None) -> Starlette``.

- `StandIns`: an async context manager for programs (demo, bench, tests of the whole system): a child process.
- `serve`: one app in the running event loop, for tests of one wire.
- ``python -m sandbox.providers --apps deepgram,openai --port-file ports.json``: the child itself.

What it cannot show: TLS, DNS, distance: loopback adds about 0.1 ms where the Internet adds 20-80.
"""

import argparse
import asyncio
import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sandbox.faults import DROP_EXTENSION

APPS = ("deepgram", "elevenlabs", "openai", "calcom", "langfuse")
ON_REQUEST = ("livekit", "s3", "twilio")  # started only where named: no call needs them
_MODULES = {"langfuse": "otlp_sink"}
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def create(name: str, options: Mapping[str, str] | None = None) -> Starlette:
    """The stand-in called ``name``. Raises ModuleNotFoundError if there is none."""
    module = importlib.import_module(f"sandbox.{_MODULES.get(name, name)}")
    app: Starlette = module.create_app(options)
    return app


def _droppable(app: ASGIApp, protocol: "_HttpProtocol | _SocketProtocol") -> ASGIApp:
    async def drop() -> None:
        protocol.transport.close()
        await protocol.lost.wait()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        extensions: dict[str, Any] = {**(scope.get("extensions") or {}), DROP_EXTENSION: drop}
        await app({**scope, "extensions": extensions}, receive, send)
        if scope["type"] == "websocket" and protocol.transport.is_closing():
            # uvicorn takes a refused handshake for an unfinished one unless the connection is gone by now
            await protocol.lost.wait()

    return wrapped


class _HttpProtocol(H11Protocol):
    """uvicorn's, with a way for the app to close the connection without an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lost = asyncio.Event()
        self.app: Any = _droppable(self.app, self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


class _SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, with a way for the app to close the connection without a close frame."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lost = asyncio.Event()
        self.app: Any = _droppable(self.app, self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


class _Server(uvicorn.Server):
    """uvicorn's, leaving signals to the process that hosts it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle off only where the protocol is named; with it on, an answer can wait 40 ms for an ACK
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


def _server(app: Starlette) -> _Server:
    config = uvicorn.Config(
        app,
        http=_HttpProtocol,
        ws=_SocketProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        # a kept connection must not vanish between two turns of a call: real providers keep theirs for minutes
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
        ws_ping_interval=None,
        server_header=False,
    )
    return _Server(config)


async def _started(server: _Server, task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended before it was ready")
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serve(app: Starlette, *, port: int = 0) -> AsyncGenerator[str]:
    """``app`` on loopback in this event loop; gives its base URL (``http://127.0.0.1:<port>``), stops it at the end."""
    listening = _listen(port)
    server = _server(app)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await _started(server, task)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


class StandIns:
    """The stand-ins in one child process; ``async with StandIns(("deepgram", "openai")) as urls``.

    ``urls`` maps each name to its base URL without a path. ``options`` are given to the app of that name, ``ports``
    fixes ports where a stable address is wanted. Raises RuntimeError, with the end of what the child said, if it does
    not come up within 30 s.
    """

    def __init__(
        self,
        apps: Sequence[str] = APPS,
        *,
        options: Mapping[str, Mapping[str, str]] | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self._apps = tuple(apps)
        self._options = {name: dict(given) for name, given in (options or {}).items()}
        self._ports = dict(ports or {})
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Mapping[str, str]:
        self._folder = tempfile.TemporaryDirectory(prefix="ava-standins-")
        try:
            return await self._start(Path(self._folder.name))
        except BaseException:
            await self._stop()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def pid(self) -> int:
        """The child's process id. Raises RuntimeError outside the context."""
        if self._process is None:
            raise RuntimeError("the stand-ins are not running")
        return self._process.pid

    async def _start(self, folder: Path) -> Mapping[str, str]:
        port_file, said = folder / "ports.json", folder / "stderr.txt"
        ports = ",".join(f"{name}={port}" for name, port in self._ports.items())
        with said.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sandbox.providers", "--apps", ",".join(self._apps)),
                *("--port-file", str(port_file), "--ports", ports, "--options", json.dumps(self._options)),
                cwd=Path(__file__).parent.parent,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not port_file.exists():
                    if self._process.returncode is not None:
                        raise RuntimeError(f"the stand-ins ended at once: {_tail(said)}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise RuntimeError(f"the stand-ins were not ready in time: {_tail(said)}") from None
        found: dict[str, int] = json.loads(port_file.read_text())
        return {name: f"http://127.0.0.1:{port}" for name, port in found.items()}

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._folder is not None:
            self._folder.cleanup()


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2_000:].strip() or "it said nothing"


def _die_with_parent() -> None:
    """Linux only, and only a second safety: the pipe on standard input is what tells that the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _parent_gone() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while await reader.read(1024):
            pass
    finally:
        transport.close()


async def _host(apps: Sequence[str], ports: Mapping[str, int], options: Mapping[str, Any], port_file: Path) -> None:
    async with contextlib.AsyncExitStack() as running:
        urls: dict[str, str] = {}
        for name in apps:
            app = create(name, options.get(name))
            urls[name] = await running.enter_async_context(serve(app, port=ports.get(name, 0)))
        partial = port_file.with_suffix(".part")
        partial.write_text(json.dumps({name: int(url.rsplit(":", 1)[1]) for name, url in urls.items()}))
        partial.replace(port_file)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        waits = [asyncio.create_task(_parent_gone()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def main(arguments: Sequence[str] | None = None) -> None:
    """The child: hosts the apps until standard input closes or it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.providers", description="Host the stand-ins on loopback.")
    parser.add_argument("--apps", default=",".join(APPS), help=f"comma-separated names; also {', '.join(ON_REQUEST)}")
    parser.add_argument("--ports", default="", help="name=port, comma-separated; the others get a free one")
    parser.add_argument("--options", default="{}", help='JSON: {"deepgram": {"final_ms": "100"}}')
    parser.add_argument("--port-file", type=Path, required=True, help="where the ports go (JSON) once all are ready")
    given = parser.parse_args(arguments)
    ports = {name: int(port) for name, _, port in (pair.partition("=") for pair in given.ports.split(",") if pair)}
    _die_with_parent()
    asyncio.run(_host(given.apps.split(","), ports, json.loads(given.options), given.port_file))


if __name__ == "__main__":
    os.umask(0o077)
    main()
