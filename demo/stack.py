"""The whole embedded world of a demo: database, stand-ins, one practice per language, and the agent's resources on it."""

import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from pydantic import SecretStr

from agent.resources import Resources, open_resources
from agent.settings import Settings, load_settings
from agent.warming import warm
from contracts.assistant import AssistantConfig, Language
from contracts.calendar import CalComConnection
from contracts.call import CallEvent
from contracts.hours import WEEKDAYS
from demo.scenario import DEMO_NOW
from sandbox.database import Database
from sandbox.providers import StandIns
from sandbox.seeding import Seeded

ROOT = Path(__file__).resolve().parent.parent
NUMBERS: dict[Language, str] = {"fr": "+33478000000", "en": "+442079460000", "he": "+97235550000"}
CAL_KEY = "cal_demo_0123456789"


@dataclass(frozen=True)
class Practice:
    """One seeded business."""

    config: AssistantConfig
    seeded: Seeded
    event_types: dict[str, int]


@dataclass(frozen=True)
class Stack:
    database: Database
    urls: dict[str, str]  # stand-in -> base URL
    resources: Resources
    practices: dict[Language, Practice]
    control: httpx.AsyncClient
    clock: "DemoClock"
    listener: "Listener"

    async def post(self, app: str, path: str, body: Any) -> None:
        (await self.control.post(f"{self.urls[app]}/_ctl/{path}", json=body)).raise_for_status()

    async def get(self, app: str, path: str) -> Any:
        answer = await self.control.get(f"{self.urls[app]}/_ctl/{path}")
        return answer.raise_for_status().json()

    async def open_for(self, language: Language) -> None:
        """All stand-ins as on the first day, and the calendar as this practice keeps it."""
        for app in self.urls:
            await self.post(app, "reset", {})
        practice = self.practices[language]
        hours = practice.config.hours
        week = {day: [[f"{i.opens:%H:%M}", f"{i.closes:%H:%M}"] for i in hours.weekly.get(day, ())] for day in WEEKDAYS}
        await self.post("calcom", "hours", {"zone": hours.time_zone, "weekly": week})
        await self.post("calcom", "event-types", event_type_rows(practice.config, practice.event_types))
        await self.post("calcom", "clock", {"now": self.resources.clock().isoformat()})


def event_type_rows(config: AssistantConfig, ids: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "event_type_id": ids[service.service_id],
            "title": service.name,
            "slug": service.service_id,
            "minutes": service.duration_minutes,
        }
        for service in config.services
    ]


def read_preset(name: str) -> AssistantConfig:
    """presets/<name>.yaml, whole and validated."""
    return AssistantConfig.model_validate(yaml.safe_load((ROOT / "presets" / f"{name}.yaml").read_text()))


@dataclass
class Listener:
    """Hears what the agent records, of the call at hand."""

    hears: Callable[[CallEvent], None] = lambda _: None

    def __call__(self, event: CallEvent) -> None:
        self.hears(event)


class DemoClock:
    """Real seconds from a fixed morning."""

    def __init__(self, start: datetime = DEMO_NOW) -> None:
        self.set(start)

    def set(self, start: datetime = DEMO_NOW) -> None:
        self._start = start
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return (self._start + timedelta(seconds=time.monotonic() - self._began)).astimezone(UTC)


def settings_for(
    database: Database, urls: dict[str, str], data: Path, sealing_keys: SecretStr | None = None
) -> Settings:
    """What a deployment puts in .env; here it names the stand-ins. Nothing else tells the demo from production."""
    return load_settings(
        _env_file=None,
        openai_api_key="sk-demo",
        openai_base_url=f"{urls['openai']}/v1",
        deepgram_api_key="dg-demo",
        deepgram_base_url=f"{urls['deepgram']}/v1",
        eleven_api_key="el-demo",
        eleven_base_url=f"{urls['elevenlabs']}/v1",
        supabase_url=database.url,
        supabase_service_role_key=database.service_key,
        cal_api_key=CAL_KEY,
        cal_base_url=urls["calcom"],
        langfuse_public_key="pk-lf-demo",
        langfuse_secret_key="sk-lf-demo",
        langfuse_base_url=urls["langfuse"],
        ava_data_dir=data,
        ava_recordings=str(data / "recordings"),
        ava_sealing_keys=sealing_keys,
    )


def seed(database: Database) -> dict[Language, Practice]:
    practices: dict[Language, Practice] = {}
    languages: tuple[Language, ...] = ("fr", "en", "he")
    for offset, language in enumerate(languages):
        config = demo_config(read_preset(f"health.{language}"))
        ids = {s.service_id: 100 * (offset + 1) + n for n, s in enumerate(config.services, start=1)}
        seeded = database.seed_assistant(
            tenant_name=config.business.name,
            config=config,
            number=NUMBERS[language],
            calendar=CalComConnection(event_types=ids),
        )
        practices[language] = Practice(config, seeded, ids)
    return practices


def demo_config(config: AssistantConfig) -> AssistantConfig:
    """The turn model is trained on people: it takes a third of synthetic voices' turns for unfinished (livekit facts), so
    that assistants that are rung by them take turns by voice activity."""
    turns = config.turn_taking.model_copy(update={"detection": "vad"})
    return config.model_copy(update={"turn_taking": turns})


@asynccontextmanager
async def open_stack(
    *, data: Path, clock: DemoClock | None = None, sealing_keys: SecretStr | None = None
) -> AsyncGenerator[Stack]:
    """`data`: the agent's own folder. Its clips are kept from run to run; what it knew of a database that is gone is not.
    `sealing_keys`: those under which a control plane on this database seals calendar keys."""
    for stale in ("numbers", "spool"):
        shutil.rmtree(data / stale, ignore_errors=True)
    clock, listener = clock or DemoClock(), Listener()
    postgres = os.environ.get("AVA_POSTGRES_URL")
    async with (
        Database(postgres_url=postgres) as database,
        StandIns(options={"calcom": {"api_key": CAL_KEY}}) as urls,
        httpx.AsyncClient(timeout=10) as control,
    ):
        practices = seed(database)
        settings = settings_for(database, dict(urls), data, sealing_keys)
        await warm(settings)
        async with open_resources(settings, clock=clock, watch=listener) as resources:
            yield Stack(database, dict(urls), resources, practices, control, clock, listener)
