"""Calendars, as an owner connects, tests, maps and disconnects them; and all that can be wrong with a key or an address."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from control_api.app import create_app
from store.vault import Vault, calendar_context, generate_key
from tests.fakes.control_plane import CAL_KEY, Client, ControlPlane

SERVICES = [
    {"service_id": "checkup", "name": "Consultation", "duration_minutes": 30},
    {"service_id": "cleaning", "name": "Détartrage", "duration_minutes": 60},
]
CONFIG: dict[str, Any] = {
    "business": {"name": "Cabinet du Parc", "industry": "health"},
    "greeting": "Cabinet du Parc, bonjour.",
    "hours": {"time_zone": "Europe/Paris", "weekly": {"monday": [{"opens": "09:00:00", "closes": "18:00:00"}]}},
    "voice": {"voice_id": "ava-fr-claire-0000001"},
    "services": SERVICES,
    "tools": ["hours", "faq", "message", "end_call", "booking"],
}
CONNECT = {"region": "us", "api_key": CAL_KEY}
MAPPED = {"checkup": 101, "cleaning": 102}


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def calcom(plane: ControlPlane) -> None:
    """Cal.com's stand-in as it was at first."""
    await plane.control("calcom", "reset")


async def assistant(owner: Client, **changes: Any) -> str:
    """-> the address of a new assistant's calendar."""
    made = await owner.made("/v1/assistants", {"config": {**CONFIG, **changes}})
    return f"/v1/assistants/{made['assistant_id']}/calendar"


async def connected(owner: Client, **wanted: Any) -> str:
    path = await assistant(owner)
    answer = await owner.http.put(path, json={**CONNECT, **wanted})
    assert answer.status_code == 200, answer.text
    return path


async def fault(plane: ControlPlane, operation: str, times: int | None = None, **rule: Any) -> None:
    await plane.control("calcom", "faults", [{"operation": operation, "times": times, **rule}])


@asynccontextmanager
async def configured(plane: ControlPlane, **changes: Any) -> AsyncIterator[ControlPlane]:
    """The same deployment with other settings."""
    settings = plane.settings.model_copy(update=changes)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield replace(plane, app=app, platform=replace(plane.platform, settings=settings))


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body["type"]) == (status, f"urn:ava:problem:{code}"), answer.text
    return body


def places(body: dict[str, Any]) -> list[str]:
    return [one["pointer"] for one in body["errors"]]


async def test_an_owner_connects_a_calendar_and_maps_its_services(plane: ControlPlane, owner: Client) -> None:
    """Key tested and hidden, event types listed, two of them chosen, and everything found again."""
    path = await assistant(owner)
    problem(await owner.get(path), 404, "calendar_not_connected")
    answer = await owner.http.put(path, json=CONNECT)
    made = answer.json()
    assert answer.status_code == 200, answer.text
    assert (made["region"], made["key_preview"], made["account"]) == ("us", "cal_live_…cdef", "practice")
    assert (made["time_zone"], made["test_state"], made["event_types"]) == ("Europe/Paris", "ok", {})
    assert made["unmapped_services"] == ["checkup", "cleaning"]
    listed = await owner.get(f"{path}/event-types")
    assert [(e["event_type_id"], e["title"], e["duration_minutes"]) for e in listed.json()] == [
        (101, "Consultation", 30),
        (102, "Détartrage", 45),
        (103, "Urgence", 20),
    ]
    assert listed.headers["etag"] == answer.headers["etag"]
    mapped = await owner.http.put(
        f"{path}/event-types", json={"event_types": MAPPED}, headers={"if-match": answer.headers["etag"]}
    )
    assert mapped.status_code == 200, mapped.text
    assert mapped.json()["revision"] > made["revision"]
    [warning] = mapped.json()["warnings"]
    assert warning["pointer"] == "/event_types/cleaning"
    assert "60 minutes" in warning["reason"]
    assert "45" in warning["reason"]
    found = await owner.get(path)
    assert found.headers["etag"] == mapped.headers["etag"]
    assert (found.json()["event_types"], found.json()["unmapped_services"]) == (MAPPED, [])


