"""What the deployables ask of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, CallClosing, CallContext, CallEvent, InboundCall


@dataclass(frozen=True)
class OpenDoubt:
    """A booking write whose end is not known, with what is needed to look it up."""

    call_id: UUID
    tenant_id: UUID
    booking: BookingRecorded
    calendar: CalComConnection | None


class CallStore(Protocol):
    """Every method is idempotent, so that a delivery whose answer was lost can be sent again.

    StoreUnavailable: nothing is known; keep the data and send it again later. StoreRejected: sending again can't help.
    """

    async def open_call(self, inbound: InboundCall) -> CallContext:
        """Finds number, tenant and published version, and opens the call row (unique on the SIP call id).

        NumberUnknown, AssistantPaused, ConfigUnreadable: the call can't be answered; a call row with outcome
        `refused` exists for the last two. StoreUnavailable, StoreRejected.
        """
        ...

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        """Writes events not seen before (by event_id) and projects bookings and messages; -> how many were new."""
        ...

    async def close_call(self, closing: CallClosing) -> None:
        """Writes the end once; the first closing stands."""
        ...

    async def open_doubts(self, *, older_than: datetime) -> Sequence[OpenDoubt]:
        """Bookings in state intended or unconfirmed whose last step is older, of all tenants; at most 100."""
        ...

    async def ping(self) -> None: ...
