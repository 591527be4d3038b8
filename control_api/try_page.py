"""`/try`: a page that calls an assistant from the browser and shows what is said. Everything it needs is served from here.

Owns: its files, their addresses, and the policy under which they run: only its own scripts, and connections to this API and
to LiveKit. Refuses: deciding anything: the page asks `POST /v1/assistants/{assistant_id}/test-call` as whoever signs in there.

livekit-client is npm's, pinned by package-lock.json. Where it is not installed the page is there all the same, and says so.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse

from control_api.errors import NotFound

PAGES = Path(__file__).parent / "pages"
LIBRARY = Path(__file__).parent.parent / "node_modules/livekit-client/dist/livekit-client.umd.js"
_FILES = {
    "try.css": "text/css",
    "try.js": "text/javascript",
    "api.js": "text/javascript",
    "call.js": "text/javascript",
    "transcript.js": "text/javascript",
    "try.svg": "image/svg+xml",
}
_CLOUD = ".livekit.cloud"


def _places(livekit_url: str | None) -> list[str]:
    """Where livekit-client connects to: the server by WebSocket, and by HTTP to ask why that failed. LiveKit Cloud sends it on
    to the region that is nearest."""
    parts = urlsplit(livekit_url or "")
    if not parts.hostname:
        return []
    secure = "s" if parts.scheme in ("wss", "https") else ""
    hosts = [parts.netloc.rpartition("@")[2]]
    if parts.hostname.endswith(_CLOUD):
        hosts.append(f"*{_CLOUD}")
    return [f"{scheme}{secure}://{host}" for host in hosts for scheme in ("ws", "http")]


def policy(livekit_url: str | None) -> str:
    """The page's Content-Security-Policy."""
    connects = " ".join(["'self'", *_places(livekit_url)])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
        f" connect-src {connects}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def add_try(app: FastAPI, *, livekit_url: str | None) -> None:
    """`livekit_url`: where a browser finds LiveKit; None: this deployment has none, and the page says so when it is asked."""
    router = APIRouter(include_in_schema=False)
    headers = {
        "content-security-policy": policy(livekit_url),
        "permissions-policy": "microphone=(self), camera=(), geolocation=()",
        "cache-control": "no-cache",
    }

    @router.get("/try")
    async def try_page() -> FileResponse:  # pyright: ignore[reportUnusedFunction]  # the route is its use
        return FileResponse(PAGES / "try.html", media_type="text/html", headers=headers)

    def asset(path: Path, media_type: str, kept: str) -> Any:
        async def serve() -> FileResponse:
            return FileResponse(path, media_type=media_type, headers={"cache-control": kept})

        return serve

    async def not_installed() -> FileResponse:
        raise NotFound("livekit-client is not installed on this server: run npm ci, and start it again")

    for name, media_type in _FILES.items():
        router.add_api_route(f"/try/{name}", asset(PAGES / name, media_type, "no-cache"), name=name)
    library = asset(LIBRARY, "text/javascript", "max-age=86400") if LIBRARY.is_file() else not_installed
    router.add_api_route("/try/livekit-client.js", library, name="livekit-client.js")
    app.include_router(router)
