"""What onboarding answers when it can't be done."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane

ONBOARDING = "/v1/onboarding"
STALE = {"if-match": '"r999"'}


def _stale(method: str, path: str, body: Any) -> Callable[[ControlPlane], Awaitable[httpx.Response]]:
    async def send(plane: ControlPlane) -> httpx.Response:
        owner = await plane.owner()
        return await owner.http.request(method, f"{ONBOARDING}/{path}", json=body, headers=STALE)

    return send


async def _skip_hours(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).http.put(f"{ONBOARDING}/steps/hours", json={"state": "skipped"})


async def _complete_at_once(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).post(f"{ONBOARDING}/complete")


async def _request_at_once(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).get(f"{ONBOARDING}/assistant-request")


CASES = [
    Case("patch_onboarding_profile", "stale", _stale("PATCH", "profile", {"company_name": "Nova"})),
    Case("patch_onboarding_studio", "stale", _stale("PATCH", "studio", {"tone": "warm"})),
    Case("set_onboarding_step", "stale", _stale("PUT", "steps/hours", {"state": "done"})),
    Case("set_onboarding_step", "step_not_skippable", _skip_hours),
    Case("complete_onboarding", "onboarding_incomplete", _complete_at_once),
    Case("get_assistant_request", "onboarding_incomplete", _request_at_once),
]
