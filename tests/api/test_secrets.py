"""Secrets and callers show nowhere that they need not: a journey with distinctive ones, and then a search for each of them.

An owner connects a calendar, a carrier and a trunk, makes keys and invitations, is called, makes mistakes, and meets every kind
of failure: outside parties that repeat what they were sent, a database that is away, rows that can't be read. Then logs at the
lowest level, all answers, the database, what is shown of objects, figures and the document are searched.
"""

import contextlib
import io
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio
from pydantic import SecretStr

from control_api.sign_in import Doorkeeper
from observing.logs import set_up
from sandbox.faults import FaultRule
from tests.fakes.control_plane import CAL_KEY, Client, ControlPlane, reconfigured
from tests.fakes.recorded_calls import Person, now, open_line, places_of, some_number
from tests.fakes.telephone_numbers import account_at_twilio, assistant, bought

PRESET = {"preset": {"industry": "health", "language": "fr"}}


@dataclass
class Journey:
    """What was secret, what was said, and what was told."""

    secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    personal: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    answers: list[httpx.Response] = field(default_factory=list[httpx.Response], repr=False)
    logs: str = field(default="", repr=False)

    def found_in(self, text: str, words: dict[str, str]) -> list[str]:
        return [name for name, word in words.items() if word in text]


@contextlib.contextmanager
def everything_logged(plane: ControlPlane) -> Iterator[io.StringIO]:
    """Ours as operators read it and every library's, at the lowest level."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        set_up("DEBUG")
    of_libraries, root = logging.StreamHandler(stream), logging.getLogger()
    before = root.level
    root.addHandler(of_libraries)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(of_libraries)
        root.setLevel(before)
        set_up(plane.settings.ava_log_level)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def journey(plane: ControlPlane) -> AsyncIterator[Journey]:
    told = Journey()
    with everything_logged(plane) as stream:
        async with reconfigured(plane) as deployed:
            owner = await _signed_in(deployed, told)
            await _calendar(deployed, owner, told)
            await _carriers(deployed, owner, told)
            await _people(deployed, owner, told)
            await _called(deployed, owner, told)
            await _outages(deployed, owner, told)
            await _breakage(deployed, owner, told)
            for path in ("/metrics", "/openapi.json", "/readyz"):
                await owner.get(path)
    told.logs = stream.getvalue()
    yield told


def watched(http: httpx.AsyncClient, told: Journey) -> None:
    async def keep(answer: httpx.Response) -> None:
        await answer.aread()
        told.answers.append(answer)

    http.event_hooks = {"response": [keep]}


async def _signed_in(plane: ControlPlane, told: Journey) -> Client:
    email = f"owner.{uuid4().hex[:12]}@example.com"
    owner = await plane.owner(email=email)
    watched(owner.http, told)
    settings = plane.settings
    for name in (
        "supabase_secret_key",
        "ava_sealing_keys",
        "livekit_api_secret",
        "twilio_auth_token",
        "eleven_api_key",
    ):
        secret: SecretStr = getattr(settings, name)
        told.secrets[name] = secret.get_secret_value()
    told.secrets |= {"token": owner.token, "token's signature": owner.token.rpartition(".")[2]}
    told.personal["owner's address"] = email
    for credential in (f"{owner.token}x", f"ava_live_{'q' * 62}", "Basic c2VjcmV0LW9mLXNvbWVib2R5"):
        stranger = await plane.client(credential)
        watched(stranger, told)
        told.secrets[f"a credential that is none: {credential[:9]}"] = credential
        assert (await stranger.get("/v1/me")).status_code == 401
    return owner


async def _calendar(plane: ControlPlane, owner: Client, told: Journey) -> None:
    told.secrets["calendar key"] = CAL_KEY
    path = f"/v1/assistants/{await assistant(owner)}/calendar"
    wrong = f"cal_live_{uuid4().hex}"
    told.secrets["another calendar key"] = wrong
    connect = {"region": "us", "api_key": CAL_KEY}
    await plane.control("calcom", "faults", [_repeating("me", 400, {"error": {"message": f"no such key {CAL_KEY}"}})])
    bodies: list[Any] = [
        connect, {**connect, "api_key": wrong}, {**connect, "region": CAL_KEY}, [CAL_KEY],
        {**connect, "api_key": f"{CAL_KEY} {CAL_KEY}"}, {**connect, "region": "self_hosted", "base_url": CAL_KEY},
        {**connect, "region": "self_hosted", "base_url": f"https://{CAL_KEY}:x@10.0.0.1"}, connect,
    ]  # fmt: skip
    answers = [await owner.http.put(path, json=body) for body in bodies]
    await plane.control("calcom", "reset")
    assert (await owner.http.put(path, json=connect)).status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 409, 422, 503}
    await owner.post(f"{path}/test")
    await plane.control("calcom", "faults", [_repeating("event_types", 500, {"message": CAL_KEY})])
    await owner.get(f"{path}/event-types")
    await plane.control("calcom", "reset")


def _repeating(operation: str, status: int, body: Any) -> dict[str, Any]:
    """An outside party that says in its answer what it was sent."""
    return FaultRule(operation=operation, kind="status", status=status, body=body, times=1).model_dump(mode="json")


async def _carriers(plane: ControlPlane, owner: Client, told: Journey) -> None:
    account_sid, token = await account_at_twilio(plane)
    told.secrets["carrier's token"] = token
    connect = {"account_sid": account_sid, "auth_token": token}
    said = {"code": 20003, "message": f"token {token} of {account_sid} refused", "status": 400}
    await plane.control("twilio", "faults", [_repeating("fetch_account", 400, said)])
    for body in (
        connect,
        {**connect, "auth_token": f"{token}0"},
        {**connect, "account_sid": token},
    ):
        await owner.post("/v1/carriers/twilio", body)
    key = {"idempotency-key": str(uuid4())}
    await owner.made("/v1/carriers/twilio", connect, headers=key)
    await owner.post("/v1/carriers/twilio", {**connect, "name": token}, headers=key)
    await bought(owner)
    told.secrets["managed account's token"] = await _token_of_managed(plane, owner)
    password = f"sip-password-{uuid4().hex}"
    told.secrets["SIP password"] = password
    trunk = {"e164s": [some_number()], "username": "practice", "password": password}
    for body in (trunk, {**trunk, "password": f"{password} with space"}, {**trunk, "e164s": [password]}):
        await owner.post("/v1/numbers/sip-trunks", body)


async def _token_of_managed(plane: ControlPlane, owner: Client) -> str:
    """As its carrier tells it to the platform that opened the account."""
    [managed] = [one for one in (await owner.get("/v1/carriers")).json() if one["kind"] == "managed"]
    settings = plane.settings
    assert settings.twilio_auth_token is not None
    account = await plane.platform.http.get(
        f"{plane.urls['twilio']}/2010-04-01/Accounts/{managed['account_sid']}.json",
        auth=(settings.twilio_account_sid or "", settings.twilio_auth_token.get_secret_value()),
    )
    return str(account.raise_for_status().json()["auth_token"])


async def _people(plane: ControlPlane, owner: Client, told: Journey) -> None:
    key = {"idempotency-key": str(uuid4())}
    body = {"name": "website", "scopes": ["assistants:read"]}
    made = [await owner.made("/v1/api-keys", body, headers=key) for _ in range(2)]
    told.secrets["API key"] = made[0]["key"]
    machine = await plane.client(made[0]["key"])
    watched(machine, told)
    for path in ("/v1/assistants", "/v1/tenant", "/v1/me"):
        await machine.get(path)
    invitee = f"invited.{uuid4().hex[:12]}@example.com"
    told.personal["invitee's address"] = invitee
    invitation = await owner.made("/v1/invitations", {"email": invitee}, headers={"idempotency-key": str(uuid4())})
    told.secrets["invitation's token"] = invitation["token"]
    other = await plane.owner()
    watched(other.http, told)
    for token in (invitation["token"], invitation["token"][:-1], [invitation["token"]]):
        await other.post("/v1/invitations/accept", {"token": token})
    await owner.get("/v1/invitations")
    await owner.get("/v1/api-keys")
    await owner.post("/v1/invitations", {"email": f"{invitee} {invitee}"})
    await owner.http.delete(f"/v1/members/{invitee}")


async def _called(plane: ControlPlane, owner: Client, told: Journey) -> None:
    who = Person.new()
    told.personal |= {
        "caller's number": who.number.lstrip("+"), "caller's name": who.name, "caller's words": who.words,
        "caller's address": who.email,
    }  # fmt: skip
    async with open_line(plane, owner) as line:
        line.who = who
        call_id = await line.call(now(), events=who.everything(now()), summary=f"about {who.name}")
    await owner.get(f"/v1/calls/{call_id}")
    await owner.get("/v1/calls", params={"caller": who.number})
    await owner.get("/v1/calls", params={"caller": f"{who.number}x", "outcome": who.name, "from": who.email})
    await owner.get("/v1/calls/export", params={"caller": who.number})
    await owner.post("/v1/callers/redact", {"caller": f"{who.number} {who.name}"})
    await owner.http.request("FIND", f"/v1/calls/{who.number}", params={"name": who.name})
    await owner.get(f"/v1/numbers/{who.number}")


async def _outages(plane: ControlPlane, owner: Client, told: Journey) -> None:
    """Requests that hold secrets and people, while the database is away, slow to lose, or refuses."""
    number = told.personal["caller's number"]
    requests = [
        ("POST", "/v1/api-keys", {"name": "k", "scopes": ["calls:read"]}),
        ("POST", "/v1/invitations", {"email": told.personal["invitee's address"]}),
        ("POST", "/v1/callers/delete", {"caller": f"+{number}"}),
        ("GET", f"/v1/calls?caller=%2B{number}", None),
    ]
    fault = FaultRule(operation="*", kind="status", status=400, times=None, body={"code": "23514", "message": "no"})
    for stop in (plane.database.stop_postgrest, lambda: plane.database.add_faults(fault)):
        stop()
        try:
            for method, path, body in requests:
                answer = await owner.http.request(method, path, json=body, headers={"idempotency-key": str(uuid4())})
                assert answer.status_code in (500, 503), answer.text
        finally:
            plane.database.clear_faults()
            plane.database.start_postgrest()


async def _breakage(plane: ControlPlane, owner: Client, told: Journey) -> None:
    """A row that no release wrote: what can't be read is not told by way of saying so."""
    name = told.personal["caller's name"]
    plane.database.select(
        "update calls set ended_by = null, usage = to_jsonb(%s::text) where tenant_id = %s returning 1",
        name,
        owner.tenant_id,
    )
    for path in ("/v1/calls", "/v1/calls/export"):
        await owner.get(path)
    [row] = plane.database.select("select call_id from calls where tenant_id = %s", owner.tenant_id)
    await owner.get(f"/v1/calls/{row['call_id']}")


