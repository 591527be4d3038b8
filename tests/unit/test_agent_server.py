"""The server around the framework's: when it takes calls, how many, and what it says of itself."""

import asyncio
import errno
import json
import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from livekit.agents import AgentServer
from livekit.agents.ipc.job_executor import JobExecutor
from livekit.protocol.agent import Job
from livekit.protocol.models import Room
from structlog.testing import capture_logs

from agent.health import Health, serving
from agent.lookout import Counts
from agent.meters import Meter, Meters
from agent.server import Server
from agent.succession import Seat, metadata_for, seat_of
from contracts.call import AssistantSaid, CallClosing, CallOutcome, ToolCalled, TurnLatency
from contracts.ids import call_id_for
from store.duties import Duty
from tests.fakes.tool_calls import MONDAY


class Pool:
    """As much of the framework's as the server asks."""

    def __init__(self, jobs: int = 0) -> None:
        self.processes = [SimpleNamespace(running_job=SimpleNamespace(job=job(f"call-{n}"))) for n in range(jobs)]


def job(room: str, *, job_id: str = "AJ_1", metadata: str = "") -> Job:
    return Job(id=job_id, room=Room(name=room), metadata=metadata)


def server(*, jobs: int = 0, reserved: int = 0, most: int = 4, running: bool = True) -> Server:
    made = Server(most_calls=most, warm_processes=2, load_threshold=0.7)
    if running:
        made.__dict__.update(
            _proc_pool=Pool(jobs), _reserved_slots=reserved, _worker_load=0.2, _id="AW_1", _is_warm=True
        )
    return made


def test_what_is_overridden_is_there() -> None:
    """The framework's private names of the pinned version: a newer one that drops them must not go unnoticed."""
    for name in ("_connection_task", "_get_effective_load", "_is_available", "_update_worker_status"):
        assert callable(getattr(AgentServer, name))
    for name in ("_draining", "_connecting", "_connection_failed", "_id"):
        assert name in server(running=False).__dict__


@pytest.mark.parametrize(
    ("jobs", "reserved", "load"), [(0, 0, 0.2), (0, 3, 0.2), (3, 0, 0.2), (2, 2, math.inf), (4, 0, math.inf)]
)
def test_a_call_weighs_nothing_until_there_is_no_room_for_one(jobs: int, reserved: int, load: float) -> None:
    """Calls that were promised in the same moment count as calls, and not as load: a burst is taken whole."""
    assert server(jobs=jobs, reserved=reserved)._get_effective_load() == load


async def test_it_registers_when_its_processes_are_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not after a while, as the framework does: the first caller would wait for a process."""
    registered = asyncio.Event()

    async def register(_: AgentServer) -> None:
        registered.set()

    monkeypatch.setattr(AgentServer, "_connection_task", register)
    made = server(running=False)
    warmed: asyncio.Queue[None] = asyncio.Queue()
    made.__dict__.update(_proc_pool=SimpleNamespace(_warmed_proc_queue=warmed), _closed=False)
    connecting = asyncio.create_task(made._connection_task())
    warmed.put_nowait(None)
    await asyncio.sleep(0.25)
    assert (registered.is_set(), made.state) == (False, "warming")
    warmed.put_nowait(None)
    await asyncio.wait_for(registered.wait(), 2)
    await connecting


@pytest.mark.parametrize(("code", "died"), [(-9, True), (1, True), (0, False), (None, False)])
def test_a_process_that_did_not_end_by_itself_has_died(code: int | None, died: bool) -> None:
    """By a signal or an error, in a call; the end of a call is none."""
    told: list[Duty] = []
    made = server()
    made.when_a_job_dies(told.append)
    mark = metadata_for(Seat(Duty("call-1", 2)))
    ended = SimpleNamespace(running_job=SimpleNamespace(job=job("call-1", metadata=mark)), exitcode=code)
    made._closed_process(cast(JobExecutor, ended))
    assert told == ([Duty("call-1", 2, "AJ_1")] if died else [])


@pytest.mark.parametrize("metadata", ["", "no json", '{"dialed": "+33478000000"}', '["a"]', '{"ava_successor": 7}'])
def test_a_first_job_knows_of_no_other(metadata: str) -> None:
    """Whatever a dispatch rule has sent along."""
    assert seat_of(job("call-1", metadata=metadata)) == Seat(Duty("call-1", 1, "AJ_1"))


def test_a_successor_knows_its_place() -> None:
    """As it was sent."""
    sent = metadata_for(Seat(Duty("call-1", 3), certain=True))
    assert seat_of(job("call-1", metadata=sent)) == Seat(Duty("call-1", 3, "AJ_1"), certain=True)


@asynccontextmanager
async def asked(made: Server, meters: Meters) -> AsyncIterator[httpx.AsyncClient]:
    app = Health(made, meters, Counts(sent=2, came=1)).app
    async with (
        serving(app, "127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield http


@pytest.fixture
async def meters() -> AsyncIterator[Meters]:
    made = Meters()
    transport = await made.open()
    yield made
    transport.close()
    await asyncio.sleep(0)


async def test_a_figure_that_is_not_known_is_not_given(meters: Meters) -> None:
    """A scaler that reads 0 would take the calls' worker away."""
    async with asked(server(running=False), meters) as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503
        calls = await http.get("/calls")
        assert calls.status_code == 503
        assert "live" not in calls.json()
        assert "\nava_live_calls{" not in (await http.get("/metrics")).text


