"""Calls out, asked of the real LiveKit server through its public API: what whoever rings is told, and what the telephone hears.

With the stand-in of livekit-sip this is the proof that it speaks the server's internal protocol."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.room import CreateRoomRequest, DeleteRoomRequest, RoomParticipantIdentity
from livekit.protocol.sip import (
    CreateSIPOutboundTrunkRequest,
    CreateSIPParticipantRequest,
    DeleteSIPTrunkRequest,
    SIPOutboundTrunkInfo,
)

from sandbox.servers import free_udp_port
from sandbox.sip_wire import uri_of, user_of
from sandbox.softphone import SoftPhone
from tests.fakes.real_line import Line
from tests.fakes.scripted_phone import scripted_phone

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

OURS, PERSON = "+33478000009", "+33142000000"
NAME, PASSWORD = "ava", "a-password-of-loopback"


@pytest_asyncio.fixture(loop_scope="session")
async def livekit(line: Line) -> AsyncIterator[api.LiveKitAPI]:
    telephony = line.exchange.line
    async with api.LiveKitAPI(telephony.url, telephony.api_key, telephony.api_secret) as client:
        yield client


@asynccontextmanager
async def trunk_to(livekit: api.LiveKitAPI, port: int, *, signed: bool = False) -> AsyncGenerator[str]:
    trunk = SIPOutboundTrunkInfo(name="a test's", address=f"127.0.0.1:{port}", numbers=[OURS])
    if signed:
        trunk.auth_username, trunk.auth_password = NAME, PASSWORD
    made = await livekit.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
    try:
        yield made.sip_trunk_id
    finally:
        await livekit.sip.delete_trunk(DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))


def call(trunk_id: str, room: str, *, wait: bool = True, ring_seconds: int = 10) -> CreateSIPParticipantRequest:
    asked = CreateSIPParticipantRequest(
        sip_trunk_id=trunk_id,
        sip_call_to=PERSON,
        room_name=room,
        participant_identity="person",
        participant_attributes={"why": "a test"},
        wait_until_answered=wait,
    )
    asked.ringing_timeout.FromSeconds(ring_seconds)
    return asked


async def status_of(livekit: api.LiveKitAPI, room: str, wanted: str) -> None:
    """The participant's `sip.callStatus` becomes this."""
    async with asyncio.timeout(10):
        while True:
            asked = RoomParticipantIdentity(room=room, identity="person")
            if (await livekit.room.get_participant(asked)).attributes.get("sip.callStatus") == wanted:
                return
            await asyncio.sleep(0.05)


async def nobody_in(livekit: api.LiveKitAPI, room: str) -> None:
    async with asyncio.timeout(5):
        while True:
            if not (await livekit.room.list_participants(api.ListParticipantsRequest(room=room))).participants:
                return
            await asyncio.sleep(0.05)


async def test_a_telephone_is_rung_answers_and_is_hung_up_on(line: Line, livekit: api.LiveKitAPI) -> None:
    """The participant is there while it rings, says how far the call is, and goes with the room; the telephone sees who
    rings, and is hung up on."""
    room, port = f"out-{uuid4().hex[:8]}", free_udp_port(also_tcp=True)
    await livekit.room.create_room(CreateRoomRequest(name=room))
    async with SoftPhone(number=PERSON, sip_port=port) as phone, trunk_to(livekit, port) as trunk_id:
        made = await livekit.sip.create_sip_participant(call(trunk_id, room, wait=False))
        assert (made.participant_identity, made.room_name) == ("person", room)
        assert made.sip_call_id.startswith("SCL_")
        await phone.until_rung()
        assert OURS in phone.rung_by
        await status_of(livekit, room, "ringing")
        await phone.answer()
        await status_of(livekit, room, "active")
        there = await livekit.room.get_participant(RoomParticipantIdentity(room=room, identity="person"))
        assert there.attributes["why"] == "a test"
        assert there.attributes["sip.phoneNumber"] == PERSON
        assert there.attributes["sip.trunkPhoneNumber"] == OURS
        await livekit.room.delete_room(DeleteRoomRequest(room=room))
        await phone.until_closed(5)


async def test_whoever_waits_for_the_answer_gets_it(line: Line, livekit: api.LiveKitAPI) -> None:
    """The request returns when it is picked up, and the call goes on until the telephone hangs up."""
    room, port = f"out-{uuid4().hex[:8]}", free_udp_port(also_tcp=True)
    await livekit.room.create_room(CreateRoomRequest(name=room))
    async with SoftPhone(number=PERSON, sip_port=port) as phone, trunk_to(livekit, port) as trunk_id:
        asking = asyncio.create_task(livekit.sip.create_sip_participant(call(trunk_id, room)))
        await phone.until_rung()
        assert not asking.done()
        await phone.answer()
        assert (await asking).participant_identity == "person"
        await status_of(livekit, room, "active")
        await phone.hang_up()
        await nobody_in(livekit, room)
    await livekit.room.delete_room(DeleteRoomRequest(room=room))


async def test_a_busy_telephone_and_one_that_rings_in_vain_are_told_apart(line: Line, livekit: api.LiveKitAPI) -> None:
    """By SIP's status, and by its absence; the telephone stops ringing."""
    room, port = f"out-{uuid4().hex[:8]}", free_udp_port(also_tcp=True)
    async with trunk_to(livekit, port) as trunk_id:
        async with SoftPhone(number=PERSON, sip_port=port) as phone:
            asking = asyncio.create_task(livekit.sip.create_sip_participant(call(trunk_id, room)))
            await phone.until_rung()
            await phone.decline()
            with pytest.raises(api.SipCallError) as busy:
                await asking
        assert (busy.value.sip_status_code, busy.value.code) == (486, "resource_exhausted")
        async with SoftPhone(number=PERSON, sip_port=port) as phone:
            with pytest.raises(api.ServerError) as vain:
                await livekit.sip.create_sip_participant(call(trunk_id, room, ring_seconds=2))
            assert phone.rung.is_set()
            await phone.until_closed(3)
        assert vain.value.code in ("canceled", "deadline_exceeded")
        assert vain.value.metadata.get("sip_status_code") is None


async def test_a_trunk_signs_in_where_it_is_asked_to_and_a_refusal_is_final(
    line: Line, livekit: api.LiveKitAPI
) -> None:
    """With the trunk's name and password, once; 603 is told as such."""
    room, port = f"out-{uuid4().hex[:8]}", free_udp_port()
    async with trunk_to(livekit, port, signed=True) as trunk_id, scripted_phone(port, 407, 603) as phone:
        with pytest.raises(api.SipCallError) as refused:
            await livekit.sip.create_sip_participant(call(trunk_id, room))
        assert (refused.value.sip_status_code, refused.value.code) == (603, "permission_denied")
        first, second = phone.of("INVITE")
        assert first.get("proxy-authorization") == ""
        assert phone.challenge.accepts(second.get("proxy-authorization"), "INVITE", NAME, PASSWORD)
        assert user_of(uri_of(second.get("from"))) == OURS
        assert [m.branch for m in phone.of("ACK")] == [first.branch, second.branch]


async def test_without_a_password_a_challenge_is_the_end(line: Line, livekit: api.LiveKitAPI) -> None:
    """It is not tried with nothing."""
    room, port = f"out-{uuid4().hex[:8]}", free_udp_port()
    async with trunk_to(livekit, port) as trunk_id, scripted_phone(port, 407) as phone:
        with pytest.raises(api.ServerError):
            await livekit.sip.create_sip_participant(call(trunk_id, room))
        assert len(phone.of("INVITE")) == 1
