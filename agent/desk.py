"""The call's booking desk, wired to its calendar and its recorder."""

import structlog

from agent.recorder import Recorder
from agent.resources import Resources
from agent.settings import Settings
from calendar_tools.booking import BookingDesk
from calendar_tools.connect import CalendarDefaults, connect
from calendar_tools.errors import CalendarMisconfigured
from calendar_tools.model import EventType, Person
from calendar_tools.rehearsal import Rehearsal
from contracts.call import CallContext

log = structlog.get_logger("agent.desk")


def calendar_defaults(settings: Settings) -> CalendarDefaults:
    """For connections without a base URL or a key of their own."""
    return CalendarDefaults(base_url=settings.cal_base_url, api_key=settings.cal_api_key)


def event_types(context: CallContext) -> dict[str, EventType]:
    """Services that the connection maps to an event type; the others can't be booked."""
    mapped = context.calendar.event_types if context.calendar else {}
    return {
        service.service_id: EventType(service.service_id, mapped[service.service_id], service.duration_minutes)
        for service in context.config.services
        if service.service_id in mapped
    }


def open_desk(context: CallContext, resources: Resources, recorder: Recorder) -> BookingDesk | None:
    """None where the assistant does not book: no tool, no connection, or no service mapped. A test call rehearses."""
    types = event_types(context)
    if "booking" not in context.config.tools or context.calendar is None or not types:
        return None
    try:
        calendar = connect(
            context.calendar, resources.http, calendar_defaults(resources.settings), clock=resources.clock
        )
    except CalendarMisconfigured as error:
        log.error("the calendar is not set up", call_id=str(context.call_id), detail=str(error))
        return None
    return BookingDesk(
        Rehearsal(calendar) if context.test else calendar,
        event_types=types,
        hours=context.config.hours,
        policy=context.config.booking,
        language=context.config.language,
        call_id=context.call_id,
        person=Person(caller_id=context.caller),
        ledger=recorder,
        follow_up=recorder.keep,
        resumed=recorder.resumed,
    )
