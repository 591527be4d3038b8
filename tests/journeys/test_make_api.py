"""`make api` as a newcomer runs it: what it prints is pasted into a shell, line by line."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What it says until it is ready; stopped at the end as Ctrl-C would."""
    assert shutil.which("curl"), "curl is missing: install it (Debian: apt-get install curl)"
    said = tmp_path_factory.mktemp("api") / "printed.txt"
    environment = {**os.environ, "AVA_API_PORT": "0", "PYTHONPATH": str(ROOT)}
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.api"],
            cwd=tmp_path_factory.mktemp("elsewhere"),
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + _START_SECONDS
    while "Ctrl-C" not in said.read_text() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    yield said.read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_the_three_lines_put_an_assistant_on_the_line(printed: str) -> None:
    """Each answers as it says; sending the first again makes no second assistant."""
    exported = re.search(r"^export TOKEN=\S+$", printed, re.MULTILINE)
    lines = [line for line in printed.splitlines() if line.startswith("curl ")]
    assert exported, printed
    assert len(lines) == 3
    answers: list[dict[str, Any]] = []
    for line in [*lines, lines[0]]:
        done = subprocess.run(
            ["bash", "-c", f"{exported[0]}\n{line}"], capture_output=True, text=True, timeout=30, check=True
        )
        answers.append(json.loads(done.stdout))
    created, calendar, published, again = answers
    assert created["config"]["language"] == "fr"
    assert (calendar["unmapped_services"], calendar["key_preview"]) == ([], "cal_live_…cdef")
    assert published["published_version"] == 1
    assert again == created


def test_it_says_where_the_page_is(printed: str) -> None:
    address = re.search(r"http://127\.0\.0\.1:\d+/docs", printed)
    assert address
    done = subprocess.run(["curl", "-sS", address[0]], capture_output=True, text=True, timeout=30, check=True)
    assert "swagger-ui" in done.stdout


def test_it_says_where_one_can_call(printed: str) -> None:
    """The page, with the assistant chosen and somebody signed in; the token is behind the #, which no server is sent."""
    address = re.search(r"^(http://127\.0\.0\.1:\d+/try)\?assistant=[0-9a-f-]{36}#token=\S+$", printed, re.MULTILINE)
    assert address, printed
    done = subprocess.run(["curl", "-sS", address[1]], capture_output=True, text=True, timeout=30, check=True)
    assert "Try an assistant" in done.stdout
