"""Nouns for each other: what one asks for by its ports, answered by another. Composed in `control_api.app` only.

Owns: translating between their types. Refuses: rules: each noun has its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.assistant import AssistantConfig, read_config
from contracts.errors import ConfigUnreadable
from control_api.assistants.ports import KnownVoice
from control_api.assistants.repository import AssistantRepository
from control_api.calendars.errors import AssistantUnreadable
from control_api.calendars.ports import AssistantView, BookableService
from control_api.principal import Principal
from control_api.voices.ports import VoiceLibrary
from control_api.web_calls.errors import AssistantArchived, NotPublished, VersionUnreadable
from control_api.web_calls.ports import Tried, Which


@dataclass(frozen=True)
class AssistantsForCalendars:
    """`control_api.calendars.ports.Assistants`."""

    repository: AssistantRepository

    async def view(self, principal: Principal, assistant_id: UUID) -> AssistantView:
        row = await self.repository.get(principal, assistant_id)
        try:
            draft = read_config(row["config"] or {})
        except ConfigUnreadable as error:
            raise AssistantUnreadable(
                f"version {row['draft_version']} can't be read by this release: write a new one"
            ) from error
        live = await self._live(principal, assistant_id, row)
        return AssistantView(
            services=tuple(_services(draft, live)), time_zone=draft.hours.time_zone, books="booking" in draft.tools
        )

    async def _live(self, principal: Principal, assistant_id: UUID, row: dict[str, Any]) -> AssistantConfig | None:
        """What callers have, where that is not the draft and can be read."""
        published = row["published_version"]
        if published is None or published == row["draft_version"]:
            return None
        found = await self.repository.find_version(principal, assistant_id, published)
        try:
            return read_config(found["config"]) if found else None
        except ConfigUnreadable:
            return None


def _services(draft: AssistantConfig, live: AssistantConfig | None) -> Iterator[BookableService]:
    for config in (draft, *([live] if live else [])):
        for service in config.services:
            if config is draft or draft.service(service.service_id) is None:
                yield BookableService(
                    service.service_id, service.name, service.duration_minutes, drafted=config is draft
                )


@dataclass(frozen=True)
class AssistantsForWebCalls:
    """`control_api.web_calls.ports.Assistants`."""

    repository: AssistantRepository

    async def find_tried(self, principal: Principal, assistant_id: UUID, which: Which) -> Tried:
        row = await self.repository.get(principal, assistant_id)
        if row["status"] == "archived":
            raise AssistantArchived("this assistant is archived: restore it first", reason="assistant_archived")
        version = row["draft_version"] if which == "draft" else row["published_version"]
        if version is None:
            raise NotPublished(NotPublished.example)
        stored = row["config"]
        if version != row["draft_version"]:
            found = await self.repository.find_version(principal, assistant_id, version)
            stored = found["config"] if found else None
        try:
            return Tried(version, read_config(stored or {}).language)
        except ConfigUnreadable as error:
            raise VersionUnreadable(f"version {version} can't be read by this release: write a new one") from error


@dataclass(frozen=True)
class VoicesForAssistants:
    """`control_api.assistants.ports.VoiceCatalogue`."""

    library: VoiceLibrary

    async def find_voice(self, voice_id: str) -> KnownVoice | None:
        voice = await self.library.find_voice(voice_id)
        return None if voice is None else KnownVoice(voice.voice_id, voice.name)

    async def languages_of(self, model: str) -> frozenset[str] | None:
        return next((one.languages for one in await self.library.models() if one.model_id == model), None)
