"""The page that calls from the browser: it is all here, and nothing else may run in it."""

import re
from pathlib import Path

import pytest

from control_api.try_page import LIBRARY, policy
from tests.fakes.control_plane import ControlPlane, reconfigured

PAGES = Path(__file__).parents[2] / "control_api/pages"


async def test_the_page_asks_no_other_host(plane: ControlPlane) -> None:
    """Every script, style and picture comes from this server, those that scripts bring along too; nothing stands inline."""
    http = await plane.client(None)
    page = await http.get("/try")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    asked = set(re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)) - {"/docs"}
    asked |= {found for path in PAGES.glob("*.js") for found in re.findall(r"from \"([^\"]+)\"", path.read_text())}
    assert len(asked) >= 6
    for address in asked:
        assert address.startswith("/try/")
        answer = await http.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script>|<style|style=|\bon[a-z]+=", page.text)
    assert "https://" not in page.text


async def test_its_policy_lets_it_reach_livekit_and_nothing_else(plane: ControlPlane) -> None:
    """The microphone is its own; it can be put in nobody's frame."""
    headers = (await (await plane.client(None)).get("/try")).headers
    host = (plane.settings.livekit_url or "").partition("://")[2]
    rules = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"].split() == ["'self'", f"ws://{host}", f"http://{host}"]
    assert rules["frame-ancestors"] == "'none'"
    assert headers["permissions-policy"].startswith("microphone=(self)")


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("wss://line.example.com:8443", "wss://line.example.com:8443 https://line.example.com:8443"),
        ("https://line.example.com", "wss://line.example.com https://line.example.com"),
        (
            "wss://ava-1.livekit.cloud",
            "wss://ava-1.livekit.cloud https://ava-1.livekit.cloud wss://*.livekit.cloud https://*.livekit.cloud",
        ),
        ("ws://user:secret@127.0.0.1:7880/path", "ws://127.0.0.1:7880 http://127.0.0.1:7880"),
        (None, ""),
        ("not an address", ""),
    ],
)
def test_where_livekit_is(url: str | None, places: str) -> None:
    """As it is written in LIVEKIT_URL; LiveKit Cloud sends a browser on to its regions."""
    wanted = f"'self' {places}".strip()
    assert f" connect-src {wanted};" in policy(url)


async def test_a_deployment_without_livekit_has_the_page(plane: ControlPlane) -> None:
    """It says so when a call is asked for, in words of the API."""
    async with reconfigured(plane, livekit_url=None) as deployed:
        page = await (await deployed.client(None)).get("/try")
    assert page.status_code == 200
    assert "connect-src 'self';" in page.headers["content-security-policy"]


async def test_the_library_is_the_pinned_one(plane: ControlPlane) -> None:
    """As package-lock.json brought it; a browser need not fetch it again for a day."""
    answer = await (await plane.client(None)).get("/try/livekit-client.js")
    assert answer.content == LIBRARY.read_bytes()
    assert answer.headers["cache-control"] == "max-age=86400"
