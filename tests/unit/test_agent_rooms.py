"""Who counts as somebody whom AVA talks with, in which kind of room; and what a room's first job was sent with."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.models import ParticipantInfo, Room

from agent.rooms import CALLS, CALLS_OUT, TESTS, LiveKitRooms, RoomsUnavailable

SIP, BROWSER, AGENT = ParticipantInfo.Kind.SIP, ParticipantInfo.Kind.STANDARD, ParticipantInfo.Kind.AGENT
API = Path(__file__).parents[2] / "control_api"


def somebody(kind: Any, status: str | None = None, *, identity: str = "one") -> ParticipantInfo:
    attributes = {} if status is None else {"sip.callStatus": status}
    return ParticipantInfo(identity=identity, kind=kind, state=ParticipantInfo.State.ACTIVE, attributes=attributes)


@dataclass
class Server:
    """LiveKit, as far as it is asked. `away`: it says that it is."""

    people: dict[str, list[ParticipantInfo]] = field(default_factory=dict[str, list[ParticipantInfo]])
    dispatches: list[AgentDispatch] = field(default_factory=list[AgentDispatch])
    away: bool = False
    asked: list[str] = field(default_factory=list[str])

    async def list_participants(self, wanted: Any) -> Any:
        self._ask("participants")
        return SimpleNamespace(participants=self.people[wanted.room])

    async def list_rooms(self, wanted: Any) -> Any:
        self._ask("rooms")
        return SimpleNamespace(rooms=[Room(name=name) for name in self.people])

    async def list_dispatch(self, room: str) -> list[AgentDispatch]:
        self._ask("dispatches")
        return self.dispatches

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise api.TwirpError("unavailable", "", status=503)

    @property
    def rooms(self) -> LiveKitRooms:
        livekit = SimpleNamespace(room=self, agent_dispatch=self)
        return LiveKitRooms(cast(api.LiveKitAPI, livekit), agent_name="ava")


@pytest.mark.parametrize(
    ("room", "kind", "status", "counts"),
    [
        ("call-1", SIP, "active", True),
        ("call-1", SIP, "ringing", True),
        ("call-1", SIP, "dialing", False),  # a person who is fetched for the caller
        ("call-1", SIP, "hangup", False),
        ("call-1", BROWSER, None, False),
        ("out-1", SIP, "dialing", True),
        ("out-1", SIP, "ringing", True),
        ("out-1", SIP, "active", True),
        ("out-1", SIP, "hangup", False),
        ("out-1", BROWSER, None, False),
        ("test-1", BROWSER, None, True),
        ("test-1", AGENT, None, False),
    ],
)
async def test_whom_ava_talks_with(room: str, kind: Any, status: str | None, counts: bool) -> None:
    """A telephone that has not left; one that only begins to ring where we rang it; a browser in a test call."""
    there = await Server({room: [somebody(kind, status)]}).rooms.present(room)
    assert there.callers == ({"one"} if counts else set())


async def test_who_waits_alone_is_found_in_each_kind_of_room() -> None:
    """And in nobody else's rooms, nor beside an agent."""
    alone = {"call-1": [somebody(SIP, "active")], "out-1": [somebody(SIP, "active")], "test-1": [somebody(BROWSER)]}
    others = {"other-1": [somebody(SIP, "active")], "call-2": [somebody(SIP, "active"), somebody(AGENT)]}
    server = Server({**alone, **others}, [AgentDispatch(agent_name="ava")])
    assert sorted(await server.rooms.waiting()) == sorted(alone)
    server.dispatches = [AgentDispatch(agent_name="another's")]
    assert await server.rooms.waiting() == []


async def test_what_the_first_job_was_sent_with() -> None:
    """Ours, not another agent's; a caller's is not asked for: their telephone says everything."""
    first = [AgentDispatch(agent_name="another's", metadata="{}"), AgentDispatch(agent_name="ava", metadata='{"a": 1}')]
    server = Server(dispatches=first)
    assert await server.rooms.sent_with("out-1") == '{"a": 1}'
    assert await server.rooms.sent_with("test-1") == '{"a": 1}'
    before = len(server.asked)
    assert await server.rooms.sent_with("call-1") == ""
    assert len(server.asked) == before
    server.away = True
    with pytest.raises(RoomsUnavailable):
        await server.rooms.sent_with("out-1")


@pytest.mark.parametrize(
    ("begins", "file"),
    [
        (CALLS, "numbers/livekit_shapes.py"),
        (CALLS_OUT, "planned_calls/dispatcher.py"),
        (TESTS, "web_calls/livekit_rooms.py"),
    ],
)
def test_the_api_names_its_rooms_so(begins: str, file: str) -> None:
    """Neither imports the other: who renames one kind of room renames it twice."""
    found = [n.value for n in ast.walk(ast.parse((API / file).read_text())) if isinstance(n, ast.Constant)]
    assert begins in found
