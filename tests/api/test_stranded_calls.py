"""Callers whom no worker is left for, through the real database and LiveKit's wire: sent on once, whoever looks, and on record.

The real line: tests/telephony/test_sent_on.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from contracts.call import CallOutcome
from contracts.errors import StoreUnavailable
from control_api.calls.service import CallService
from control_api.numbers import stranded
from control_api.numbers.livekit_legs import LiveKitLegs
from control_api.numbers.stranded import StrandedCalls
from control_api.numbers.stranded_duties import StrandedDuties
from sandbox.faults import FaultRule
from store.session import Sessions
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.recorded_calls import Line, answered, now, open_line

SILENT = 0.2
OWNERS = "+33698765432"


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    """Whose assistant transfers to the owner's telephone."""
    await plane.control("livekit", "reset", {})
    plane.database.select("delete from call_duties returning 1")
    async with open_line(plane, owner) as opened:
        path = f"/v1/assistants/{opened.assistant_id}"
        changes = {"transfer": {"mode": "cold", "number": OWNERS}}
        changed = await owner.http.patch(path, json=changes, headers={"if-match": "*"})
        assert changed.status_code == 200, changed.text
        await owner.made(f"{path}/publish")
        yield opened
    await plane.control("livekit", "reset", {})
    plane.database.clear_faults()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"_LEAVES_WITHIN": 0.3, "_UNSURE": 0.3, "_LOOK": 0.05}.items():
        monkeypatch.setattr(stranded, name, seconds)


@dataclass
class Replica:
    """One process of the control plane."""

    calls: StrandedCalls
    legs: LiveKitLegs

    @classmethod
    def of(cls, plane: ControlPlane) -> "Replica":
        sessions: Sessions = plane.app.state.provided[Sessions]
        assert plane.settings.livekit is not None
        legs = LiveKitLegs(*plane.settings.livekit)
        return cls(StrandedCalls(StrandedDuties(sessions), legs, silent=SILENT, clock=now), legs)

    async def looks(self, seconds: float = 3 * SILENT) -> None:
        """As often as it does."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            await self.calls.look()
            await asyncio.sleep(0.05)
        await self.calls.settled()


@pytest_asyncio.fixture(loop_scope="session")
async def replica(plane: ControlPlane) -> AsyncIterator[Replica]:
    replica = Replica.of(plane)
    yield replica
    await replica.legs.aclose()


@dataclass
class Caller:
    """In a room whose worker has been silent for a minute; something was said by then."""

    plane: ControlPlane
    line: Line
    room: str
    call_id: UUID
    sip_call_id: str

    @classmethod
    async def left_behind(cls, plane: ControlPlane, line: Line, *, job_lives: bool = False) -> "Caller":
        sip, room = f"SCL_{uuid4().hex}", f"call-_{line.who.number}_{uuid4().hex[:8]}"
        call_id = await line.begin(now(), sip=sip)
        await line.store.append_events(call_id, [answered("Bonjour.", now())])
        attributes = {
            "sip.callStatus": "active",
            "sip.callID": sip,
            "sip.trunkPhoneNumber": line.number,
            "sip.phoneNumber": line.who.number,
        }
        people = [
            {"identity": "sip_1", "kind": "SIP", "attributes": attributes},
            {"identity": f"agent-{room}", "kind": "AGENT"},
        ]
        lives = [f"agent-{room}"] if job_lives else []
        await plane.control("livekit", "rooms", {"room": room, "people": people, "answering": lives})
        plane.database.select(
            "insert into call_duties (room, epoch, job_id, worker_id, changed_at)"
            " values (%s, 1, 'a', gen_random_uuid(), now() - interval '1 minute') returning 1",
            room,
        )
        return cls(plane, line, room, call_id, sip)

    async def record(self) -> dict[str, Any]:
        """As its owner sees it, once it is closed."""
        self.plane.database.select(
            "update calls set opened_at = opened_at - interval '1 day' where call_id = %s returning 1", self.call_id
        )
        self.plane.database.select(
            "update call_events set stored_at = stored_at - interval '1 day' where call_id = %s returning 1",
            self.call_id,
        )
        service: CallService = self.plane.app.state.provided[CallService]
        await service.close_lost(grace=60)
        return (await self.line.owner.get(f"/v1/calls/{self.call_id}")).json()

    @property
    def duties(self) -> list[dict[str, Any]]:
        return self.plane.database.select("select epoch, job_id from call_duties where room = %s", self.room)


async def at_livekit(plane: ControlPlane) -> dict[str, Any]:
    found: dict[str, Any] = await plane.control("livekit", "rooms", method="GET")
    return found


async def goes_wrong(plane: ControlPlane, operation: str, **fault: Any) -> None:
    await plane.control("livekit", "faults", [{"operation": operation, **fault}])


def told(record: dict[str, Any]) -> list[tuple[str, str]]:
    problems = [(seen["code"], seen["detail"]) for seen in record["problems"]]
    return problems + [(sent["to"], sent["result"]) for sent in record["transfers"]]


async def test_a_caller_is_sent_on_and_the_owner_reads_so(
    plane: ControlPlane, line: Line, replica: Replica, logged: Callable[[], str]
) -> None:
    """Lost, with what was said by then, and where they went; nobody's number is in the log."""
    caller = await Caller.left_behind(plane, line)
    await replica.looks()
    record = await caller.record()
    assert (record["outcome"], record["ended_by"]) == (CallOutcome.LOST.value, "failure")
    assert told(record) == [("no_worker_left", "sent_on"), (OWNERS, "transferred")]
    assert [turn["text"] for turn in record["transcript"]] == ["Bonjour."]
    assert (await at_livekit(plane))["sent_on"] == [{"identity": "sip_1", "to": f"tel:{OWNERS}"}]
    assert caller.duties == []
    assert "stranded.seen_to" in logged()
    assert not any(number.lstrip("+") in logged() for number in (line.number, line.who.number, OWNERS))