async def test_a_call_is_given_the_key_that_the_owner_connected(plane: ControlPlane, owner: Client) -> None:
    """What the worker reads opens with the deployment's ring, for this tenant's calendar and for nothing else."""
    path = await connected(owner, event_types={"checkup": 101})
    [row] = plane.database.select(
        "select base_url, sealed_key, event_types from calendar_connections where tenant_id = %s", owner.tenant_id
    )
    assert row["base_url"] == plane.urls["calcom"]
    assert row["event_types"] == {"checkup": 101}
    assert CAL_KEY not in row["sealed_key"]
    vault = Vault.from_keys(plane.settings.ava_sealing_keys)
    opened = vault.unseal(row["sealed_key"], context=calendar_context(owner.tenant_id))
    assert opened.get_secret_value() == CAL_KEY
    assert path


async def test_a_key_that_cal_com_refuses_is_not_kept(plane: ControlPlane, owner: Client) -> None:
    """The field is named, in words that say where to get a key; an existing connection stays as it was."""
    path = await assistant(owner)
    refused = await owner.http.put(path, json={**CONNECT, "api_key": "cal_live_of-somebody-else"})
    body = problem(refused, 422, "calendar_key_refused")
    assert places(body) == ["/api_key"]
    assert "Developer, API keys" in body["detail"]
    problem(await owner.get(path), 404, "calendar_not_connected")
    await owner.http.put(path, json=CONNECT)
    before = (await owner.get(path)).json()
    assert (await owner.http.put(path, json={**CONNECT, "api_key": "cal_live_revoked"})).status_code == 422
    assert (await owner.get(path)).json() == before


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "status", "status": 502}, "out of order"),
        ({"kind": "status", "status": 429}, "how often"),
        ({"kind": "cut"}, "broke off"),
        ({"kind": "status", "status": 404}, "can't be read"),
    ],
)
@pytest.mark.parametrize("operation", ["me", "event_types"])
async def test_a_cal_com_that_is_away_is_not_a_wrong_key(
    plane: ControlPlane, owner: Client, operation: str, rule: dict[str, Any], words: str
) -> None:
    """503 with the time to wait, whichever of the two readings fails; nothing is kept."""
    path = await assistant(owner)
    await fault(plane, operation, **rule)
    answer = await owner.http.put(path, json=CONNECT)
    assert words in problem(answer, 503, "calendar_unreachable")["detail"]
    assert int(answer.headers["retry-after"]) > 0
    problem(await owner.get(path), 404, "calendar_not_connected")


@pytest.mark.parametrize(
    ("wanted", "place", "words"),
    [
        ({"region": "self_hosted"}, "/base_url", "needs its address"),
        ({"region": "eu", "base_url": "https://cal.example.org"}, "/base_url", "server of your own"),
        ({"region": "self_hosted", "base_url": "http://cal.example.org"}, "/base_url", "https://"),
        ({"region": "self_hosted", "base_url": "https://u:p@cal.example.org"}, "/base_url", "name and password"),
        ({"region": "self_hosted", "base_url": "https://cal.example.org?key=1"}, "/base_url", "leave out"),
        ({"region": "self_hosted", "base_url": "https://127.0.0.1:8443"}, "/base_url", "private network"),
        ({"region": "self_hosted", "base_url": "https://2852039166"}, "/base_url", "private network"),
        ({"region": "self_hosted", "base_url": "https://localhost:9"}, "/base_url", "private network"),
        ({"region": "self_hosted", "base_url": "ftp://cal.example.org"}, "/base_url", "http"),
        ({"region": "mars"}, "/region", ""),
        ({"api_key": "cal_live with spaces"}, "/api_key", "no API key"),
        ({"api_key": "cal_live_é-accent"}, "/api_key", "no API key"),
        ({"api_key": "short"}, "/api_key", ""),
        ({"api_key": "x" * 513}, "/api_key", ""),
        ({"event_types": {"checkup": 0}}, "/event_types/checkup", ""),
        ({"event_types": {"checkup": 2**31}}, "/event_types/checkup", ""),
        ({"event_types": {"No Such": 1}}, "/event_types/No Such/[key]", ""),
        ({"event_types": {f"s{n}": 1 for n in range(201)}}, "/event_types", ""),
        ({"surprise": 1}, "/surprise", ""),
    ],
)
async def test_what_is_wrong_with_a_connection_is_told_before_anybody_is_asked(
    plane: ControlPlane, owner: Client, wanted: dict[str, Any], place: str, words: str
) -> None:
    """422 with the field's place; Cal.com hears nothing of it, and nothing of what was sent comes back."""
    path = await assistant(owner)
    answer = await owner.http.put(path, json={**CONNECT, **wanted})
    body = answer.json()
    assert answer.status_code == 422, answer.text
    assert places(body) == [place]
    assert words in json.dumps(body)
    assert CAL_KEY not in answer.text
    assert str(wanted.get("api_key", CAL_KEY)) not in answer.text
    assert (await plane.control("calcom", "log", method="GET"))["entries"] == []


