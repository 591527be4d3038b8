"""The real line with everything behind it: LiveKit and its SIP service, the API, the worker as production runs it.

Owns: bringing them up on loopback, against the embedded database and the stand-ins, and the worker's environment: base
URLs differ from a deployment's, nothing else. Refuses: setting a business up (`demo.owner`), ringing (`demo.phone`).
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from contracts.hours import WEEKDAYS
from control_api.app import create_app
from demo.api import listening
from demo.owner import Owner
from demo.platform import CAL_KEY, Platform, open_platform
from demo.stack import ROOT, event_type_rows, read_preset
from demo.workers import AS_IT_SHIPS, Worker
from sandbox.database import Database
from sandbox.postgres import free_port
from sandbox.programs import Say, say_nothing
from sandbox.providers import StandIns
from sandbox.servers import Server, free_udp_port
from sandbox.telephony import TelephoneLine, open_telephony
from sandbox.twilio_edge import Edge, hosts_of, open_edge
from store.vault import generate_key

LOOPBACK = "127.0.0.1"
STAND_INS = ("deepgram", "openai", "elevenlabs", "calcom", "langfuse", "issuer", "twilio")
_FIRST_EVENT_TYPE = 101
_WORKING = [["08:00", "20:00"]]
LOST_SECONDS = 12  # that a worker here is given to close a call; the longest that a test keeps one from it is five
_ALIKE_TENTH_DB = 45  # codecs and the room's automatic gain change a recording more than a line inside the process does


@dataclass(frozen=True)
class Exchange:
    """Ready for calls."""

    line: TelephoneLine
    platform: Platform
    worker: Server
    api_url: str
    owner: Owner
    recordings: Path  # where the worker keeps them, and the API finds them
    token: str = field(repr=False)
    """The owner's, for the API."""

    data: Path
    first: Worker
    edge: Edge
    """Where calls out of Twilio's numbers go: `edge.telephones` says who is rung."""

    @property
    def database(self) -> Database:
        return self.platform.database

    def make_worker(self, name: str, *, idle_processes: int = 4, command: Sequence[str] = AS_IT_SHIPS) -> Worker:
        """On the same line, with a folder of its own, as on another machine; not started."""
        data = self.data / name.replace(" ", "-")
        return Worker.make(name, data, worker_environment(self.line, self.platform, data, idle_processes), command)

    @asynccontextmanager
    async def another_worker(
        self, name: str, *, idle_processes: int = 4, command: Sequence[str] = AS_IT_SHIPS
    ) -> AsyncGenerator[Worker]:
        """Started and ready; stopped at the end, if it still runs."""
        worker = self.make_worker(name, idle_processes=idle_processes, command=command)
        try:
            await worker.start()
            yield worker
        finally:
            await worker.server.stop()

    async def expects(self, *utterances: Mapping[str, Any]) -> None:
        """What each caller from now on may say (`Recording.for_deepgram`): the recogniser is a stand-in."""
        await self.platform.control("deepgram", "reset", {})
        await self.platform.control("deepgram", "knobs", {"same_tenth_db": _ALIKE_TENTH_DB})
        await self.platform.control("deepgram", "transcripts", {"session": "each", "utterances": list(utterances)})

    async def bookings(self) -> list[dict[str, Any]]:
        """As Cal.com holds them."""
        state = await self.platform.control("calcom", "state", method="GET")
        return list(state["bookings"])


