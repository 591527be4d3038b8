"""A room's beginning and end: AVA speaks once the telephone is off the hook; what the session's end does by itself is waited
for, and a server that does not answer is not."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from livekit.agents import JobContext
from livekit.rtc.participant import PublishDTMFError
from structlog.testing import capture_logs

from agent import line
from agent.line import RoomLine
from agent.web_line import WebLine
from contracts.call import InboundCall


class Room:
    """With a caller whose telephone is in that state."""

    def __init__(self, *, connected: bool, status: str = "active") -> None:
        self.connected = connected
        self.listeners: dict[str, list[Callable[..., Any]]] = {}
        self.local_participant: Any = None
        self.caller = SimpleNamespace(
            identity="sip_caller", attributes={"sip.callID": "SCL_1", "sip.callStatus": status}
        )
        self.remote_participants = {self.caller.identity: self.caller}

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        self.listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Callable[..., Any]) -> None:
        self.listeners[event].remove(listener)

    def isconnected(self) -> bool:
        return self.connected

    def emits(self, event: str) -> None:
        for listener in list(self.listeners.get(event, [])):
            listener("ROOM_DELETED")

    def goes(self) -> None:
        self.connected = False
        self.emits("disconnected")

    def picks_up(self) -> None:
        self.caller.attributes["sip.callStatus"] = "active"
        self.emits("participant_attributes_changed")

    def hangs_up(self) -> None:
        self.remote_participants.clear()
        self.emits("participant_disconnected")


class Session:
    """As far as a line uses it."""

    def __init__(self) -> None:
        self.started = asyncio.Event()

    def on(self, event: str, _: Callable[..., Any]) -> None:
        assert event == "close"

    async def start(self, *_: Any, **__: Any) -> None:
        self.started.set()

    def shutdown(self, *, drain: bool) -> None:
        assert not drain


class Job:
    """A job's context, as far as a line uses it. `answers`: whether the server answers a deletion."""

    def __init__(self, room: Room, *, answers: bool = True) -> None:
        self.room = room
        self.answers = answers
        self.deleted = 0

    async def delete_room(self) -> None:
        self.deleted += 1
        if not self.answers:
            await asyncio.sleep(60)


def line_in(job: Job) -> RoomLine:
    inbound = InboundCall(
        call_id=uuid4(), sip_call_id="SCL_1", dialed="+33478000000", caller=None, received_at=datetime.now(UTC)
    )
    return RoomLine(cast(JobContext, job), inbound)


def test_a_browser_has_no_keys() -> None:
    """Else AVA would offer its caller to press one."""
    job = Job(Room(connected=True))
    inbound = line_in(job).inbound
    assert WebLine(cast(JobContext, job), inbound).on_key(lambda _: None) is False


@pytest.mark.parametrize("then", ["picks_up", "hangs_up", "goes"])
async def test_ava_speaks_once_the_telephone_is_answered(then: str) -> None:
    """The first words of a greeting that is spoken into the ringing are lost. A caller who leaves is not waited for."""
    room, session = Room(connected=True, status="ringing"), Session()
    starting = asyncio.create_task(line_in(Job(room)).start(cast(Any, session), cast(Any, None)))
    await session.started.wait()
    await asyncio.sleep(0.01)
    assert not starting.done()
    getattr(room, then)()
    await asyncio.wait_for(starting, 1)
    assert [len(room.listeners[name]) for name in ("participant_attributes_changed", "disconnected")] == [0, 1]


@pytest.mark.parametrize(("status", "warned"), [("active", False), ("ringing", True)])
async def test_a_telephone_that_never_says_so_is_spoken_to(status: str, warned: bool, monkeypatch: Any) -> None:
    """One that is answered already at once, one that rings on after a while, and that is on record."""
    monkeypatch.setattr(line, "_ANSWERED_WITHIN", 0.05)
    room, session = Room(connected=True, status=status), Session()
    with capture_logs() as said:
        starting = asyncio.create_task(line_in(Job(room)).start(cast(Any, session), cast(Any, None)))
        await session.started.wait()
        await asyncio.sleep(0)
        assert starting.done() is not warned
        await asyncio.wait_for(starting, 1)
    assert ("speaking to a telephone that rings" in [entry["event"] for entry in said]) is warned
    assert not room.listeners.get("participant_attributes_changed")


@dataclass
class Keyboard:
    """AVA's own participant, as far as keys go. `fails` with the n-th."""

    fails: int | None = None
    error: Exception = field(default_factory=lambda: PublishDTMFError("not connected"))
    published: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    async def publish_dtmf(self, *, code: int, digit: str) -> None:
        if len(self.published) == self.fails:
            raise self.error
        self.published.append((code, digit))


async def test_keys_are_pressed_one_after_the_other(monkeypatch: Any) -> None:
    """By their codes, no faster than livekit-sip holds them, and it is over when the last has been heard."""
    monkeypatch.setattr(line, "_KEY_SECONDS", 0.02)
    room = Room(connected=True)
    room.local_participant = keyboard = Keyboard()
    began = time.monotonic()
    assert await line_in(Job(room)).press("10*#") is True
    assert time.monotonic() - began >= 0.08
    assert keyboard.published == [(1, "1"), (0, "0"), (10, "*"), (11, "#")]


@pytest.mark.parametrize("error", [PublishDTMFError("not connected"), TimeoutError()])
async def test_keys_that_are_not_pressed_are_told(error: Exception, monkeypatch: Any) -> None:
    """And those after them are not sent: they would be another way through the menu."""
    monkeypatch.setattr(line, "_KEY_SECONDS", 0.0)
    room = Room(connected=True)
    room.local_participant = keyboard = Keyboard(fails=1, error=error)
    assert await line_in(Job(room)).press("123") is False
    assert keyboard.published == [(1, "1")]


async def test_a_server_that_does_not_take_a_key_is_not_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(line, "_KEY_DEADLINE", 0.02)
    room = Room(connected=True)
    room.local_participant = SimpleNamespace(publish_dtmf=lambda **_: asyncio.sleep(60))
    assert await asyncio.wait_for(line_in(Job(room)).press("1"), 1) is False


async def test_a_room_that_is_gone_is_left_alone() -> None:
    """A caller who has hung up has taken it along."""
    job = Job(Room(connected=False))
    await line_in(job).hang_up()
    assert job.deleted == 0


async def test_a_room_that_goes_by_itself_is_waited_for() -> None:
    """The end of the session has asked for it already; a second deletion would take the server seconds."""
    room = Room(connected=True)
    job = Job(room)
    hanging_up = asyncio.create_task(line_in(job).hang_up())
    await asyncio.sleep(0)
    room.goes()
    await asyncio.wait_for(hanging_up, 1)
    assert job.deleted == 0


async def test_a_room_that_stays_is_deleted(monkeypatch: Any) -> None:
    """The caller must not be left in silence."""
    monkeypatch.setattr(line, "_GOES_BY_ITSELF", 0.01)
    job = Job(Room(connected=True))
    await line_in(job).hang_up()
    assert job.deleted == 1


async def test_a_server_that_does_not_answer_does_not_hold_the_call(monkeypatch: Any) -> None:
    """What is left to be done after the call is done all the same."""
    monkeypatch.setattr(line, "_GOES_BY_ITSELF", 0.01)
    monkeypatch.setattr(line, "_HANG_UP_DEADLINE", 0.05)
    job = Job(Room(connected=True), answers=False)
    began = time.monotonic()
    await line_in(job).hang_up()
    assert time.monotonic() - began < 1
    assert job.deleted == 1