async def test_of_two_processes_one_acts(plane: ControlPlane, line: Line, replica: Replica) -> None:
    callers = [await Caller.left_behind(plane, line) for _ in range(5)]
    other = Replica.of(plane)
    await asyncio.gather(replica.looks(), other.looks())
    await other.legs.aclose()
    assert len((await at_livekit(plane))["sent_on"]) == len(callers)
    assert [told(await caller.record()) for caller in callers] == [
        [("no_worker_left", "sent_on"), (OWNERS, "transferred")]
    ] * len(callers)


async def test_a_job_that_lives_keeps_its_call(plane: ControlPlane, line: Line, replica: Replica) -> None:
    caller = await Caller.left_behind(plane, line, job_lives=True)
    await replica.looks()
    assert await at_livekit(plane) == {"sent_on": [], "ended": []}
    assert caller.duties == [], "its worker's next beat has it again"


@pytest.mark.parametrize("kind", ["lost_answer", "status"])
async def test_nobody_is_sent_on_twice_for_an_answer_that_was_lost(
    plane: ControlPlane, line: Line, replica: Replica, kind: str
) -> None:
    """Whether or not it was done, it is not said that it was, nor that it was not."""
    caller = await Caller.left_behind(plane, line)
    await goes_wrong(
        plane, "transfer_sip_participant", kind=kind, times=1, **({"status": 503} if kind == "status" else {})
    )
    await replica.looks()
    await replica.looks()
    assert len((await at_livekit(plane))["sent_on"]) == (1 if kind == "lost_answer" else 0)
    assert told(await caller.record()) == [("no_worker_left", "unconfirmed")]
    assert (await at_livekit(plane))["ended"] == [caller.room]


async def test_a_livekit_that_is_slow_or_away_for_a_while(plane: ControlPlane, line: Line, replica: Replica) -> None:
    caller = await Caller.left_behind(plane, line)
    await goes_wrong(plane, "list_participants", kind="status", status=503, times=2)
    await goes_wrong(plane, "perform_rpc", kind="cut", times=1)
    await goes_wrong(plane, "list_outbound_trunk", kind="delay", delay_ms=500, times=1)
    await replica.looks(1.5)
    assert told(await caller.record()) == [("no_worker_left", "sent_on"), (OWNERS, "transferred")]


async def test_who_has_hung_up_is_seen_to_by_nobody(plane: ControlPlane, line: Line, replica: Replica) -> None:
    caller = await Caller.left_behind(plane, line)
    await plane.control("livekit", "rooms", {"room": caller.room, "people": []})
    await replica.looks()
    assert (told(await caller.record()), caller.duties) == ([], [])
    assert await at_livekit(plane) == {"sent_on": [], "ended": []}


async def test_who_is_busy_where_they_are_sent(plane: ControlPlane, line: Line, replica: Replica) -> None:
    """The caller hears the line end."""
    caller = await Caller.left_behind(plane, line)
    await plane.control("livekit", "transfers", {"sip_status": 486})
    await replica.looks()
    assert told(await caller.record()) == [("no_worker_left", "refused"), (OWNERS, "busy")]
    assert (await at_livekit(plane))["ended"] == [caller.room]


async def test_a_database_that_answers_late_or_not(plane: ControlPlane, line: Line, replica: Replica) -> None:
    """A claim whose answer was lost is found again; what could not be kept at first is kept in the end, once."""
    caller = await Caller.left_behind(plane, line)
    await replica.looks(SILENT)
    lost = ("claim_stranded_calls_v1", "append_call_events_v1")
    plane.database.add_faults(*(FaultRule(kind="lost_answer", operation=one, times=1) for one in lost))
    for _ in range(4):
        try:
            await replica.looks()
        except StoreUnavailable:
            continue  # what the rounds put off (control_api.rounds)
    plane.database.clear_faults()
    await replica.looks()
    assert len((await at_livekit(plane))["sent_on"]) == 1
    assert ("no_worker_left", "sent_on") in told(await caller.record())


async def test_the_server_looks_by_itself_and_counts(plane: ControlPlane, line: Line) -> None:
    """Also a call that a worker handed over, at once."""
    caller = await Caller.left_behind(plane, line)
    plane.database.select(
        "update call_duties set worker_id = null, job_id = 'handed over', changed_at = now() + interval '30 seconds'"
        " where room = %s returning 1",
        caller.room,
    )
    async with reconfigured(plane, ava_stranded_seconds=30.0) as looking:
        async with asyncio.timeout(10):
            while caller.duties:  # noqa: ASYNC110 - a row wakes nobody
                await asyncio.sleep(0.1)
        http = await looking.client(None)
        figures = (await http.get("/metrics")).text
    assert 'ava_api_stranded_calls_total{outcome="sent_on"} 1.0' in figures
    assert told(await caller.record()) == [("no_worker_left", "sent_on"), (OWNERS, "transferred")]