async def test_a_house_of_its_own_connects_its_own_cal_com(plane: ControlPlane, owner: Client) -> None:
    """Where the operator allows it: loopback in the clear, /v2 or not; what is no Cal.com is told so, and the dead too."""
    path = await assistant(owner)
    async with configured(plane, ava_allow_private_addresses=True) as house:
        http = await house.client(owner.token)

        async def put(base_url: str) -> httpx.Response:
            return await http.put(path, json={"region": "self_hosted", "base_url": base_url, "api_key": CAL_KEY})

        made = await put(f"{plane.urls['calcom']}/v2/")
        assert (made.status_code, made.json()["base_url"]) == (200, f"{plane.urls['calcom']}/v2")
        assert (await http.post(f"{path}/test")).json()["state"] == "ok"
        wrong = problem(await put(f"{plane.urls['calcom']}/elsewhere"), 422, "calendar_address_refused")
        assert places(wrong) == ["/base_url"]
        assert "not Cal.com's API v2" in wrong["detail"]
        dead = problem(await put("http://127.0.0.1:9"), 422, "calendar_address_refused")
        assert "can't be reached" in dead["detail"]
        problem(await put("https://169.254.169.254"), 422, "calendar_address_refused")
    later = (await owner.post(f"{path}/test")).json()
    assert later["state"] == "misconfigured"
    assert "private network" in later["message"]
    problem(await owner.get(f"{path}/event-types"), 409, "calendar_connection_broken")


async def test_a_test_says_what_is_wrong_in_the_owners_words(plane: ControlPlane, owner: Client) -> None:
    """Each state, kept with its time, without making a new revision."""
    path = await connected(owner)
    before = (await owner.get(path)).json()
    ok = (await owner.post(f"{path}/test")).json()
    assert (ok["state"], ok["account"], ok["time_zone"]) == ("ok", "practice", "Europe/Paris")
    assert ok["latency_ms"] >= 0
    for rule, state, words in (
        ({"kind": "status", "status": 401}, "key_refused", "refuses the key"),
        ({"kind": "status", "status": 500}, "unreachable", "out of order"),
        ({"kind": "status", "status": 404}, "misconfigured", "not Cal.com's API v2"),
    ):
        await plane.control("calcom", "reset")
        await fault(plane, "me", **rule)
        said = (await owner.post(f"{path}/test")).json()
        assert (said["state"], said["account"]) == (state, None)
        assert words in said["message"]
        kept = (await owner.get(path)).json()
        assert (kept["test_state"], kept["revision"]) == (state, before["revision"])
        assert kept["tested_at"] > before["tested_at"]
        assert kept["account"] == "practice"


@pytest.mark.parametrize("sealed", ["another ring", "another tenant", "in the clear"])
async def test_a_key_that_does_not_open_is_to_be_connected_again(
    plane: ControlPlane, owner: Client, sealed: str
) -> None:
    """Never sent as it is, and never on somebody else's."""
    path = await connected(owner)
    ring = generate_key() if sealed == "another ring" else plane.settings.ava_sealing_keys
    context = calendar_context(uuid4() if sealed == "another tenant" else owner.tenant_id)
    plain = f"cal_live_{uuid4().hex}"  # nobody else's: other tests look for theirs in every column
    text = plain if sealed == "in the clear" else Vault.from_keys(ring).seal(SecretStr(CAL_KEY), context=context)
    plane.database.select(
        "update calendar_connections set sealed_key = %s where tenant_id = %s returning 1", text, owner.tenant_id
    )
    await plane.control("calcom", "reset")
    said = (await owner.post(f"{path}/test")).json()
    assert said["state"] == "misconfigured"
    assert "connect the calendar again" in said["message"]
    broken = problem(await owner.get(f"{path}/event-types"), 409, "calendar_connection_broken")
    assert broken["state"] == "misconfigured"
    assert (await plane.control("calcom", "log", method="GET"))["entries"] == []


