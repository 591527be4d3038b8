"""What a test call answers when it can't be made."""

from functools import partial
from typing import Any

import httpx

from tests.api.problems.assistants import archived, ask, made, unknown, unreadable
from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane, reconfigured

CALL = ask("POST", "/test-call")


async def never_published(plane: ControlPlane) -> httpx.Response:
    return await ask("POST", "/test-call", {"version": "published"})(*await made(plane))


async def without_livekit(plane: ControlPlane) -> httpx.Response:
    async with reconfigured(plane, livekit_api_key=None) as deployed:
        return await CALL(*await made(deployed))


async def without_credit(plane: ControlPlane) -> httpx.Response:
    owner, assistant = await made(plane)
    plane.database.select("select set_tenant_credit_v1(%s, true)", owner.tenant_id)
    return await CALL(owner, assistant)


CASES: list[Case] = [
    Case("create_test_call", "not_found", partial[Any](unknown, send=CALL)),
    Case("create_test_call", "conflict", partial[Any](archived, send=CALL)),
    Case("create_test_call", "config_unreadable", partial[Any](unreadable, send=CALL)),
    Case("create_test_call", "not_published", never_published),
    Case("create_test_call", "line_not_configured", without_livekit),
    Case("create_test_call", "no_credit", without_credit),
]
