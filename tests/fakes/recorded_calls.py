"""Calls as workers record them, for tests of what owners see: written through the real store, never by hand.

Owns: an assistant on the line in a person's tenant, and calls placed to it at any time. Refuses: judging.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID, uuid4

from contracts.call import (
    AssistantSaid,
    BookingRecorded,
    BookingState,
    CallClosing,
    CallerSaid,
    CallEvent,
    CallOutcome,
    Cost,
    CostLine,
    InboundCall,
    MessageTaken,
    ProblemSeen,
    SpeechHeld,
    ToolCalled,
    TransferRequested,
    TurnLatency,
    Usage,
)
from contracts.ids import call_id_for
from sandbox.database import Database
from store.calls import SupabaseCallStore, open_store
from tests.fakes.control_plane import Client, ControlPlane


def now() -> datetime:
    return datetime.now(UTC)


def some_number(prefix: str = "+331") -> str:
    """Nobody else's."""
    return f"{prefix}{uuid4().int % 10**8:08d}"


def said(text: str, at: datetime) -> CallerSaid:
    return CallerSaid(at=at, text=text, language="fr")


def answered(text: str, at: datetime, *, after_ms: float | None = None) -> AssistantSaid:
    return AssistantSaid(at=at, text=text, latency=TurnLatency(total=after_ms))


@dataclass(frozen=True)
class Person:
    """Somebody who rings, told from everybody else by each of these."""

    number: str
    name: str
    words: str
    email: str
    uid: str
    """Of their booking in the calendar."""

    @classmethod
    def new(cls) -> Self:
        mark = uuid4().hex[:12]
        return cls(
            number=some_number("+336"),
            name=f"Zoé {mark}",
            words=f"une carie douloureuse, {mark}",
            email=f"zoe.{mark}@example.fr",
            uid=f"uid-{mark}",
        )

    @property
    def traces(self) -> tuple[str, ...]:
        return self.number.lstrip("+"), self.name, self.words, self.email, self.uid

    def books(self, at: datetime, state: BookingState = BookingState.CONFIRMED, **changes: Any) -> BookingRecorded:
        fields: dict[str, Any] = {
            "at": at,
            "booking_key": uuid4().hex,
            "action": "book",
            "state": state,
            "service_id": "checkup",
            "event_type_id": 7,
            "starts_at": at + timedelta(days=1),
            "ends_at": at + timedelta(days=1, minutes=30),
            "attendee_name": self.name,
            "attendee_phone": self.number,
            "attendee_email": self.email,
            "calendar_uid": self.uid,
        }
        return BookingRecorded(**{**fields, **changes})

    def leaves(self, at: datetime, **changes: Any) -> MessageTaken:
        fields: dict[str, Any] = {
            "at": at,
            "message_id": uuid4(),
            "caller_name": self.name,
            "callback_number": self.number,
            "reason": f"rappeler pour {self.words}",
        }
        return MessageTaken(**{**fields, **changes})

    def everything(self, at: datetime) -> list[CallEvent]:
        """One event of every kind, with their traces wherever there is room for one."""
        moments = [at + timedelta(seconds=second) for second in range(9)]
        arguments = {"name": self.name, "phone": self.number}
        return [
            answered("Bonjour.", moments[0]),
            said(f"Ici {self.name}, j'ai {self.words}.", moments[1]),
            answered(f"Enchantée, {self.name}.", moments[2], after_ms=640.0),
            ToolCalled(at=moments[3], tool="book_slot", arguments=arguments, result=self.words, milliseconds=81.0),
            SpeechHeld(at=moments[4], claim="booked", text=f"{self.name}, c'est réservé."),
            self.books(moments[5], detail=f"for {self.name}"),
            self.leaves(moments[6], urgent=True),
            TransferRequested(at=moments[7], to="+33142000000", result="failed"),
            ProblemSeen(at=moments[8], part="tts", code="timeout", detail=f"while saying {self.name}"),
        ]


def cost(amount: str) -> Cost:
    line = CostLine(item="llm", units=Decimal(1000), unit="token", amount=Decimal(amount), priced_on="2026-11-01")
    return Cost(total=Decimal(amount), lines=(line,))


