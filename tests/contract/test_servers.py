"""Child processes of the sandbox: ready or quoted, and gone with whoever started them."""

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.postgres import SandboxError
from sandbox.programs import Program, ProgramMissing, get_programs
from sandbox.servers import Server

ROOT = Path(__file__).parents[2]
_PARENT = """
import asyncio, sys
from pathlib import Path
from sandbox.servers import Server
async def main():
    folder = Path(sys.argv[1])
    command = [sys.executable, "-c", "import os,time; print('up', os.getpid(), flush=True); time.sleep(60)"]
    server = Server("sleeper", command, log=folder / "log", folder=folder)
    async def up():
        return server.said("up")
    await server.start(up)
    print(server.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def python(code: str, folder: Path, *, stop_seconds: float = 5.0) -> Server:
    return Server("it", [sys.executable, "-c", code], log=folder / "log", folder=folder, stop_seconds=stop_seconds)


async def gone(pid: int) -> bool:
    for _ in range(60):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_one_that_fails_is_quoted(tmp_path: Path) -> None:
    """Whoever started it reads why, without looking for a log."""
    server = python("import sys; sys.exit('no licence')", tmp_path)

    async def never() -> bool:
        return False

    with pytest.raises(SandboxError, match="ended at once, with 1: no licence"):
        await server.start(never)
    assert server.ended


async def test_one_that_does_not_listen_is_stopped_by_force_with_its_children(tmp_path: Path) -> None:
    """A process that ignores the signal, and one that it has started, are gone when `stop` returns."""
    code = (
        "import signal,subprocess,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print('child', child.pid, flush=True); time.sleep(60)"
    )
    server = python(code, tmp_path, stop_seconds=0.3)

    async def up() -> bool:
        return server.said("child")

    await server.start(up)
    child, pid = int((tmp_path / "log").read_text().split()[1]), server.pid
    await server.stop()
    assert await gone(pid)
    assert await gone(child)


async def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    """However a run ends, its servers end with it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _PARENT, str(tmp_path)]
    parent = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    assert await gone(pid)


def test_what_is_missing_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once: nobody wants to be told twice."""
    monkeypatch.setenv("PATH", "/nowhere")
    wanted = [
        Program("redis-none", package="redis-none"),
        Program("made-none", module="example.com/none", version="v1", libraries=("opus",)),
    ]
    with pytest.raises(ProgramMissing, match="redis-none, made-none") as told:
        get_programs(wanted)
    for word in ("apt-get install --no-install-recommends redis-none gcc pkg-config libopus-dev", "Go 1.26"):
        assert word in str(told.value)
