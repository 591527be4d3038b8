"""Which event type stands for which service: what is wrong with a mapping, and what is probably not meant. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calendar_tools.calcom_account import AccountEventType
from control_api.calendars.ports import AssistantView, BookableService
from control_api.calendars.schemas import EventTypeSummary, MappedService
from control_api.errors import FieldProblem

_MONTHS = 12


def mistakes(
    wanted: Mapping[str, int], view: AssistantView, kinds: Sequence[AccountEventType]
) -> Iterator[FieldProblem]:
    """Entries that can't be kept: a service or an event type that there is not."""
    services = {service.service_id for service in view.services}
    numbers = {kind.event_type_id for kind in kinds}
    for service_id, number in wanted.items():
        place = f"/event_types/{service_id}"
        if service_id not in services:
            known = ", ".join(sorted(services)) or "none"
            yield FieldProblem(
                pointer=place,
                reason="the assistant has no such service",
                advice=f"its services are: {known}" if len(known) < 300 else "see services of the assistant",
            )
        elif number not in numbers:
            yield FieldProblem(
                pointer=place,
                reason=f"the account has no event type {number} of its own",
                advice="see GET /v1/assistants/{assistant_id}/calendar/event-types",
            )


def misfits(
    mapped: Mapping[str, int], view: AssistantView, kinds: Sequence[AccountEventType]
) -> Iterator[FieldProblem]:
    """Services for which another duration would be booked than callers are told."""
    by_number = {kind.event_type_id: kind for kind in kinds}
    for service in view.services:
        kind = by_number.get(mapped.get(service.service_id, 0))
        if kind is not None and not fits(service, kind):
            yield FieldProblem(
                pointer=f"/event_types/{service.service_id}",
                reason=f"the service takes {service.minutes} minutes, the event type {kind.minutes}",
                advice="set the same duration at the service or at Cal.com: what is booked is the event type's",
            )


def leftovers(mapped: Mapping[str, int], view: AssistantView) -> Iterator[FieldProblem]:
    """Entries of services that are gone."""
    services = {service.service_id for service in view.services}
    for service_id in sorted(mapped.keys() - services):
        yield FieldProblem(
            pointer=f"/event_types/{service_id}",
            reason="the assistant has no such service any more",
            advice="leave it out when you map event types next",
        )


def surroundings(view: AssistantView, time_zone: str, now: datetime) -> Iterator[FieldProblem]:
    """What is right in itself and does not go together."""
    if time_zone and not _same_clock(time_zone, view.time_zone, now):
        yield FieldProblem(
            pointer="/time_zone",
            reason=f"the Cal.com account is set to {time_zone}, the assistant's hours to {view.time_zone}",
            advice="callers are told the assistant's: set the same time zone at Cal.com",
        )
    if not view.books:
        yield FieldProblem(
            pointer="/tools",
            reason="the assistant does not book: the tool is switched off",
            advice='switch it on with PUT /v1/assistants/{assistant_id}/tools {"booking": true}',
        )


def unmapped(mapped: Mapping[str, int], view: AssistantView) -> list[str]:
    return [s.service_id for s in view.services if s.drafted and s.service_id not in mapped]


def fits(service: BookableService, kind: AccountEventType) -> bool:
    return service.minutes == kind.minutes


def summary(kind: AccountEventType, mapped: Mapping[str, int], view: AssistantView) -> EventTypeSummary:
    return EventTypeSummary(
        event_type_id=kind.event_type_id,
        title=kind.title,
        slug=kind.slug,
        duration_minutes=kind.minutes,
        duration_choices=list(kind.choices),
        hidden=kind.hidden,
        services=[
            MappedService(
                service_id=service.service_id,
                name=service.name,
                duration_minutes=service.minutes,
                fits=fits(service, kind),
            )
            for service in view.services
            if mapped.get(service.service_id) == kind.event_type_id
        ],
    )


def _same_clock(one: str, other: str, now: datetime) -> bool:
    """The same time of day in both all through the coming year, whatever they are called."""
    if one == other:
        return True
    try:
        zones = ZoneInfo(one), ZoneInfo(other)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    moments = [now + timedelta(days=30 * month) for month in range(_MONTHS)]
    return all(at.astimezone(zones[0]).utcoffset() == at.astimezone(zones[1]).utcoffset() for at in moments)
