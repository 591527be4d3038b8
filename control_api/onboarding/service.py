"""Onboarding: what an owner may do with it, and how far they are.

A change merges what it names into what is stored, in one transaction of the database. With a revision it is refused if
anything was changed since; without, only the same field sent by two can replace one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from control_api.errors import FieldProblem
from control_api.onboarding.assistant_request import AssistantRequest, assistant_request
from control_api.onboarding.errors import OnboardingIncomplete, StepNotSkippable
from control_api.onboarding.finishing import Answers
from control_api.onboarding.ports import PresetShelf
from control_api.onboarding.repository import OnboardingRepository, Row
from control_api.onboarding.schemas import CAN_BE_SKIPPED, STEPS, Onboarding, Profile, State, Step, StepView, Studio
from control_api.principal import Principal


@dataclass(frozen=True)
class OnboardingService:
    repository: OnboardingRepository
    presets: PresetShelf

    async def get(self, principal: Principal) -> Onboarding:
        return view(await self.repository.read(principal))

    async def patch_profile(self, principal: Principal, patch: Profile, *, revision: int | None) -> Onboarding:
        return await self._save(principal, {"profile": _merge_patch(patch)}, revision)

    async def patch_studio(self, principal: Principal, patch: Studio, *, revision: int | None) -> Onboarding:
        return await self._save(principal, {"studio": _merge_patch(patch)}, revision)

    async def set_step(self, principal: Principal, step: Step, state: State, *, revision: int | None) -> Onboarding:
        if state == "skipped" and step not in CAN_BE_SKIPPED:
            raise StepNotSkippable(f"the step {step} can't be skipped: do it, or leave it to do")
        return await self._save(principal, {"steps": {step: state}}, revision)

    async def complete(self, principal: Principal) -> Onboarding:
        """The first time counts; whatever is changed later, it stays."""
        current = await self.get(principal)
        if current.completed_at is not None:
            return current
        todo = [step.step for step in current.steps if step.state == "todo"]
        errors = [*_to_do(current), *current.unfinished]
        if errors:
            are = "1 thing is" if len(errors) == 1 else f"{len(errors)} things are"
            raise OnboardingIncomplete(f"{are} still missing: see errors", errors=errors, missing=todo)
        return await self._save(principal, {"completed": True}, None)

    async def assistant_request(self, principal: Principal) -> AssistantRequest:
        return assistant_request(Answers.read(await self.repository.read(principal)), self.presets)

    async def _save(self, principal: Principal, changes: Row, revision: int | None) -> Onboarding:
        return view(await self.repository.save(principal, changes, revision=revision))


def _merge_patch(patch: Profile | Studio) -> dict[str, Any]:
    return patch.model_dump(mode="json", exclude_unset=True)


def _to_do(current: Onboarding) -> list[FieldProblem]:
    return [
        FieldProblem(
            pointer=f"/steps/{index}",
            reason=f"the step {step.step} is still to do",
            advice="do it or skip it" if step.can_be_skipped else "do it",
        )
        for index, step in enumerate(current.steps)
        if step.state == "todo"
    ]


def view(row: Mapping[str, Any]) -> Onboarding:
    """What the database holds, as far as this release can read it."""
    answers = Answers.read(row)
    steps = [_step(step, row["steps"]) for step in STEPS]
    taken = sum(step.state != "todo" for step in steps)
    return Onboarding(
        profile=answers.profile,
        studio=answers.studio,
        steps=steps,
        percent=100 * taken // len(STEPS),
        next_step=next((step.step for step in steps if step.state == "todo"), None),
        unfinished=answers.unfinished(),
        revision=row["revision"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        completed_at=row["completed_at"],
        first_call_at=row["first_call_at"],
        time_to_first_call_seconds=row["time_to_first_call_seconds"],
    )


def _step(step: Step, stored: Mapping[str, Any]) -> StepView:
    kept: Any = stored.get(step)
    found = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
    state = found.get("state")
    known: State = state if state in ("done", "skipped") else "todo"
    at = found.get("at") if known != "todo" else None
    return StepView(step=step, state=known, at=at, can_be_skipped=step in CAN_BE_SKIPPED)
