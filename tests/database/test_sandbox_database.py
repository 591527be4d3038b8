"""The stack itself: what happens to it when its parent is killed, and what it says when it can't start."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from sandbox.database import Database, SandboxError

pytestmark = pytest.mark.database


def test_everything_dies_with_a_killed_parent() -> None:
    """SIGKILL of the program that started it: Postgres, PostgREST and the folder are gone a moment later."""
    program = "\n".join(
        (
            "import time",
            "from sandbox.database import Database",
            "db = Database()",
            "db.start()",
            "print(db.pid, flush=True)",
            "time.sleep(60)",
        )
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent.parent
    )
    assert parent.stdout is not None
    supervisor = psutil.Process(int(parent.stdout.readline()))
    family = [supervisor, *supervisor.children(recursive=True)]
    assert {"postgres", "postgrest"} <= {process.name() for process in family}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Databases have a folder to themselves: any that starts clears what others have left."""
    with tempfile.TemporaryDirectory(prefix="ava-alone-") as folder:
        Path(folder).chmod(0o755)  # Postgres may have to run as somebody else
        monkeypatch.setenv("TMPDIR", folder)
        yield


@pytest.mark.usefixtures("alone")
def test_everything_dies_with_a_killed_supervisor() -> None:
    """Even the middle one may be killed: nothing is left, the handle says so, and the folder goes with the next start."""
    with Database() as database:
        supervisor = psutil.Process(database.pid)
        children = supervisor.children(recursive=True)
        server = next(child for child in children if child.name() == "postgres" and "-D" in child.cmdline())
        folder = Path(server.cmdline()[server.cmdline().index("-D") + 1]).parent
        os.kill(database.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
        assert folder.exists()
        with pytest.raises(SandboxError):
            database.stop_postgrest()
    with Database() as database:
        pass
    assert not folder.exists()


def test_a_server_that_is_not_there() -> None:
    """The reason reaches the caller, soon."""
    begun = time.monotonic()
    with pytest.raises(SandboxError, match="connect"):
        Database(postgres_url="postgresql://nobody:x@127.0.0.1:9/postgres").start()
    assert time.monotonic() - begun < 10


def test_any_postgres_by_url(database_stack: Database) -> None:
    """A second stack on a server that is already there has a database of its own, and leaves nothing behind."""
    names = "select datname from pg_database order by 1"
    before = database_stack.select(names)
    with Database(postgres_url=database_stack.postgres_url) as other:
        assert other.select("select count(*) as n from tenants") == [{"n": 0}]
        assert len(database_stack.select(names)) == len(before) + 1
    assert database_stack.select(names) == before
    roles = database_stack.select("select count(*) as n from pg_roles where rolname like 'authenticator%%'")
    assert roles == [{"n": 1}]