@dataclass
class Line:
    """An assistant of `owner` with a published version, answering `number`; `who` rings it unless somebody else is named."""

    owner: Client
    assistant_id: UUID
    number: str
    database: Database
    store: SupabaseCallStore
    who: Person = field(default_factory=Person.new)

    async def begin(self, at: datetime, *, caller: str | None = "who", sip: str | None = None) -> UUID:
        sip = sip or f"SCL_{uuid4().hex}"
        caller = self.who.number if caller == "who" else caller
        inbound = InboundCall(
            call_id=call_id_for(sip), sip_call_id=sip, dialed=self.number, caller=caller, received_at=at
        )
        return (await self.store.open_call(inbound)).call_id

    async def end(
        self, call_id: UUID, at: datetime, outcome: CallOutcome = CallOutcome.ANSWERED, **closing: Any
    ) -> None:
        fields: dict[str, Any] = {
            "call_id": call_id,
            "ended_at": at,
            "outcome": outcome,
            "ended_by": "caller",
            "usage": Usage(call_seconds=60.0, llm_input_tokens=900),
        }
        await self.store.close_call(CallClosing(**{**fields, **closing}))

    async def call(
        self,
        at: datetime,
        outcome: CallOutcome = CallOutcome.ANSWERED,
        events: Sequence[CallEvent] = (),
        *,
        caller: str | None = "who",
        seconds: float = 60.0,
        **closing: Any,
    ) -> UUID:
        """A whole one."""
        call_id = await self.begin(at, caller=caller)
        await self.store.append_events(call_id, events)
        await self.end(call_id, at + timedelta(seconds=seconds), outcome, **closing)
        return call_id

    async def records(self, call_id: UUID) -> str | None:
        """A recording of it that is stored, as far as the database knows -> its key. None: the call was erased."""
        key = f"{self.owner.tenant_id}/{call_id}/{uuid4().hex[:8]}.ogg"
        if not await self.store.claim_recording(call_id, key, started_at=now()):
            return None
        assert await self.store.finish_recording(self.owner.tenant_id, key, seconds=1.5, size=4096)
        return key

    def add_many(self, count: int, *, newest: datetime) -> None:
        """Calls without events, a minute apart."""
        self.database.select(
            "insert into calls (call_id, tenant_id, assistant_id, version, sip_call_id, dialed, caller, started_at,"
            " ended_at, closed_at, outcome) select gen_random_uuid(), %s, %s, 1, 'SCL_' || gen_random_uuid(), %s,"
            " '+3360' || lpad((n %% 500)::text, 7, '0'), %s::timestamptz - n * interval '1 minute',"
            " %s::timestamptz - n * interval '1 minute' + n %% 300 * interval '1 second', now(),"
            " (array['booked', 'answered', 'abandoned', 'lost'])[1 + n %% 4]"
            " from generate_series(0, %s - 1) as n returning 1",
            self.owner.tenant_id,
            self.assistant_id,
            self.number,
            newest,
            newest,
            count,
        )


@asynccontextmanager
async def open_line(plane: ControlPlane, owner: Client) -> AsyncGenerator[Line]:
    """A new assistant of the owner, from a preset, published, with a number."""
    made = await owner.made("/v1/assistants", {"preset": {"industry": "health", "language": "fr"}})
    await owner.made(f"/v1/assistants/{made['assistant_id']}/publish")
    number = some_number()
    plane.database.select(
        "insert into phone_numbers (e164, tenant_id, assistant_id) values (%s, %s, %s) returning e164",
        number,
        owner.tenant_id,
        made["assistant_id"],
    )
    store = await open_store(plane.database.url, plane.database.service_key)
    try:
        yield Line(owner, UUID(made["assistant_id"]), number, plane.database, store)
    finally:
        await store.aclose()


def places_of(database: Database, *traces: str) -> dict[str, set[str]]:
    """trace -> every table in which any column of any row holds it, whoever may read that."""
    tables = database.select(
        "select format('%%I.%%I', schemaname, tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    looks = " union all ".join(
        f"select '{table['name']}' as place, trace from unnest(%s::text[]) as trace"
        f" where exists (select from {table['name']} as t where strpos(t::text, trace) > 0)"
        for table in tables
    )
    found: dict[str, set[str]] = {}
    for row in database.select(looks, *[list(traces) for _ in tables]):
        found.setdefault(row["trace"], set()).add(row["place"])
    return found
