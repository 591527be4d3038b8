"""Assistants: what an owner may do with them, and the order in which it is done.

Every change of a configuration is a new version, checked whole before it is written. A live call keeps the version it
began with: nothing here reaches it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from briefing.greeting import greeting_text
from briefing.prompt import receptionist_prompt
from contracts.assistant import AssistantConfig, read_config
from contracts.errors import ConfigUnreadable
from control_api.assistants.checks import Findings, check, differences
from control_api.assistants.errors import AssistantNotFound, ConfigInvalid, ConfigOutdated, PresetUnknown
from control_api.assistants.ports import PresetShelf, VoiceCatalogue
from control_api.assistants.repository import AssistantRepository, Row
from control_api.assistants.schemas import (
    AssistantCreate,
    AssistantDetail,
    AssistantPatch,
    AssistantSummary,
    Difference,
    PromptPreview,
    Publication,
    ToolSwitches,
    Verdict,
    VersionDetail,
    VersionDiff,
    VersionSummary,
)
from control_api.errors import InvalidRequest, StaleVersion, field_problems
from control_api.paging import Page, decode, paged
from control_api.principal import Principal
from store.errors import Stale

# of a change that does not care what was there, while others change it too
_TRIES = 4


@dataclass(frozen=True)
class AssistantService:
    repository: AssistantRepository
    voices: VoiceCatalogue
    presets: PresetShelf
    clock: Callable[[], datetime]

    async def find_page(
        self, principal: Principal, *, status: str | None, cursor: str | None, limit: int
    ) -> Page[AssistantSummary]:
        after = decode(cursor)
        rows = await self.repository.find_page(principal, status=status, after=after, limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["assistant_id"]))
        return Page(items=[AssistantSummary.model_validate(row) for row in page], next_cursor=following)

    async def get(self, principal: Principal, assistant_id: UUID) -> AssistantDetail:
        return _detail(await self.repository.get(principal, assistant_id))

    async def create(self, principal: Principal, assistant_id: UUID, wanted: AssistantCreate) -> AssistantDetail:
        config, preset = self._from_request(wanted)
        if wanted.changes is not None:
            config = _patched(config, wanted.changes, within=("changes",))
        await self._insist(config)
        name = wanted.name or (wanted.changes and wanted.changes.name) or config.business.name
        row = await self.repository.create(
            principal, assistant_id, name=name, config=config, preset=preset, note="first version"
        )
        return _detail(row)

    async def patch(
        self, principal: Principal, assistant_id: UUID, patch: AssistantPatch, *, revision: int | None
    ) -> AssistantDetail:
        """`revision` None: onto whatever is there; a change by somebody else in between is read and kept."""
        for _ in range(_TRIES):
            try:
                return await self._patch_once(principal, assistant_id, patch, revision=revision)
            except Stale:
                if revision is not None:
                    raise
        return await self._patch_once(principal, assistant_id, patch, revision=revision)

    async def _patch_once(
        self, principal: Principal, assistant_id: UUID, patch: AssistantPatch, *, revision: int | None
    ) -> AssistantDetail:
        current = await self.repository.get(principal, assistant_id)
        if revision is not None and current["revision"] != revision:
            raise StaleVersion(
                "somebody changed this assistant meanwhile: read it again and repeat your change",
                current=str(current["revision"]),
            )
        config = None
        if patch.config_fields:
            config = _patched_row(current, patch)
            await self._insist(config)
        if config is None and patch.name is None:
            return _detail(current)
        row = await self.repository.save(
            principal, assistant_id, revision=current["revision"], config=config, name=patch.name, note=patch.note or ""
        )
        return _detail(row, config)

    async def switch_tools(
        self, principal: Principal, assistant_id: UUID, switches: ToolSwitches, *, revision: int | None
    ) -> AssistantDetail:
        current = _readable(await self.repository.get(principal, assistant_id))
        patch = AssistantPatch(tools=switches.apply(current.tools), note="tools switched")
        return await self.patch(principal, assistant_id, patch, revision=revision)

    async def validate(self, principal: Principal, assistant_id: UUID, patch: AssistantPatch | None) -> Verdict:
        """Nothing is written. What the types refuse is told in the same form as what the checks find."""
        config = _readable(await self.repository.get(principal, assistant_id))
        return await self._verdict(lambda: _patched(config, patch) if patch else config)

    async def validate_new(self, wanted: AssistantCreate) -> Verdict:
        def build() -> AssistantConfig:
            config, _ = self._from_request(wanted)
            return _patched(config, wanted.changes, within=("changes",)) if wanted.changes else config

        return await self._verdict(build)

    async def preview(
        self, principal: Principal, assistant_id: UUID, *, version: int | None, at: datetime | None
    ) -> PromptPreview:
        row = await self.repository.get(principal, assistant_id)
        number = version or int(row["draft_version"])
        config = (await self._version(principal, assistant_id, number)) if version else _readable(row)
        moment = at or self.clock()
        prompt = receptionist_prompt(config, now=moment, caller_known=True)
        greeting = greeting_text(config, is_open=config.hours.is_open(moment))
        return PromptPreview(version=number, at=moment, greeting=greeting, prompt=prompt, characters=len(prompt))

    async def publish(
        self, principal: Principal, assistant_id: UUID, *, version: int | None, revision: int | None
    ) -> AssistantDetail:
        row = await self.repository.get(principal, assistant_id)
        number = version or int(row["draft_version"])
        await self._insist(await self._version(principal, assistant_id, number))
        done = await self.repository.publish(principal, assistant_id, revision=revision, version=number, kind="publish")
        return _detail(done)

    async def roll_back(
        self, principal: Principal, assistant_id: UUID, *, version: int | None, revision: int | None
    ) -> AssistantDetail:
        """What was live once goes live again as it was: it is read, not checked anew."""
        if version is not None:
            await self._version(principal, assistant_id, version)
        done = await self.repository.publish(
            principal, assistant_id, revision=revision, version=version, kind="rollback"
        )
        return _detail(done)

    async def set_status(
        self, principal: Principal, assistant_id: UUID, status: str, *, revision: int | None
    ) -> AssistantDetail:
        return _detail(await self.repository.set_status(principal, assistant_id, revision=revision, status=status))

    async def duplicate(
        self, principal: Principal, assistant_id: UUID, copy_id: UUID, *, name: str | None
    ) -> AssistantDetail:
        row = await self.repository.get(principal, assistant_id)
        config = _readable(row)
        row = await self.repository.create(
            principal, copy_id, name=(name or f"{row['name']} (2)")[:120], config=config, preset=row["preset"],
            note="copied from another assistant",
        )  # fmt: skip
        return _detail(row)

    async def versions(
        self, principal: Principal, assistant_id: UUID, *, before: int | None, limit: int
    ) -> list[VersionSummary]:
        rows = await self.repository.find_versions(principal, assistant_id, before=before, limit=limit)
        if not rows:
            await self.repository.get(principal, assistant_id)
        return [VersionSummary.model_validate(row) for row in rows]

    async def version(self, principal: Principal, assistant_id: UUID, version: int) -> VersionDetail:
        row = await self._row(principal, assistant_id, version)
        return VersionDetail.model_validate({**row, **_read(row)})

    async def diff(self, principal: Principal, assistant_id: UUID, *, before: int, after: int) -> VersionDiff:
        old, new = [_comparable(await self._row(principal, assistant_id, n)) for n in (before, after)]
        found = [Difference(pointer=p, before=b, after=a) for p, b, a in differences(old, new)]
        return VersionDiff(before=before, after=after, differences=found)

    async def publications(self, principal: Principal, assistant_id: UUID, *, limit: int) -> list[Publication]:
        rows = await self.repository.find_publications(principal, assistant_id, limit=limit)
        if not rows:
            await self.repository.get(principal, assistant_id)
        return [Publication.model_validate(row) for row in rows]

    def _from_request(self, wanted: AssistantCreate) -> tuple[AssistantConfig, str | None]:
        if wanted.preset is not None and wanted.config is None:
            found = self.presets.find(wanted.preset.industry, wanted.preset.language)
            if found is None:
                raise PresetUnknown(
                    f"there is no preset for {wanted.preset.industry} in {wanted.preset.language}: see GET /v1/presets"
                )
            return found, f"{wanted.preset.industry}.{wanted.preset.language}"
        if wanted.config is not None and wanted.preset is None:
            return wanted.config, None
        raise InvalidRequest("name a preset or send a config, one of the two")

    async def _insist(self, config: AssistantConfig) -> None:
        found = await check(config, voices=self.voices, now=self.clock())
        if found.errors:
            raise ConfigInvalid(f"{len(found.errors)} settings need a change: see errors", errors=found.errors)

    async def _verdict(self, build: Callable[[], AssistantConfig]) -> Verdict:
        try:
            config = build()
        except InvalidRequest as refusal:
            errors = refusal.errors
            return Verdict(ok=False, errors=errors, warnings=[]) if errors else _reraise(refusal)
        found: Findings = await check(config, voices=self.voices, now=self.clock())
        return Verdict(ok=not found.errors, errors=found.errors, warnings=found.warnings)

    async def _row(self, principal: Principal, assistant_id: UUID, version: int) -> Row:
        row = await self.repository.find_version(principal, assistant_id, version)
        if row is None:
            await self.repository.get(principal, assistant_id)
            raise AssistantNotFound(f"this assistant has no version {version}", reason="version_not_found")
        return row

    async def _version(self, principal: Principal, assistant_id: UUID, version: int) -> AssistantConfig:
        return _readable({**await self._row(principal, assistant_id, version), "draft_version": version})


def _comparable(row: Mapping[str, Any]) -> Any:
    """A version as this release reads it, so that what is only written differently is no difference; else as it is stored."""
    config: AssistantConfig | None = _read(row)["config"]
    return row["config"] if config is None else config.model_dump(mode="json")


def _reraise(refusal: InvalidRequest) -> Verdict:
    raise refusal


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"config": read_config(row["config"]), "problem": None}
    except ConfigUnreadable as error:
        return {"config": None, "problem": str(error)}


def _readable(row: Mapping[str, Any]) -> AssistantConfig:
    try:
        return read_config(row["config"])
    except ConfigUnreadable as error:
        raise ConfigOutdated(f"version {row['draft_version']} can't be read by this release: {error}") from error


def _detail(row: Mapping[str, Any], config: AssistantConfig | None = None) -> AssistantDetail:
    """`config`: the draft, where it was just written and need not be read."""
    return AssistantDetail.model_validate({**row, **(_read(row) if config is None else {"config": config})})


def _patched_row(row: Mapping[str, Any], patch: AssistantPatch) -> AssistantConfig:
    """Validated once where all is well; where it is not, what was stored and what was sent are told apart."""
    try:
        return patch.apply_stored(row["config"])
    except ValidationError:
        return _patched(_readable(row), patch)


def _patched(config: AssistantConfig, patch: AssistantPatch, *, within: tuple[str, ...] = ()) -> AssistantConfig:
    try:
        return patch.apply(config)
    except ValidationError as error:
        problems = field_problems(error.errors(include_input=False, include_url=False), within=("body", *within))
        raise ConfigInvalid(f"{len(problems)} settings need a change: see errors", errors=problems) from error
