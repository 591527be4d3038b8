"""The server behind `python -m control_api`. It stops in order: not ready first, what runs is finished, all is closed."""

import asyncio
import signal
import sys
from types import FrameType

import uvicorn

from control_api.app import create_app
from control_api.health.service import HealthService
from control_api.settings import Settings, SettingsMissing, load_settings
from observing.logs import set_up

FINISH_SECONDS = 25


class DrainingServer(uvicorn.Server):
    """On SIGTERM: `/readyz` answers 503 at once, and the listener closes `drain_seconds` later, when load balancers know."""

    def __init__(self, config: uvicorn.Config, *, health: HealthService, drain_seconds: int) -> None:
        super().__init__(config)
        self._health = health
        self._drain_seconds = drain_seconds
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal does not wait. Nothing is raised again at the end, as uvicorn would: an orderly end is a 0."""
        if self._draining:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._draining = True
        self._health.drain()
        seconds = 0 if sig == signal.SIGINT else self._drain_seconds
        asyncio.get_event_loop().call_later(seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(settings: Settings) -> None:
    set_up(settings.ava_log_level)
    app = create_app(settings)
    app.openapi()  # takes a second, in which a running server would answer nobody else
    config = uvicorn.Config(
        app,
        host=settings.ava_api_host,
        port=settings.ava_api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=FINISH_SECONDS,
        timeout_keep_alive=75,
    )
    DrainingServer(config, health=app.state.provided[HealthService], drain_seconds=settings.ava_api_drain_seconds).run()


def main() -> int:
    try:
        settings = load_settings()
    except SettingsMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    serve(settings)
    return 0


def is_hosted() -> bool:
    """Is a Supabase project named, in the environment or in .env?"""
    try:
        return bool(load_settings())
    except SettingsMissing as error:
        return "SUPABASE_URL" not in str(error)
