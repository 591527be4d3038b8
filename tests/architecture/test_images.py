"""The images are rehearsed, since no container engine runs here: what is copied is enough and no more, what is installed is
enough, the user is nobody, the health command can tell, and no key is in it.

What this can't show: that the base image is to be had, and that the build's own commands succeed in it.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from control_api.try_page import LIBRARY
from tests.architecture.dockerfiles import ROOT, Dockerfile

OURS = frozenset(
    {
        "contracts",
        "store",
        "calendar_tools",
        "briefing",
        "observing",
        "agent",
        "control_api",
        "sandbox",
        "demo",
        "bench",
    }
)
BUILD_FILES = {"pyproject.toml", "requirements.lock", "package.json", "package-lock.json"}


@dataclass(frozen=True)
class Image:
    """`probe`: Python that does what the process does before its first request or call, as far as that needs nobody."""

    file: str
    package: str
    extra: str
    data: frozenset[str]
    probe: str
    builds_with: frozenset[str] = frozenset({"python"})

    @property
    def dockerfile(self) -> Dockerfile:
        return Dockerfile.read(self.file)


AGENT = Image(
    "Dockerfile.agent",
    "agent",
    "agent",
    frozenset({"prompts"}),
    """
import agent.__main__, agent.preflight
from agent.settings import load_settings
from agent.worker import build_server
settings = load_settings(_env_file=None, openai_api_key="-", deepgram_api_key="-", eleven_api_key="-",
    supabase_url="http://127.0.0.1:1", supabase_secret_key="-")
build_server(settings)
import briefing.prompt, agent.costs, agent.voice
assert briefing.prompt._PROMPTS.joinpath("receptionist.md").read_text()
assert agent.costs.PriceTable.read()
assert agent.voice.shipped_clip("fr", "technical")
""",
)
API = Image(
    "Dockerfile.api",
    "control_api",
    "api",
    frozenset({"prompts", "presets", "supabase/migrations"}),
    """
import control_api.server, control_api.cli
from control_api.app import create_app
from control_api.presets.shelf import Shelf
from control_api.settings import load_settings
from store.migrations import MIGRATIONS
from store.vault import generate_key
settings = load_settings(_env_file=None, supabase_url="http://127.0.0.1:1", supabase_publishable_key="-",
    supabase_secret_key="-", ava_sealing_keys=generate_key())
assert "/v1/me" in create_app(settings).openapi()["paths"]
assert Shelf.read()
assert list(MIGRATIONS.glob("*.sql"))
import briefing.prompt
assert briefing.prompt._PROMPTS.joinpath("receptionist.md").read_text()
import control_api.try_page
assert control_api.try_page.PAGES.joinpath("try.html").read_text()
assert str(control_api.try_page.LIBRARY).endswith("/node_modules/livekit-client/dist/livekit-client.umd.js")
""",
    frozenset({"python", "node"}),
)
IMAGES = pytest.mark.parametrize("image", [AGENT, API], ids=lambda image: image.file)

# Denies every module whose distribution the image does not install, as an image without it would.
GUARD = """
import sys
class Absent:
    def __init__(self, names): self.names = frozenset(names)
    def find_spec(self, name, path=None, target=None):
        if name in self.names: raise ModuleNotFoundError(f"{name} is not in this image", name=name)
sys.meta_path.insert(0, Absent(%s))
"""


@cache
def imported_by(package: str) -> frozenset[str]:
    """Packages of ours that a package needs, itself among them."""
    found: set[str] = set()
    waiting = {package}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {other for path in (ROOT / name).rglob("*.py") for other in _imports(path)} & OURS - found
    return frozenset(found)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@cache
def installed_with(extra: str) -> frozenset[str]:
    """Distributions that `pyproject.toml` with that extra brings, by their own metadata."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(r) for r in [*project["dependencies"], *project["optional-dependencies"][extra]]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        for chosen in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), chosen)
            if key in seen or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            seen.add(key)
            waiting += _requirements(wanted.name, chosen)
    return frozenset(name for name, _ in seen)


def _requirements(name: str, extra: str) -> Iterator[Requirement]:
    try:
        stated = distribution(name).requires or []
    except PackageNotFoundError:
        return
    for text in stated:
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            one.marker = None
            yield one


def absent_modules(extra: str) -> list[str]:
    """Top-level modules of this environment that none of the image's distributions has."""
    there = installed_with(extra)
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & there
    )


@IMAGES
def test_it_has_the_packages_that_it_imports_and_no_other(image: Image) -> None:
    copied = set(image.dockerfile.copied) - BUILD_FILES
    assert copied == imported_by(image.package) | image.data
    assert {source: target.rstrip("/") for source, target in image.dockerfile.copied.items() if source in copied} == {
        name: name for name in copied
    }


