"""Test calls: what the token lets one do, who is let in, and what an owner sees of them afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from agent.inbound import read_test_call
from contracts.call import CallOutcome, InboundCall, RanOn
from contracts.ids import call_id_for
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.recorded_calls import Line, answered, now, open_line

PRESET = {"preset": {"industry": "health", "language": "fr"}}


async def assistant_of(owner: Client) -> str:
    made = await owner.made("/v1/assistants", PRESET)
    return str(made["assistant_id"])


def claims(plane: ControlPlane, token: str) -> dict[str, Any]:
    """Verified as LiveKit verifies it."""
    secret = plane.settings.livekit_api_secret
    assert secret is not None
    found: dict[str, Any] = jwt.decode(token, secret.get_secret_value(), algorithms=["HS256"])
    return found


async def test_a_token_lets_one_into_one_room_and_do_no_more(plane: ControlPlane, owner: Client) -> None:
    """A browser is no safe place: what it holds expires soon, speaks and listens in one room, and dispatches nobody."""
    assistant_id = await assistant_of(owner)
    made = await owner.made(f"/v1/assistants/{assistant_id}/test-call")
    assert made["url"] == plane.settings.livekit_url
    assert (made["assistant_id"], made["version"], made["language"]) == (assistant_id, 1, "fr")
    held = claims(plane, made["token"])
    assert held["iss"] == plane.settings.livekit_api_key
    assert held["video"] == {
        "roomJoin": True,
        "room": made["room"],
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canSubscribe": True,
        "canPublishData": False,
        "canUpdateOwnMetadata": False,
    }
    assert {"sip", "agent", "attributes", "kind", "metadata"} & held.keys() == set()
    assert held["exp"] - held["nbf"] <= 120
    expires = datetime.fromisoformat(made["expires_at"])
    assert abs(expires - datetime.fromtimestamp(held["exp"], UTC)) < timedelta(seconds=3)
    [agent] = held["roomConfig"]["agents"]
    assert agent["agentName"] == plane.settings.ava_agent_name


async def test_the_worker_is_told_what_it_is_to_try(plane: ControlPlane, owner: Client) -> None:
    """What the API signs is what the agent reads: this call, this version, and that it is a test."""
    assistant_id = await assistant_of(owner)
    made = await owner.made(f"/v1/assistants/{assistant_id}/test-call")
    [agent] = claims(plane, made["token"])["roomConfig"]["agents"]
    call = read_test_call(agent["metadata"], received_at=now())
    assert call is not None
    assert (str(call.call_id), call.dialed, call.caller) == (made["call_id"], "web", None)
    assert call.test_of == RanOn(assistant_id=UUID(assistant_id), version=1)


async def test_the_draft_or_what_is_published(plane: ControlPlane, owner: Client) -> None:
    """The draft if nothing is said; a paused assistant can be tried too."""
    assistant_id = await assistant_of(owner)
    path = f"/v1/assistants/{assistant_id}"
    await owner.made(f"{path}/publish")
    patched = await owner.http.patch(path, json={"tone": "dynamic"}, headers={"if-match": "*"})
    assert patched.status_code == 200, patched.text
    paused = await owner.http.put(f"{path}/status", json={"status": "paused"})
    assert paused.status_code == 200, paused.text
    tried = [
        (await owner.made(f"{path}/test-call", body))["version"]
        for body in (None, {}, {"version": "draft"}, {"version": "published"})
    ]
    assert tried == [2, 2, 2, 1]


async def test_one_key_makes_one_call(plane: ControlPlane, owner: Client) -> None:
    """Sent again, the same room and record; another key is another call. The rationed number counts calls, not requests."""
    assistant_id = await assistant_of(owner)
    async with reconfigured(plane, ava_test_calls_per_tenant="2/hour") as deployed:
        http = await deployed.client(owner.token)

        async def post(key: str) -> Any:
            return await http.post(f"/v1/assistants/{assistant_id}/test-call", headers={"idempotency-key": key})

        first, second = str(uuid4()), str(uuid4())
        answers = [await post(key) for key in (first, first, first, second)]
        assert [answer.status_code for answer in answers] == [201] * 4
        calls = [answer.json() for answer in answers]
        assert calls[0] == calls[1] == calls[2]
        assert calls[0]["room"] != calls[3]["room"]
        assert calls[0]["call_id"] != calls[3]["call_id"]
        refused = await post(str(uuid4()))
        assert (refused.status_code, refused.json()["reason"]) == (429, "test_calls")
        assert int(refused.headers["retry-after"]) > 0
        other = await plane.owner()
        theirs = await assistant_of(other)
        elsewhere = await (await deployed.client(other.token)).post(f"/v1/assistants/{theirs}/test-call")
        assert elsewhere.status_code == 201, "what one tenant has spent is not another's"


async def test_who_may_change_an_assistant_may_try_it(plane: ControlPlane, owner: Client) -> None:
    """It costs money and speaks as the business: looking is not enough."""
    path = f"/v1/assistants/{await assistant_of(owner)}/test-call"
    for who in (await plane.member(owner, "admin"), await plane.machine(owner, "assistants:write")):
        assert (await who.post(path)).status_code == 201
    for who in (await plane.member(owner, "viewer"), await plane.machine(owner, "assistants:read")):
        refused = await who.post(path)
        assert (refused.status_code, refused.json()["reason"]) == (403, "scope_missing")


async def test_a_browser_may_find_livekit_elsewhere(plane: ControlPlane, owner: Client) -> None:
    """Where the API reaches it by an address inside the network."""
    path = f"/v1/assistants/{await assistant_of(owner)}/test-call"
    async with reconfigured(plane, livekit_public_url="wss://line.example.com") as deployed:
        made = await (await deployed.client(owner.token)).post(path)
        page = await (await deployed.client(None)).get("/try")
    assert made.json()["url"] == "wss://line.example.com"
    assert "wss://line.example.com" in page.headers["content-security-policy"]


# what an owner sees of it


async def tried(line: Line, at: datetime, outcome: CallOutcome = CallOutcome.ANSWERED) -> str:
    """A test call that was had at that time, as its worker records it."""
    sip = f"web:{uuid4()}"
    inbound = InboundCall(
        call_id=call_id_for(sip), sip_call_id=sip, dialed="web", caller=None, received_at=at,
        test_of=RanOn(assistant_id=line.assistant_id, version=1),
    )  # fmt: skip
    context = await line.store.open_call(inbound)
    events = [answered("Bonjour.", at, after_ms=640.0), line.who.books(at), line.who.leaves(at)]
    await line.store.append_events(context.call_id, events)
    await line.end(context.call_id, at + timedelta(seconds=30), outcome)
    return str(context.call_id)


async def ids(owner: Client, path: str, name: str, **params: Any) -> set[str]:
    answer = await owner.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return {item[name] for item in answer.json()["items"]}


async def test_a_test_is_listed_as_one(plane: ControlPlane, owner: Client) -> None:
    """Beside callers' calls and apart from them, and so are the messages left in it."""
    async with open_line(plane, owner) as line:
        real = str(await line.call(now(), events=[line.who.leaves(now())]))
        test = await tried(line, now())
    for path in ("/v1/calls", "/v1/messages"):
        assert await ids(owner, path, "call_id") == {real, test}
        assert await ids(owner, path, "call_id", test="true") == {test}
        assert await ids(owner, path, "call_id", test="false") == {real}
    for call_id, expected in ((real, False), (test, True)):
        assert (await owner.get(f"/v1/calls/{call_id}")).json()["test"] is expected
    exported = await owner.get("/v1/calls/export", params={"test": "true"})
    assert test in exported.text
    assert real not in exported.text


