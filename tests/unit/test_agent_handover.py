"""Fetching a person into the caller's room: who may hear whom at each moment, and what each end of it leads to."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from livekit import api
from livekit.protocol.sip import SIPOutboundTrunkInfo

from agent import handover
from agent.handover import TRACK, Answer, Handover
from agent.referral import refer, told_by
from contracts.call import TransferResult
from tests.fakes.people_room import DIALED, PERSON, PeopleRoom


def refused(status: int | None, code: str = "internal") -> api.ServerError:
    if status is None:
        return api.ServerError(code, "x", status=500)
    return api.SipCallError(code, "x", status=500, metadata={"sip_status_code": str(status)})


@dataclass
class Asking:
    """Stands for `Consultation`: answers as told, or when the caller has left; looks at the room while it asks."""

    room: PeopleRoom
    answer: Answer = "accepted"
    keys: str = ""
    connecting: str = "Je vous mets en relation."
    seen: dict[str, Any] = field(default_factory=dict[str, Any])
    caller_hangs_up: bool = False

    async def ask(self, room: Any, person: str, caller_left: asyncio.Event) -> Answer:
        self.room.publishes("TR_aside", TRACK)
        self.seen = {"permissions": self.room.permissions, "log": list(self.room.log), "holding": self.room.holding}
        if self.caller_hangs_up:
            self.room.leaves(self.room.caller)
            await asyncio.wait_for(caller_left.wait(), 1)
            return "caller_left"
        return self.answer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_SETTLE", 0.0)


@pytest.fixture
async def room() -> PeopleRoom:
    return PeopleRoom()


def handing(room: PeopleRoom) -> Handover:
    return Handover(room.job, room.session, cast(Any, room.caller), dialed=DIALED, music=room.music)


async def test_a_person_who_accepts_talks_with_the_caller_alone(room: PeopleRoom) -> None:
    """While they are asked, AVA's side talk is for them and everything else for the caller; neither hears the other. Then
    both do, and AVA is silent and listens to nobody."""
    room.picked_up.set()
    asking = Asking(room)
    assert await handing(room).run(PERSON, asking) == "transferred"
    assert asking.seen["permissions"] == {"sip_caller": ["TR_ava"], room.person: ["TR_aside"]}
    assert asking.seen["holding"]
    before = asking.seen["log"]
    assert before[:2] == [("look", DIALED), ("ring", PERSON, DIALED, "ST_1")]
    assert ("subscribe", "sip_caller", ["TR_person"], False) in before
    kept, let = before.index(("may_subscribe", "person", False)), before.index(("may_subscribe", "person", True))
    assert kept < before.index(("subscribe", "person", ["TR_caller"], False)) < let
    assert before[-1] == ("subscribe", "person", ["TR_caller"], False), "said again, in case it was asked for late"
    assert room.log[-2:] == [
        ("subscribe", "person", ["TR_caller"], True),
        ("subscribe", "sip_caller", ["TR_person"], True),
    ]
    assert (room.said, room.holding, room.audible, room.linked) == ([asking.connecting], False, False, None)
    assert not room.shut_down


async def test_an_extension_is_reached_by_keys(room: PeopleRoom) -> None:
    """Pressed by the server once it is answered; it is given the time that they take."""
    room.picked_up.set()
    assert await handing(room).run(PERSON, Asking(room)) == "transferred"
    without = room.patience
    assert room.keys == ""
    again = PeopleRoom()
    again.picked_up.set()
    assert await handing(again).run(PERSON, Asking(again, keys="1w204#")) == "transferred"
    assert (again.keys, again.patience) == ("1w204#", without + 3.0)


@pytest.mark.parametrize("who", ["caller", "person"])
async def test_the_call_ends_when_either_of_the_two_leaves(room: PeopleRoom, who: str) -> None:
    """The other must not be left with a dead line."""
    room.picked_up.set()
    await handing(room).run(PERSON, Asking(room))
    room.leaves(room.caller if who == "caller" else room.remote_participants[room.person])
    assert room.shut_down


@pytest.mark.parametrize(("answer", "result"), [("declined", "declined"), ("unanswered", "no_answer")])
async def test_without_a_yes_the_caller_is_avas_again(room: PeopleRoom, answer: Any, result: TransferResult) -> None:
    """The person is hung up on, the music ends, the caller is listened to."""
    room.picked_up.set()
    assert await handing(room).run(PERSON, Asking(room, answer)) == result
    assert room.log[-1] == ("remove", "person")
    assert (room.linked, room.audible, room.permissions, room.holding) == ("sip_caller", True, None, False)
    assert not any(step[0] == "subscribe" and step[3] for step in room.log), "they never heard each other"
    assert all(not heard for heard in room.listeners.values()), "nothing of it listens any more"


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (refused(486), "busy"),
        (refused(600), "busy"),
        (refused(603), "declined"),
        (refused(480), "no_answer"),
        (refused(408), "no_answer"),
        (refused(None, "canceled"), "no_answer"),
        (refused(404), "failed"),
        (refused(None), "failed"),
    ],
)
async def test_a_call_that_does_not_come_about(error: api.ServerError, result: TransferResult) -> None:
    """By SIP's status; the caller is AVA's again, and nobody was asked."""
    room = PeopleRoom(answer=error)
    asking = Asking(room)
    assert await handing(room).run(PERSON, asking) == result == told_by(error)
    assert asking.seen == {}
    assert (room.linked, room.holding) == ("sip_caller", False)


async def test_a_caller_who_hangs_up_while_it_rings(room: PeopleRoom) -> None:
    """The ringing stops, and the call ends."""
    running = asyncio.create_task(handing(room).run(PERSON, Asking(room)))
    await room.ringing.wait()
    room.leaves(room.caller)
    assert await running == "abandoned"
    assert room.log[-1] == ("remove", "person")
    assert room.shut_down


async def test_a_caller_who_hangs_up_while_the_person_is_asked(room: PeopleRoom) -> None:
    """The call ends, once the person has heard so."""
    room.picked_up.set()
    assert await handing(room).run(PERSON, Asking(room, caller_hangs_up=True)) == "abandoned"
    assert room.shut_down
    assert room.linked is None


async def test_nobody_is_asked_who_could_be_overheard() -> None:
    """A server that does not take the subscriptions away ends it: the caller is AVA's again."""
    room = PeopleRoom(refuses="subscribe")
    room.picked_up.set()
    asking = Asking(room)
    assert await handing(room).run(PERSON, asking) == "failed"
    assert asking.seen == {}
    assert room.linked == "sip_caller"