@IMAGES
def test_its_process_comes_up_on_what_it_has(image: Image, tmp_path: Path) -> None:
    """In a folder with only what is copied, with only the distributions that its extra brings."""
    image.dockerfile.lay_out(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", GUARD % json.dumps(absent_modules(image.extra)) + image.probe],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "nobody")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]


def test_the_audio_image_has_no_web_framework_and_no_sandbox() -> None:
    absent = set(absent_modules("agent"))
    assert {"fastapi", "starlette", "uvicorn", "twilio", "psycopg", "pytest"} <= absent
    assert {"livekit", "supabase", "opentelemetry"}.isdisjoint(absent)
    assert {"pytest", "espeakng_loader", "numpy", "rich"} & set(absent_modules("api"))


def test_an_image_that_lacks_something_is_found(tmp_path: Path) -> None:
    """The rehearsal can fail: without the prompts, and with a module away."""
    AGENT.dockerfile.lay_out(tmp_path)
    (tmp_path / "prompts" / "receptionist.md").unlink()
    for guard, missing in ((GUARD % "[]", "receptionist.md"), (GUARD % '["structlog"]', "structlog")):
        run = subprocess.run(
            [sys.executable, "-c", guard + AGENT.probe],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode != 0
        assert missing in run.stderr


@IMAGES
def test_it_installs_its_own_extra_from_the_lock(image: Image) -> None:
    [install] = [rest for rest in image.dockerfile.all("RUN") if "uv pip install" in rest]
    assert f"--extra {image.extra}" in install
    assert "--constraint requirements.lock" in install
    assert install.count("--extra") == 1


@IMAGES
def test_it_is_built_apart_from_what_is_shipped(image: Image) -> None:
    """No package manager's leavings, no source of the build; what is shipped is built on its own base. npm brings the page's
    library, by its lock, and stays behind."""
    dockerfile = image.dockerfile
    bases = [rest.split()[0].partition(":")[0] for rest in dockerfile.all("FROM")]
    assert (set(bases), bases[0], bases[-1]) == (image.builds_with, "python", "python")
    assert len(bases) == 1 + len(image.builds_with)
    assert len({rest.split()[0] for rest in dockerfile.all("FROM") if rest.startswith("python")}) == 1
    assert all(rest.startswith(("--from=build", "--from=web")) for rest in dockerfile.of_last("COPY"))
    assert ("npm ci --ignore-scripts" in " ".join(dockerfile.all("RUN"))) == ("node" in image.builds_with)
    assert not any(word in rest for rest in dockerfile.of_last("RUN") for word in ("pip", "apt", "curl", "npm"))
    assert dockerfile.all("ADD") == []


@IMAGES
def test_its_user_is_nobody(image: Image) -> None:
    """By number, so that Kubernetes' runAsNonRoot can tell; and nothing but its data is theirs."""
    [user] = image.dockerfile.of_last("USER")
    assert user.isdecimal()
    assert int(user) >= 10_000
    assert "--chown" not in image.dockerfile.text
    after = [one.word for one in image.dockerfile.last]
    assert after.index("USER") < after.index("ENTRYPOINT")


@IMAGES
def test_signals_reach_the_process(image: Image) -> None:
    """A shell in between would swallow SIGTERM, and every call be cut."""
    for word in ("ENTRYPOINT", "CMD"):
        [rest] = image.dockerfile.of_last(word)
        assert isinstance(json.loads(rest), list)


class _Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@IMAGES
def test_its_health_command_can_tell(image: Image) -> None:
    """0 for a process that answers 200, else not: for 503, and for nobody there."""
    [rest] = image.dockerfile.of_last("HEALTHCHECK")
    command: list[str] = json.loads(rest.split("CMD ", 1)[1])
    server = HTTPServer(("127.0.0.1", 0), _Answering)
    Thread(target=server.serve_forever, daemon=True).start()

    def health() -> int:
        ports = dict.fromkeys(("AVA_HEALTH_PORT", "AVA_API_PORT"), str(server.server_port))
        environment = {**ports, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        return subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False).returncode

    found = {}
    for status in (200, 503):
        _Answering.status = status
        found[status] = health()
    server.shutdown()
    server.server_close()
    assert (found[200] == 0, found[503] == 0, health() == 0) == (True, False, False)


@IMAGES
def test_it_holds_no_key_and_names_no_host(image: Image) -> None:
    dockerfile = image.dockerfile
    named = [*dockerfile.environment, *(rest.split("=")[0] for rest in dockerfile.all("ARG"))]
    assert [name for name in named if re.search("KEY|SECRET|TOKEN|PASSWORD", name)] == []
    assert ".env" not in " ".join(dockerfile.all("COPY") + dockerfile.all("RUN"))
    assert [base for base in dockerfile.all("FROM") if "/" in base] == []
    assert re.findall(r"https?://(?!127\.0\.0\.1)", dockerfile.text) == []
    assert "index-url" not in dockerfile.text


def test_the_library_of_the_page_lies_where_the_api_looks_for_it() -> None:
    """At the same place below the working folder as here, where npm puts it."""
    [copied] = [rest for rest in API.dockerfile.of_last("COPY") if rest.startswith("--from=web")]
    _, source, target = copied.split()
    assert (LIBRARY.relative_to(ROOT).as_posix(), LIBRARY.is_file()) == (source.removeprefix("/web/"), True)
    assert target == f"/app/{LIBRARY.parent.relative_to(ROOT).as_posix()}/"


def test_nothing_else_is_sent_to_the_builder() -> None:
    """The context begins with nothing; what is let in is what an image copies."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in == {source for image in (AGENT, API) for source in image.dockerfile.copied}
