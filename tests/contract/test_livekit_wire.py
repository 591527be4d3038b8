"""The LiveKit stand-in through the real client, and on the wire where that hides something."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.models import ListUpdate, Pagination

from sandbox.livekit import KEY, SECRET
from tests.fakes.livekit import CALLER, NUMBER, OTHER, Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the stand-in is started once


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Server) -> Server:
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.url, KEY, SECRET) as client:
        yield client


async def trunk(client: api.LiveKitAPI, *numbers: str, **more: Any) -> api.SIPInboundTrunkInfo:
    asked = api.SIPInboundTrunkInfo(name="t", numbers=numbers, **more)
    return await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=asked))


async def refused(act: Any) -> tuple[str, int, str]:
    with pytest.raises(api.ServerError) as error:
        await act
    return error.value.code, error.value.status, error.value.message


async def test_the_stand_in_refuses_what_the_server_refuses(client: api.LiveKitAPI) -> None:
    """An id that is given, a trunk open to all, a number twice, a rule of no kind, a rule twice, ids that don't exist."""
    first = await trunk(client, NUMBER)
    assert (await refused(trunk(client)))[2].startswith("for security, one of the fields must be set")
    assert (await refused(trunk(client, OTHER, sip_trunk_id="ST_x")))[:2] == ("invalid_argument", 400)
    code, status, message = await refused(trunk(client, "33 1 23 45 67 89"))
    assert (code, status) == ("invalid_argument", 400)
    assert message.startswith(f'Conflicting inbound SIP Trunks: "<new>" and "{first.sip_trunk_id}", using the same')
    assert message.endswith("without AllowedNumbers set")
    assert (await trunk(client, NUMBER, allowed_numbers=[CALLER])).sip_trunk_id
    again = trunk(client, NUMBER, allowed_numbers=[CALLER])
    assert "AllowedNumber" in (await refused(again))[2]

    individual = api.SIPDispatchRule(dispatch_rule_individual=api.SIPDispatchRuleIndividual(room_prefix="a"))

    async def rule(**more: Any) -> api.SIPDispatchRuleInfo:
        asked = api.CreateSIPDispatchRuleRequest(dispatch_rule=api.SIPDispatchRuleInfo(**more))
        return await client.sip.create_dispatch_rule(asked)

    assert (await refused(rule(trunk_ids=[first.sip_trunk_id])))[2] == "missing rule"
    made = await rule(trunk_ids=[first.sip_trunk_id], rule=individual)
    assert "Conflicting SIP Dispatch Rules" in (await refused(rule(trunk_ids=[first.sip_trunk_id], rule=individual)))[2]
    assert (await rule(trunk_ids=[first.sip_trunk_id], rule=individual, inbound_numbers=[CALLER])).sip_dispatch_rule_id
    for act in (
        client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id="ST_no")),
        client.sip.delete_dispatch_rule(api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id="SDR_no")),
        client.sip.update_inbound_trunk_fields("ST_no", name="n"),
        client.sip.update_dispatch_rule_fields("SDR_no", name="n"),
    ):
        assert (await refused(act))[:2] == ("not_found", 404)
    sent_on = api.TransferSIPParticipantRequest(transfer_to=CALLER)
    assert (await refused(client.sip.transfer_sip_participant(sent_on)))[:2] == ("invalid_argument", 400)
    sent_on.room_name = sent_on.participant_identity = "nobody"
    assert (await refused(client.sip.transfer_sip_participant(sent_on)))[:2] == ("not_found", 404)
    unknown = client.room.update_room_metadata(api.UpdateRoomMetadataRequest(room="r", metadata="m"))
    assert (await refused(unknown))[:2] == ("unimplemented", 501)
    assert made.room_config.agents == []


