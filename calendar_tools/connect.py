"""Turns a description of a calendar into a live one. The only place that knows which adapters there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

import httpx
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar, Deadlines
from calendar_tools.calendar import Calendar
from contracts.calendar import CalComConnection, CalendarConnection


@dataclass(frozen=True)
class CalendarDefaults:
    """What a connection without its own base URL or key uses: the worker's CAL_BASE_URL and CAL_API_KEY."""

    base_url: HttpUrl | None = None
    api_key: SecretStr | None = None
    deadlines: Deadlines | None = None


def connect(
    connection: CalendarConnection,
    client: httpx.AsyncClient,
    defaults: CalendarDefaults,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Calendar:
    """Makes no request. CalendarMisconfigured: neither the connection nor the defaults have a base URL and a key."""
    match connection:
        case CalComConnection():
            complete = connection.model_copy(
                update={
                    "base_url": connection.base_url or defaults.base_url,
                    "api_key": connection.api_key or defaults.api_key,
                }
            )
            return CalComCalendar(client, complete, clock=clock, deadlines=defaults.deadlines)
        case _:
            assert_never(connection)