def test_the_journey_went_through_it_all(journey: Journey) -> None:
    """Else a search would find nothing because there was nothing."""
    statuses = {answer.status_code for answer in journey.answers}
    assert {200, 201, 401, 403, 404, 405, 409, 422, 500, 503} <= statuses
    assert len(journey.secrets) >= 17
    assert all(len(secret) >= 7 for secret in journey.secrets.values())
    assert journey.logs.count('"event": "request"') > 40


def test_logs_hold_none(journey: Journey) -> None:
    """Neither secrets nor people; not ours, and not the libraries' at their most talkative."""
    assert journey.found_in(journey.logs, journey.secrets | journey.personal) == []


def test_answers_hold_no_secret(journey: Journey) -> None:
    """But for the two that are shown once, where they are made."""
    once = {"API key": "/v1/api-keys", "invitation's token": "/v1/invitations"}
    for answer in journey.answers:
        text = answer.text + str(dict(answer.headers))
        for name in journey.found_in(text, journey.secrets):
            made = (answer.request.method, answer.status_code, answer.request.url.path)
            assert made == ("POST", 201, once.get(name)), f"{name} in {made}"


def test_problems_name_nobody(journey: Journey) -> None:
    """What is refused or broke is told without whom it was about."""
    for answer in journey.answers:
        if answer.status_code >= 400:
            assert journey.found_in(answer.text, journey.personal) == [], answer.text