async def test_the_stand_in_updates_fields_and_lists(client: api.LiveKitAPI) -> None:
    """Lists are set, added to and taken from; the rest stays; a replacement leaves nothing of what was."""
    made = await trunk(client, NUMBER, metadata="m")
    changed = await client.sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=ListUpdate(add=[OTHER]), name="n")
    assert (changed.name, changed.metadata, list(changed.numbers)) == ("n", "m", [NUMBER, OTHER])
    changed = await client.sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=ListUpdate(remove=[NUMBER]))
    assert list(changed.numbers) == [OTHER]
    changed = await client.sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=[NUMBER])
    assert list(changed.numbers) == [NUMBER]
    both = client.sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=ListUpdate(set=[OTHER], add=[NUMBER]))
    assert "set and change" in (await refused(both))[2]
    replaced = await client.sip.update_inbound_trunk(made.sip_trunk_id, api.SIPInboundTrunkInfo(numbers=[OTHER]))
    assert (replaced.sip_trunk_id, replaced.name, replaced.metadata) == (made.sip_trunk_id, "", "")
    open_to_all = client.sip.update_inbound_trunk(made.sip_trunk_id, api.SIPInboundTrunkInfo(name="n"))
    assert (await refused(open_to_all))[2].startswith("for security")

    direct = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name="r"))
    flat = api.CreateSIPDispatchRuleRequest(rule=direct, trunk_ids=["ST_1"], name="flat", attributes={"a": "1"})
    rule = await client.sip.create_dispatch_rule(flat)
    assert (rule.name, list(rule.trunk_ids), dict(rule.attributes)) == ("flat", ["ST_1"], {"a": "1"})
    rule = await client.sip.update_dispatch_rule_fields(
        rule.sip_dispatch_rule_id, trunk_ids=ListUpdate(add=["ST_2"]), attributes={"a": "", "b": "2"}
    )
    assert (list(rule.trunk_ids), dict(rule.attributes)) == (["ST_1", "ST_2"], {"b": "2"})


async def test_the_stand_in_filters_and_pages_with_the_servers_traps(client: api.LiveKitAPI) -> None:
    """A filter by number also gives catch-all trunks, one by trunk also rules without; pages follow the ids."""
    named = await trunk(client, NUMBER)
    wild = await trunk(client, allowed_addresses=["203.0.113.0/24"])
    other = await trunk(client, OTHER)

    async def listed(**more: Any) -> list[str]:
        answer = await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest(**more))
        return [item.sip_trunk_id for item in answer.items]

    assert set(await listed(numbers=["33123456789"])) == {named.sip_trunk_id, wild.sip_trunk_id}
    assert await listed(trunk_ids=[other.sip_trunk_id, "ST_no"]) == [other.sip_trunk_id]
    first = await listed(page=Pagination(limit=2))
    second = await listed(page=Pagination(limit=2, after_id=first[-1]))
    assert first + second == sorted([named.sip_trunk_id, wild.sip_trunk_id, other.sip_trunk_id])

    direct = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name="r"))
    for ids in ([named.sip_trunk_id], [other.sip_trunk_id], []):
        rule = api.SIPDispatchRuleInfo(rule=direct, trunk_ids=ids)
        await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=rule))
    rules = await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest(trunk_ids=[named.sip_trunk_id]))
    assert sorted(list(rule.trunk_ids) for rule in rules.items) == [[], [named.sip_trunk_id]]


async def test_outbound_trunks_and_rooms(client: api.LiveKitAPI) -> None:
    """What calls out needs a number and an address; the list of rooms is there to be asked."""

    async def out(**more: Any) -> api.SIPOutboundTrunkInfo:
        asked = api.CreateSIPOutboundTrunkRequest(trunk=api.SIPOutboundTrunkInfo(name="out", **more))
        return await client.sip.create_outbound_trunk(asked)

    assert (await refused(out(address="sip.example.com")))[2] == "no trunk numbers specified"
    assert (await refused(out(numbers=[NUMBER])))[2] == "no outbound address specified"
    assert (await refused(out(numbers=[NUMBER], address="sip:a@b")))[0] == "invalid_argument"
    made = await out(numbers=[NUMBER], address="sip.example.com")
    listed = await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest(numbers=[NUMBER]))
    assert [item.sip_trunk_id for item in listed.items] == [made.sip_trunk_id]
    await client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))
    assert (await client.room.list_rooms(api.ListRoomsRequest())).rooms == []


