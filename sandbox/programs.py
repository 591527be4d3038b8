"""The telephone's programs: each from PATH, else built into .bin by `go install`, else what to install is said.

Owns: which programs a real line needs and at which version, finding them, building what Go can build, once.
Refuses: starting them (`sandbox.telephony`, `sandbox.softphone`), and installing what belongs to the operating system.
"""

import contextlib
import fcntl
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.postgres import SandboxError, die_with_parent

BIN = Path(__file__).parent.parent / ".bin"
_BUILD_SECONDS = 45 * 60.0
_TELL_EVERY_SECONDS = 15.0

Say = Callable[[str], None]
"""Told of progress, a line at a time."""


class ProgramMissing(SandboxError):
    """Names each program that is missing and how it is got."""


@dataclass(frozen=True)
class Program:
    """`package`: Debian's, for one that is not built here. `libraries`: what pkg-config must know for the build."""

    name: str
    package: str = ""
    module: str = ""
    version: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def built(self) -> Path:
        return BIN / f"{self.name}-{self.version}"

    def find(self) -> Path | None:
        """From PATH, or built before."""
        if found := shutil.which(self.name):
            return Path(found)
        return self.built if self.module and os.access(self.built, os.X_OK) else None


REDIS = Program("redis-server", package="redis-server")
# Pinned: LiveKit's next tags carry replace directives, which `go install` refuses.
LIVEKIT = Program("livekit-server", module="github.com/livekit/livekit-server/cmd/server", version="v1.13.5")
LIVEKIT_SIP = Program(
    "livekit-sip",
    module="github.com/livekit/sip/cmd/livekit-sip",
    version="v1.11.0",
    libraries=("opus", "opusfile", "soxr"),
)
BARESIP = Program("baresip", package="baresip-core")
CHROMIUM = Program("chromium", package="chromium")

_PACKAGES = {"opus": "libopus-dev", "opusfile": "libopusfile-dev", "soxr": "libsoxr-dev"}


def say_nothing(_: str) -> None:
    """Nobody watches."""


def say_on_terminal(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def get_programs(programs: Iterable[Program], *, say: Say = say_nothing) -> Mapping[str, Path]:
    """Name -> path, built where that is possible. Blocks for minutes then. Raises ProgramMissing, naming all at once,
    or SandboxError with the end of what a failed build said."""
    wanted = tuple(programs)
    lacking = [program for program in wanted if program.find() is None]
    if problems := _problems(lacking):
        raise ProgramMissing(problems)
    for program in lacking:
        _build(program, say)
    return {program.name: program.find() or program.built for program in wanted}


def find_or_build(program: Program, *, say: Say = say_nothing) -> Path | None:
    """None, and a word why, where it is not here and can't be made: not every module proxy has every module."""
    try:
        return get_programs([program], say=say)[program.name]
    except SandboxError as error:
        say(f"{program.name} is not to be had, a stand-in takes its place: {error}")
        return None


def _problems(lacking: list[Program]) -> str:
    packages = [program.package for program in lacking if program.package]
    building = [program for program in lacking if program.module]
    libraries = {library for program in building for library in program.libraries}
    tools = [tool for tool in ("gcc", "pkg-config") if libraries and shutil.which(tool) is None]
    packages += tools + [_PACKAGES[library] for library in sorted(libraries) if not _is_known(library)]
    go = bool(building) and shutil.which("go") is None
    if not packages and not go:
        return ""
    names = ", ".join(program.name for program in lacking)
    parts = [f"the telephone line needs programs that are not here: {names}."]
    if packages:
        parts.append(f"Install with `apt-get install --no-install-recommends {' '.join(packages)}` (Debian, Ubuntu).")
    if go:
        parts.append(
            "Go 1.26 or newer is needed too, to build LiveKit (https://go.dev/dl), or put its programs on PATH."
        )
    return " ".join(parts)


def _is_known(library: str) -> bool:
    """To pkg-config; where that is missing it is the thing to install first."""
    tool = shutil.which("pkg-config")
    return tool is not None and subprocess.run([tool, "--exists", library], timeout=10, check=False).returncode == 0


def _build(program: Program, say: Say) -> None:
    BIN.mkdir(exist_ok=True)
    with _alone(BIN / f"{program.name}.lock"):
        if program.find() is not None:
            return  # another process has built it meanwhile
        say(f"building {program.name} {program.version} into .bin (once, a few minutes; Go keeps what it downloads)")
        with tempfile.TemporaryDirectory(prefix="making-", dir=BIN) as folder:
            began = time.monotonic()
            _go_install(program, Path(folder), say)
            [made] = list(Path(folder).iterdir())
            made.rename(program.built)
        say(f"built {program.name} in {time.monotonic() - began:.0f} s")


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go_install(program: Program, folder: Path, say: Say) -> None:
    """`-v` names each package as it is compiled: that, and what is downloaded, is the progress."""
    environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "1" if program.libraries else "0"}
    process = subprocess.Popen(
        ["go", "install", "-v", "-trimpath", f"{program.module}@{program.version}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent(),
    )
    try:
        said = _follow(process, program, say)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise SandboxError(f"{program.name} could not be built: {' / '.join(said[-12:])}")


def _follow(process: subprocess.Popen[bytes], program: Program, say: Say) -> list[str]:
    """-> the lines it said, once it has ended. Raises SandboxError when it takes longer than can be."""
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    began = told = time.monotonic()
    text = b""
    while True:
        select.select([process.stderr], [], [], 1.0)
        piece = process.stderr.read()
        text += piece or b""
        now = time.monotonic()
        if piece == b"":
            process.wait(_TELL_EVERY_SECONDS)
            return text.decode(errors="replace").splitlines()
        if now - began > _BUILD_SECONDS:
            raise SandboxError(f"building {program.name} took longer than {_BUILD_SECONDS / 60:.0f} minutes")
        if now - told >= _TELL_EVERY_SECONDS:
            told = now
            lines = text.decode(errors="replace").splitlines()
            fetched = sum(line.startswith("go: downloading") for line in lines)
            say(f"  {program.name}: {now - began:.0f} s, {fetched} modules, {len(lines) - fetched} packages compiled")


def main(more: list[str]) -> int:
    """`python -m sandbox.programs [chromium]`: what a telephone line needs is here afterwards, or what is missing is said."""
    line = (REDIS, LIVEKIT, BARESIP)
    try:
        found = get_programs((*line, CHROMIUM) if CHROMIUM.name in more else line, say=say_on_terminal)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    for name, path in found.items():
        print(f"{name}: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
