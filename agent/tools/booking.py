"""Find, hold, read back, book, find mine, move, cancel. A thin skin over the booking desk: the desk decides, this says it.
The slot ids that a schema admits are those on offer at that moment (`admit`)."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any

from livekit.agents.llm import RawFunctionTool, Tool, ToolResult, Toolset

from agent.conversation import Confirmation, Conversation
from agent.speaking import Arguments, Context, answered, one_of, raw_tool, speak, take_the_floor, text, tidy, told
from agent.tools.consent import consent
from agent.tools.days import DAY_PROPERTY, PART_PROPERTY, settle_day
from calendar_tools.booking import BookingDesk
from calendar_tools.model import Receipt
from calendar_tools.offers import Offer
from calendar_tools.results import (
    Booked,
    CalendarAway,
    Cancelled,
    Doubtful,
    Found,
    Held,
    IdentityExhausted,
    IdentityNeeded,
    Moved,
    NoSlots,
    NotFound,
    NotOffered,
    Refused,
    SlotGone,
    SlotsOffered,
    UnknownReference,
    UnknownService,
)
from calendar_tools.speech import hear_email, hear_name, hear_phone, say_moment, say_moments, say_time

_FILLER_AFTER = 0.7  # seconds of silence before "one moment": prefetched slots answer long before


class FindSlots(Arguments):
    service: str
    day: str = "earliest"
    part_of_day: str = "any"
    moving: str = ""


class HoldSlot(Arguments):
    slot_id: str
    caller_name: str


class BookSlot(Arguments):
    slot_id: str
    caller_name: str
    callback_number: str = ""
    email: str = ""


class FindMine(Arguments):
    caller_name: str = ""
    phone_or_email: str = ""


class Reschedule(Arguments):
    booking_ref: str
    slot_id: str


class Cancel(Arguments):
    booking_ref: str


# by whether the owner wants it asked
_EMAIL = {
    True: "Ask for it before you hold the slot; empty if they have none",
    False: "As said; empty if none was given",
}


class BookingTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        if conversation.desk is None:
            raise ValueError("booking tools need a desk")
        self._c = conversation
        self._desk: BookingDesk = conversation.desk
        self._held = conversation.held
        super().__init__(id="booking", tools=self._schemas())

    def admit(self, tools: Sequence[Tool]) -> list[Tool]:
        """`tools` with this set's schemas as of now: only slots on offer and bookings found can be named."""
        fresh: dict[str, Tool] = {tool.id: tool for tool in self._schemas()}
        return [fresh.get(tool.id, tool) for tool in tools]

    def _schemas(self) -> list[RawFunctionTool[..., Any]]:
        slots = one_of(self._desk.offers.ids(), "The id of a slot on offer")
        references = one_of(self._desk.references, "The ref of a booking that find_my_booking found")
        moving = one_of(["", *self._desk.references], "The ref of the booking that is to be moved; else empty")
        services = one_of(self._desk.bookable, "The id of the service")
        name = text("First and family name as the caller gave and spelled them")
        return [
            raw_tool(
                self._find_slots,
                name="find_slots",
                description="Free times for a service. Call it again whenever day, part of day or service change. "
                "Speaks the times itself.",
                properties={"service": services, "day": DAY_PROPERTY, "part_of_day": PART_PROPERTY, "moving": moving},
            ),
            raw_tool(
                self._hold_slot,
                name="hold_slot",
                description="Holds the slot the caller picked and reads everything back as a question. Speaks it itself.",
                properties={"slot_id": slots, "caller_name": name},
                once=True,
            ),
            raw_tool(
                self._book_slot,
                name="book_slot",
                description="Books a slot that was held, once the caller has said yes to what was read back. "
                "Speaks the confirmation itself.",
                properties={
                    "slot_id": slots,
                    "caller_name": name,
                    "callback_number": text("Another number as said; empty for the one they call from"),
                    "email": text(_EMAIL[self._c.config.booking.ask_email]),
                },
                once=True,
            ),
            raw_tool(
                self._find_my_booking,
                name="find_my_booking",
                description="The caller's own appointments. Try it first with what you have. Speaks what it found.",
                properties={"caller_name": name, "phone_or_email": text("What they booked with, as said; else empty")},
            ),
            raw_tool(
                self._reschedule,
                name="reschedule_booking",
                description="Moves a booking that find_my_booking found to a slot on offer. Without a clear yes of the caller "
                "just before, it reads back and asks; call it again after the yes.",
                properties={"booking_ref": references, "slot_id": slots},
                once=True,
            ),
            raw_tool(
                self._cancel,
                name="cancel_booking",
                description="Cancels a booking that find_my_booking found. Without a clear yes of the caller just before, it "
                "asks; call it again after the yes.",
                properties={"booking_ref": references},
                once=True,
            ),
        ]

    # the tools

    async def _find_slots(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = FindSlots.read(raw_arguments)
        window = settle_day(self._c, wanted.day, wanted.part_of_day)
        if isinstance(window, str):
            return told(ctx, "ask", window)
        async with self._filler(ctx):
            found = await self._desk.find_slots(wanted.service, window, moving=self._moving(wanted.moving))
        match found:
            case SlotsOffered():
                self._c.progress.none_found = False
                self._c.progress.made()
                return self._offer(ctx, "slots", found.offers, lead="")
            case NoSlots():
                self._c.progress.none_found = True
                self._c.progress.made()
                return self._nothing(ctx, found)
            case CalendarAway():
                return self._away(ctx)
            case UnknownService() | UnknownReference():
                return told(ctx, "ask", self._c.phrases.not_understood)

    async def _hold_slot(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = HoldSlot.read(raw_arguments)
        name = self._name(wanted.caller_name)
        async with self._filler(ctx):
            held = await self._desk.hold(wanted.slot_id)
        match held:
            case Held():
                again = wanted.slot_id in self._held
                self._held[wanted.slot_id] = name
                self._c.read_back = (held.offer.slot.start,)
                self._c.progress.made()
                say = self._c.phrases.read_back.format(
                    service=self._service(held.offer.service_id), moment=self._moment(held.offer.slot.start), name=name
                )
                return told(ctx, "held", self._with_keys(say) if again else say)
            case SlotGone():
                return self._gone(ctx, held)
            case NotOffered():
                return self._offer(ctx, "gone", self._on_offer(), lead="")

    async def _book_slot(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = BookSlot.read(raw_arguments)
        name = self._held.get(wanted.slot_id)
        if name is None or consent(ctx, self._c.language) is False:  # nothing is written without read-back and a yes
            return await self._hold_slot({"slot_id": wanted.slot_id, "caller_name": wanted.caller_name}, ctx)
        attendee = self._desk.attendee(
            name, phone=self._phone(wanted.callback_number), email=hear_email(wanted.email, self._c.language)
        )
        take_the_floor(ctx)
        async with self._filler(ctx):
            booked = await self._desk.book(wanted.slot_id, attendee)
        self._c.read_back = ()
        match booked:
            case Booked():
                self._c.progress.made()
                say = self._c.phrases.booked.format(
                    service=self._service(booked.receipt.service_id),
                    moment=self._moment(booked.receipt.booking.start),
                    name=name,
                )
                return self._confirmed(ctx, "booked", say, booked.receipt)
            case NotOffered():
                return self._offer(ctx, "gone", self._on_offer(), lead="")
            case SlotGone():
                return self._gone(ctx, booked)
            case _:
                return self._not_done(ctx, booked)

    async def _find_my_booking(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = FindMine.read(raw_arguments)
        async with self._filler(ctx):
            mine = await self._desk.find_mine(
                name=self._name(wanted.caller_name) or None,
                phone=self._phone(wanted.phone_or_email),
                email=hear_email(wanted.phone_or_email, self._c.language),
            )
        phrases = self._c.phrases
        match mine:
            case Found():
                self._c.progress.made()
                starts = [m.booking.start for m in mine.bookings]
                known = [{"ref": m.reference, "say": self._moment(m.booking.start)} for m in mine.bookings]
                say = (
                    phrases.found_one.format(moment=self._moment(starts[0]))
                    if len(starts) == 1
                    else phrases.found_many.format(moments=self._moments(starts))
                )
                return told(ctx, "found", say, bookings=known)
            case NotFound():
                hint = f" {phrases.type_number}" if self._c.has_keys else ""
                return told(ctx, "not_found", phrases.no_booking_found + hint, tries_left=mine.tries_left)
            case IdentityNeeded():
                return told(ctx, "not_found", phrases.identity_needed)
            case IdentityExhausted():
                return told(ctx, "exhausted", phrases.identity_exhausted)
            case CalendarAway():
                return self._away(ctx)

    async def _reschedule(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = Reschedule.read(raw_arguments)
        offer, old = self._desk.offers.find(wanted.slot_id), self._desk.find_reference(wanted.booking_ref)
        if offer is not None and old is not None and consent(ctx, self._c.language) is not True:
            self._c.read_back = (offer.slot.start,)
            return told(
                ctx,
                "confirm",
                self._c.phrases.move_back.format(old=self._moment(old.start), new=self._moment(offer.slot.start)),
            )
        take_the_floor(ctx)
        async with self._filler(ctx):
            moved = await self._desk.reschedule(wanted.booking_ref, wanted.slot_id)
        match moved:
            case Moved():
                self._c.progress.made()
                say = self._c.phrases.moved.format(moment=self._moment(moved.receipt.booking.start))
                return self._confirmed(ctx, "rescheduled", say, moved.receipt)
            case NotOffered():
                return self._offer(ctx, "gone", self._on_offer(), lead="")
            case SlotGone():
                return self._gone(ctx, moved)
            case UnknownReference():
                return told(ctx, "not_found", self._c.phrases.no_booking_found)
            case _:
                return self._not_done(ctx, moved)

    async def _cancel(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        wanted = Cancel.read(raw_arguments)
        booking = self._desk.find_reference(wanted.booking_ref)
        if booking is not None and consent(ctx, self._c.language) is not True:
            return told(ctx, "confirm", self._c.phrases.cancel_back.format(moment=self._moment(booking.start)))
        take_the_floor(ctx)
        async with self._filler(ctx):
            cancelled = await self._desk.cancel(wanted.booking_ref)
        match cancelled:
            case Cancelled():
                self._c.progress.made()
                say = self._c.phrases.cancelled.format(moment=self._moment(cancelled.receipt.booking.start))
                return self._confirmed(ctx, "cancelled", say, cancelled.receipt)
            case UnknownReference():
                return told(ctx, "not_found", self._c.phrases.no_booking_found)
            case _:
                return self._not_done(ctx, cancelled)

    # words

    def _with_keys(self, question: str) -> str:
        """What is read back a second time may be answered by keys; the question stays last, for that is what is answered."""
        if not self._c.has_keys:
            return question
        facts, mark, asked = question.rpartition(". ")
        return f"{facts}{mark}{self._c.phrases.by_keys} {asked}"

    def _confirmed(self, ctx: Context, status: str, say: str, receipt: Receipt) -> ToolResult:
        if any(told.receipt == receipt and told.being_said for told in self._c.confirmations):
            return answered(status, say, spoken=True)  # the model called twice in one breath: it is said once
        say = tidy(say)
        speech = speak(ctx, say)
        self._c.confirmations.append(Confirmation(receipt, speech))
        return answered(status, say, spoken=speech is not None)

    def _offer(self, ctx: Context, status: str, offers: Sequence[Offer], *, lead: str) -> ToolResult:
        if not offers:
            return told(ctx, "none", f"{lead} {self._c.phrases.none_at_all}".strip())
        say = self._moments([offer.slot.start for offer in offers])
        sentence = self._c.phrases.offer.format(moments=say)
        return told(ctx, status, f"{lead} {sentence}".strip(), slots=self._ids(offers))

    def _nothing(self, ctx: Context, found: NoSlots) -> ToolResult:
        if found.same_days:
            return self._offer(ctx, "none", found.same_days, lead=self._c.phrases.none_then_but)
        if found.next_available is not None:
            moment = self._moment(found.next_available.slot.start)
            say = self._c.phrases.none_then.format(moment=moment)
            return told(ctx, "none", say, slots=self._ids([found.next_available]))
        return told(ctx, "none", self._c.phrases.none_at_all, slots=[])

    def _gone(self, ctx: Context, gone: SlotGone) -> ToolResult:
        return self._offer(ctx, "gone", gone.alternatives, lead=self._c.phrases.slot_gone)

    def _away(self, ctx: Context) -> ToolResult:
        return told(ctx, "unavailable", self._c.phrases.calendar_away)

    def _not_done(self, ctx: Context, result: Refused | Doubtful | CalendarAway) -> ToolResult:
        match result:
            case Refused():
                return told(ctx, "refused", self._c.phrases.refused, reason=result.reason)
            case Doubtful():
                self._c.progress.made()
                return told(ctx, "doubtful", self._c.phrases.doubtful)
            case CalendarAway():
                return self._away(ctx)

    def _on_offer(self) -> list[Offer]:
        book = self._desk.offers
        return [offer for offer in map(book.find, book.ids()) if offer is not None]

    def _ids(self, offers: Sequence[Offer]) -> list[dict[str, str]]:
        language, zone = self._c.language, self._c.zone
        return [
            {
                "id": offer.slot_id,
                "say": say_time(offer.slot.start.astimezone(zone).time(), language),
                "at": offer.slot.start.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            }
            for offer in offers
        ]

    def _moment(self, at: datetime) -> str:
        return say_moment(at, self._c.language, zone=self._c.zone, today=self._today())

    def _moments(self, moments: Sequence[datetime]) -> str:
        said = say_moments(moments, self._c.language, zone=self._c.zone, today=self._today())
        return said[:1].upper() + said[1:]

    def _today(self) -> date:
        return self._c.now().astimezone(self._c.zone).date()

    def _service(self, service_id: str) -> str:
        service = self._c.config.service(service_id)
        return service.name if service else service_id

    def _filler(self, ctx: Context) -> AbstractAsyncContextManager[None]:
        return ctx.with_filler(self._c.phrases.one_moment, delay=_FILLER_AFTER)

    # who

    def _moving(self, reference: str) -> str | None:
        """Only a booking of this call; a model that names another finds slots all the same."""
        return reference if reference in self._desk.references else None

    def _name(self, said: str) -> str:
        return hear_name(said, self._c.language) or said.strip()

    def _phone(self, said: str) -> str | None:
        return hear_phone(said, self._c.language, self._c.config.hours.country or "FR") if said else None