@pytest.mark.parametrize(
    ("change", "state", "ready", "alive", "free"),
    [
        ({}, "ready", 200, 200, 2),
        ({"_draining": True}, "draining", 503, 200, 0),
        ({"_connecting": True}, "connecting", 503, 200, 0),
        ({"_connection_failed": True}, "failed", 503, 503, 0),
    ],
)
async def test_it_says_how_it_is(
    meters: Meters, change: dict[str, Any], state: str, ready: int, alive: int, free: int
) -> None:
    """Ready is what a balancer asks, alive what a supervisor asks: a worker that drains must not be restarted."""
    made = server(jobs=1, reserved=1)
    made.__dict__.update(change)
    async with asked(made, meters) as http:
        for path in ("/", "/readyz"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["status"]) == (ready, state)
        assert (await http.get("/livez")).status_code == alive
        calls = (await http.get("/calls")).json()
        assert (calls["live"], calls["most"], calls["free"], calls["occupancy"]) == (2, 4, free, 0.5)


async def test_what_jobs_measure_is_in_the_figures(meters: Meters) -> None:
    """Per stage, in seconds; and nothing that was said."""
    meter = Meter(meters.address)
    meter.saw(AssistantSaid(at=MONDAY, text="un secret", latency=TurnLatency(total=480.0, llm_ttft=210.0)))
    meter.saw(ToolCalled(at=MONDAY, tool="find_slots", arguments={"q": "un secret"}, milliseconds=120.0))
    meter.picked_up(0.4, successor=True)
    meter.closed(
        CallClosing(call_id=call_id_for("SCL_1"), ended_at=MONDAY, outcome=CallOutcome.BOOKED, ended_by="caller")
    )
    async with asked(server(jobs=1), meters) as http:
        async with asyncio.timeout(2):
            while "ava_calls_total{" not in (text := (await http.get("/metrics")).text):  # noqa: ASYNC110 - HTTP
                await asyncio.sleep(0.02)
    for line in (
        'ava_turn_seconds_bucket{le="0.5",stage="total"} 1.0',
        'ava_turn_seconds_sum{stage="llm_ttft"} 0.21',
        'ava_tool_seconds_count{failed="false",tool="find_slots"} 1.0',
        'ava_pickup_seconds_count{successor="true"} 1.0',
        'ava_calls_total{outcome="booked"} 1.0',
        'ava_live_calls{state="ready"} 1.0',
        'ava_successors{what="sent"} 2.0',
        'ava_worker_state{state="ready"} 1.0',
    ):
        assert line in text
    assert "secret" not in text
    meter.close()


async def test_what_others_send_counts_nothing(meters: Meters) -> None:
    """The port is on loopback, where anybody may send."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for body in (b"\xff", b"[]", json.dumps({"token": "guess", "outcome": "booked", "seconds": 1}).encode()):
            stranger.sendto(body, ("127.0.0.1", meters.address.port))
        token = meters.address.token
        for wrong in ({"token": token, "turn": {"total": "x"}}, {"token": token, "outcome": 1}, {"token": token}):
            stranger.sendto(json.dumps(wrong).encode(), ("127.0.0.1", meters.address.port))
    await asyncio.sleep(0.05)
    text = meters.exposed(state="ready", live=0, most=4, load=0.1, counts=Counts()).decode()
    assert "ava_calls_total{" not in text


async def test_a_figure_that_can_not_be_told_is_let_go(meters: Meters) -> None:
    """No call fails of its meter: what can't be sent is not counted, and the next figure is."""
    cut, whole = Meter(meters.address), Meter(meters.address)
    cut.close()
    with capture_logs() as said:
        cut.picked_up(0.1, successor=False)
    assert [(entry["event"], entry["errno"]) for entry in said] == [("a figure was not told", errno.EBADF)]
    whole.picked_up(0.2, successor=False)
    await asyncio.sleep(0.05)
    text = meters.exposed(state="ready", live=0, most=4, load=0.1, counts=Counts()).decode()
    assert 'ava_pickup_seconds_count{successor="false"} 1.0' in text
    whole.close()
