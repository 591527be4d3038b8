"""All scenarios at once: each lane is a process with a stack of its own, so that no call sees another's faults.

Owns: handing out scenarios, longest first, and collecting the documents. A lane reads names on standard input, one a line,
and answers each with one line of JSON on standard output.
"""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.play import play
from demo.report import CallReport
from demo.scenario import Scenario, get_scenario
from demo.stack import open_stack

_ROOT = Path(__file__).resolve().parent.parent
_LONGEST = 240.0  # seconds a lane may take for one scenario, its start included
_LINE_LIMIT = 8 * 1024 * 1024  # bytes of one document


class LaneFailed(RuntimeError):
    """A lane ended or fell silent; the message ends with what it said."""


async def run_lanes(
    scenarios: Sequence[Scenario], *, lanes: int, keep: Path, data: Path, done: Callable[[CallReport], None]
) -> tuple[list[CallReport], list[LaneFailed]]:
    """Reports in the order of `scenarios`, and those that could not be run at all. `done` is told of each as it comes."""
    waiting = deque(sorted(scenarios, key=lambda s: -s.seconds))
    found: dict[str, CallReport] = {}
    failed: list[LaneFailed] = []

    async def lane(number: int) -> None:
        while waiting:
            try:
                async with _Lane(number, keep=keep, data=data) as worker:
                    while waiting:
                        report = await worker.run(waiting.popleft().name)
                        found[report.scenario] = report
                        done(report)
            except LaneFailed as error:  # the next scenario gets a new process
                failed.append(error)

    async with asyncio.TaskGroup() as group:
        for number in range(1, min(lanes, len(scenarios)) + 1):
            group.create_task(lane(number))
    return [found[s.name] for s in scenarios if s.name in found], failed


class _Lane:
    """The parent's end of one lane."""

    def __init__(self, number: int, *, keep: Path, data: Path) -> None:
        self._command = (
            sys.executable,
            "-m",
            "demo",
            "lane",
            "--keep",
            str(keep),
            "--data",
            str(data / f"lane-{number}"),
        )
        self._log = data / f"lane-{number}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "_Lane":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        pipe = asyncio.subprocess.PIPE
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=_ROOT, stdin=pipe, stdout=pipe, stderr=log, limit=_LINE_LIMIT
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()  # the lane closes its stack and ends
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def run(self, name: str) -> CallReport:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{name}\n".encode())
            await process.stdin.drain()
            async with asyncio.timeout(_LONGEST):
                line = await process.stdout.readline()
        except (TimeoutError, ConnectionError):
            line = b""
        if not line:
            raise LaneFailed(f"{name}: the lane gave no answer: {self._log.read_text(errors='replace')[-2_000:]}")
        return CallReport.model_validate_json(line)


async def serve_lane(*, keep: Path, data: Path) -> None:
    """The child's end: until standard input closes."""
    loop = asyncio.get_running_loop()
    async with open_stack(data=data) as stack:
        while name := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
            report = await play(stack, get_scenario(name), keep=keep, live=lambda _: None)
            with contextlib.suppress(BrokenPipeError):
                sys.stdout.write(report.model_dump_json() + "\n")
                sys.stdout.flush()
