"""The dispatcher, against a LiveKit that answers over its real wire, fails, or is not there: an agent is sent once for each
try, to a room of its own, in calling hours; and whatever is cut short in the middle rings nobody twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo

from contracts.errors import StoreUnavailable
from contracts.hours import OpeningHours
from control_api.planned_calls.calling_hours import CallingHours
from control_api.planned_calls.dispatcher import BEGUN_WITHIN, Dispatcher, Pace
from control_api.planned_calls.livekit_dialer import LiveKitDialer
from sandbox.faults import FaultRule
from store.client import connect
from store.dialling import SupabasePlannedCalls, UnderWay
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.planned_calls import Business, Dialing, let_lapse, open_business

PARIS = ZoneInfo("Europe/Paris")


def _in_hours() -> datetime:
    """Eleven in the morning of the next day on which people in France may be called."""
    tomorrow = datetime.now(PARIS).replace(hour=11, minute=0) + timedelta(days=1)
    allowed = CallingHours(OpeningHours(time_zone="Europe/Paris", country="FR")).next_allowed(tomorrow, "+33478000000")
    assert allowed is not None
    return allowed.replace(hour=11)


IN_HOURS = _in_hours()


@pytest_asyncio.fixture(loop_scope="session")
async def business(plane: ControlPlane, owner: Client) -> AsyncIterator[Business]:
    """On a line that goes out, too. Nothing else is due."""
    plane.database.select(
        "update planned_calls set state = 'cancelled' where state in ('planned', 'dialing', 'answered') returning 1"
    )
    await plane.control("livekit", "reset", {})
    business = await open_business(plane, owner)
    settings = plane.settings
    secret = settings.livekit_api_secret
    assert secret is not None
    trunk = SIPOutboundTrunkInfo(name="out", address="carrier.example.com", numbers=[business.number])
    async with api.LiveKitAPI(settings.livekit_url, settings.livekit_api_key, secret.get_secret_value()) as livekit:
        await livekit.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
    yield business
    await plane.control("livekit", "reset", {})


@pytest_asyncio.fixture(loop_scope="session")
async def dialer(plane: ControlPlane) -> AsyncIterator[LiveKitDialer]:
    settings = plane.settings
    assert settings.livekit_url
    assert settings.livekit_api_key
    assert settings.livekit_api_secret
    dialer = LiveKitDialer(
        settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret,
        agent_name="ava",
        request_timeout=1.0,
    )
    yield dialer
    await dialer.aclose()


def dispatcher(
    plane: ControlPlane, dialer: LiveKitDialer | None, *, at: datetime = IN_HOURS, at_most: int = 100
) -> Dispatcher:
    pace = Pace(every=0, at_most=at_most)
    return Dispatcher(Dialing(plane).repository, dialer, clock=lambda: at, pace=pace)


async def state(plane: ControlPlane) -> dict[str, Any]:
    found: dict[str, Any] = await plane.control("livekit", "state", method="GET")
    return found


async def sent(plane: ControlPlane) -> list[tuple[str, dict[str, str]]]:
    """Agents that were sent: to which room, with what."""
    return [(one["room"], json.loads(one["metadata"])) for one in (await state(plane))["dispatches"]]


async def fault(plane: ControlPlane, operation: str, kind: str, **more: Any) -> None:
    await plane.control("livekit", "faults", [{"operation": operation, "kind": kind, **more}])


async def test_an_agent_is_sent_to_a_room_of_its_own(
    plane: ControlPlane, business: Business, dialer: LiveKitDialer
) -> None:
    """With what it needs to begin this try and no other; whom it will call is not said where jobs are listed."""
    planned = await business.plans_now()
    assert await dispatcher(plane, dialer).run_once() == 1
    [(room, metadata)] = await sent(plane)
    [trunk] = (await state(plane))["outbound_trunks"]
    assert metadata["planned_call_id"] == planned["planned_call_id"]
    assert metadata["trunk_id"] == trunk["sip_trunk_id"]
    assert room == f"out-{metadata['attempt_id']}"
    assert planned["to"] not in json.dumps(await sent(plane))
    found = await business.reads(planned)
    assert (found["state"], found["attempts"], found["from_number"]) == ("dialing", 0, business.number)
    assert Dialing(plane).begin(planned, UUID(metadata["attempt_id"])) == "ring"
    assert await dispatcher(plane, dialer).run_once() == 0, "it is under way"


async def test_nobody_is_called_at_night(plane: ControlPlane, business: Business, dialer: LiveKitDialer) -> None:
    """A call that falls due outside calling hours waits for the next morning, without losing a try."""
    planned = await business.plans_now()
    night = IN_HOURS.replace(hour=22)
    assert await dispatcher(plane, dialer, at=night).run_once() == 0
    assert await sent(plane) == []
    found = await business.reads(planned)
    assert (found["state"], found["put_off_because"], found["attempts"]) == ("planned", "outside_calling_hours", 0)
    assert datetime.fromisoformat(found["due_at"]) > night


async def test_not_more_at_once_than_there_are_places(
    plane: ControlPlane, business: Business, dialer: LiveKitDialer
) -> None:
    """The rest goes when one is over."""
    for _ in range(4):
        await business.plans_now()
    few = dispatcher(plane, dialer, at_most=2)
    assert [await few.run_once(), await few.run_once()] == [2, 0]
    (_, first), _ = await sent(plane)
    dialing = Dialing(plane)
    assert dialing.begin(first, UUID(first["attempt_id"])) == "ring"
    assert dialing.end(first, UUID(first["attempt_id"]), "declined", 603) == "given_up"
    assert await few.run_once() == 1


@pytest.mark.parametrize(
    ("operation", "kind", "more", "because"),
    [
        ("create_dispatch", "status", {"status": 503}, "line_away"),
        ("create_dispatch", "status", {"status": 403}, "line_refused"),
        ("create_dispatch", "delay", {"delay_ms": 1_500}, "line_away"),
        ("list_outbound_trunk", "status", {"status": 500}, "line_away"),
    ],
)
async def test_a_line_that_fails_costs_no_try(
    plane: ControlPlane,
    business: Business,
    dialer: LiveKitDialer,
    operation: str,
    kind: str,
    more: dict[str, Any],
    because: str,
) -> None:
    """It is due again in a few minutes, and says why; an agent that was sent all the same rings nobody."""
    planned = await business.plans_now()
    await fault(plane, operation, kind, **more)
    assert await dispatcher(plane, dialer).run_once() == 0
    found = await business.reads(planned)
    assert (found["state"], found["put_off_because"], found["attempts"]) == ("planned", because, 0)
    await asyncio.sleep(0.8)  # what was delayed happens after all
    for _, metadata in await sent(plane):
        assert Dialing(plane).begin(planned, UUID(metadata["attempt_id"])) == "not_yours"


async def test_a_number_that_goes_nowhere_waits_and_says_so(
    plane: ControlPlane, business: Business, dialer: LiveKitDialer
) -> None:
    """No trunk for it, or no line at all: nothing is sent, nothing is lost."""
    planned = await business.plans_now()
    await plane.control("livekit", "reset", {})
    assert await dispatcher(plane, dialer).run_once() == 0
    assert (await business.reads(planned))["put_off_because"] == "no_outbound_trunk"
    second = await business.plans_now()
    assert await dispatcher(plane, None).run_once() == 0
    assert (await business.reads(second))["put_off_because"] == "no_line"


class _Cut(Exception):
    """The process dies here."""


class _Dying(LiveKitDialer):
    """Dies with its process before or after the agent is sent."""

    def __init__(self, real: LiveKitDialer, *, sends: bool) -> None:
        self._real = real
        self._sends = sends

    async def find_trunk(self, number: str) -> str | None:
        return await self._real.find_trunk(number)

    async def send_agent(self, room: str, metadata: Any) -> None:
        if self._sends:
            await self._real.send_agent(room, metadata)
        raise _Cut


@pytest.mark.parametrize("sends", [False, True], ids=["before the agent is sent", "after it is sent"])
async def test_a_dispatcher_that_dies_rings_nobody_twice(
    plane: ControlPlane, business: Business, dialer: LiveKitDialer, sends: bool
) -> None:
    """Between claim and agent, or between agent and record: another takes over when its claim lapses; of all agents that were
    ever sent one rings, once."""
    planned = await business.plans_now()
    with pytest.raises(_Cut):
        await dispatcher(plane, _Dying(dialer, sends=sends)).run_once()
    assert await dispatcher(plane, dialer).run_once() == 0, f"not before {BEGUN_WITHIN} s have passed"
    let_lapse(plane, planned)
    assert await dispatcher(plane, dialer).run_once() == 1
    answers = [Dialing(plane).begin(planned, UUID(metadata["attempt_id"])) for _, metadata in await sent(plane)]
    assert sorted(answers) == (["not_yours", "ring"] if sends else ["ring"])
    assert (await business.reads(planned))["attempts"] == 1


async def test_a_database_that_loses_answers_loses_no_call(
    plane: ControlPlane, business: Business, dialer: LiveKitDialer
) -> None:
    """A claim whose answer did not come is asked for again by the same attempt, and is the same claim."""
    planned = await business.plans_now()
    plane.database.add_faults(FaultRule(operation="claim_planned_call_v1", kind="lost_answer", times=1))
    try:
        assert await dispatcher(plane, dialer).run_once() == 1
    finally:
        plane.database.clear_faults()
    [(_, metadata)] = await sent(plane)
    assert metadata["planned_call_id"] == planned["planned_call_id"]
    plane.database.add_faults(FaultRule(operation="claim_planned_call_v1", kind="status", status=503, times=10))
    try:
        with pytest.raises(StoreUnavailable):
            await dispatcher(plane, dialer).run_once()
    finally:
        plane.database.clear_faults()


async def test_the_server_places_what_is_due(plane: ControlPlane, business: Business, dialer: LiveKitDialer) -> None:
    """The task that runs beside the API, until it is stopped."""
    await business.plans_now()
    pace = Pace(every=0.05, at_most=10)
    beside = Dispatcher(Dialing(plane).repository, dialer, clock=lambda: IN_HOURS, pace=pace)
    async with beside.running():
        for _ in range(100):
            if await sent(plane):
                break
            await asyncio.sleep(0.05)
    assert len(await sent(plane)) == 1
    again = await business.plans_now()
    await asyncio.sleep(0.3)
    assert (await business.reads(again))["state"] == "planned", "it has stopped"


async def test_a_worker_begins_and_ends_a_try_whatever_answers_are_lost(
    plane: ControlPlane, business: Business
) -> None:
    """Over the wire that it has: asked again, a begun try is still its own, and no other job's; an end is told once."""
    planned, dialing = await business.plans_now(), Dialing(plane)
    attempt = dialing.claim(planned)
    assert attempt is not None
    planned_call_id, mine = UUID(planned["planned_call_id"]), uuid4()
    connection = await connect(plane.database.url, plane.database.service_key, seconds=2.0)
    worker = SupabasePlannedCalls(connection, seconds=2.0)
    lost = ("begin_planned_call_v1", "end_planned_call_v1")
    plane.database.add_faults(*(FaultRule(operation=name, kind="lost_answer", times=1) for name in lost))
    try:
        ringing = await worker.begin(planned_call_id, attempt, begun_by=mine, seconds=60)
        assert ringing is not None
        assert (ringing.callee, ringing.callee_name, ringing.about) == (
            planned["to"],
            planned["name"],
            planned["about"],
        )
        assert (ringing.from_number, ringing.on_machine) == (business.number, "leave_message")
        assert await worker.begin(planned_call_id, attempt, begun_by=uuid4(), seconds=60) is None
        assert await worker.find_under_way(planned_call_id, attempt) == UnderWay(ringing, answered=False)
        await worker.end(ringing, "busy", sip_status=486)
        assert await worker.find_under_way(planned_call_id, attempt) is None
        found = await business.reads(planned)
        assert (found["state"], found["attempts"], len(found["tries"])) == ("planned", 1, 1)
        await worker.stop_calling(call_id=uuid4(), tenant_id=business.owner.tenant_id, number=planned["to"])
        assert (await business.reads(planned))["state"] == "refused"
    finally:
        plane.database.clear_faults()
        await connection.aclose()
