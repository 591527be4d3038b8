"""Test calls: who may try what, and how often."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.call import InboundCall, RanOn
from control_api.credit import Credit
from control_api.principal import Principal
from control_api.rate_limits import Allowance
from control_api.web_calls.errors import RoomsNotConfigured
from control_api.web_calls.ports import Assistants, Rooms, Which
from control_api.web_calls.schemas import WebCall


@dataclass(frozen=True)
class WebCallService:
    """`rooms` None: this deployment has no LiveKit. `allowance`: each call costs what a caller's does."""

    assistants: Assistants
    credit: Credit
    rooms: Rooms | None
    allowance: Allowance
    clock: Callable[[], datetime]

    async def open(self, principal: Principal, assistant_id: UUID, call_id: UUID, which: Which) -> WebCall:
        tried = await self.assistants.find_tried(principal, assistant_id, which)
        if self.rooms is None:
            raise RoomsNotConfigured(RoomsNotConfigured.example)
        await self.credit.require(principal)
        await self.allowance.spend(str(principal.tenant_id))
        call = InboundCall(
            call_id=call_id,
            sip_call_id=f"web:{call_id}",
            dialed="web",
            caller=None,
            received_at=self.clock(),
            test_of=RanOn(assistant_id=assistant_id, version=tried.version),
        )
        admission = self.rooms.admit(call)
        return WebCall(
            call_id=call_id,
            assistant_id=assistant_id,
            version=tried.version,
            language=tried.language,
            url=admission.url,
            room=admission.room,
            token=admission.token,
            expires_at=admission.expires_at,
        )
