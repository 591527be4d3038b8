"""What a request may ask of calls: filters and ranges of time, read from the query and checked against one another."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from contracts.call import CallOutcome
from contracts.phone import E164
from control_api.errors import FieldProblem, InvalidRequest

MOST_DAYS = 400
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 7 * 24 * 3600


def _thinkable(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise ValueError("no call can be of that time: write one between the years 2000 and 2100")
    return moment


def _plus(text: Any) -> Any:
    """A plus sign that was not encoded arrives as a space."""
    return f"+{text[1:]}" if isinstance(text, str) and text[:1] == " " else text


Moment = Annotated[AwareDatetime, AfterValidator(_thinkable)]
Number = Annotated[E164, Field(max_length=32), BeforeValidator(_plus)]
From = Annotated[Moment | None, Query(alias="from", description="from this moment on, with its offset")]
To = Annotated[Moment | None, Query(alias="to", description="before this moment, with its offset")]
AtLeast = Annotated[int | None, Query(ge=0, le=_MOST_SECONDS, description="in seconds: lasted at least that long")]
Test = Annotated[bool | None, Query(description="true: test calls only; false: without them")]
AtMost = Annotated[int | None, Query(ge=0, le=_MOST_SECONDS, description="in seconds: lasted at most that long")]


@dataclass(frozen=True)
class TimeRange:
    """[since, before)."""

    since: datetime
    before: datetime


@dataclass(frozen=True)
class CallFilter:
    """None: whichever."""

    assistant_id: UUID | None = None
    direction: Literal["inbound", "outbound"] | None = None
    dialed: str | None = None
    outcomes: tuple[CallOutcome, ...] = ()
    caller: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    min_seconds: int | None = None
    max_seconds: int | None = None
    test: bool | None = None


@dataclass(frozen=True)
class MessageFilter:
    assistant_id: UUID | None = None
    urgent: bool | None = None
    since: datetime | None = None
    before: datetime | None = None
    test: bool | None = None


async def call_filter(
    *,
    assistant_id: Annotated[UUID | None, Query(description="that answered")] = None,
    direction: Annotated[
        Literal["inbound", "outbound"] | None, Query(description="outbound: the assistant rang")
    ] = None,
    number: Annotated[Number | None, Query(description="of the business, E.164", examples=["+33142000001"])] = None,
    outcome: Annotated[list[CallOutcome] | None, Query(max_length=20, description="one of these; repeat it")] = None,
    caller: Annotated[
        Number | None, Query(description="who rang, or was rung, E.164", examples=["+33611111111"])
    ] = None,
    since: From = None,
    before: To = None,
    min_duration: AtLeast = None,
    max_duration: AtMost = None,
    test: Test = None,
) -> CallFilter:
    _in_order(since, before)
    if min_duration is not None and max_duration is not None and min_duration > max_duration:
        raise _refused("query.min_duration", "is more than max_duration", "give the smaller one as min_duration")
    return CallFilter(
        assistant_id=assistant_id,
        direction=direction,
        dialed=number,
        outcomes=tuple(dict.fromkeys(outcome or ())),
        caller=caller,
        since=since,
        before=before,
        min_seconds=min_duration,
        max_seconds=max_duration,
        test=test,
    )


async def message_filter(
    assistant_id: Annotated[UUID | None, Query(description="that took it")] = None,
    urgent: Annotated[bool | None, Query(description="true: urgent ones only")] = None,
    since: From = None,
    before: To = None,
    test: Test = None,
) -> MessageFilter:
    _in_order(since, before)
    return MessageFilter(assistant_id=assistant_id, urgent=urgent, since=since, before=before, test=test)


def reporting_range(since: datetime | None, before: datetime | None, *, now: datetime) -> TimeRange:
    """Without a beginning: 30 days; without an end: until now. Raises InvalidRequest."""
    end = before or now
    begin = since or end - timedelta(days=30)
    _in_order(begin, end)
    if end - begin > timedelta(days=MOST_DAYS):
        raise _refused("query.from", f"the range is of more than {MOST_DAYS} days", "ask for one year after the other")
    return TimeRange(begin, end)


def known_zone(name: str) -> str:
    """Raises InvalidRequest."""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise _refused("query.time_zone", "there is no such time zone", "write it as in Europe/Paris") from error


def _in_order(since: datetime | None, before: datetime | None) -> None:
    if since is not None and before is not None and since >= before:
        raise _refused("query.from", "is not before `to`", "`from` is where the range begins, `to` where it ends")


def _refused(pointer: str, reason: str, advice: str) -> InvalidRequest:
    problem = FieldProblem(pointer=pointer, reason=reason, advice=advice)
    return InvalidRequest("1 field is not valid: see errors", errors=[problem])
