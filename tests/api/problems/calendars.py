"""What calendars answer when something is wrong with them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from tests.api.problems.case import Case
from tests.fakes.control_plane import CAL_KEY, Client, ControlPlane

CONFIG: dict[str, Any] = {
    "business": {"name": "Cabinet du Parc"},
    "greeting": "Bonjour.",
    "hours": {"time_zone": "Europe/Paris", "weekly": {}},
    "voice": {"voice_id": "ava-fr-claire-0000001"},
    "services": [{"service_id": "checkup", "name": "Consultation", "duration_minutes": 30}],
}
CONNECT = {"region": "us", "api_key": CAL_KEY}
MAPPING = {"event_types": {"checkup": 101}}
ANY = {"if-match": "*"}
Send = Callable[[Client, str], Awaitable[httpx.Response]]


def request(method: str, sub: str = "", body: Any = None, **headers: str) -> Send:
    async def send(owner: Client, path: str) -> httpx.Response:
        return await owner.http.request(method, f"{path}{sub}", json=body, headers={**ANY, **headers})

    return send


OPERATIONS: dict[str, Send] = {
    "get_calendar": request("GET"),
    "connect_calendar": request("PUT", body=CONNECT),
    "disconnect_calendar": request("DELETE"),
    "test_calendar": request("POST", "/test"),
    "list_event_types": request("GET", "/event-types"),
    "map_event_types": request("PUT", "/event-types", MAPPING),
}


async def _calendar(plane: ControlPlane, *, connected: bool) -> tuple[Client, str]:
    await plane.control("calcom", "reset")
    owner = await plane.owner()
    made = await owner.made("/v1/assistants", {"config": CONFIG})
    path = f"/v1/assistants/{made['assistant_id']}/calendar"
    if connected:
        answer = await owner.http.put(path, json=CONNECT)
        assert answer.status_code == 200, answer.text
    return owner, path


async def _without_assistant(plane: ControlPlane, send: Send) -> httpx.Response:
    return await send(await plane.owner(), f"/v1/assistants/{uuid4()}/calendar")


async def _without_calendar(plane: ControlPlane, send: Send) -> httpx.Response:
    return await send(*await _calendar(plane, connected=False))


async def _connected(plane: ControlPlane, send: Send) -> httpx.Response:
    return await send(*await _calendar(plane, connected=True))


async def _unreadable(plane: ControlPlane, send: Send) -> httpx.Response:
    owner, path = await _calendar(plane, connected=True)
    plane.database.select(
        "insert into assistant_versions (assistant_id, tenant_id, version, config)"
        " select assistant_id, tenant_id, 9, '{}' from assistants where tenant_id = %s returning 1",
        owner.tenant_id,
    )
    plane.database.select("update assistants set draft_version = 9 where tenant_id = %s returning 1", owner.tenant_id)
    return await send(owner, path)


async def _archived(plane: ControlPlane, send: Send) -> httpx.Response:
    owner, path = await _calendar(plane, connected=True)
    await owner.http.put(path.replace("/calendar", "/status"), json={"status": "archived"})
    return await send(owner, path)


async def _keyless(plane: ControlPlane, send: Send) -> httpx.Response:
    owner, path = await _calendar(plane, connected=True)
    plane.database.select(
        "update calendar_connections set sealed_key = null where tenant_id = %s returning 1", owner.tenant_id
    )
    return await send(owner, path)


async def _away(plane: ControlPlane, send: Send) -> httpx.Response:
    owner, path = await _calendar(plane, connected=True)
    rules = [{"operation": name, "kind": "status", "status": 502, "times": 2} for name in ("me", "event_types")]
    await plane.control("calcom", "faults", rules)
    answer = await send(owner, path)
    await plane.control("calcom", "reset")
    return answer


async def _without_if_match(plane: ControlPlane) -> httpx.Response:
    owner, path = await _calendar(plane, connected=True)
    return await owner.http.put(f"{path}/event-types", json=MAPPING)


def _cases(code: str, bring_about: Callable[[ControlPlane, Send], Any], *operations: str) -> list[Case]:
    return [Case(name, code, partial(bring_about, send=OPERATIONS[name])) for name in operations]


_NEEDS_ASSISTANT = ("get_calendar", "connect_calendar", "test_calendar", "list_event_types", "map_event_types")
_NEEDS_CALENDAR = ("get_calendar", "disconnect_calendar", "test_calendar", "list_event_types", "map_event_types")
_KEY = {**CONNECT, "api_key": "cal_live_of-somebody-else"}
_ADDRESS = {**CONNECT, "region": "self_hosted", "base_url": "https://169.254.169.254"}
_MASSAGE = {"event_types": {"massage": 101}}

CASES: list[Case] = [
    *_cases("not_found", _without_assistant, *OPERATIONS),
    *_cases("config_unreadable", _unreadable, *_NEEDS_ASSISTANT),
    *_cases("calendar_not_connected", _without_calendar, *_NEEDS_CALENDAR),
    *_cases("calendar_connection_broken", _keyless, "test_calendar", "list_event_types", "map_event_types"),
    *_cases("calendar_unreachable", _away, "connect_calendar", "list_event_types", "map_event_types"),
    *_cases("conflict", _archived, "connect_calendar", "map_event_types"),
    Case("connect_calendar", "calendar_key_refused", partial(_without_calendar, send=request("PUT", body=_KEY))),
    Case(
        "connect_calendar", "calendar_address_refused", partial(_without_calendar, send=request("PUT", body=_ADDRESS))
    ),
    Case(
        "connect_calendar",
        "calendar_mapping_invalid",
        partial(_without_calendar, send=request("PUT", body={**CONNECT, **_MASSAGE})),
    ),
    Case(
        "map_event_types",
        "calendar_mapping_invalid",
        partial(_connected, send=request("PUT", "/event-types", _MASSAGE)),
    ),
    Case("map_event_types", "precondition_required", _without_if_match),
    *(
        Case(name, "stale", partial(_connected, send=request(method, sub, body, **{"if-match": '"r999999999"'})))
        for name, method, sub, body in (
            ("connect_calendar", "PUT", "", CONNECT),
            ("disconnect_calendar", "DELETE", "", None),
            ("map_event_types", "PUT", "/event-types", MAPPING),
        )
    ),
]