async def test_the_deployments_own_account_is_nobody_elses_to_look_into(plane: ControlPlane, owner: Client) -> None:
    """A connection that an operator made without a key shows, and is replaced by connecting one's own."""
    path = await assistant(owner)
    plane.database.select(
        "insert into calendar_connections (tenant_id, assistant_id, event_types) select tenant_id, assistant_id, %s"
        " from assistants where tenant_id = %s returning 1",
        json.dumps({"checkup": 101}),
        owner.tenant_id,
    )
    shown = (await owner.get(path)).json()
    assert (shown["region"], shown["base_url"], shown["key_preview"]) == (None, None, None)
    for answer in (await owner.post(f"{path}/test"), await owner.get(f"{path}/event-types")):
        assert problem(answer, 409, "calendar_connection_broken")["reason"] == "account_of_the_deployment"
    assert (await owner.http.put(path, json=CONNECT)).json()["key_preview"] == "cal_live_…cdef"


async def test_event_types_show_what_they_are_mapped_to(plane: ControlPlane, owner: Client) -> None:
    """Hidden ones, choices of length, two services on one type, and where the duration is another."""
    await plane.control(
        "calcom",
        "event-types",
        [
            {"event_type_id": 5, "title": "Tout", "slug": "tout", "minutes": 30, "hidden": True, "choices": [30, 60]},
            {"event_type_id": 6, "title": "Rien", "slug": "rien", "minutes": 15},
        ],
    )
    path = await connected(owner, event_types={"checkup": 5, "cleaning": 5})
    first, second = (await owner.get(f"{path}/event-types")).json()
    assert (first["hidden"], first["duration_choices"]) == (True, [30, 60])
    assert [(s["service_id"], s["duration_minutes"], s["fits"]) for s in first["services"]] == [
        ("checkup", 30, True),
        ("cleaning", 60, False),
    ]
    assert (second["hidden"], second["services"]) == (False, [])


async def test_a_mapping_names_services_and_event_types_that_there_are(owner: Client) -> None:
    """Each wrong entry is told with what there is instead, and nothing is written; also while connecting."""
    path = await connected(owner)
    wanted = {"event_types": {"checkup": 999, "massage": 101, "cleaning": 102}}
    mapped = await owner.http.put(f"{path}/event-types", json=wanted, headers={"if-match": "*"})
    body = problem(mapped, 422, "calendar_mapping_invalid")
    errors = {one["pointer"]: one for one in body["errors"]}
    assert set(errors) == {"/event_types/checkup", "/event_types/massage"}
    assert "no event type 999" in errors["/event_types/checkup"]["reason"]
    assert "checkup, cleaning" in errors["/event_types/massage"]["advice"]
    assert (await owner.get(path)).json()["event_types"] == {}
    again = await owner.http.put(path, json={**CONNECT, **wanted})
    assert problem(again, 422, "calendar_mapping_invalid")["errors"] == body["errors"]


async def test_a_service_that_only_callers_have_still_may_stay_mapped(owner: Client) -> None:
    """Between a draft without it and its publication; then it is a leftover, told and harmless."""
    path = await connected(owner, event_types=MAPPED)
    base = path.removesuffix("/calendar")
    assert (await owner.post(f"{base}/publish")).status_code == 200
    patched = await owner.http.patch(base, json={"services": SERVICES[:1]}, headers={"if-match": "*"})
    assert patched.status_code == 200, patched.text
    kept = await owner.http.put(f"{path}/event-types", json={"event_types": MAPPED}, headers={"if-match": "*"})
    assert kept.status_code == 200, kept.text
    assert (await owner.post(f"{base}/publish")).status_code == 200
    [warning] = (await owner.get(path)).json()["warnings"]
    assert (warning["pointer"], warning["reason"]) == (
        "/event_types/cleaning", "the assistant has no such service any more",
    )  # fmt: skip


