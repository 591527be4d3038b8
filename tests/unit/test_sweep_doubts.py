"""What the sweep makes of doubts: each settled on its own, in the business's words, and none forgotten."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import HttpUrl
from structlog.testing import capture_logs

from agent.sweep import settle_doubts
from calendar_tools.calendar import Calendar
from calendar_tools.errors import CalendarMisconfigured
from calendar_tools.fake import FakeCalendar
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, CallEvent, InboundCall
from contracts.errors import StoreRejected, StoreUnavailable
from contracts.ids import call_id_for
from store.errors import StoreMisconfigured
from store.memory import MemoryCallStore

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("first", "second", "third")


class RefusingStore(MemoryCallStore):
    """Fails to append to the calls in `refused`."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[UUID, Exception] = {}

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        if call_id in self.refused:
            raise self.refused[call_id]
        return await super().append_events(call_id, events)


class Street:
    """Businesses with one doubtful booking each, an hour old unless said otherwise, the first one's the oldest."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.store = RefusingStore()
        self.calendars: dict[str, FakeCalendar] = {}
        self._config = config

    async def doubt(self, name: str, *, age: timedelta = HOUR, calendar: bool = True, **changed: Any) -> UUID:
        number = f"+3314200000{len(self.store.all_calls())}"
        connection = CalComConnection(base_url=HttpUrl(f"https://{name}.example")) if calendar else None
        self.calendars[name] = FakeCalendar(clock=lambda: NOW)
        self.store.seed_assistant(
            tenant_name=name, config={**self._config, **changed}, number=number, calendar=connection
        )
        call = InboundCall(
            call_id=call_id_for(name), sip_call_id=name, dialed=number, caller=None, received_at=NOW - age
        )
        context = await self.store.open_call(call)
        starts_at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        step = BookingRecorded(
            at=NOW - age,
            booking_key=name,
            action="book",
            state=BookingState.UNCONFIRMED,
            service_id="checkup",
            event_type_id=7,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30),
            attendee_name="Ann Example",
        )
        await self.store.append_events(context.call_id, [step])
        return context.call_id

    def reach(self, connection: CalComConnection) -> Calendar:
        assert connection.base_url is not None
        name = str(connection.base_url.host).removesuffix(".example")
        if name not in self.calendars:
            raise CalendarMisconfigured("no base URL and no key")
        return self.calendars[name]

    async def sweep(self) -> int:
        return await settle_doubts(self.store, self.reach, now=NOW)

    def settled(self) -> set[str]:
        return {b.step.booking_key for b in self.store.bookings() if b.step.state is BookingState.ABSENT}


@pytest.fixture
def street(stored_config: dict[str, Any]) -> Street:
    return Street(stored_config)


@pytest.mark.parametrize(
    ("language", "time_zone", "words"),
    [
        ("fr", "Europe/Paris", "Réservation du 24/11/2026 10:00 : n'a pas été faite"),
        ("en", "America/New_York", "Booking of 24/11/2026 04:00: it is not in the calendar"),
        ("he", "Asia/Jerusalem", "קביעת תור בתאריך 24/11/2026 11:00: לא בוצע"),
    ],
)
async def test_the_message_is_in_the_language_and_zone_of_the_call(
    street: Street, stored_config: dict[str, Any], language: str, time_zone: str, words: str
) -> None:
    """Also when another version has been published since."""
    call_id = await street.doubt("first", language=language, hours={**stored_config["hours"], "time_zone": time_zone})
    call = street.store.call(call_id)
    assert call is not None
    street.store.publish(call.assistant_id, stored_config)
    assert await street.sweep() == 1
    (message,) = street.store.messages()
    assert message.taken.reason.startswith(words)
    assert street.settled() == {"first"}


@pytest.mark.parametrize("bad", NAMES)
@pytest.mark.parametrize("trouble", ["write refused", "not connected", "no such calendar", "wrong key", "away"])
async def test_one_that_cannot_be_settled_does_not_stop_the_others(street: Street, trouble: str, bad: str) -> None:
    """Wherever it stands in the list; and once the cause is gone it is settled too."""
    for number, name in enumerate(NAMES):
        calendar = not (name == bad and trouble == "not connected")
        call_id = await street.doubt(name, age=HOUR * (3 - number), calendar=calendar)
        if name == bad and trouble == "write refused":
            street.store.refused[call_id] = StoreRejected("refused")
    match trouble:
        case "no such calendar":
            hidden = street.calendars.pop(bad)
        case "wrong key" | "away":
            hidden = street.calendars[bad]
            hidden.script("find", "misconfigured" if trouble == "wrong key" else "unavailable")
        case _:
            hidden = street.calendars[bad]
    assert await street.sweep() == 2
    assert street.settled() == set(NAMES) - {bad}
    if trouble != "not connected":
        street.store.refused.clear()
        street.calendars[bad] = hidden
        assert await street.sweep() == 1
        assert street.settled() == set(NAMES)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreMisconfigured("check the key")])
async def test_a_store_that_takes_nothing_stops_the_sweep(street: Street, error: Exception) -> None:
    """Every other write would meet the same: calendars are not asked for nothing."""
    first = await street.doubt("first", age=HOUR * 2)
    await street.doubt("second")
    street.store.refused[first] = error
    with pytest.raises(type(error)):
        await street.sweep()
    assert street.settled() == set()


@pytest.mark.parametrize("trouble", ["write refused", "not connected", "no such calendar"])
async def test_a_doubt_of_more_than_a_day_is_reported_once_a_sweep(street: Street, trouble: str) -> None:
    """By its call id and nothing else; a younger one is not an error yet."""
    calendar = trouble != "not connected"
    old = await street.doubt("first", age=timedelta(hours=24, seconds=1), calendar=calendar)
    young = await street.doubt("second", age=timedelta(hours=23, minutes=59), calendar=calendar)
    if trouble == "write refused":
        street.store.refused = {old: StoreRejected("refused"), young: StoreRejected("refused")}
    if trouble == "no such calendar":
        street.calendars.clear()
    for _ in range(2):
        with capture_logs() as logs:
            assert await street.sweep() == 0
        errors = [line for line in logs if line["log_level"] == "error"]
        assert errors == [
            {"event": "a booking is in doubt for more than a day", "log_level": "error", "call_id": str(old)}
        ]


async def test_an_old_doubt_that_is_settled_is_no_error(street: Street) -> None:
    """The worker was away for two days: what it settles now needs nobody's attention."""
    await street.doubt("first", age=timedelta(days=2))
    with capture_logs() as logs:
        assert await street.sweep() == 1
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []
