"""A number on its way in or out, and the account it comes through, as the database has them.

Owns: the types and how a row becomes one. Refuses: deciding what comes next (`numbers.saga`), and showing a secret: sealed
texts and telephone numbers are in no repr.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from control_api.numbers.carrier import NumberKind

Source = Literal["purchase", "import", "sip_trunk"]
CarrierKind = Literal["managed", "own_twilio", "sip_trunk"]


class State(StrEnum):
    """`requested -> bought -> routed -> active` or `failed`; `releasing -> released`."""

    REQUESTED = "requested"
    BOUGHT = "bought"
    ROUTED = "routed"
    ACTIVE = "active"
    FAILED = "failed"
    RELEASING = "releasing"
    RELEASED = "released"


UNFINISHED = frozenset({State.REQUESTED, State.BOUGHT, State.ROUTED, State.RELEASING})
"""States in which something is still to be done."""

LIVE = frozenset(State) - {State.FAILED, State.RELEASED}
"""States in which the number is the tenant's, or may be."""


@dataclass(frozen=True)
class Purchase:
    """`buy_sent_at`: when the carrier was last asked to sell it; from then on it may be ours, whatever was answered.
    `lease`: the worker that has it in hand."""

    purchase_id: UUID
    tenant_id: UUID
    source: Source
    state: State
    e164: str = field(repr=False)
    label: str
    country: str | None = None
    kind: NumberKind | None = None
    carrier_id: UUID | None = None
    address_sid: str | None = None
    bundle_sid: str | None = None
    takeover_confirmed: bool = False
    buy_sent_at: datetime | None = None
    number_sid: str | None = None
    trunk_sid: str | None = None
    sealed_routing: str | None = field(default=None, repr=False)
    monthly_price: Decimal | None = None
    currency: str | None = None
    attempts: int = 0
    last_error_code: str | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    lease: UUID | None = None

    @property
    def finished(self) -> bool:
        return self.state not in UNFINISHED


def purchase_from(row: Mapping[str, Any]) -> Purchase:
    return Purchase(
        purchase_id=UUID(row["purchase_id"]),
        tenant_id=UUID(row["tenant_id"]),
        source=row["source"],
        state=State(row["state"]),
        e164=row["e164"],
        label=row["label"],
        country=row["country"],
        kind=row["kind"],
        carrier_id=_uuid(row["carrier_id"]),
        address_sid=row["address_sid"],
        bundle_sid=row["bundle_sid"],
        takeover_confirmed=row["takeover_confirmed"],
        buy_sent_at=_time(row.get("buy_sent_at")),
        number_sid=row["number_sid"],
        trunk_sid=row["trunk_sid"],
        sealed_routing=row.get("sealed_routing"),
        monthly_price=None if row["monthly_price"] is None else Decimal(str(row["monthly_price"])),
        currency=row["currency"],
        attempts=row["attempts"],
        last_error_code=row["last_error_code"],
        last_error=row["last_error"],
        next_attempt_at=_time(row["next_attempt_at"]),
        lease=_uuid(row.get("claimed_by")),
    )


@dataclass(frozen=True)
class CarrierAccount:
    """`sealed_secret` is an auth token or a SIP password; None where there is none (yet). `termination_*`: with what calls out
    sign in at Twilio, and since when Twilio has that password; `outgoing_address`: where an own trunk's go."""

    carrier_id: UUID
    tenant_id: UUID
    kind: CarrierKind
    account_sid: str | None
    sealed_secret: str | None = field(repr=False)
    allowed_addresses: tuple[str, ...] = ()
    sip_username: str | None = field(default=None, repr=False)
    removed: bool = False
    outgoing_address: str | None = None
    termination_username: str | None = field(default=None, repr=False)
    sealed_termination: str | None = field(default=None, repr=False)
    termination_set_at: datetime | None = None


def account_from(row: Mapping[str, Any]) -> CarrierAccount:
    return CarrierAccount(
        carrier_id=UUID(row["carrier_id"]),
        tenant_id=UUID(row["tenant_id"]),
        kind=row["kind"],
        account_sid=row["account_sid"],
        sealed_secret=row["sealed_secret"],
        allowed_addresses=tuple(row["allowed_addresses"]),
        sip_username=row["sip_username"],
        removed=row["removed_at"] is not None,
        outgoing_address=row["outgoing_address"],
        termination_username=row["termination_username"],
        sealed_termination=row["sealed_termination"],
        termination_set_at=_time(row["termination_set_at"]),
    )


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
