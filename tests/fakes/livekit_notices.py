"""LiveKit's notices as its server sends them: protobuf in JSON, a token over the body's hash. The real server's are received in
`tests/telephony/test_who_left.py`.

Owns: their form and signature. Refuses: sending.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken
from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from sandbox.livekit import KEY, SECRET

PATH = "/v1/webhooks/livekit"


@dataclass(frozen=True)
class Notice:
    body: bytes
    headers: Mapping[str, str]


def signed(body: bytes, *, key: str = KEY, secret: str = SECRET, of: bytes | None = None, lasts: int = 300) -> Notice:
    """`of`: what the signature is of, if not the body. `lasts`: seconds from now."""
    digest = base64.b64encode(hashlib.sha256(body if of is None else of).digest()).decode()
    token = AccessToken(key, secret).with_sha256(digest).with_ttl(timedelta(seconds=lasts)).to_jwt()
    return Notice(body, {"authorization": token, "content-type": "application/webhook+json"})


@dataclass(frozen=True)
class InARoom:
    """A caller who dialled a number, as LiveKit sees them."""

    dialed: str
    sip_call_id: str
    room_sid: str
    kind: "ParticipantInfo.Kind" = ParticipantInfo.Kind.SIP

    @classmethod
    def who_dialed(cls, number: str, *, sip_call_id: str | None = None) -> "InARoom":
        return cls(number, sip_call_id or f"SCL_{uuid4().hex}", f"RM_{uuid4().hex}")

    def event(self, name: str, at: datetime | None = None) -> WebhookEvent:
        caller = "+33699990000"
        return WebhookEvent(
            event=name,
            id=f"EV_{uuid4().hex}",
            created_at=int((at or datetime.now(UTC)).timestamp()),
            room=Room(sid=self.room_sid, name=f"call-_{caller}_x"),
            participant=None
            if name == "room_finished"
            else ParticipantInfo(
                sid=f"PA_{uuid4().hex}",
                identity=f"sip_{caller}",
                kind=self.kind,
                attributes={
                    "sip.callID": self.sip_call_id,
                    "sip.trunkPhoneNumber": self.dialed,
                    "sip.phoneNumber": caller,
                    "sip.callStatus": "hangup",
                },
            ),
        )

    def notice(self, name: str, at: datetime | None = None) -> Notice:
        return signed(MessageToJson(self.event(name, at), indent=None).encode())