async def test_two_people_do_not_overwrite_each_other(owner: Client) -> None:
    """A mapping needs If-Match; whoever read an older state is told the newer, also after a reconnection."""
    path = await connected(owner)
    first = (await owner.get(path)).headers["etag"]
    body = {"event_types": {"checkup": 101}}
    problem(await owner.http.put(f"{path}/event-types", json=body), 428, "precondition_required")
    done = await owner.http.put(f"{path}/event-types", json=body, headers={"if-match": first})
    assert done.status_code == 200
    stale = problem(await owner.http.put(f"{path}/event-types", json=body, headers={"if-match": first}), 412, "stale")
    assert f'"r{stale["current"]}"' == done.headers["etag"]
    problem(await owner.http.put(path, json=CONNECT, headers={"if-match": first}), 412, "stale")
    problem(await owner.http.delete(path, headers={"if-match": first}), 412, "stale")
    assert (await owner.http.delete(path, headers={"if-match": done.headers["etag"]})).status_code == 204
    problem(await owner.http.put(path, json=CONNECT, headers={"if-match": first}), 412, "stale")


async def test_a_new_key_keeps_what_its_account_still_has(plane: ControlPlane, owner: Client) -> None:
    """Replacing a key loses no mapping; event types that are gone from the account are."""
    path = await connected(owner, event_types=MAPPED)
    assert (await owner.http.put(path, json=CONNECT)).json()["event_types"] == MAPPED
    await plane.control("calcom", "event-types", [{"event_type_id": 102, "title": "D", "slug": "d", "minutes": 60}])
    replaced = (await owner.http.put(path, json=CONNECT)).json()
    assert replaced["event_types"] == {"cleaning": 102}
    assert (replaced["unmapped_services"], replaced["warnings"]) == (["checkup"], [])


async def test_a_disconnected_calendar_is_gone_with_its_key(plane: ControlPlane, owner: Client) -> None:
    """Once; the second time there is none. Connecting again begins anew, at a revision nobody has seen."""
    path = await connected(owner, event_types=MAPPED)
    before = (await owner.get(path)).json()["revision"]
    assert (await owner.http.delete(path)).status_code == 204
    left = plane.database.select("select 1 from calendar_connections where tenant_id = %s", owner.tenant_id)
    assert left == []
    for method, sub in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/event-types")):
        problem(await owner.http.request(method, f"{path}{sub}"), 404, "calendar_not_connected")
    mapped = await owner.http.put(f"{path}/event-types", json={"event_types": {}}, headers={"if-match": "*"})
    problem(mapped, 404, "calendar_not_connected")
    again = (await owner.http.put(path, json=CONNECT)).json()
    assert again["event_types"] == {}
    assert again["revision"] > before


async def test_an_archived_assistant_gets_no_calendar_and_gives_its_key_back(owner: Client) -> None:
    """Connecting and mapping wait until it is restored; disconnecting does not."""
    path = await connected(owner)
    base = path.removesuffix("/calendar")
    await owner.http.put(f"{base}/status", json={"status": "archived"})
    refused = problem(await owner.http.put(path, json=CONNECT), 409, "conflict")
    assert refused["reason"] == "assistant_archived"
    body = {"event_types": {"checkup": 101}}
    mapped = await owner.http.put(f"{path}/event-types", json=body, headers={"if-match": "*"})
    assert problem(mapped, 409, "conflict")["reason"] == "assistant_archived"
    assert (await owner.http.delete(path)).status_code == 204


async def test_clocks_that_differ_are_a_warning(plane: ControlPlane, owner: Client) -> None:
    """Another zone than the hours' is told; another name for the same time of day is not."""
    path = await assistant(owner)
    for zone, warned in (("America/New_York", True), ("Africa/Lagos", True), ("Europe/Brussels", False)):
        await plane.control("calcom", "hours", {"zone": zone})
        made = (await owner.http.put(path, json=CONNECT)).json()
        assert made["time_zone"] == zone
        assert [w["pointer"] for w in made["warnings"]] == (["/time_zone"] if warned else [])
        tested = (await owner.post(f"{path}/test")).json()
        assert [w["pointer"] for w in tested["warnings"]] == (["/time_zone"] if warned else [])


