"""The world of one scenario: reset, prepared, poked at during the call, repaired, and read afterwards."""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from livekit.agents.utils import http_context

from agent.clipcache import ClipKey
from agent.phrases import PHRASES
from agent.providers.tts import build_tts
from agent.voice import CANNED, canned_text, synthesise
from briefing.greeting import greeting_text
from contracts.assistant import AssistantConfig
from contracts.call import CallClosing, CallOutcome, InboundCall
from contracts.ids import call_id_for
from demo.report import CalendarBooking
from demo.scenario import Control, Scenario, Seed
from demo.stack import NUMBERS, Practice, Stack
from sandbox.callers import get_recording


class World:
    """One scenario on one stack. `prepare` before the call, `repair` after it."""

    def __init__(self, stack: Stack, scenario: Scenario) -> None:
        self._stack = stack
        self._scenario = scenario
        self._before: set[str] = set()

    @property
    def practice(self) -> Practice:
        return self._stack.practices[self._scenario.language]

    @property
    def config(self) -> AssistantConfig:
        """The practice's, with what the scenario changes."""
        base, scenario = self.practice.config, self._scenario
        changed = merged(base.model_dump(mode="json"), scenario.config)
        changed["tools"] = [tool for tool in changed["tools"] if tool not in scenario.without]
        return AssistantConfig.model_validate(changed)

    @property
    def zone(self) -> ZoneInfo:
        return self.practice.config.hours.zone

    async def prepare(self, call_id: UUID) -> None:
        stack, scenario = self._stack, self._scenario
        stack.database.clear_faults()
        await stack.open_for(scenario.language)
        version = {"language": "klingon"} if scenario.unreadable else self.config
        stack.database.publish(self.practice.seeded.assistant_id, version)
        if scenario.known:
            await self._answer_earlier_call()
        elif scenario.known is False:
            await asyncio.to_thread(
                shutil.rmtree, stack.resources.settings.ava_data_dir / "numbers", ignore_errors=True
            )
        if scenario.paused:
            stack.database.pause(self.practice.seeded.assistant_id)
        for step in scenario.before:
            if isinstance(step, Seed):
                await self._seed(step)
            else:
                await self.control(step)
        recordings = [get_recording(name) for name in scenario.utterances]
        utterances = [recording.for_deepgram() for recording in recordings]
        await stack.post("deepgram", "transcripts", {"session": str(call_id), "utterances": utterances})
        self._before = {booking.uid for booking in await self.calendar()}

    async def repair(self) -> None:
        """What the scenario says, then everything as it was: the next one finds a sound world."""
        for step in self._scenario.after:
            await self.control(step)
        if self._scenario.paused:
            self._stack.database.resume(self.practice.seeded.assistant_id)

    async def control(self, step: Control) -> None:
        base = self._stack.database.url if step.app == "supabase" else self._stack.urls[step.app]
        answer = await self._stack.control.request(step.method, f"{base}/_ctl/{step.path}", json=step.body)
        answer.raise_for_status()

    async def asked(self, operation: str) -> int:
        log = await self._stack.get("calcom", f"log?operation={operation}")
        return len(log["entries"])

    async def calendar(self) -> Sequence[CalendarBooking]:
        """What the Cal.com stand-in holds."""
        state: dict[str, Any] = await self._stack.get("calcom", "state")
        services = {number: service for service, number in self.practice.event_types.items()}
        return [self._booking(row, services) for row in state["bookings"]]

    def _booking(self, row: dict[str, Any], services: dict[int, str]) -> CalendarBooking:
        attendees: list[dict[str, Any]] = row.get("attendees") or []
        attendee = attendees[0] if attendees else {}
        metadata: dict[str, Any] = row.get("metadata") or {}
        number = int(row.get("eventTypeId") or row.get("eventType", {}).get("id", 0))
        return CalendarBooking(
            uid=row["uid"],
            service=services.get(number, str(number)),
            start=self._local(row["start"]),
            end=self._local(row["end"]),
            status=row["status"],
            attendee=str(attendee.get("name", "")),
            phone=attendee.get("phoneNumber"),
            seeded=row["uid"] in self._before,
            foreign=bool(row["foreign"]),
            booking_key=next((str(v) for k, v in metadata.items() if "key" in k), None),
        )

    def _local(self, instant: str) -> str:
        return datetime.fromisoformat(instant).astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")

    async def _seed(self, seed: Seed) -> None:
        for day in range(seed.duplicates):
            start = (seed.start + timedelta(days=day)).replace(tzinfo=self.zone)
            body = {
                "eventTypeId": self.practice.event_types[seed.seed],
                "start": start.isoformat(),
                "name": seed.name,
                "phone": seed.phone,
            }
            await self._stack.post("calcom", "bookings", body)

    async def _answer_earlier_call(self) -> None:
        """As a call of yesterday left it: a last known good and the clips on disk, and a closed row."""
        resources = self._stack.resources
        sip = f"SCL_{uuid4().hex[:12]}"
        at = resources.clock()
        earlier = InboundCall(
            call_id=call_id_for(sip),
            sip_call_id=sip,
            dialed=self._scenario.dialed or NUMBERS[self._scenario.language],
            caller=None,
            received_at=at,
        )
        await self._keep_clips()
        await resources.known.keep(await resources.store.open_call(earlier))
        closing = CallClosing(call_id=earlier.call_id, ended_at=at, outcome=CallOutcome.ABANDONED, ended_by="caller")
        await resources.store.close_call(closing)

    async def _keep_clips(self) -> None:
        resources, config = self._stack.resources, self.config
        greeting = greeting_text(config, is_open=config.hours.is_open(resources.clock()))
        texts = [greeting, *(canned_text(PHRASES[config.language], name) for name in CANNED)]
        async with http_context.open():
            tts = build_tts(config, resources.settings)
            for text in texts:
                key = ClipKey.of(config, text)
                if await resources.clips.get(key) is None:
                    await resources.clips.put(key, await synthesise(tts, text, config.language))
            await tts.aclose()


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` put over it, objects within objects likewise."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        result[key] = merged(cast("dict[str, Any]", inner), cast("dict[str, Any]", value)) if both else value
    return result
