"""Both stores, and what lies behind them: the rows of the in-memory twin, and of Postgres."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from contracts.calendar import CalComConnection
from contracts.call import (
    BookingRecorded,
    BookingState,
    CallClosing,
    CallOutcome,
    Cost,
    CostLine,
    InboundCall,
    Usage,
)
from contracts.ids import call_id_for
from contracts.ports import CallStore
from sandbox.database import Database
from store.memory import MemoryCallStore

NUMBER = "+33142000001"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Backing(Protocol):
    """What the suite must see and do behind the port."""

    def seed(self, config: Any, number: str = NUMBER, calendar: CalComConnection | None = None) -> UUID: ...
    def publish(self, assistant_id: UUID, config: Any) -> int: ...
    def pause(self, assistant_id: UUID) -> None: ...
    def move(self, number: str, assistant_id: UUID) -> None: ...
    def set_credit(self, assistant_id: UUID, *, out_since: datetime | None) -> None: ...
    def ran(self, call_id: UUID) -> tuple[UUID, int, str, str | None, str | None]: ...
    def calls(self) -> list[tuple[UUID, int, str | None]]: ...
    def closing(self, call_id: UUID) -> tuple[str | None, str, Decimal | None]: ...
    def kinds(self, call_id: UUID) -> list[str]: ...
    def bookings(self) -> dict[str, str]: ...
    def messages(self) -> list[tuple[str, bool, str]]: ...


class MemoryBacking:
    def __init__(self, store: MemoryCallStore) -> None:
        self._store = store

    def seed(self, config: Any, number: str = NUMBER, calendar: CalComConnection | None = None) -> UUID:
        return self._store.seed_assistant(tenant_name="A", config=config, number=number, calendar=calendar).assistant_id

    def publish(self, assistant_id: UUID, config: Any) -> int:
        return self._store.publish(assistant_id, config)

    def pause(self, assistant_id: UUID) -> None:
        self._store.pause(assistant_id)

    def move(self, number: str, assistant_id: UUID) -> None:
        self._store.move_number(number, assistant_id)

    def set_credit(self, assistant_id: UUID, *, out_since: datetime | None) -> None:
        self._store.set_credit(self._store.tenant_of(assistant_id), out_since=out_since)

    def ran(self, call_id: UUID) -> tuple[UUID, int, str, str | None, str | None]:
        call = self._store.call(call_id)
        assert call is not None
        return call.assistant_id, call.version, call.source, call.outcome, call.refusal

    def calls(self) -> list[tuple[UUID, int, str | None]]:
        return [(c.inbound.call_id, c.version, c.outcome) for c in self._store.all_calls()]

    def closing(self, call_id: UUID) -> tuple[str | None, str, Decimal | None]:
        call = self._store.call(call_id)
        assert call is not None
        if call.closing is None:
            return call.outcome, "", None
        return call.outcome, call.closing.summary, call.closing.cost.total if call.closing.cost else None

    def kinds(self, call_id: UUID) -> list[str]:
        return [event.kind for event in self._store.events(call_id)]

    def bookings(self) -> dict[str, str]:
        return {b.step.booking_key: b.step.state.value for b in self._store.bookings()}

    def messages(self) -> list[tuple[str, bool, str]]:
        return [(m.taken.reason, m.taken.urgent, m.taken.follow_up) for m in self._store.messages()]


class PostgresBacking:
    def __init__(self, database: Database) -> None:
        self._database = database

    def seed(self, config: Any, number: str = NUMBER, calendar: CalComConnection | None = None) -> UUID:
        return self._database.seed_assistant(
            tenant_name="A", config=config, number=number, calendar=calendar
        ).assistant_id

    def publish(self, assistant_id: UUID, config: Any) -> int:
        return self._database.publish(assistant_id, config)

    def pause(self, assistant_id: UUID) -> None:
        self._database.pause(assistant_id)

    def move(self, number: str, assistant_id: UUID) -> None:
        self._database.select(
            "update phone_numbers set assistant_id = a.assistant_id, tenant_id = a.tenant_id"
            " from assistants a where e164 = %s and a.assistant_id = %s returning e164",
            number,
            assistant_id,
        )

    def set_credit(self, assistant_id: UUID, *, out_since: datetime | None) -> None:
        self._database.select(
            "update tenants set out_of_credit_since = %s from assistants a"
            " where a.tenant_id = tenants.tenant_id and a.assistant_id = %s returning 1",
            out_since,
            assistant_id,
        )

    def ran(self, call_id: UUID) -> tuple[UUID, int, str, str | None, str | None]:
        row = self._database.select("select * from calls where call_id = %s", call_id)[0]
        return row["assistant_id"], row["version"], row["source"], row["outcome"], row["refusal"]

    def calls(self) -> list[tuple[UUID, int, str | None]]:
        rows = self._database.select("select call_id, version, outcome from calls order by started_at")
        return [(row["call_id"], row["version"], row["outcome"]) for row in rows]

    def closing(self, call_id: UUID) -> tuple[str | None, str, Decimal | None]:
        row = self._database.select("select outcome, summary, cost_total from calls where call_id = %s", call_id)[0]
        return row["outcome"], row["summary"], row["cost_total"]

    def kinds(self, call_id: UUID) -> list[str]:
        rows = self._database.select("select kind from call_events where call_id = %s order by seq", call_id)
        return [row["kind"] for row in rows]

    def bookings(self) -> dict[str, str]:
        return {row["booking_key"]: row["state"] for row in self._database.select("select * from bookings")}

    def messages(self) -> list[tuple[str, bool, str]]:
        rows = self._database.select("select reason, urgent, follow_up from messages")
        return [(row["reason"], row["urgent"], row["follow_up"]) for row in rows]


@dataclass
class Bench:
    store: CallStore
    behind: Backing


def inbound(sip: str = "SCL_one", *, dialed: str = NUMBER, caller: str | None = "+33611111111") -> InboundCall:
    return InboundCall(call_id=call_id_for(sip), sip_call_id=sip, dialed=dialed, caller=caller, received_at=NOON)


def step(key: str, state: BookingState, seconds: int, **changed: Any) -> BookingRecorded:
    fields: dict[str, Any] = {
        "at": NOON + timedelta(seconds=seconds),
        "booking_key": key,
        "action": "book",
        "state": state,
        "service_id": "checkup",
        "event_type_id": 7,
        "starts_at": NOON + timedelta(days=1),
        "ends_at": NOON + timedelta(days=1, minutes=30),
        "attendee_name": "Marie Lefèvre",
    }
    return BookingRecorded(**{**fields, **changed})


def closing(call_id: UUID, outcome: CallOutcome = CallOutcome.BOOKED, summary: str = "first") -> CallClosing:
    line = CostLine(item="llm", units=Decimal(10), unit="token", amount=Decimal("0.0123"), priced_on="2026-11-01")
    return CallClosing(
        call_id=call_id,
        ended_at=NOON + timedelta(minutes=2),
        outcome=outcome,
        ended_by="caller",
        summary=summary,
        usage=Usage(call_seconds=120.0, llm_input_tokens=900),
        cost=Cost(total=Decimal("0.0123"), lines=(line,)),
        latency_p50_ms=640.5,
    )
