"""What assistants answer when it can't be done."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
from psycopg.types.json import Jsonb

from control_api.assistants.service import AssistantService
from control_api.presets.shelf import Shelf
from tests.api.problems.case import Case
from tests.fakes.control_plane import Client, ControlPlane, reconfigured

Ask = Callable[[Client, str], Awaitable[httpx.Response]]
PRESET: dict[str, Any] = {"preset": {"industry": "health", "language": "fr"}}
ANY = {"if-match": "*"}
OLD = {"if-match": '"r999999"'}


def ask(method: str, place: str = "", body: Any = None, **headers: str) -> Ask:
    async def send(owner: Client, path: str) -> httpx.Response:
        return await owner.http.request(method, f"{path}{place}", json=body, headers=headers)

    return send


# each operation on one assistant, as somebody would ask for it
OPERATIONS: dict[str, Ask] = {
    "get_assistant": ask("GET"),
    "patch_assistant": ask("PATCH", body={"tone": "dynamic"}, **ANY),
    "switch_tools": ask("PUT", "/tools", {"faq": False}, **ANY),
    "validate_assistant": ask("POST", "/validate", {"tone": "dynamic"}),
    "preview_prompt": ask("GET", "/prompt"),
    "publish_assistant": ask("POST", "/publish"),
    "roll_back_assistant": ask("POST", "/rollback", {"version": 2}),
    "set_assistant_status": ask("PUT", "/status", {"status": "archived"}),
    "duplicate_assistant": ask("POST", "/duplicate"),
    "list_versions": ask("GET", "/versions"),
    "get_version": ask("GET", "/versions/1"),
    "diff_versions": ask("GET", "/diff?before=1&after=2"),
    "list_publications": ask("GET", "/publications"),
}
STALE = {
    "patch_assistant": ask("PATCH", body={"tone": "dynamic"}, **OLD),
    "switch_tools": ask("PUT", "/tools", {"faq": False}, **OLD),
    "publish_assistant": ask("POST", "/publish", **OLD),
    "roll_back_assistant": ask("POST", "/rollback", {"version": 1}, **OLD),
    "set_assistant_status": ask("PUT", "/status", {"status": "paused"}, **OLD),
}


async def made(plane: ControlPlane) -> tuple[Client, str]:
    owner = await plane.owner()
    assistant = await owner.made("/v1/assistants", PRESET)
    return owner, f"/v1/assistants/{assistant['assistant_id']}"


async def unknown(plane: ControlPlane, send: Ask) -> httpx.Response:
    return await send(await plane.owner(), f"/v1/assistants/{uuid4()}")


async def stale(plane: ControlPlane, send: Ask) -> httpx.Response:
    return await send(*await made(plane))


async def archived(plane: ControlPlane, send: Ask) -> httpx.Response:
    owner, path = await made(plane)
    await owner.http.put(f"{path}/status", json={"status": "archived"})
    return await send(owner, path)


async def with_draft(plane: ControlPlane, send: Ask, **changes: Any) -> httpx.Response:
    """Of a draft that an older release has written, or whose voice is gone."""
    owner, path = await made(plane)
    config = (await owner.get(path)).json()["config"]
    plane.database.select(
        "with written as (insert into assistant_versions (assistant_id, tenant_id, version, config)"
        " values (%s, %s, 2, %s) returning assistant_id)"
        " update assistants set draft_version = 2 where assistant_id = %s returning 1",
        path.rpartition("/")[2],
        owner.tenant_id,
        Jsonb({**config, **changes}),
        path.rpartition("/")[2],
    )
    return await send(owner, path)


unreadable = partial(with_draft, hours="always")
voiceless = partial(with_draft, voice={"provider": "elevenlabs", "voice_id": "nobody"})


async def full(plane: ControlPlane, send: Ask) -> httpx.Response:
    """Of a tenant that has as many as may be."""
    owner, path = await made(plane)
    plane.database.select(
        "insert into assistants (tenant_id, name) select %s, 'x' from generate_series(1, 200) returning 1",
        owner.tenant_id,
    )
    return await send(owner, path)


async def nothing_to_roll_back_to(plane: ControlPlane) -> httpx.Response:
    owner, path = await made(plane)
    return await owner.post(f"{path}/rollback")


async def on_the_line(plane: ControlPlane) -> httpx.Response:
    owner, path = await made(plane)
    plane.database.select(
        "insert into phone_numbers (e164, tenant_id, assistant_id) values (%s, %s, %s) returning 1",
        f"+3319900{uuid4().int % 10**4:04d}",
        owner.tenant_id,
        path.rpartition("/")[2],
    )
    return await OPERATIONS["set_assistant_status"](owner, path)


async def without_tag(plane: ControlPlane) -> httpx.Response:
    owner, path = await made(plane)
    return await owner.http.patch(path, json={"tone": "dynamic"})


async def create(plane: ControlPlane, **changes: Any) -> httpx.Response:
    return await (await plane.owner()).post("/v1/assistants", {**PRESET, "changes": changes})


async def without_presets(plane: ControlPlane, path: str) -> httpx.Response:
    """Of a deployment whose shelf lacks that preset."""
    async with reconfigured(plane) as deployed:
        service: AssistantService = deployed.app.state.provided[AssistantService]
        deployed.app.state.provided[AssistantService] = replace(service, presets=Shelf({}))
        return await (await deployed.owner()).post(path, PRESET)


CASES = [
    Case("create_assistant", "preset_unknown", partial(without_presets, path="/v1/assistants")),
    Case("validate_new_assistant", "preset_unknown", partial(without_presets, path="/v1/assistants/validate")),
    Case("create_assistant", "config_invalid", partial(create, greeting="Bonjour, {nobody} !")),
    Case("create_assistant", "conflict", partial(full, send=lambda owner, _: owner.post("/v1/assistants", PRESET))),
    Case("duplicate_assistant", "conflict", partial(full, send=OPERATIONS["duplicate_assistant"])),
    *[Case(name, "not_found", partial(unknown, send=send)) for name, send in OPERATIONS.items()],
    *[Case(name, "stale", partial(stale, send=send)) for name, send in STALE.items()],
    Case("patch_assistant", "precondition_required", without_tag),
    *[
        Case(name, "config_unreadable", partial(unreadable, send=OPERATIONS[name]))
        for name in (
            "patch_assistant", "switch_tools", "validate_assistant", "preview_prompt", "publish_assistant",
            "roll_back_assistant", "duplicate_assistant",
        )
    ],
    *[
        Case(name, "config_invalid", partial(voiceless, send=OPERATIONS[name]))
        for name in ("patch_assistant", "switch_tools", "publish_assistant")
    ],
    *[
        Case(name, "conflict", partial(archived, send=OPERATIONS[name]))
        for name in ("patch_assistant", "switch_tools", "publish_assistant")
    ],
    Case("roll_back_assistant", "conflict", nothing_to_roll_back_to),
    Case("set_assistant_status", "conflict", on_the_line),
]  # fmt: skip