async def test_a_calendar_that_calls_do_not_use_is_a_warning(owner: Client) -> None:
    """Connected, and the tool is off."""
    path = await assistant(owner, tools=["message"])
    made = (await owner.http.put(path, json=CONNECT)).json()
    assert [w["pointer"] for w in made["warnings"]] == ["/tools"]


async def test_a_draft_that_cannot_be_read_is_told(plane: ControlPlane, owner: Client) -> None:
    """Its services are unknown, so nothing is mapped; the calendar can still be taken off."""
    path = await connected(owner)
    plane.database.select(
        "with made as (insert into assistant_versions (assistant_id, tenant_id, version, config)"
        " select assistant_id, tenant_id, 9, '{}' from assistants where tenant_id = %s returning assistant_id)"
        " select * from made",
        owner.tenant_id,
    )
    plane.database.select("update assistants set draft_version = 9 where tenant_id = %s returning 1", owner.tenant_id)
    for answer in (
        await owner.get(path),
        await owner.http.put(path, json=CONNECT),
        await owner.post(f"{path}/test"),
        await owner.get(f"{path}/event-types"),
        await owner.http.put(f"{path}/event-types", json={"event_types": {}}, headers={"if-match": "*"}),
    ):
        problem(answer, 409, "config_unreadable")
    assert (await owner.http.delete(path)).status_code == 204


async def test_viewers_look_and_machines_do_what_their_key_says(plane: ControlPlane, owner: Client) -> None:
    """Reading is for every member; connecting, testing and mapping for admins and keys with the scope."""
    path = await connected(owner, event_types=MAPPED)
    viewer = await plane.member(owner, "viewer")
    reader = await plane.machine(owner, "calendars:read")
    for client in (viewer, reader):
        assert (await client.get(path)).json()["key_preview"] == "cal_live_…cdef"
        assert len((await client.get(f"{path}/event-types")).json()) == 3
        for method, sub, body in (
            ("PUT", "", CONNECT), ("DELETE", "", None), ("POST", "/test", None), ("PUT", "/event-types", {"event_types": {}}),
        ):  # fmt: skip
            refused = await client.http.request(method, f"{path}{sub}", json=body, headers={"if-match": "*"})
            problem(refused, 403, "forbidden")
    admin, writer = await plane.member(owner, "admin"), await plane.machine(owner, "calendars:write", "calendars:read")
    for client in (admin, writer):
        assert (await client.http.put(path, json=CONNECT)).status_code == 200
        assert (await client.post(f"{path}/test")).json()["state"] == "ok"
        mapped = await client.http.put(f"{path}/event-types", json={"event_types": MAPPED}, headers={"if-match": "*"})
        assert mapped.status_code == 200
    assert (await writer.http.delete(path)).status_code == 204


async def test_another_tenants_calendar_does_not_exist(plane: ControlPlane, owner: Client) -> None:
    """404 for whoever guesses the id, by the API and in the database itself; no key or address is written past the API."""
    path = await connected(owner, event_types=MAPPED)
    assistant_id = path.split("/")[3]
    stranger = await plane.owner()
    for client in (stranger, await plane.machine(stranger, "calendars:read", "calendars:write")):
        for method, sub, body in (
            ("GET", "", None), ("PUT", "", CONNECT), ("DELETE", "", None), ("POST", "/test", None),
            ("GET", "/event-types", None), ("PUT", "/event-types", {"event_types": {}}),
        ):  # fmt: skip
            answer = await client.http.request(method, f"{path}{sub}", json=body, headers={"if-match": "*"})
            problem(answer, 404, "not_found")
    rest = f"{plane.database.url}/rest/v1"
    arguments = {"p_tenant_id": str(owner.tenant_id), "p_assistant_id": assistant_id}
    for somebody in (stranger, owner):
        headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {somebody.token}"}
        sealed = await plane.platform.http.get(f"{rest}/calendar_connections?select=sealed_key", headers=headers)
        assert sealed.status_code == 403
        for function in ("find_sealed_calendar_key_v1", "calendar_row_v1"):
            called = await plane.platform.http.post(f"{rest}/rpc/{function}", json=arguments, headers=headers)
            assert called.status_code in (403, 404)
        connect = dict.fromkeys(("p_region", "p_base_url", "p_sealed_key", "p_key_preview", "p_account"))
        called = await plane.platform.http.post(
            f"{rest}/rpc/connect_calendar_v1",
            json={**arguments, **connect, "p_expected_revision": None, "p_time_zone": "", "p_event_types": {}},
            headers=headers,
        )
        assert called.status_code in (403, 404)
    headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {stranger.token}"}
    rows = await plane.platform.http.get(f"{rest}/calendar_connections?select=key_preview", headers=headers)
    assert rows.json() == []
    called = await plane.platform.http.post(
        f"{rest}/rpc/disconnect_calendar_v1", json={**arguments, "p_expected_revision": None}, headers=headers
    )
    assert called.json()["code"] == "AVA03"
    assert (await owner.get(path)).json()["event_types"] == MAPPED