async def test_a_number_that_can_not_ring_out_is_not_tried() -> None:
    """A trunk without numbers, which LiveKit's filter lets through, is somebody else's."""
    room = PeopleRoom(trunks=[SIPOutboundTrunkInfo(sip_trunk_id="ST_x", address="192.0.2.9")])
    assert await handing(room).run(PERSON, Asking(room)) == "unavailable"
    assert room.log == [("look", DIALED)]
    assert room.linked == "sip_caller"


class Referring(PeopleRoom):
    def __init__(self, outcome: Any, **changes: Any) -> None:
        super().__init__(**changes)
        self.outcome = outcome
        self.sent: list[str] = []

    async def transfer_sip_participant(self, _: Any, to: str) -> Any:
        self.sent.append(to)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (api.TransferSIPParticipantResponse(), "transferred"),
        (api.TransferSIPParticipantResponse(transfer_id="T", status=2), "transferred"),
        (api.TransferSIPParticipantResponse(transfer_id="T", status=1), "failed"),
        (refused(486), "busy"),
        (refused(603), "declined"),
        (TimeoutError(), "failed"),
    ],
)
async def test_a_caller_is_sent_on_by_the_servers_word(outcome: Any, result: TransferResult) -> None:
    """Nothing but its answer makes it transferred; servers before August 2026 answer with nothing when it is done."""
    room = Referring(outcome)
    job = room.job
    job.transfer_sip_participant = room.transfer_sip_participant
    assert await refer(job, cast(Any, room.caller), PERSON, dialed=DIALED) == result
    assert room.sent == [f"sip:{PERSON}@192.0.2.1"]


async def test_without_a_carriers_address_a_caller_is_sent_to_the_number() -> None:
    """The carrier that the call came from knows where it leads."""
    room = Referring(api.TransferSIPParticipantResponse(), trunks=[SIPOutboundTrunkInfo(address="192.0.2.9")])
    job = room.job
    job.transfer_sip_participant = room.transfer_sip_participant
    assert await refer(job, cast(Any, room.caller), PERSON, dialed=DIALED) == "transferred"
    assert room.sent == [f"tel:{PERSON}"]


async def test_twilio_is_told_a_number_and_not_an_address() -> None:
    """Also where calls go out through its trunk: what is written as a SIP address it may take for a SIP endpoint."""
    trunk = SIPOutboundTrunkInfo(address="ava-1.pstn.twilio.com", numbers=[DIALED])
    room = Referring(api.TransferSIPParticipantResponse(), trunks=[trunk])
    job = room.job
    job.transfer_sip_participant = room.transfer_sip_participant
    assert await refer(job, cast(Any, room.caller), PERSON, dialed=DIALED) == "transferred"
    assert room.sent == [f"tel:{PERSON}"]
