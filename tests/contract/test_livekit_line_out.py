"""A number's way out on LiveKit: the outbound trunk that comes and goes with its route, through the stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit import api
from pydantic import SecretStr

from control_api.numbers.line import DigestAuth, RouteDrift, WayOut
from control_api.numbers.livekit_line import LiveKitLine
from sandbox.livekit import KEY, SECRET
from tests.fakes.livekit import NUMBER, OTHER, Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the stand-in is started once

LABEL, OTHERS_LABEL = "ava:5b0c4f0e-6d0f-4a52-9d10-0c4b9a7e1f11", "ava:0c1d4f0e-6d0f-4a52-9d10-0c4b9a7e1f22"
CARRIER = "sip.example.com:5060"
OUT = WayOut(CARRIER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Server) -> Server:
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def line(server: Server) -> AsyncIterator[LiveKitLine]:
    line = LiveKitLine(server.url, KEY, SecretStr(SECRET), deadline=5.0, request_timeout=2.0)
    yield line
    await line.aclose()


async def ensure(line: LiveKitLine, number: str = NUMBER, *, label: str = LABEL, **more: Any) -> None:
    await line.ensure_route(number, label=label, agent_name="ava", metadata={}, **more)


async def ways_out(server: Server) -> list[dict[str, Any]]:
    return (await server.state())["outbound_trunks"]


async def test_calls_out_go_to_the_owners_carrier_signed_in_as_its_own_do(server: Server, line: LiveKitLine) -> None:
    """One trunk, that is found by the number; made once, however often it is ensured."""
    auth = DigestAuth("carrier", SecretStr("a-password"))
    for _ in range(2):
        await ensure(line, outgoing=WayOut(CARRIER, auth), auth=auth)
    [trunk] = await ways_out(server)
    assert (trunk["name"], trunk["address"], trunk["numbers"]) == (LABEL, CARRIER, [NUMBER])
    assert (trunk["auth_username"], trunk["auth_password"]) == ("carrier", "a-password")


async def test_a_changed_carrier_replaces_the_way_out(server: Server, line: LiveKitLine) -> None:
    """The old one is gone: nobody is rung through it by chance."""
    await ensure(line, outgoing=OUT)
    await ensure(line, outgoing=WayOut("192.0.2.1"))
    assert [trunk["address"] for trunk in await ways_out(server)] == ["192.0.2.1"]


async def test_without_an_address_there_is_no_way_out(server: Server, line: LiveKitLine) -> None:
    """A number that is only called makes no trunk to call from."""
    await ensure(line)
    assert await ways_out(server) == []


async def test_dropping_a_route_takes_its_way_out_along_and_no_other(server: Server, line: LiveKitLine) -> None:
    """By label, as all that belongs to a number."""
    await ensure(line, outgoing=OUT)
    await ensure(line, OTHER, label=OTHERS_LABEL, outgoing=OUT)
    await line.drop_route(NUMBER, label=LABEL)
    assert [trunk["name"] for trunk in await ways_out(server)] == [OTHERS_LABEL]


@pytest.mark.parametrize(
    "fault",
    [{"kind": "lost_answer"}, {"kind": "cut", "cut_after": 3}, {"kind": "cut"}, {"kind": "status", "status": 503}],
)
async def test_an_answer_lost_on_the_way_leaves_one_way_out(
    server: Server, line: LiveKitLine, fault: dict[str, Any]
) -> None:
    """LiveKit would take two for one number: it is looked for before it is made again."""
    await server.fault("create_outbound_trunk", **fault)
    await ensure(line, outgoing=OUT)
    assert len(await ways_out(server)) == 1


async def test_where_calls_from_a_number_go_is_found_with_its_route(server: Server, line: LiveKitLine) -> None:
    """For whoever compares. One whose number no trunk takes any more is none: it is made anew with the rest."""
    await ensure(line, outgoing=OUT)
    await ensure(line, OTHER, label=OTHERS_LABEL)
    with_one, without = sorted((await line.find_routes()).ours, key=lambda route: route.outgoing is None)
    assert (with_one.label, with_one.outgoing, without.outgoing) == (LABEL, CARRIER, None)
    assert with_one.drift_from(NUMBER, agent_name="ava", outgoing=OUT) == ()
    assert without.drift_from(OTHER, agent_name="ava", outgoing=OUT) == (RouteDrift.NO_WAY_OUT,)
    async with api.LiveKitAPI(server.url, KEY, SECRET) as livekit:
        await livekit.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=with_one.trunk_id or ""))
    left = next(route for route in (await line.find_routes()).ours if route.label == LABEL)
    assert (left.trunk_id, left.outgoing) == (None, None)
    assert RouteDrift.NO_WAY_OUT in left.drift_from(NUMBER, agent_name="ava", outgoing=OUT)
