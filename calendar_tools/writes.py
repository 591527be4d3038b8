"""The writes of one call: each sent once, and none left unsaid.

Owns the life of a write. `intended` goes durably into the ledger before the request leaves; the request runs in a task of
its own, so that an interruption of the tool does not stop it half-way; whoever asks for the same thing again, at the same
time or later, gets that task's outcome. The final step is recorded when the outcome is handed out, because only then does
somebody know it. Hence every end is covered: an outcome that nobody fetched is found by `close`, which leaves the business
a message; an unknown one leaves the message at once; and a job that dies leaves `intended` behind, which the reconciler
settles the same way. Refuses: what is written (`plans`) and what it means to the caller (`booking`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_tools.errors import (
    BookingNotFound,
    BookingRefused,
    BookingUnconfirmed,
    CalendarError,
    CalendarMisconfigured,
    CalendarUnavailable,
    SlotTaken,
)
from calendar_tools.follow_ups import Why, follow_up_for
from calendar_tools.model import Booking, Receipt
from calendar_tools.results import CalendarAway, Doubtful, Refused
from contracts.assistant import Language
from contracts.call import BookingRecorded, BookingState, MessageTaken
from contracts.errors import DomainError

_WRITE_SECONDS = 25.0  # beyond any adapter's own deadlines
ENDS = {"book": BookingState.CONFIRMED, "reschedule": BookingState.RESCHEDULED, "cancel": BookingState.CANCELLED}

Memo = tuple[str, ...]
"""What makes two tool calls the same wish: ("book", slot), ("reschedule", booking, slot), ("cancel", booking)."""


class BookingLedger(Protocol):
    """Keeps the steps of booking writes. DomainError: not kept; before a write, that write is then not made."""

    async def record(self, step: BookingRecorded, *, durable: bool) -> None:
        """`durable`: return only when the step survives the death of this process. Otherwise soon is enough, and the
        step must be taken without waiting: there is no point in between at which a tool could be cancelled."""
        ...


FollowUp = Callable[[MessageTaken], Awaitable[None]]
"""Leaves a message for the business; keeps it when the database is away. DomainError: not kept."""


@dataclass(frozen=True)
class Done:
    receipt: Receipt
    reference: str


@dataclass(frozen=True)
class Gone:
    pass


Outcome = Done | Gone | Refused | CalendarAway | Doubtful


@dataclass(frozen=True)
class Plan:
    """One intended write. `send` makes it, `look` asks whether it took effect, without writing."""

    step: BookingRecorded
    service_id: str
    send: Callable[[], Awaitable[Booking]]
    look: Callable[[], Awaitable[Booking | None]]
    reference: str | None = None


@dataclass
class Write:
    plan: Plan
    task: asyncio.Task[Outcome]
    told: bool = False


@dataclass(frozen=True)
class CallFacts:
    """What the writes of a call need to know of it. `callback`: the number that calls. `resumed`: see BookingDesk."""

    call_id: UUID
    language: Language
    zone: ZoneInfo
    callback: str | None
    resumed: bool


class Writes:
    """`settled` is told of each write that took effect, as soon as it did; `after` of every end of one."""

    def __init__(
        self,
        call: CallFacts,
        *,
        now: Callable[[], datetime],
        ledger: BookingLedger,
        follow_up: FollowUp,
        settled: Callable[[Plan, Booking], Done],
        after: Callable[[], None],
    ) -> None:
        self._call = call
        self._now = now
        self._ledger = ledger
        self._follow_up = follow_up
        self._settled = settled
        self._after = after
        self._one_at_a_time = asyncio.Lock()
        self._known: dict[Memo, Write] = {}
        self._doubts: list[Doubtful] = []

    @property
    def doubts(self) -> tuple[Doubtful, ...]:
        return tuple(self._doubts)

    def knows(self, memo: Memo) -> bool:
        return memo in self._known

    def start(self, memo: tuple[str, ...], plan: Callable[[], Plan]) -> Write:
        """The write under way or done for the same thing; a new one; or, where the last ended in doubt, a look."""
        known = self._known.get(memo)
        if known is not None and not (known.task.done() and _in_doubt(known.task)):
            return known
        if known is not None:
            work = self._look_again(known.plan)
            fresh = Write(known.plan, self._task(work))
        else:
            planned = plan()
            fresh = Write(planned, self._task(self._carry_out(planned)))
        self._known[memo] = fresh
        return fresh

    async def told(self, memo: Memo, write: Write, outcome: Outcome) -> None:
        """Call it when the outcome is about to be handed out; nothing may wait between this and the handing out."""
        if not write.told:
            await self._record_end(write.plan, outcome, durable=False)
            write.told = True
        if not isinstance(outcome, Done | Doubtful) and self._known.get(memo) is write:
            del self._known[memo]  # certainly not written: asking again may try again

    async def close(self, seconds: float) -> None:
        """Waits for writes under way, then sees to those that nobody was told of. Can be called again."""
        running = [write.task for write in self._known.values() if not write.task.done()]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for write in list(self._known.values()):
            if not write.told:
                await self._leave_untold(write)

    def _task(self, work: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        task = asyncio.create_task(work, name=f"booking-write-{self._call.call_id}")
        task.add_done_callback(_retrieve)
        return task

    async def _carry_out(self, plan: Plan) -> Outcome:
        """One write of this call at a time."""
        async with self._one_at_a_time:
            try:
                await self._ledger.record(plan.step, durable=True)
            except DomainError:
                return CalendarAway()
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    booking = await plan.send()
            except SlotTaken:
                return Gone()
            except BookingRefused as error:
                return Refused(str(error))
            except BookingNotFound:
                return Refused("already_cancelled")
            except (CalendarUnavailable, CalendarMisconfigured) as error:
                return away(error)
            except (BookingUnconfirmed, TimeoutError):
                return await self._doubt(plan)
            finally:
                self._after()
            done = self._settled(plan, booking)
            await self._supersede(plan)
            return done

    async def _look_again(self, plan: Plan) -> Outcome:
        """After a doubt, asking for the same again never writes again. Nothing found is still a doubt."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    booking = await plan.look()
            except (CalendarError, TimeoutError):
                booking = None
            if booking is None:
                return await self._doubt(plan)
            done = self._settled(plan, booking)
            await self._supersede(plan)
            return done

    async def _doubt(self, plan: Plan) -> Doubtful:
        doubt = Doubtful(plan.step.action, plan.step.starts_at)
        if doubt in self._doubts:
            return doubt
        self._doubts.append(doubt)
        await self._leave(plan.step, "unconfirmed")
        await self._record(plan.step, BookingState.UNCONFIRMED, durable=True)
        return doubt

    async def _supersede(self, plan: Plan) -> None:
        """A booking that moved or was cancelled is no longer what earlier writes to it would answer. Whoever asked
        for this knew of them; if this one stays untold, the message about it covers them."""
        if plan.step.action == "book":
            return
        for memo, earlier in list(self._known.items()):
            if earlier.plan is plan or not earlier.task.done() or not self._touches(earlier, plan.reference):
                continue
            del self._known[memo]
            if not earlier.told:
                await self._record_end(earlier.plan, _outcome(earlier.task), durable=False)

    def _touches(self, write: Write, reference: str | None) -> bool:
        outcome = _outcome(write.task)
        if write.plan.reference is not None:
            return write.plan.reference == reference
        return isinstance(outcome, Done) and outcome.reference == reference

    async def _leave_untold(self, write: Write) -> None:
        """What the caller has not been told is told to the business, and only then recorded as ended."""
        step = write.plan.step
        outcome = _outcome(write.task)
        why: Why = "stands" if isinstance(outcome, Done) else "unconfirmed"
        write.task.cancel()
        if outcome is None or isinstance(outcome, Done):
            if not await self._leave(step, why):
                return  # `intended` stays the last step, and the reconciler leaves the message
        await self._record_end(write.plan, outcome, durable=True)
        write.told = True

    async def _record_end(self, plan: Plan, outcome: Outcome | None, *, durable: bool) -> None:
        if self._call.resumed and isinstance(outcome, Gone | Refused | CalendarAway):
            return  # not written now, but perhaps by the job before: `intended` stays, and the reconciler looks
        match outcome:
            case Done(receipt, _):
                uid = receipt.booking.uid
                await self._record(plan.step, ENDS[plan.step.action], durable=durable, uid=uid)
            case Gone():
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail="slot_taken")
            case Refused(reason):
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail=reason)
            case CalendarAway():
                await self._record(plan.step, BookingState.REFUSED, durable=durable, detail="calendar_unavailable")
            case Doubtful():
                return  # recorded when it arose
            case None:
                await self._record(plan.step, BookingState.UNCONFIRMED, durable=durable)

    async def _record(
        self, step: BookingRecorded, state: BookingState, *, durable: bool, uid: str | None = None, detail: str = ""
    ) -> None:
        final = BookingRecorded.model_validate(
            step.model_dump(exclude={"event_id"})
            | {
                "at": self._now(),
                "state": state,
                "calendar_uid": uid or step.calendar_uid,
                "detail": detail,
            }
        )
        try:
            await self._ledger.record(final, durable=durable)
        except DomainError:
            return  # `intended` stands in the ledger: the reconciler ends it

    async def _leave(self, step: BookingRecorded, why: Why) -> bool:
        """Whether the message is kept. If not, the step stays open and the reconciler leaves the same one."""
        message = follow_up_for(
            step,
            why,
            language=self._call.language,
            zone=self._call.zone,
            at=self._now(),
            callback=self._call.callback,
        )
        try:
            await self._follow_up(message)
        except DomainError:
            return False
        return True


def away(error: CalendarError) -> CalendarAway:
    retry_after = error.retry_after if isinstance(error, CalendarUnavailable) else None
    return CalendarAway(owners=isinstance(error, CalendarMisconfigured), retry_after=retry_after)


def _outcome(task: asyncio.Task[Outcome]) -> Outcome | None:
    """None: the task is not done, or ended without an outcome (cancelled, or a bug)."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()


def _in_doubt(task: asyncio.Task[Outcome]) -> bool:
    outcome = _outcome(task)
    return outcome is None or isinstance(outcome, Doubtful)


def _retrieve(task: asyncio.Task[Outcome]) -> None:
    """A result nobody waits for is `close`'s to look at, and no warning of the loop's."""
    if not task.cancelled():
        task.exception()
