"""Stands for rooms with people in them, as far as LiveKit's API tells of them: who is there, whether a job answers, sending a
telephone on by SIP REFER, and the end of a room.

Owns: what a test has put there, what each request does to it, and the refusals. Refuses: sound, joining by oneself, a bus on
which a request waits (a ``delay`` is the switchboard's). HTTP, tokens and faults are `sandbox.livekit`'s.

A telephone that is sent on leaves its room at once; the real one leaves a second later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.room import (
    DeleteRoomRequest,
    DeleteRoomResponse,
    ListParticipantsRequest,
    ListParticipantsResponse,
    ListRoomsRequest,
    ListRoomsResponse,
    PerformRpcRequest,
    PerformRpcResponse,
)
from livekit.protocol.sip import SIPTransferStatus, TransferSIPParticipantRequest, TransferSIPParticipantResponse

from sandbox.livekit_checks import TwirpError, refusal
from sandbox.livekit_telephones import CODES


@dataclass
class Rooms:
    """`answering`: the jobs that live. `sip_status`: how telephones answer to which somebody is sent; None: they pick up.
    `told`: whether the server says what came of a transfer, as it has since August 2026."""

    people: dict[str, list[ParticipantInfo]] = field(default_factory=dict[str, list[ParticipantInfo]])
    answering: set[str] = field(default_factory=set[str])
    sent_on: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    ended: list[str] = field(default_factory=list[str])
    sip_status: int | None = None
    told: bool = True

    def clear(self) -> None:
        for kept in (self.people, self.answering, self.sent_on, self.ended):
            kept.clear()
        self.sip_status, self.told = None, True

    def put(self, room: str, people: list[Mapping[str, Any]], *, answering: list[str]) -> None:
        """Each: ``identity``, ``kind`` (as the protocol spells it), ``attributes``."""
        self.people[room] = [
            ParticipantInfo(
                identity=one["identity"],
                kind=str(one.get("kind", "STANDARD")),
                state=ParticipantInfo.State.ACTIVE,
                attributes=one.get("attributes", {}),
            )
            for one in people
        ]
        self.answering |= set(answering)

    def list_rooms(self, asked: ListRoomsRequest) -> ListRoomsResponse:
        names = [name for name in self.people if not asked.names or name in asked.names]
        return ListRoomsResponse(rooms=[Room(name=name, sid=f"RM_{name}") for name in names])

    def list_participants(self, asked: ListParticipantsRequest) -> ListParticipantsResponse:
        if asked.room not in self.people:
            raise refusal("room not found", "not_found")
        return ListParticipantsResponse(participants=self.people[asked.room])

    def delete(self, asked: DeleteRoomRequest) -> DeleteRoomResponse:
        if self.people.pop(asked.room, None) is None:
            raise refusal("requested room does not exist", "not_found")
        self.ended.append(asked.room)
        return DeleteRoomResponse()

    def perform_rpc(self, asked: PerformRpcRequest) -> PerformRpcResponse:
        if not asked.destination_identity:
            raise refusal("destination identity is required")
        self._participant(asked.room, asked.destination_identity)
        if asked.destination_identity not in self.answering:
            raise refusal("Response timeout", "canceled")
        return PerformRpcResponse(payload="alive")

    def transfer(self, asked: TransferSIPParticipantRequest) -> TransferSIPParticipantResponse:
        if not asked.room_name:
            raise refusal("Missing room name")
        if not asked.participant_identity:
            raise refusal("Missing participant identity")
        found = self._participant(asked.room_name, asked.participant_identity)
        if "sip.callID" not in found.attributes:
            raise refusal("no SIP session associated with participant")
        self.sent_on.append({"identity": found.identity, "to": asked.transfer_to})
        if self.sip_status is not None:
            meta = {"sip_status_code": str(self.sip_status), "sip_status": "no"}
            raise TwirpError(CODES.get(self.sip_status, "internal"), f"sip status: {self.sip_status}", meta)
        self.people[asked.room_name].remove(found)
        if not self.told:
            return TransferSIPParticipantResponse()
        return TransferSIPParticipantResponse(
            transfer_id=f"ST_{uuid4().hex[:12]}", status=SIPTransferStatus.STS_TRANSFER_SUCCESSFUL
        )

    def _participant(self, room: str, identity: str) -> ParticipantInfo:
        found = next((one for one in self.people.get(room, []) if one.identity == identity), None)
        if found is None:
            raise refusal("participant does not exist", "not_found")
        return found