def token(**claims: Any) -> str:
    given = {"iss": KEY, "sub": "", "exp": 4_000_000_000, "sip": {"admin": True}, **claims}
    return jwt.encode({k: v for k, v in given.items() if v is not None}, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        (None, "permissions denied"),
        (f"Bearer {token(sip=None, video={'roomList': True})}", "permissions denied"),
        ("Basic abc", "invalid authorization header"),
        ("Bearer not-a-token", "invalid authorization token"),
        (f"Bearer {token(iss='stranger')}", "invalid API key: stranger"),
        (f"Bearer {token(exp=1)}", "Signature has expired"),
        (f"Bearer {token(exp=None)}", "missing"),
    ],
)
async def test_the_stand_in_wants_a_token_with_the_grant(
    server: Server, authorization: str | None, answer: str
) -> None:
    """Bad tokens are turned away in plain text before Twirp; a lacking grant is Twirp's own error. Both are 401."""
    headers = {"Authorization": authorization} if authorization else {}
    got = await server.http.post("/twirp/livekit.SIP/ListSIPInboundTrunk", json={}, headers=headers)
    assert got.status_code == 401
    assert answer in got.text
    twirp = answer == "permissions denied"
    assert got.headers["content-type"].startswith("application/json" if twirp else "text/plain")


async def test_the_stand_in_speaks_json_too(server: Server) -> None:
    """camelCase or snake_case in, snake_case with defaults out; Twirp's errors for what is not understood."""
    headers = {"Authorization": f"Bearer {token()}"}
    sip = "/twirp/livekit.SIP"
    made = await server.http.post(
        f"{sip}/CreateSIPInboundTrunk",
        json={"trunk": {"numbers": [NUMBER], "allowedAddresses": ["203.0.113.7"], "auth_username": "u"}},
        headers=headers,
    )
    assert made.headers["content-type"] == "application/json"
    assert made.json()["sip_trunk_id"].startswith("ST_")
    assert (made.json()["allowed_addresses"], made.json()["name"]) == (["203.0.113.7"], "")
    listed = await server.http.post(f"{sip}/ListSIPInboundTrunk", json={}, headers=headers)
    assert listed.json() == {"items": [made.json()]}
    bad = await server.http.post(
        f"{sip}/ListSIPInboundTrunk", content=b"{", headers=headers | {"Content-Type": "application/json"}
    )
    assert (bad.status_code, bad.json()["code"]) == (400, "malformed")
    odd = await server.http.post(
        f"{sip}/ListSIPInboundTrunk", content=b"", headers=headers | {"Content-Type": "text/xml"}
    )
    assert (odd.status_code, odd.json()["code"]) == (404, "bad_route")
    garbled = headers | {"Content-Type": "application/protobuf"}
    torn = await server.http.post(f"{sip}/CreateSIPInboundTrunk", content=b"\xff\xff", headers=garbled)
    assert (torn.status_code, torn.json()["code"]) == (400, "malformed")
    nowhere = await server.http.post("/twirp/livekit.Nothing/Do", json={}, headers=headers)
    assert nowhere.json()["code"] == "bad_route"


async def test_the_real_client_sees_the_faults_as_on_the_wire(server: Server, client: api.LiveKitAPI) -> None:
    """A lost answer is a transport error after the write; a limit is resource_exhausted; a bad key has no code."""
    await server.fault("create_inbound_trunk", "lost_answer")
    with pytest.raises(aiohttp.ClientError):
        await trunk(client, NUMBER)
    assert len((await server.state())["trunks"]) == 1
    await server.fault("list_inbound_trunk", "status", status=429)
    listing = client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    assert (await refused(listing))[:2] == ("resource_exhausted", 429)
    async with api.LiveKitAPI(server.url, "stranger", SECRET) as stranger:
        listing = stranger.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
        assert (await refused(listing))[:2] == ("unknown", 401)
    await server.http.post("/_ctl/reset")
    assert (await server.state())["trunks"] == []
