"""The store without a database: the same answers, the same rules, in this process. For tests and for a first look.

Owns: a twin of `supabase/migrations`, held to it by tests/contract/test_stores.py. Refuses: outliving the process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from contracts.assistant import AssistantConfig, read_config
from contracts.calendar import CalComConnection
from contracts.call import (
    BookingRecorded,
    BookingState,
    CallClosing,
    CallContext,
    CallEvent,
    CallOutcome,
    ConfigSource,
    InboundCall,
    MessageTaken,
    RanOn,
)
from contracts.errors import AssistantPaused, ConfigUnreadable, NumberUnknown
from contracts.ports import CallStore, OpenDoubt
from store.doubts import language_of, time_zone_of
from store.errors import CallIdentityClash, CallNotOpen, WebCallOver

# Of two steps at one moment the later in this order stands, as `booking_state` is declared in SQL.
_ORDER = (
    BookingState.INTENDED,
    BookingState.UNCONFIRMED,
    BookingState.REFUSED,
    BookingState.ABSENT,
    BookingState.CONFIRMED,
    BookingState.RESCHEDULED,
    BookingState.CANCELLED,
)
_SUCCESSES = frozenset({BookingState.CONFIRMED, BookingState.RESCHEDULED, BookingState.CANCELLED})
_DOUBTS = frozenset({BookingState.INTENDED, BookingState.UNCONFIRMED})
_DOUBTS_AT_ONCE = 100

StoredConfig = AssistantConfig | Mapping[str, Any]


@dataclass(frozen=True)
class SeededAssistant:
    tenant_id: UUID
    assistant_id: UUID
    version: int
    number: str


@dataclass
class _Assistant:
    tenant_id: UUID
    assistant_id: UUID
    calendar: CalComConnection | None
    active: bool = True
    versions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(frozen=True)
class StoredCall:
    """A row of `calls`. `outcome` None: under way."""

    inbound: InboundCall
    tenant_id: UUID
    assistant_id: UUID
    version: int
    source: ConfigSource = "database"
    outcome: CallOutcome | None = None
    refusal: Literal["assistant_paused", "config_unreadable", "no_credit"] | None = None
    closing: CallClosing | None = None


@dataclass(frozen=True)
class StoredBooking:
    call_id: UUID
    tenant_id: UUID
    step: BookingRecorded


@dataclass(frozen=True)
class StoredMessage:
    call_id: UUID
    tenant_id: UUID
    taken: MessageTaken


class MemoryCallStore(CallStore):
    """Reading what was stored: `call`, `all_calls`, `events`, `bookings`, `messages`. Not for more than one event loop."""

    def __init__(self) -> None:
        self._assistants: dict[UUID, _Assistant] = {}
        self._numbers: dict[str, UUID] = {}
        self._calls: dict[UUID, StoredCall] = {}
        self._by_sip: dict[str, UUID] = {}
        self._events: dict[UUID, tuple[UUID, CallEvent]] = {}
        self._bookings: dict[tuple[UUID, str], StoredBooking] = {}
        self._messages: dict[UUID, StoredMessage] = {}
        self._without_credit: dict[UUID, datetime] = {}

    def seed_assistant(
        self, *, tenant_name: str, config: StoredConfig, number: str, calendar: CalComConnection | None = None
    ) -> SeededAssistant:
        """A tenant with one active assistant, version 1 published, answering `number`."""
        del tenant_name  # kept nowhere here; the parameter is the same for both stores
        if number in self._numbers:
            raise ValueError("the number belongs to another assistant")
        assistant = _Assistant(uuid4(), uuid4(), calendar)
        self._assistants[assistant.assistant_id] = assistant
        self._numbers[number] = assistant.assistant_id
        version = self.publish(assistant.assistant_id, config)
        return SeededAssistant(assistant.tenant_id, assistant.assistant_id, version, number)

    def publish(self, assistant_id: UUID, config: StoredConfig) -> int:
        versions = self._assistants[assistant_id].versions
        versions.append(config.model_dump(mode="json") if isinstance(config, AssistantConfig) else dict(config))
        return len(versions)

    def pause(self, assistant_id: UUID) -> None:
        self._assistants[assistant_id].active = False

    def resume(self, assistant_id: UUID) -> None:
        self._assistants[assistant_id].active = True

    def call(self, call_id: UUID) -> StoredCall | None:
        return self._calls.get(call_id)

    def all_calls(self) -> list[StoredCall]:
        return list(self._calls.values())

    def events(self, call_id: UUID) -> list[CallEvent]:
        """In the order they were stored."""
        return [event for owner, event in self._events.values() if owner == call_id]

    def bookings(self) -> list[StoredBooking]:
        return list(self._bookings.values())

    def messages(self) -> list[StoredMessage]:
        return list(self._messages.values())

    def move_number(self, number: str, assistant_id: UUID) -> None:
        """`number` is answered by another assistant from now on."""
        self._numbers[number] = assistant_id

    def tenant_of(self, assistant_id: UUID) -> UUID:
        return self._assistants[assistant_id].tenant_id

    def set_credit(self, tenant_id: UUID, *, out_since: datetime | None) -> None:
        """None: it has credit."""
        if out_since is None:
            self._without_credit.pop(tenant_id, None)
        else:
            self._without_credit[tenant_id] = out_since

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        call = self._find_or_open(inbound, ran_on)
        if call.refusal == "assistant_paused":
            raise AssistantPaused("the assistant of the dialled number is paused or was never published")
        assistant = self._assistants[call.assistant_id]
        try:
            config = read_config(assistant.versions[call.version - 1])
        except ConfigUnreadable:
            if call.closing is None and call.source == "database":
                refused = replace(call, outcome=CallOutcome.REFUSED, refusal="config_unreadable")
                self._calls[call.inbound.call_id] = refused
            raise
        return CallContext(
            call_id=call.inbound.call_id,
            sip_call_id=call.inbound.sip_call_id,
            dialed=call.inbound.dialed,
            caller=call.inbound.caller,
            started_at=call.inbound.received_at,
            tenant_id=call.tenant_id,
            assistant_id=call.assistant_id,
            version=call.version,
            config=config,
            calendar=assistant.calendar,
            test=call.inbound.test_of is not None,
            without_credit=call.refusal == "no_credit",
            transfer_to=self._transfer_to(call, config) if call.refusal == "no_credit" else None,
        )

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        if not events:
            return 0
        call = self._require(call_id)
        new = 0
        for event in events:
            if event.event_id in self._events:
                continue
            self._events[event.event_id] = (call_id, event)
            new += 1
            if isinstance(event, BookingRecorded):
                self._project_booking(call, event)
            elif isinstance(event, MessageTaken):
                self._project_message(call, event)
        return new

    async def close_call(self, closing: CallClosing) -> None:
        call = self._require(closing.call_id)
        lost = call.closing is not None and call.closing.outcome is CallOutcome.LOST
        if call.closing is None or (lost and closing.outcome is not CallOutcome.LOST):
            self._calls[closing.call_id] = replace(call, closing=closing, outcome=closing.outcome)

    async def open_doubts(self, *, older_than: datetime) -> Sequence[OpenDoubt]:
        found = [b for b in self._bookings.values() if b.step.state in _DOUBTS and b.step.at < older_than]
        found.sort(key=lambda booking: booking.step.at)
        return [self._doubt(booking) for booking in found[:_DOUBTS_AT_ONCE]]

    async def ping(self) -> None:
        return None

    def _find_or_open(self, inbound: InboundCall, ran_on: RanOn | None) -> StoredCall:
        known = self._by_sip.get(inbound.sip_call_id)
        if known is not None:
            call = self._calls[known]
            if inbound.test_of is None:
                return self._correct(call, ran_on)
            if call.closing is not None and call.inbound.received_at != inbound.received_at:
                raise WebCallOver("this test call has ended: another one needs another token")
            return call
        call = self._new_call(inbound, ran_on)
        if inbound.call_id in self._calls:
            raise CallIdentityClash("another SIP call id has this call id")
        self._calls[inbound.call_id] = call
        self._by_sip[inbound.sip_call_id] = inbound.call_id
        return call

    def _new_call(self, inbound: InboundCall, ran_on: RanOn | None) -> StoredCall:
        if inbound.test_of is not None:
            if (tried := self._owner_of(inbound.test_of)) is None:
                raise NumberUnknown("there is no such version of an assistant to try")
            return StoredCall(inbound, tried.tenant_id, tried.assistant_id, inbound.test_of.version)
        source: ConfigSource = "database" if ran_on is None else "last_known_good"
        if ran_on is not None and (owner := self._owner_of(ran_on)) is not None:
            return StoredCall(inbound, owner.tenant_id, owner.assistant_id, ran_on.version, source)
        assistant_id = self._numbers.get(inbound.dialed)
        if assistant_id is None:
            raise NumberUnknown("no assistant answers the dialled number")
        assistant = self._assistants[assistant_id]
        call = StoredCall(inbound, assistant.tenant_id, assistant_id, len(assistant.versions), source)
        if not assistant.active:
            return replace(call, outcome=CallOutcome.REFUSED, refusal="assistant_paused")
        return replace(call, refusal="no_credit") if self._is_without_credit(call) else call

    def _is_without_credit(self, call: StoredCall) -> bool:
        since = self._without_credit.get(call.tenant_id)
        if since is None or call.source != "database" or call.inbound.planned_call_id is not None:
            return False
        return since <= call.inbound.received_at

    def _transfer_to(self, call: StoredCall, config: AssistantConfig) -> str | None:
        """Numbers have no fallback of their own here."""
        number = None if config.transfer.mode == "off" else config.transfer.number
        comes_back = number in self._numbers or number in (call.inbound.caller, call.inbound.dialed)
        return None if comes_back else number

    def _correct(self, call: StoredCall, ran_on: RanOn | None) -> StoredCall:
        call_id = call.inbound.call_id
        if ran_on is None or call.source == "last_known_good" or self.events(call_id):
            return call
        call = replace(call, source="last_known_good")
        if (owner := self._owner_of(ran_on)) is not None:
            call = replace(
                call,
                tenant_id=owner.tenant_id,
                assistant_id=owner.assistant_id,
                version=ran_on.version,
                refusal=None,
                outcome=None if call.closing is None else call.closing.outcome,
            )
        self._calls[call_id] = call
        return call

    def _owner_of(self, ran_on: RanOn) -> _Assistant | None:
        """None: no such version here."""
        assistant = self._assistants.get(ran_on.assistant_id)
        return assistant if assistant is not None and 1 <= ran_on.version <= len(assistant.versions) else None

    def _doubt(self, booking: StoredBooking) -> OpenDoubt:
        call = self._calls[booking.call_id]
        assistant = self._assistants[call.assistant_id]
        stored = assistant.versions[call.version - 1]
        hours: Any = stored.get("hours")
        zone: Any = cast(Mapping[str, Any], hours).get("time_zone") if isinstance(hours, Mapping) else None
        return OpenDoubt(
            call_id=booking.call_id,
            tenant_id=booking.tenant_id,
            booking=booking.step,
            calendar=assistant.calendar,
            language=language_of(stored.get("language")),
            time_zone=time_zone_of(zone),
        )

    def _require(self, call_id: UUID) -> StoredCall:
        call = self._calls.get(call_id)
        if call is None:
            raise CallNotOpen("the call is not open in the database")
        return call

    def _project_booking(self, call: StoredCall, step: BookingRecorded) -> None:
        key = (call.tenant_id, step.booking_key)
        standing = self._bookings.get(key)
        if standing is None or _weight(step) > _weight(standing.step):
            self._bookings[key] = StoredBooking(call.inbound.call_id, call.tenant_id, step)

    def _project_message(self, call: StoredCall, taken: MessageTaken) -> None:
        standing = self._messages.get(taken.message_id)
        if standing is None or (taken.at > standing.taken.at and standing.tenant_id == call.tenant_id):
            self._messages[taken.message_id] = StoredMessage(call.inbound.call_id, call.tenant_id, taken)


def _weight(step: BookingRecorded) -> tuple[bool, datetime, int]:
    """Whichever order steps come in, the greatest stands: a success over all else, then the later, then the state."""
    return step.state in _SUCCESSES, step.at.astimezone(UTC), _ORDER.index(step.state)