def test_the_database_holds_no_secret(plane: ControlPlane, journey: Journey) -> None:
    """In no column of any table of any schema in plain: sealed, hashed, or not at all."""
    assert places_of(plane.database, *journey.secrets.values()) == {}
    people = set(journey.personal.values())
    assert places_of(plane.database, *people).keys() == people  # the search finds what is there


def test_figures_and_the_document_hold_none(journey: Journey) -> None:
    shown = [a for a in journey.answers if a.request.url.path in ("/metrics", "/openapi.json", "/readyz")]
    assert len(shown) == 3
    for answer in shown:
        # the examples of the document have a calendar key that is not whole
        assert journey.found_in(answer.text, journey.secrets | journey.personal) == []


async def test_nothing_shows_in_what_objects_say_of_themselves(plane: ControlPlane, journey: Journey) -> None:
    """A repr ends in logs and error reports: settings, whoever asks, sessions, services and what they are made of."""
    owner = await plane.owner(email="somebody.in.particular@example.com")
    machine = await plane.machine(owner, "calls:read")
    doorkeeper: Doorkeeper = plane.app.state.provided[Doorkeeper]
    person = await doorkeeper.person(f"Bearer {owner.token}")
    objects: list[object] = [
        plane.settings, person, person.access, await doorkeeper.principal(f"Bearer {owner.token}", None),
        await doorkeeper.principal(f"Bearer {machine.token}", None), doorkeeper,
    ]  # fmt: skip
    for provided in plane.app.state.provided.values():
        objects += [provided, *vars_of(provided)]
    secrets = {**journey.secrets, "token": owner.token, "key": machine.token}
    for shown in objects:
        assert journey.found_in(f"{shown!r} {shown!s}", secrets) == [], type(shown)


def vars_of(value: object) -> list[object]:
    try:
        return list(vars(value).values())
    except TypeError:
        return []


def test_no_traces_are_exported() -> None:
    """Nothing of requests goes to a collector: the server loads neither an SDK of OpenTelemetry nor an exporter."""
    exporting = ("opentelemetry.sdk", "opentelemetry.exporter", "langfuse", "sentry_sdk")
    program = f"import sys, control_api.server; print([m for m in sys.modules if m.startswith({exporting!r})])"
    root = Path(__file__).parents[2]
    command, environment = [sys.executable, "-c", program], {"PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=root, env=environment)
    assert done.stdout.strip() == "[]"
