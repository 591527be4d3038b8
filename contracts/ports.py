"""What the deployables ask of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contracts.assistant import Language
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, CallClosing, CallContext, CallEvent, InboundCall, RanOn


@dataclass(frozen=True)
class OpenDoubt:
    """A booking write whose end is not known, with what is needed to look it up and to tell the business of it.

    `language` and `time_zone` (an IANA name that exists) are those of the version the call ran on.
    """

    call_id: UUID
    tenant_id: UUID
    booking: BookingRecorded
    calendar: CalComConnection | None
    language: Language
    time_zone: str


class CallStore(Protocol):
    """Every method is idempotent, so that a delivery whose answer was lost can be sent again.

    StoreUnavailable: nothing is known; keep the data and send it again later. StoreRejected: sending again can't help.
    """

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        """Finds number, tenant and published version, and opens the call row (unique on the SIP call id).

        `ran_on`: the call was answered on a last known good configuration. The row gets that version and its
        assistant if the store knows them, whoever has the number now and whether or not it is paused; a row that was
        opened meanwhile and holds no event is put right. The row's source is `last_known_good`.
        A test call (`inbound.test_of`) runs on the version it names, paused assistant or not.
        One that comes in while its tenant is out of credit says so, and goes on saying it; never with `ran_on`.
        CallNotAnswerable: the call can't be answered; a call row with outcome `refused` exists for AssistantPaused
        and ConfigUnreadable. StoreUnavailable, StoreRejected.
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
