"""The first words of a job that goes on with a call whose job has died: that it was cut off, and then what the caller was
waiting for. Bookings in doubt are looked up before anything is said of them, and before anything is booked again."""

import asyncio
from typing import Any

import structlog
from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

from agent.clipcache import ClipCache
from agent.conversation import Confirmation, Conversation
from agent.desk import event_types
from agent.greeting import greet
from agent.opening import leave_machine, open_outgoing, opening_of
from agent.past import Past
from agent.resources import Resources
from agent.voice import CannedVoice
from calendar_tools.errors import CalendarError
from calendar_tools.follow_ups import follow_up_for
from calendar_tools.model import Receipt
from calendar_tools.speech import say_moment
from calendar_tools.writes import ENDS
from contracts.call import BookingRecorded, BookingState, ProblemSeen
from contracts.errors import DomainError, StoreRejected, StoreUnavailable
from contracts.ids import new_event_id

log = structlog.get_logger("agent.resume")

_LOOK_UP = 6.0  # seconds for a booking in doubt, while the caller hears that they were cut off


async def recall(c: Conversation, resources: Resources) -> Past:
    """What is known of the call, from this disk and from the database, put back where it was: the conversation's progress,
    the offers, the names. Nothing where no job was before this one. Never raises: what can't be had is not known."""
    if not c.recorder.resumed:
        return Past(rung=c.outgoing is not None)
    call_id = c.context.call_id
    on_disk = await c.recorder.adopt(resources.spool, call_id)
    try:
        stored = await resources.duties.read_call(call_id)
    except (StoreUnavailable, StoreRejected) as error:
        log.warning("the database does not say what was recorded", call_id=str(call_id), code=error.code)
        stored = ()
    past = Past.of(on_disk, stored, rung=c.outgoing is not None)
    c.recorder.recall(past.events)
    c.progress = past.progress()
    c.progress.elapsed = max(0.0, (c.now() - c.context.started_at).total_seconds())
    c.held.update(past.held(c.language))
    if c.desk is not None:
        done = {(step.event_type_id, step.starts_at) for step in past.writes() if step.state in ENDS.values()}
        offers = past.offers(event_types(c.context), c.zone)
        c.desk.offers.restore(o for o in offers if (o.slot.event_type_id, o.slot.start) not in done)
    c.recorder.note(ProblemSeen(at=c.now(), part="agent", code="job_lost", detail="another job goes on with the call"))
    return past


async def begin(
    session: AgentSession[Any], c: Conversation, past: Past, voice: CannedVoice, clips: ClipCache
) -> SpeechHandle | None:
    """The call's first words, or this job's. A greeting that was not heard to its end, with what it says of recording, is
    said anew. None: we rang, and there is nobody to talk with."""
    outgoing = c.outgoing
    if past.begun:
        if outgoing is not None:
            outgoing.opened = True
        return voice.say(session, "cut_off", allow_interruptions=False)
    if outgoing is None:
        return await greet(session, c, cache=clips)
    if past.picked_up_by == "machine":
        return await leave_machine(session, c, outgoing)
    return await open_outgoing(session, c, outgoing)


async def go_on(session: AgentSession[Any], c: Conversation, past: Past) -> None:
    """The booking that was under way, else what the caller had not heard, else the answer to their last words. Whom we rang,
    and who has not heard why, hears that."""
    if not past.begun:
        return
    if c.outgoing is not None and not past.spoke:
        session.say(opening_of(c, c.outgoing))
        return
    words = await _settle_writes(c, past)
    if words is not None:
        receipt, say = words
        speech = session.say(say)
        if receipt is not None:
            c.confirmations.append(Confirmation(receipt, speech))
    elif (unheard := past.unheard()) is not None:
        session.say(unheard)
    elif past.unanswered:
        session.generate_reply()
    else:
        session.say(c.phrases.go_on)


async def _settle_writes(c: Conversation, past: Past) -> tuple[Receipt | None, str] | None:
    """Every write of the earlier job is this call's fact again, or its doubt -> what must be said of the last one that was
    under way. None: none was."""
    if c.desk is None:
        return None
    words: tuple[Receipt | None, str] | None = None
    for step in past.writes():
        try:
            async with asyncio.timeout(_LOOK_UP):
                receipt = await c.desk.recover(step)
        except (CalendarError, TimeoutError):
            if step.state is BookingState.INTENDED:
                await _leave_doubt(c, step)
                words = None, c.phrases.doubtful
            continue
        if step.state in ENDS.values():
            continue
        if receipt is not None:
            await _record_found(c, step, receipt)
            words = receipt, _confirmed(c, step, receipt)
        elif step.state is BookingState.INTENDED and (asked := _asked_again(c, step)) is not None:
            words = None, asked
    return words


async def _record_found(c: Conversation, step: BookingRecorded, receipt: Receipt) -> None:
    found = step.model_copy(
        update={
            "event_id": new_event_id(),
            "at": c.now(),
            "state": ENDS[step.action],
            "calendar_uid": receipt.booking.uid,
            "detail": f"found by the next job:{step.state.value}",
        }
    )
    try:
        await c.recorder.record(found, durable=True)
    except DomainError as error:
        log.error("a booking that was found is not on record", call_id=str(c.context.call_id), code=error.code)


async def _leave_doubt(c: Conversation, step: BookingRecorded) -> None:
    message = follow_up_for(
        step, "unconfirmed", language=c.language, zone=c.zone, at=c.now(), callback=c.context.caller
    )
    try:
        await c.recorder.keep(message)
    except DomainError as error:
        log.error("follow-up not kept", call_id=str(c.context.call_id), code=error.code)


def _confirmed(c: Conversation, step: BookingRecorded, receipt: Receipt) -> str:
    match step.action:
        case "book":
            return c.phrases.booked.format(
                service=_service(c, step), moment=_moment(c, receipt), name=step.attendee_name
            )
        case "reschedule":
            return c.phrases.moved.format(moment=_moment(c, receipt))
        case "cancel":
            return c.phrases.cancelled.format(moment=_moment(c, receipt))


def _asked_again(c: Conversation, step: BookingRecorded) -> str | None:
    """The write is not in the calendar: what was read back is read back again. A yes then writes under the same key, and looks
    first."""
    if step.action != "book":
        return None
    moment = say_moment(step.starts_at, c.language, zone=c.zone, today=c.now().astimezone(c.zone).date())
    c.read_back = (step.starts_at,)
    return c.phrases.read_back.format(service=_service(c, step), moment=moment, name=step.attendee_name)


def _service(c: Conversation, step: BookingRecorded) -> str:
    service = c.config.service(step.service_id)
    return service.name if service else step.service_id


def _moment(c: Conversation, receipt: Receipt) -> str:
    today = c.now().astimezone(c.zone).date()
    return say_moment(receipt.booking.start, c.language, zone=c.zone, today=today)