@asynccontextmanager
async def open_exchange(
    *, data: Path, idle_processes: int = 4, build: bool = False, stand_in: bool = False, say: Say = say_nothing
) -> AsyncGenerator[Exchange]:
    """`data`: the worker's own folder. `idle_processes`: its warm processes; 0: no worker. The rest as in `open_telephony`.
    Raises ProgramMissing, SandboxError."""
    sealing = generate_key()
    async with AsyncExitStack() as running:
        api_port = free_port()
        webhook = f"http://{LOOPBACK}:{api_port}/v1/webhooks/livekit"
        edge_port = free_udp_port()
        telephony = open_telephony(webhook=webhook, hosts=hosts_of(edge_port), build=build, stand_in=stand_in, say=say)
        line = await running.enter_async_context(telephony)
        say("starting the database, the stand-ins, the API and the worker")
        database = await running.enter_async_context(Database())
        options = {"calcom": {"api_key": CAL_KEY}, "issuer": {"keys": json.dumps(dict(database.issuer_keys))}}
        urls = dict(await running.enter_async_context(StandIns(STAND_INS, options=options)))
        platform = await running.enter_async_context(
            open_platform(
                database,
                running={**urls, "livekit": line.url},
                ava_sealing_keys=sealing,
                livekit_url=line.url,
                livekit_api_key=line.api_key,
                livekit_api_secret=line.api_secret,
                livekit_sip_uri=line.sip_uri,
                ava_lost_call_seconds=LOST_SECONDS,
                ava_public_url=f"http://{LOOPBACK}:{api_port}",
                ava_recordings=str(data / "recordings"),
                ava_planned_calls_seconds=0,  # at night it would ring nobody: who shows calls out says when it is day
                ava_allow_private_addresses=True,  # calls out go to telephones on loopback
            )
        )
        await _keep_the_diary(platform)
        worker = Worker.make("the worker", data, worker_environment(line, platform, data, idle_processes))
        running.push_async_callback(worker.server.stop)
        if idle_processes:
            await worker.start()
        url = await running.enter_async_context(listening(create_app(platform.settings), port=api_port))
        token, _ = await platform.token(email="owner@example.com", expires_in=12 * 3600)
        headers = {"authorization": f"Bearer {token}"}
        http = await running.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=30))
        edge = await running.enter_async_context(open_edge(edge_port, urls["twilio"]))
        yield Exchange(line, platform, worker.server, url, Owner(http), data / "recordings", token, data, worker, edge)


async def _keep_the_diary(platform: Platform) -> None:
    """The calendar has the preset's services, and places on every day."""
    config = read_preset("health.fr")
    ids = {service.service_id: _FIRST_EVENT_TYPE + n for n, service in enumerate(config.services)}
    await platform.control("calcom", "event-types", event_type_rows(config, ids))
    await platform.control(
        "calcom", "hours", {"zone": config.hours.time_zone, "weekly": dict.fromkeys(WEEKDAYS, _WORKING)}
    )


def worker_environment(line: TelephoneLine, platform: Platform, data: Path, idle_processes: int) -> dict[str, str]:
    """What an operator puts in .env for it."""
    urls, settings = platform.urls, platform.settings
    return {
        "PYTHONPATH": str(ROOT),
        "LIVEKIT_URL": line.url,
        "LIVEKIT_API_KEY": line.api_key,
        "LIVEKIT_API_SECRET": line.api_secret,
        "OPENAI_API_KEY": "sk-demo",
        "OPENAI_BASE_URL": f"{urls['openai']}/v1",
        "DEEPGRAM_API_KEY": "dg-demo",
        "DEEPGRAM_BASE_URL": f"{urls['deepgram']}/v1",
        "ELEVEN_API_KEY": "el-demo",
        "ELEVEN_BASE_URL": f"{urls['elevenlabs']}/v1",
        "SUPABASE_URL": platform.database.url,
        "SUPABASE_SECRET_KEY": platform.database.service_key,
        "AVA_SEALING_KEYS": settings.ava_sealing_keys.get_secret_value(),
        "CAL_BASE_URL": urls["calcom"],
        "LANGFUSE_PUBLIC_KEY": "pk-lf-demo",
        "LANGFUSE_SECRET_KEY": "sk-lf-demo",
        "LANGFUSE_BASE_URL": urls["langfuse"],
        "AVA_DATA_DIR": str(data),
        "AVA_RECORDINGS": settings.ava_recordings,
        "AVA_AGENT_NAME": settings.ava_agent_name,
        "AVA_IDLE_PROCESSES": str(idle_processes),
        # everything else of the house runs on this machine too: its load is not the worker's
        "AVA_LOAD_THRESHOLD": "4",
        "AVA_HEALTH_HOST": "127.0.0.1",
        "AVA_HEALTH_PORT": str(free_port()),
    }
