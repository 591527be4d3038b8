"""What calls answer when it can't be done."""

from uuid import uuid4

import httpx

from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane
from tests.fakes.recorded_calls import now, open_line


async def _get_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).get(f"/v1/calls/{uuid4()}")


async def _events_of_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).get(f"/v1/calls/{uuid4()}/events")


async def _delete_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).http.delete(f"/v1/calls/{uuid4()}")


async def _delete_live(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    async with open_line(plane, owner) as line:
        call_id = await line.begin(now())
    return await owner.http.delete(f"/v1/calls/{call_id}")


async def _listen_to_nothing(plane: ControlPlane) -> httpx.Response:
    return await (await plane.client(None)).get("/v1/recordings/a-link-that-nobody-was-given")


async def _listen_without_database(plane: ControlPlane) -> httpx.Response:
    owner = await plane.owner()
    async with open_line(plane, owner) as line:
        call_id = await line.call(now())
        await line.records(call_id)
    [recording] = (await owner.get(f"/v1/calls/{call_id}")).json()["recordings"]
    plane.database.stop_postgrest()
    try:
        return await (await plane.client(None)).get(recording["url"])
    finally:
        plane.database.start_postgrest()


async def _figures_of_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).get("/v1/statistics", params={"assistant_id": str(uuid4())})


CASES = [
    Case("get_call", "not_found", _get_unknown),
    Case("list_call_events", "not_found", _events_of_unknown),
    Case("delete_call", "not_found", _delete_unknown),
    Case("delete_call", "conflict", _delete_live),
    Case("listen", "not_found", _listen_to_nothing),
    Case("listen", "unavailable", _listen_without_database),
    Case("get_statistics", "not_found", _figures_of_unknown),
]
