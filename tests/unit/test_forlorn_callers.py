"""A caller whom no worker is left for is let go, and nobody else is."""

from typing import Any

import pytest
from livekit.protocol.models import ParticipantInfo, Room
from structlog.testing import capture_logs

from contracts.errors import StoreUnavailable
from control_api.forlorn import ALONE_FOR, SPARED_FOR, Forlorn, LineSilent

ROOM = "call-_+33612345678_1"
AGENT = ParticipantInfo.Kind.AGENT


def telephone(status: str = "active") -> ParticipantInfo:
    return ParticipantInfo(kind=ParticipantInfo.Kind.SIP, attributes={"sip.callStatus": status})


def agent(state: Any = ParticipantInfo.State.ACTIVE) -> ParticipantInfo:
    return ParticipantInfo(kind=AGENT, state=state)


class Line:
    """A LiveKit server's rooms: who is in each, and to which agent each was given. `asked`: whose people were listed."""

    def __init__(self, **rooms: list[ParticipantInfo]) -> None:
        self.rooms = {ROOM: rooms.pop("room", []), **rooms}
        self.given_to = {"ava"}
        self.ended: list[str] = []
        self.asked: list[str] = []
        self.away = False

    async def list_rooms(self) -> list[Room]:
        if self.away:
            raise LineSilent("away")
        return [Room(name=name, sid=f"RM_{n}") for n, name in enumerate(self.rooms)]

    async def present(self, room: str) -> list[ParticipantInfo]:
        self.asked.append(room)
        return self.rooms[room]

    async def sent_to(self, room: str) -> set[str]:
        return self.given_to

    async def end(self, room: str) -> None:
        self.ended.append(room)
        del self.rooms[room]


class Watch:
    """`in_hand`: whether somebody sees to a room; None: the database does not say."""

    def __init__(self, line: Line, *, in_hand: bool | None = False) -> None:
        self.now = 1000.0
        self.in_hand = in_hand
        self.forlorn = Forlorn(line, agent_name="ava", in_hand=self._in_hand, clock=lambda: self.now)

    async def _in_hand(self, room: str) -> bool:
        if self.in_hand is None:
            raise StoreUnavailable("away")
        return self.in_hand

    async def looks(self, *, after: float = 0.0) -> int:
        self.now += after
        return await self.forlorn.look()


async def test_a_caller_who_stays_alone_is_let_go_once() -> None:
    """Not at once: a worker may send somebody; and the log names the room by what holds no number."""
    line = Line(room=[telephone(), agent(ParticipantInfo.State.DISCONNECTED)])
    watch = Watch(line)
    assert await watch.looks() == 0
    assert await watch.looks(after=ALONE_FOR - 1) == 0
    with capture_logs() as logs:
        assert await watch.looks(after=1) == 1
    assert (line.ended, await watch.looks(after=5)) == ([ROOM], 0)
    assert "612345678" not in str(logs)
    assert [entry["room_sid"] for entry in logs] == ["RM_0"]


@pytest.mark.parametrize("in_hand", [True, None])
async def test_somebody_who_is_being_sent_on_is_not_let_go_meanwhile(in_hand: bool | None) -> None:
    """Their line would end while the other telephone rings. But not for ever, whoever says so or can't be asked."""
    line = Line(room=[telephone()])
    watch = Watch(line, in_hand=in_hand)
    await watch.looks()
    assert await watch.looks(after=SPARED_FOR - 1) == 0
    assert await watch.looks(after=1) == 1


async def test_whom_ava_rang_is_not_kept_on_a_dead_line() -> None:
    """They picked up, and nobody talks with them."""
    line = Line(**{"out-1": [telephone()], "test-1": [telephone()]})
    watch = Watch(line)
    await watch.looks()
    assert await watch.looks(after=ALONE_FOR) == 1
    assert line.ended == ["out-1"]


@pytest.mark.parametrize(
    "there",
    [
        [telephone(), agent()],
        [telephone(), telephone()],  # put through: they talk with each other
        [telephone("ringing")],  # its trunk gives it back
        [telephone("dialing")],
        [telephone("hangup")],
        [],
    ],
    ids=["answered", "two who talk", "ringing", "being rung", "hanging up", "nobody"],
)
async def test_nobody_else_is(there: list[ParticipantInfo]) -> None:
    line = Line(room=there)
    watch = Watch(line)
    for _ in range(12):
        await watch.looks(after=ALONE_FOR / 2)
    assert line.ended == []


async def test_callers_of_others_are_theirs() -> None:
    """Another agent's room, and a room that no dispatch rule of ours made."""
    line = Line(room=[telephone()], conference=[telephone()])
    line.given_to = {"another"}
    watch = Watch(line)
    await watch.looks()
    await watch.looks(after=ALONE_FOR)
    assert line.ended == []
    assert "conference" not in line.asked


async def test_time_alone_begins_anew_when_somebody_came_meanwhile() -> None:
    line = Line(room=[telephone()])
    watch = Watch(line)
    await watch.looks()
    line.rooms[ROOM].append(agent())
    await watch.looks(after=5)
    line.rooms[ROOM].pop()
    assert await watch.looks(after=ALONE_FOR) == 0
    assert await watch.looks(after=ALONE_FOR) == 1


async def test_a_room_that_is_answered_is_not_looked_at_every_time() -> None:
    """A hundred live calls would be a hundred requests every few seconds."""
    line = Line(room=[telephone(), agent()])
    watch = Watch(line)
    for _ in range(3):
        await watch.looks(after=5)
    assert line.asked == [ROOM]


async def test_a_line_that_is_away_is_said() -> None:
    """The round that asked is put off (`control_api.rounds`); who was alone still is."""
    line = Line(room=[telephone()])
    watch = Watch(line)
    await watch.looks()
    line.away = True
    with pytest.raises(LineSilent):
        await watch.looks(after=ALONE_FOR)
    line.away = False
    assert await watch.looks() == 1