async def test_a_test_is_in_no_figure(plane: ControlPlane, owner: Client) -> None:
    """Neither calls nor answers, bookings, messages, seconds, cost or latencies of it; nor is it the first call of a business,
    not even when it is forgotten."""
    async with open_line(plane, owner) as line:
        began = now() - timedelta(hours=1)
        call_id = await tried(line, began, CallOutcome.BOOKED)
        before = (await owner.get("/v1/statistics")).json()
        assert {
            name: before[name]
            for name in ("calls", "ended", "answered", "bookings", "messages", "total_seconds", "costs")
        } == {"calls": 0, "ended": 0, "answered": 0, "bookings": 0, "messages": 0, "total_seconds": 0, "costs": []}
        assert before["latency"]["turns"] == 0
        assert before["outcomes"]["booked"] == 0
        assert (await owner.get("/v1/onboarding")).json()["first_call_at"] is None
        plane.database.select("delete from messages where call_id = %s returning 1", call_id)
        plane.database.select("delete from bookings where call_id = %s returning 1", call_id)
        plane.database.select("delete from call_events where call_id = %s returning 1", call_id)
        plane.database.select("delete from calls where call_id = %s returning 1", call_id)
        assert (await owner.get("/v1/onboarding")).json()["first_call_at"] is None
        await line.call(now(), CallOutcome.ANSWERED)
        assert (await owner.get("/v1/statistics")).json()["calls"] == 1
        assert (await owner.get("/v1/onboarding")).json()["first_call_at"] is not None
