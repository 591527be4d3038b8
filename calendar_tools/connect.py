"""Turns a description of a calendar into a live one. The only place that knows which adapters there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

import httpx
from pydantic import HttpUrl, SecretStr

from calendar_tools.calcom import CalComCalendar, Deadlines
from calendar_tools.calendar import Calendar
from calendar_tools.errors import CalendarMisconfigured
from contracts.calendar import CalComConnection, CalendarConnection


@dataclass(frozen=True)
class CalendarDefaults:
    """The worker's CAL_BASE_URL and CAL_API_KEY: for connections without an address of their own. The key goes to that
    address and to no other: an address of its own was chosen by a tenant."""

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
    """Makes no request. CalendarMisconfigured: an address without a key of its own, or neither the connection nor the
    defaults have both."""
    match connection:
        case CalComConnection():
            if connection.base_url is not None and connection.api_key is None:
                raise CalendarMisconfigured(
                    "a calendar with an address of its own needs an API key of its own: CAL_API_KEY is not sent there"
                )
            complete = connection.model_copy(
                update={
                    "base_url": connection.base_url or defaults.base_url,
                    "api_key": defaults.api_key if connection.api_key is None else connection.api_key,
                }
            )
            return CalComCalendar(client, complete, clock=clock, deadlines=defaults.deadlines)
        case _:
            assert_never(connection)
