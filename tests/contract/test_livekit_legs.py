"""What sends callers on, against a LiveKit that answers over its real wire: what each of its answers means for who waits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo
from pydantic import SecretStr

from control_api.numbers.livekit_legs import LiveKitLegs
from control_api.numbers.stranded import CallerGone, Leg, LineAway, Present, Unconfirmed
from sandbox.livekit import KEY, SECRET
from tests.fakes.livekit import CALLER, NUMBER, OTHER, Server, serving

ROOM = f"call-_{CALLER}_1"
HER = Leg("sip_1", "active", "SCL_1", NUMBER, CALLER)
PEOPLE: list[dict[str, Any]] = [
    {
        "identity": "sip_1",
        "kind": "SIP",
        "attributes": {
            "sip.callStatus": "active",
            "sip.callID": "SCL_1",
            "sip.trunkPhoneNumber": NUMBER,
            "sip.phoneNumber": CALLER,
        },
    },
    {"identity": "agent-1", "kind": "AGENT"},
    {"identity": "browser", "attributes": {"sip.callStatus": "active", "sip.trunkPhoneNumber": NUMBER}},
]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest_asyncio.fixture
async def legs(server: Server) -> AsyncIterator[LiveKitLegs]:
    """She is in a room, with a job that does not answer."""
    await there(server)
    legs = LiveKitLegs(server.url, KEY, SecretStr(SECRET), request_timeout=1.0)
    yield legs
    await legs.aclose()


async def there(server: Server, *answering: str) -> None:
    await server.put("rooms", {"room": ROOM, "people": PEOPLE, "answering": answering})


async def told(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = (await server.http.get("/_ctl/rooms")).json()
    return found


async def test_who_is_there(legs: LiveKitLegs) -> None:
    """What a browser says of itself is not believed; a room that is gone holds nobody."""
    assert await legs.present(ROOM) == Present((HER, Leg("browser")), ("agent-1",))
    assert await legs.present("call-gone") == Present()


async def test_a_job_that_lives_says_so(server: Server, legs: LiveKitLegs) -> None:
    assert not await legs.is_alive(ROOM, "agent-1")
    assert not await legs.is_alive(ROOM, "agent-gone")
    await there(server, "agent-1")
    assert await legs.is_alive(ROOM, "agent-1")


async def test_a_server_that_can_not_ask_leaves_it_at_silence(server: Server, legs: LiveKitLegs) -> None:
    """An older one."""
    await server.fault("perform_rpc", "status", status=501)
    assert not await legs.is_alive(ROOM, "agent-1")


@pytest.mark.parametrize("operation", ["list_participants", "delete_room", "perform_rpc"])
@pytest.mark.parametrize("kind", ["status", "delay", "cut"])
async def test_a_line_that_is_away_says_so_in_time(
    server: Server, legs: LiveKitLegs, operation: str, kind: str
) -> None:
    """Nobody is taken for dead, nor for gone, for that."""
    await server.fault(operation, kind, **({"status": 503} if kind == "status" else {"delay_ms": 4_000}))
    asked = {
        "list_participants": lambda: legs.present(ROOM),
        "delete_room": lambda: legs.end(ROOM),
        "perform_rpc": lambda: legs.is_alive(ROOM, "agent-1"),
    }
    with pytest.raises(LineAway):
        await asked[operation]()


@pytest.mark.parametrize("says_so", [True, False])
async def test_she_is_sent_on_through_the_trunk_of_the_number_she_dialled(
    server: Server, legs: LiveKitLegs, says_so: bool
) -> None:
    """Servers before August 2026 answer with nothing."""
    async with api.LiveKitAPI(server.url, KEY, SECRET) as client:
        trunk = SIPOutboundTrunkInfo(name="out", address="carrier.example.com", numbers=[NUMBER])
        await client.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
    await server.http.post("/_ctl/transfers", json={"told": says_so})
    assert await legs.refer(ROOM, HER, OTHER) == "transferred"
    assert (await told(server))["sent_on"] == [{"identity": "sip_1", "to": f"sip:{OTHER}@carrier.example.com"}]


@pytest.mark.parametrize("fault", [None, "status"])
async def test_without_such_a_trunk_the_carrier_is_given_a_telephone_number(
    server: Server, legs: LiveKitLegs, fault: str | None
) -> None:
    """There is none, or LiveKit does not say."""
    if fault:
        await server.fault("list_outbound_trunk", fault, status=503)
    assert await legs.refer(ROOM, HER, OTHER) == "transferred"
    assert (await told(server))["sent_on"] == [{"identity": "sip_1", "to": f"tel:{OTHER}"}]


@pytest.mark.parametrize(
    ("sip_status", "result"),
    [(486, "busy"), (600, "busy"), (480, "no_answer"), (487, "no_answer"), (603, "declined"), (404, "failed"),
     (503, "failed")],
)  # fmt: skip
async def test_what_the_telephone_network_says(server: Server, legs: LiveKitLegs, sip_status: int, result: str) -> None:
    """A number that does not exist is not a caller who is gone."""
    await server.http.post("/_ctl/transfers", json={"sip_status": sip_status})
    assert await legs.refer(ROOM, HER, OTHER) == result


async def test_who_has_hung_up_is_gone(server: Server, legs: LiveKitLegs) -> None:
    await server.put("rooms", {"room": ROOM, "people": PEOPLE[1:]})
    with pytest.raises(CallerGone):
        await legs.refer(ROOM, HER, OTHER)


@pytest.mark.parametrize("status", [401, 403, 429, 400, 501])
async def test_a_refusal_is_an_answer(server: Server, legs: LiveKitLegs, status: int) -> None:
    await server.fault("transfer_sip_participant", "status", status=status)
    assert await legs.refer(ROOM, HER, OTHER) == "failed"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "status", "status": 503},
                                   {"kind": "lost_answer"}, {"kind": "cut"}])  # fmt: skip
async def test_an_answer_that_says_nothing_is_no_refusal(
    server: Server, legs: LiveKitLegs, fault: dict[str, Any]
) -> None:
    """It may have been done."""
    await server.fault("transfer_sip_participant", **fault)
    with pytest.raises(Unconfirmed):
        await legs.refer(ROOM, HER, OTHER)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    legs = LiveKitLegs("http://127.0.0.1:9", KEY, SecretStr(SECRET))
    with pytest.raises(LineAway):
        await legs.refer(ROOM, HER, OTHER)
    await legs.aclose()


async def test_a_room_is_ended_once(server: Server, legs: LiveKitLegs) -> None:
    await legs.end(ROOM)
    await legs.end(ROOM)
    assert (await told(server))["ended"] == [ROOM]
