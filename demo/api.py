"""`make api`: the control plane on an embedded default, with somebody signed in and three lines to try it with.

Where SUPABASE_URL is set (in the environment or in .env), nothing is embedded: the API runs on that project.
"""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from fastapi import FastAPI

from control_api.app import create_app
from control_api.dependencies import operation_id_for
from control_api.presets.shelf import Shelf
from control_api.server import SettingsMissing, is_hosted, load_settings, serve
from demo.platform import CAL_KEY, Platform, open_platform
from demo.stack import event_type_rows
from observing.logs import set_up
from sandbox.database import Database
from sandbox.postgres import SandboxError

_PORT = int(os.environ.get("AVA_API_PORT") or 8080)
_KEY = "first-assistant"


@asynccontextmanager
async def listening(app: FastAPI, *, port: int = 0) -> AsyncGenerator[str]:
    """The app on a real socket of loopback, as `control_api.server` would run it -> its address. Raises SandboxError."""
    listener = _bound(port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
        )  # fmt: skip
    )
    server.capture_signals = contextlib.nullcontext  # pyright: ignore[reportAttributeAccessIssue]  # ours to act on
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                await task
                raise SandboxError("the API ended before it was ready")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def _bound(port: int) -> socket.socket:
    # named protocol: asyncio then switches Nagle off, without which an answer can wait 40 ms for an ACK
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise SandboxError(f"port {port} is taken: name another, as in AVA_API_PORT=8081 make api") from error
    return listener


def try_address(url: str, token: str, assistant_id: str | UUID | None = None) -> str:
    """The page that calls from the browser, signed in: what stands behind the # stays in the browser."""
    chosen = f"?assistant={assistant_id}" if assistant_id is not None else ""
    return f"{url}/try{chosen}#token={token}"


def _curl(method: str, url: str, body: dict[str, Any] | None, *headers: str) -> str:
    parts = ["curl", "-sS", "-X", method, url, "-H", '"Authorization: Bearer $TOKEN"']
    for header in headers:
        parts += ["-H", shlex.quote(header)]
    if body is not None:
        parts += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(json.dumps(body))]
    return " ".join(parts)


def first_steps(url: str, assistant_id: UUID, event_types: dict[str, int]) -> list[tuple[str, str]]:
    """(what it does, the command): an assistant from a preset, its calendar, on the line."""
    assistants = f"{url}/v1/assistants"
    preset = {"preset": {"industry": "health", "language": "fr"}, "name": "Accueil"}
    calendar = {"provider": "calcom", "region": "us", "api_key": CAL_KEY, "event_types": event_types}
    return [
        ("an assistant from a preset", _curl("POST", assistants, preset, f"Idempotency-Key: {_KEY}")),
        ("its calendar (the stand-in's key)", _curl("PUT", f"{assistants}/{assistant_id}/calendar", calendar)),
        ("on the line", _curl("POST", f"{assistants}/{assistant_id}/publish", {})),
    ]


async def _event_types(platform: Platform) -> dict[str, int]:
    """The stand-in's calendar keeps the preset's services."""
    config = Shelf.read().find("health", "fr")
    if config is None:
        raise SandboxError("presets/health.fr.yaml is missing")
    ids = {service.service_id: 101 + n for n, service in enumerate(config.services)}
    await platform.control("calcom", "event-types", event_type_rows(config, ids))
    return ids


async def _embedded(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Database() as database, open_platform(database) as platform:
        event_types = await _event_types(platform)
        token, _ = await platform.token(email="owner@example.com", expires_in=12 * 3600)
        app = create_app(platform.settings)
        async with listening(app, port=port) as url:
            async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http:
                me = (await http.get(f"{url}/v1/me")).raise_for_status().json()
            assistant_id = operation_id_for(UUID(me["home_tenant_id"]), me["subject"], "POST", "/v1/assistants", _KEY)
            print(f"The API answers at {url}; everything about it: {url}/docs")
            print("It runs on an embedded Postgres that is emptied at the end; outside parties are stand-ins.\n")
            print(f"export TOKEN={token}\n")
            for what, command in first_steps(url, assistant_id, event_types):
                print(f"# {what}\n{command}\n")
            print(
                "# call it from your browser; LiveKit is a stand-in here and carries no sound: `make phone` has a real one"
            )
            print(f"{try_address(url, token, assistant_id)}\n")
            print("# Ctrl-C stops it", flush=True)
            await stop.wait()


def main() -> int:
    if is_hosted():
        try:
            serve(load_settings())
        except SettingsMissing as error:
            print(error, file=sys.stderr)
            return 2
        return 0
    set_up("WARNING", json=False)
    try:
        asyncio.run(_embedded(_PORT))
    except SandboxError as error:
        print(f"the API can't run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
