"""The API's process as an operator runs it: what it needs to start, and how it ends during a deploy."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from demo.platform import Platform, environment_of, open_platform
from sandbox.database import Database
from sandbox.faults import FaultRule
from sandbox.postgres import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.journey


@dataclass
class Server:
    process: asyncio.subprocess.Process
    url: str
    platform: Platform


@pytest_asyncio.fixture
async def server(database: Database, tmp_path: Path) -> AsyncIterator[Server]:
    """`python -m control_api`, ready."""
    async with open_platform(database, ava_api_drain_seconds=1, ava_api_port=free_port()) as platform:
        environment = {**environment_of(platform.settings), "PYTHONPATH": str(ROOT)}
        log = (tmp_path / "log").open("wb")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "control_api", cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
        url = f"http://127.0.0.1:{platform.settings.ava_api_port}"
        async with asyncio.timeout(60), httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"{url}/readyz")).status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.returncode is None, (tmp_path / "log").read_text()
                await asyncio.sleep(0.05)
        yield Server(process, url, platform)
        if process.returncode is None:
            process.kill()
        await process.wait()
        log.close()


async def test_a_deploy_cuts_no_request(server: Server) -> None:
    """On SIGTERM: not ready at once, what runs is answered, then nothing listens any more and the process ends with 0."""
    token, _ = await server.platform.token()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=20) as http:
        assert (await http.get("/v1/me")).status_code == 200
        server.platform.database.add_faults(FaultRule(operation="table", kind="delay", delay_ms=2500))
        running = asyncio.create_task(http.get("/v1/assistants"))
        await asyncio.sleep(0.3)
        server.process.terminate()
        for _ in range(30):
            if (await http.get("/readyz")).status_code != 200:
                break
            await asyncio.sleep(0.02)
        assert (await http.get("/readyz")).json()["status"] == "draining"
        assert (await running).status_code == 200
    assert await asyncio.wait_for(server.process.wait(), 20) == 0
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{server.url}/livez")


def test_without_settings_it_says_which(tmp_path: Path) -> None:
    """Every variable that is missing by its name, no traceback, exit code 2."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "control_api"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    for name in ("SUPABASE_URL", "AVA_SEALING_KEYS"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
