"""Telephones behind the outbound trunks: LiveKit's CreateSIPParticipant as far as an answer goes.

Owns: who was rung, and how they answer: they pick up at once, or a carrier's SIP status comes back as the server passes it on.
A request that waits (a ``delay``) rings at its end. Refuses: rooms and sound: nobody joins one (`sandbox.sip_gateway` does).
"""

from dataclasses import dataclass, field
from uuid import uuid4

from livekit.protocol.sip import CreateSIPParticipantRequest, SIPParticipantInfo

from sandbox.livekit_checks import TwirpError, refusal
from sandbox.livekit_sip import SipStore

CODES = {486: "unavailable", 600: "unavailable", 404: "not_found", 603: "permission_denied", 480: "unavailable"}


@dataclass
class Telephones:
    store: SipStore
    rung: dict[str, CreateSIPParticipantRequest] = field(default_factory=dict[str, CreateSIPParticipantRequest])
    sip_status: int | None = None

    def clear(self) -> None:
        self.rung.clear()
        self.sip_status = None

    def answers_with(self, sip_status: int | None) -> None:
        self.sip_status = sip_status

    def ring(self, asked: CreateSIPParticipantRequest) -> SIPParticipantInfo:
        if asked.sip_trunk_id not in self.store.outbound:
            raise refusal("requested sip trunk does not exist", "not_found")
        kept = CreateSIPParticipantRequest()
        kept.CopyFrom(asked)
        call_id = f"SCL_{uuid4().hex[:12]}"
        self.rung[call_id] = kept
        if self.sip_status is not None:
            meta = {"sip_status_code": str(self.sip_status), "sip_status": "no"}
            raise TwirpError(CODES.get(self.sip_status, "internal"), f"sip status: {self.sip_status}", meta)
        return SIPParticipantInfo(
            participant_id=f"PA_{uuid4().hex[:12]}",
            participant_identity=asked.participant_identity,
            room_name=asked.room_name,
            sip_call_id=call_id,
        )
