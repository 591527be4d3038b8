"""How a worker is, over HTTP: for a container's health check, for whoever scales workers, for Prometheus.

`/livez`: the process answers. `/readyz`, and `/` as the framework has it: it takes calls; 503 while it warms up, connects or
drains. `/calls`: how many are under way and how many it takes; 503, never 0, while that is not known. `/metrics`: Prometheus.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from agent.lookout import Counts
from agent.meters import Meters
from agent.server import Server

log = structlog.get_logger("agent.health")

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Answers from what the server knows at that moment; asks nobody."""

    def __init__(self, server: Server, meters: Meters, counts: Counts) -> None:
        self._server = server
        self._meters = meters
        self._counts = counts
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/", self._readyz),
                web.get("/calls", self._calls),
                web.get("/metrics", self._metrics),
            ]
        )

    async def _livez(self, _: web.Request) -> web.Response:
        """A worker that LiveKit has refused for good is no use: restart it."""
        failed = self._server.state == "failed"
        return web.json_response({"status": "failed" if failed else "alive"}, status=503 if failed else 200)

    async def _readyz(self, _: web.Request) -> web.Response:
        state = self._server.state
        return web.json_response({"status": state}, status=200 if state == "ready" else 503)

    async def _calls(self, _: web.Request) -> web.Response:
        server, live = self._server, self._server.live_calls
        if live is None:
            return web.json_response({"status": server.state, "detail": "not known yet"}, status=503)
        takes = server.most_calls if server.state == "ready" else 0
        figures = {"live": live, "most": server.most_calls, "free": max(0, takes - live)}
        share = {"occupancy": round(live / server.most_calls, 3), "load": round(server.load, 3)}
        return web.json_response({"status": server.state, **figures, **share})

    async def _metrics(self, _: web.Request) -> web.Response:
        server = self._server
        body = self._meters.exposed(
            state=server.state, live=server.live_calls, most=server.most_calls, load=server.load, counts=self._counts
        )
        return web.Response(body=body, headers={"content-type": _TEXT})


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncGenerator[int]:
    """-> the port. An empty host is every interface."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host or None, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
