"""Cal.com v2 behind the Calendar port.

Owns: how long each operation may take, and what becomes of a write whose answer was lost. Refuses: requests and the
retries of reads (`calcom_http`), shapes (`calcom_wire`), and words for the caller.

A write is sent once. Its answer is unknown when the request may have reached Cal.com and nothing usable came back: a
time-out, a cut connection, a 5xx, a 2xx that can't be read. Then the calendar is asked for the key (for a move or a
cancellation: for the booking's own state), more than once with a gap: the write may commit after the first look.
Cancelling the task in the middle of a write leaves it unknown: whoever may be cancelled shields the call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx

from calendar_tools.calcom_http import Answer, AnswerLost, CalComHttp
from calendar_tools.calcom_wire import (
    BOOKINGS_VERSION,
    SLOTS_VERSION,
    WireError,
    booking_body,
    data_of,
    instant,
    parse_booking,
    parse_bookings,
    parse_slots,
    to_error,
)
from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarError,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.identity import matches, synthetic_email
from calendar_tools.model import Booking, BookingKey, BookingRequest, EventType, Hold, Slot
from contracts.calendar import CalComConnection

_PAGE = 250  # the most one list answer holds
_PAGES = 4
_FOUND = 20


@dataclass(frozen=True)
class Deadlines:
    """Seconds, for a whole operation with its retries. `settle` comes on top of `write` when an answer was lost."""

    connect: float = 2.0
    slots: float = 4.0
    read: float = 4.0
    write: float = 8.0
    hold: float = 1.5
    settle: float = 6.0
    settle_gap: float = 1.0


class CalComCalendar:
    """One connection's calendar. `client` is shared and closed by whoever made it.

    Raises CalendarMisconfigured where the connection has no base URL or no key.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        connection: CalComConnection,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        deadlines: Deadlines | None = None,
        read_attempts: int = 3,
    ) -> None:
        self._clock = clock
        self._deadlines = deadlines or Deadlines()
        self._http = CalComHttp(client, connection, connect=self._deadlines.connect, read_attempts=read_attempts)

    def now(self) -> datetime:
        return self._clock()

    async def find_slots(
        self, event_type: EventType, start: datetime, end: datetime, *, moving: str | None = None
    ) -> Sequence[Slot]:
        params = {
            "eventTypeId": str(event_type.event_type_id),
            "start": instant(start),
            "end": instant(end),
            "format": "range",
        }
        if moving is not None:
            params["bookingUidToReschedule"] = moving
        return await self._http.read(
            "/v2/slots",
            lambda body: parse_slots(body, event_type, start, end),
            version=SLOTS_VERSION,
            params=params,
            seconds=self._deadlines.slots,
            doing="looking for slots",
        )

    async def hold(self, slot: Slot, *, minutes: int) -> Hold | None:
        body = {
            "eventTypeId": slot.event_type_id,
            "slotStart": instant(slot.start),
            "reservationDuration": minutes,
        }
        try:
            answer = await self._http.send(
                "POST", "/v2/slots/reservations", version=SLOTS_VERSION, seconds=self._deadlines.hold, json=body
            )
        except (CalendarError, AnswerLost):
            return None
        if not answer.ok:
            if answer.status == 422:
                raise SlotTaken(f"the slot is booked or held ({answer.failure.where})")
            return None
        try:
            uid = data_of(answer.body)["reservationUid"]
        except (WireError, KeyError, TypeError):
            return None
        return Hold(str(uid), slot, self.now() + timedelta(minutes=minutes))

    async def release(self, hold: Hold) -> None:
        path = f"/v2/slots/reservations/{quote(hold.reservation_uid, safe='')}"
        try:
            await self._http.send("DELETE", path, version=SLOTS_VERSION, seconds=self._deadlines.hold)
        except (CalendarError, AnswerLost):
            return  # it lapses by itself

    async def book(self, request: BookingRequest) -> Booking:
        if request.attempted:
            known = await self._standing(request)
            if known is not None:
                return known
        try:
            answer = await self._http.send(
                "POST", "/v2/bookings", version=BOOKINGS_VERSION, seconds=self._deadlines.write,
                json=booking_body(request),
            )  # fmt: skip
        except AnswerLost:
            return await self._settle(lambda: self._standing(request))
        if answer.status >= 500:
            return await self._settle(lambda: self._standing(request))
        if not answer.ok:
            error = to_error(answer.failure, doing="booking", retry_after=answer.reset)
            own = await self._taken_by_ourselves(request) if isinstance(error, SlotTaken) else None
            if own is None:
                raise error
            return own
        booking = _readable(answer)
        if booking is None or booking.key != request.key or booking.start != request.slot.start:
            return await self._settle(lambda: self._standing(request))
        if not booking.stands:
            raise BookingRefused("rejected")
        return booking

    async def find_booking(self, key: BookingKey, *, event_type_id: int, start: datetime) -> Booking | None:
        # not by attendee: Cal.com may replace a hidden e-mail, and the key in a narrow window is enough
        found = [b for b in await self._at(event_type_id, start) if b.key == key]
        return next((b for b in found if b.stands), found[0] if found else None)

    async def get_booking(self, uid: str) -> Booking:
        return await self._http.read(
            f"/v2/bookings/{quote(uid, safe='')}",
            lambda body: parse_booking(data_of(body)),
            version=BOOKINGS_VERSION,
            params={},
            seconds=self._deadlines.read,
            doing="reading a booking",
        )

    async def find_bookings(
        self, *, phone: str | None = None, email: str | None = None, name: str | None = None, after: datetime
    ) -> Sequence[Booking]:
        if phone is None and email is None and name is None:
            return ()
        params = {"status": "upcoming", "afterStart": instant(after), "sortStart": "asc"}
        if email is not None:
            params["attendeeEmail"] = email
        rows, exhausted = await self._pages(params)
        if not exhausted and phone is not None and email is None:
            # there is no filter by phone: past the pages read, only the made-up address still finds phone-only bookings
            more, _ = await self._pages(params | {"attendeeEmail": synthetic_email(phone)})
            rows.extend(more)
        found = {
            row.uid: row
            for row in rows
            if row.stands and row.start > after and matches(row, phone=phone, email=email, name=name)
        }
        return sorted(found.values(), key=lambda row: row.start)[:_FOUND]

    async def reschedule(self, uid: str, start: datetime, *, key: BookingKey, reason: str = "") -> Booking:
        """A booking moves once and its old uid then names the new one: the old uid is what settles a lost answer, for
        Cal.com takes no metadata here and copies the old booking's."""
        body = {"start": instant(start)} | ({"reschedulingReason": reason} if reason else {})
        try:
            answer = await self._http.send(
                "POST", f"/v2/bookings/{quote(uid, safe='')}/reschedule", version=BOOKINGS_VERSION,
                seconds=self._deadlines.write, json=body,
            )  # fmt: skip
        except AnswerLost:
            return await self._settle(lambda: self._moved(uid, start))
        if answer.status >= 500:
            return await self._settle(lambda: self._moved(uid, start))
        if not answer.ok:
            error = to_error(answer.failure, doing="moving a booking", retry_after=answer.reset)
            if isinstance(error, SlotTaken | BookingRefused):
                moved = await self._moved_before(uid, start)
                if moved is not None:
                    return moved
            raise error
        booking = _readable(answer)
        if booking is None or not booking.stands or booking.start != start:
            return await self._settle(lambda: self._moved(uid, start))
        return booking

    async def cancel(self, uid: str, *, reason: str = "") -> Booking:
        try:
            answer = await self._http.send(
                "POST", f"/v2/bookings/{quote(uid, safe='')}/cancel", version=BOOKINGS_VERSION,
                seconds=self._deadlines.write, json={"cancellationReason": reason} if reason else {},
            )  # fmt: skip
        except AnswerLost:
            return await self._settle(lambda: self._cancelled(uid))
        if answer.status >= 500:
            return await self._settle(lambda: self._cancelled(uid))
        if not answer.ok:
            error = to_error(answer.failure, doing="cancelling a booking", retry_after=answer.reset)
            if not isinstance(error, BookingRefused):
                raise error
            already = await self._cancelled(uid)
            if already is None:
                raise error
            return already
        booking = _readable(answer)
        if booking is None or booking.status != "cancelled":
            return await self._settle(lambda: self._cancelled(uid))
        return booking

    async def ping(self) -> None:
        await self._http.read(
            "/v2/me", data_of, version=None, params={}, seconds=self._deadlines.read, doing="checking the key"
        )

    async def _standing(self, request: BookingRequest) -> Booking | None:
        found = await self.find_booking(request.key, event_type_id=request.slot.event_type_id, start=request.slot.start)
        return found if found is not None and found.stands else None

    async def _taken_by_ourselves(self, request: BookingRequest) -> Booking | None:
        """A slot refused as taken may be taken by an earlier, lost write under the same key."""
        try:
            return await self._standing(request)
        except CalendarError as error:
            if request.attempted:
                raise BookingUnconfirmed("the slot is taken, perhaps by our own lost write") from error
            return None

    async def _moved(self, uid: str, start: datetime) -> Booking | None:
        old = await self.get_booking(uid)
        if old.rescheduled_to is None:
            return None
        new = await self.get_booking(old.rescheduled_to)
        if new.start != start:
            raise BookingRefused("already_moved")
        return new

    async def _moved_before(self, uid: str, start: datetime) -> Booking | None:
        """A refused move may be refused because an earlier, lost write of it was carried out."""
        try:
            return await self._moved(uid, start)
        except (CalendarUnavailable, CalendarMisconfigured) as error:
            raise BookingUnconfirmed("the move was refused and the booking can't be read") from error

    async def _cancelled(self, uid: str) -> Booking | None:
        booking = await self.get_booking(uid)
        if booking.rescheduled_to is not None:
            raise BookingRefused("already_moved")
        return None if booking.stands else booking

    async def _settle(self, look: Callable[[], Awaitable[Booking | None]]) -> Booking:
        """Looks until found or the budget is spent. Never found is not "not made": BookingUnconfirmed."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._deadlines.settle
        pause = 0.0
        while loop.time() + pause < ends:
            await asyncio.sleep(pause)
            pause = pause * 2 or self._deadlines.settle_gap
            try:
                async with asyncio.timeout_at(ends):
                    found = await look()
            except (CalendarUnavailable, TimeoutError):
                continue
            except (CalendarMisconfigured, BookingNotFound) as error:
                raise BookingUnconfirmed("the answer was lost and the calendar can't be asked") from error
            if found is not None:
                return found
        raise BookingUnconfirmed("the answer was lost, and looking for its effect did not settle it")

    async def _at(self, event_type_id: int, start: datetime) -> list[Booking]:
        """Bookings of any state that start exactly then."""
        params = {
            "eventTypeId": str(event_type_id),
            "afterStart": instant(start - timedelta(seconds=1)),
            "beforeEnd": instant(start + timedelta(hours=12)),
            "sortStart": "asc",
        }
        rows, _ = await self._pages(params)
        return [row for row in rows if row.start == start]

    async def _pages(self, params: Mapping[str, str]) -> tuple[list[Booking], bool]:
        """-> the rows of at most four pages, and whether that was all. One deadline for all of them."""
        rows: list[Booking] = []
        ends = asyncio.get_running_loop().time() + self._deadlines.read
        for page in range(_PAGES):
            found, more = await self._http.read(
                "/v2/bookings",
                parse_bookings,
                version=BOOKINGS_VERSION,
                params={**params, "take": str(_PAGE), "skip": str(page * _PAGE)},
                seconds=ends - asyncio.get_running_loop().time(),
                doing="listing bookings",
            )
            rows.extend(found)
            if not more:
                return rows, True
        return rows, False


def _readable(answer: Answer) -> Booking | None:
    try:
        return parse_booking(data_of(answer.body))
    except WireError:
        return None
