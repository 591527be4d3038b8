"""The store for demo and tests: real Postgres, our migrations, real PostgREST, Supabase's gateway; `make db`.

Owns: starting and stopping the process that holds them (`sandbox.supervisor`), talking to it, and the rows a demo needs.
Refuses: living in the caller's event loop: everything runs in one child process, which ends with its parent.

    with Database() as db:            # or: async with Database() as db
        seeded = db.seed_assistant(tenant_name="…", config=config, number="+33…", calendar=None)
        store = await open_store(db.url, db.service_key)

Takes about 2 s to start. With `AVA_POSTGRES_URL` (the URL of a superuser) a database is made on that server instead of
an embedded one, and dropped at the end. ``python -m sandbox.database [--port 54321]`` starts it and prints the addresses.
"""

import argparse
import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from uuid import UUID

import httpx

from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from sandbox import seeding
from sandbox.faults import FaultRule
from sandbox.gateway import mint_token
from sandbox.postgres import SandboxError
from sandbox.seeding import Seeded

__all__ = ["Database", "SandboxError", "Seeded"]

_ROOT = Path(__file__).parent.parent
_START_SECONDS = 60.0
_COMMAND_SECONDS = 30.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True, repr=False)
class _Addresses:
    url: str
    service_key: str
    anon_key: str
    service_jwt: str
    anon_jwt: str
    jwt_secret: str
    issuer_keys: dict[str, Any]
    postgres_url: str


class Database:
    """A running stack. Methods block for milliseconds and may be called from any thread; SandboxError says what to do."""

    def __init__(self, *, postgres_url: str | None = None, port: int = 0, seed: bool = True) -> None:
        """`postgres_url` of a superuser, else AVA_POSTGRES_URL, else embedded. `port` of the gateway; 0: a free one."""
        self._postgres_url = postgres_url or os.environ.get("AVA_POSTGRES_URL") or None
        self._port = port
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._addresses: _Addresses | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def start(self) -> None:
        """Returns when requests are answered. Raises SandboxError with the reason if that can't be."""
        self._said = tempfile.TemporaryFile()  # without a name: a killed parent leaves no file
        command = [sys.executable, "-m", "sandbox.database", "--supervise", "--port", str(self._port)]
        if self._postgres_url:
            command += ["--postgres-url", self._postgres_url]
        if not self._seed:
            command += ["--no-seed"]
        self._process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then closes in order
        )
        try:
            self._addresses = _Addresses(**self._answer(_START_SECONDS))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None and process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        if self._said is not None:
            self._said.close()

    @property
    def url(self) -> str:
        """SUPABASE_URL."""
        return self._known.url

    @property
    def service_key(self) -> str:
        """SUPABASE_SERVICE_ROLE_KEY, new style (`sb_secret_…`)."""
        return self._known.service_key

    @property
    def anon_key(self) -> str:
        """The publishable key (`sb_publishable_…`)."""
        return self._known.anon_key

    @property
    def legacy_service_key(self) -> str:
        """The same rights as `service_key`, as the JWT of older projects."""
        return self._known.service_jwt

    @property
    def postgres_url(self) -> str:
        """As superuser: row-level security does not apply. Tests of policies go through `url` with a user's token."""
        return self._known.postgres_url

    @property
    def jwt_secret(self) -> str:
        """The legacy JWT secret of the project, for who verifies what `user_token` gives."""
        return self._known.jwt_secret

    @property
    def issuer_keys(self) -> Mapping[str, Any]:
        """The private keys whose tokens PostgREST takes, as JWK by kind: for `sandbox.issuer`, as JSON in `keys`."""
        return self._known.issuer_keys

    def user_token(self, subject: str, **claims: Any) -> str:
        """What a signed-in user sends as bearer token, next to `anon_key`; HS256, by the project's secret."""
        signed_in = {"aud": "authenticated", "sub": subject}
        return mint_token(self._known.jwt_secret, role="authenticated", **{**signed_in, **claims})

    def reset(self) -> None:
        """Every table empty, and no fault in force; the schema stays."""
        self._command("reset")
        self.clear_faults()

    def stop_postgrest(self) -> None:
        """The gateway stays and answers 502, as hosted Supabase does while its API is down."""
        self._command("stop_postgrest")

    def start_postgrest(self) -> None:
        self._command("start_postgrest")

    def add_faults(self, *rules: FaultRule) -> None:
        """Operations: an SQL function's name, `table`, or `*`. Raises SandboxError for a rule that is refused."""
        answer = httpx.post(f"{self.url}/_ctl/faults", json=[rule.model_dump(mode="json") for rule in rules])
        if answer.status_code != 200:
            raise SandboxError(f"the fault was refused: {answer.text}")

    def clear_faults(self) -> None:
        httpx.delete(f"{self.url}/_ctl/faults").raise_for_status()

    def seed_assistant(
        self,
        *,
        tenant_name: str,
        config: AssistantConfig | Mapping[str, Any],
        number: str,
        calendar: CalComConnection | None = None,
    ) -> Seeded:
        """See `sandbox.seeding.seed_assistant`."""
        return seeding.seed_assistant(
            self.postgres_url, tenant_name=tenant_name, config=config, number=number, calendar=calendar
        )

    def publish(self, assistant_id: UUID, config: AssistantConfig | Mapping[str, Any]) -> int:
        """A new version, published at once -> its number."""
        return seeding.publish(self.postgres_url, assistant_id, config)

    def pause(self, assistant_id: UUID) -> None:
        seeding.set_status(self.postgres_url, assistant_id, "paused")

    def resume(self, assistant_id: UUID) -> None:
        seeding.set_status(self.postgres_url, assistant_id, "active")

    def add_member(self, tenant_id: UUID, subject: str, role: str = "owner") -> None:
        seeding.add_member(self.postgres_url, tenant_id, subject, role)

    def select(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as the owner sees them, `%s` for each value."""
        return seeding.select(self.postgres_url, statement, *values)

    @property
    def pid(self) -> int:
        """Of the supervising process. Raises SandboxError when it is not running."""
        if self._process is None:
            raise SandboxError("the database is not running")
        return self._process.pid

    @property
    def _known(self) -> _Addresses:
        if self._addresses is None:
            raise SandboxError("the database is not running: use `with Database() as db`")
        return self._addresses

    def _command(self, what: str) -> None:
        with self._lock:
            if self._process is None or self._process.stdin is None:
                raise SandboxError("the database is not running")
            with contextlib.suppress(BrokenPipeError):  # it has ended: the missing answer says so, with its last words
                self._process.stdin.write(json.dumps({"do": what}).encode() + b"\n")
                self._process.stdin.flush()
            self._answer(_COMMAND_SECONDS)

    def _answer(self, seconds: float) -> dict[str, Any]:
        """One line of the supervisor's standard output, which says nothing it was not asked."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(process.stdout.fileno(), 65_536) if readable else b""
            if not chunk:
                how = "ended" if readable else "did not answer in time"
                raise SandboxError(f"the database {how}: {self._last_words()}")
            line += chunk
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        said = os.pread(self._said.fileno(), 1_000_000, 0).decode(errors="replace")
        return said[-1_500:].strip() or "it said nothing"


def _print_and_wait(database: Database) -> None:
    with database:
        print(f"SUPABASE_URL={database.url}")
        print(f"SUPABASE_SERVICE_ROLE_KEY={database.service_key}")
        print(f"SUPABASE_ANON_KEY={database.anon_key}")
        print(f"AVA_DATABASE_URL={database.postgres_url}")
        print("# Ctrl-C stops it and removes everything in it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.database", description="Postgres, PostgREST, gateway.")
    parser.add_argument("--port", type=int, default=0, help="of the gateway; 0 takes a free one")
    parser.add_argument("--postgres-url", default=None, help="a superuser's URL, else AVA_POSTGRES_URL, else embedded")
    parser.add_argument("--no-seed", action="store_true", help="leave supabase/seed.sql out")
    parser.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.supervise:
        from sandbox import supervisor  # the parent needs neither uvicorn nor what the supervisor imports

        supervisor.main(postgres_url=given.postgres_url, port=given.port, seed=not given.no_seed)
        return
    try:
        _print_and_wait(Database(postgres_url=given.postgres_url, port=given.port, seed=not given.no_seed))
    except SandboxError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