async def test_a_member_who_writes_past_the_api_writes_mappings_only(plane: ControlPlane, owner: Client) -> None:
    """The one function that a member may call directly keeps what a mapping is."""
    path = await connected(owner)
    headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {owner.token}"}
    rest = f"{plane.database.url}/rest/v1/rpc/map_event_types_v1"
    arguments = {
        "p_tenant_id": str(owner.tenant_id), "p_assistant_id": path.split("/")[3], "p_expected_revision": None,
    }  # fmt: skip
    for wrong in (
        None,
        [],
        1,
        {"A": 1},
        {"a": 0},
        {"a": 2**31},
        {"a": 1.5},
        {"a": "1"},
        {f"s{n}": 1 for n in range(201)},
    ):
        called = await plane.platform.http.post(rest, json={**arguments, "p_event_types": wrong}, headers=headers)
        assert called.json()["code"] == "AVA07", wrong
    called = await plane.platform.http.post(rest, json={**arguments, "p_event_types": {"a": 1}}, headers=headers)
    assert called.json()["event_types"] == {"a": 1}
    assert "sealed_key" not in called.json()


async def test_a_key_shows_nowhere(
    plane: ControlPlane, owner: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Connect, list, test, map and every failure on the way: not in an answer, a header, an error or a log line."""
    caplog.set_level(logging.DEBUG)
    wrong, malformed = "cal_live_wrong-but-secret", "cal_live_malformed secret"
    path = await assistant(owner)
    answers: list[httpx.Response] = []
    with capture_logs() as logged:
        for key in (wrong, malformed, CAL_KEY):
            answers.append(await owner.http.put(path, json={**CONNECT, "api_key": key}))
            answers.append(await owner.http.put(path, content=json.dumps({**CONNECT, "api_key": key})[:-1]))
            answers.append(
                await owner.http.put(
                    path, json={"region": "self_hosted", "base_url": "https://127.0.0.1", "api_key": key}
                )
            )
            answers.append(await owner.http.put(path, json={**CONNECT, "api_key": [key]}))
        for operation in ("me", "event_types"):
            for rule in (
                {"kind": "status", "status": 401}, {"kind": "status", "status": 500}, {"kind": "cut"},
                {"kind": "status", "status": 404}, None,
            ):  # fmt: skip
                await plane.control("calcom", "reset")
                if rule is not None:
                    await fault(plane, operation, **rule)
                answers.append(await owner.http.put(path, json=CONNECT))
                answers.append(await owner.post(f"{path}/test"))
                answers.append(await owner.get(f"{path}/event-types"))
                answers.append(
                    await owner.http.put(f"{path}/event-types", json={"event_types": MAPPED}, headers={"if-match": "*"})
                )
                answers.append(await owner.get(path))
        answers.append(await owner.http.delete(path))
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 204, 409, 422, 503}
    shown = [f"{answer.headers}{answer.text}" for answer in answers]
    shown += [str(logged), caplog.text, "".join(str(record.__dict__) for record in caplog.records), *capfd.readouterr()]
    for key in (wrong, malformed, CAL_KEY):
        assert [text for text in shown if key in text or key.removeprefix("cal_live_") in text] == []
    [sealed] = [[text for text in shown if "v1:gAAAA" in text]]
    assert sealed == []
