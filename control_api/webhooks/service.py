"""LiveKit's notices: who is on the line, who has left it.

Owns: whether a notice is LiveKit's, and what of it is kept. Refuses: closing calls (`CallService.close_lost`): the worker
closes its call itself a moment later, unless it has died.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from google.protobuf.json_format import ParseError
from livekit.api import TokenVerifier, WebhookReceiver
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.webhook import WebhookEvent
from pydantic import SecretStr

from contracts.phone import PhoneNumberInvalid, parse_e164
from control_api.errors import InvalidRequest
from control_api.webhooks.errors import NotSigned
from control_api.webhooks.repository import Leg, LegRepository
from control_api.webhooks.schemas import LEAVING

_log = structlog.get_logger(__name__)
_CHALLENGE = {"www-authenticate": "Bearer"}


@dataclass(frozen=True)
class LineEventService:
    """`key` and `secret`: those that LiveKit signs with. None: no LiveKit is set up, and nobody is believed."""

    repository: LegRepository
    key: str | None
    secret: SecretStr | None

    async def receive(self, body: bytes, token: str) -> None:
        """May be told twice, late, and in any order. Raises NotSigned, InvalidRequest; StoreUnavailable: LiveKit asks again."""
        event = self._verified(body, token)
        at = datetime.fromtimestamp(event.created_at, UTC)
        if event.event == "room_finished":
            await self.repository.note_room_finished(event.room.sid, at=at)
        elif event.event == "participant_joined" and (leg := _leg(event)) is not None:
            await self.repository.note_leg(leg, joined_at=at)
        elif event.event in LEAVING and (leg := _leg(event)) is not None:
            known = await self.repository.note_leg(leg, left_at=at)
            _log.info("line.caller_left", sip_call_id=leg.sip_call_id, known=known)

    def _verified(self, body: bytes, token: str) -> WebhookEvent:
        if not self.key or self.secret is None:
            raise NotSigned("no LiveKit is set up here: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET", headers=_CHALLENGE)
        receiver = WebhookReceiver(TokenVerifier(self.key, self.secret.get_secret_value()))
        try:
            return receiver.receive(body.decode(), token)
        except ParseError as error:
            raise InvalidRequest("the body is none of LiveKit's events") from error
        except Exception as error:  # the receiver raises plain Exception where the hash is missing or another
            _log.warning("webhook.not_signed", error=type(error).__name__)
            raise NotSigned(NotSigned.example, headers=_CHALLENGE) from error


def _leg(event: WebhookEvent) -> Leg | None:
    """None for whoever is no caller: attributes of others are what they say of themselves."""
    participant = event.participant
    if participant.kind != ParticipantInfo.Kind.SIP:
        return None
    attributes = participant.attributes
    sip_call_id = attributes.get("sip.callID") or attributes.get("sip.callIDFull")
    try:
        dialed = parse_e164(attributes.get("sip.trunkPhoneNumber", ""))
    except PhoneNumberInvalid:
        return None
    return Leg(sip_call_id, dialed, event.room.sid) if sip_call_id and event.room.sid else None
