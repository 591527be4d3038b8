"""Delivers what earlier calls of this machine could not: records that waited for the database, recordings that waited for
their storage, and booking writes whose end nobody knows. Runs after a call and at worker start; several may run at once."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from agent.desk import calendar_defaults
from agent.resources import Resources
from calendar_tools.calendar import Calendar
from calendar_tools.connect import connect
from calendar_tools.errors import CalendarError
from calendar_tools.reconcile import SETTLED_AFTER, settle
from contracts.calendar import CalendarConnection
from contracts.errors import StoreRejected, StoreUnavailable
from contracts.ports import CallStore, OpenDoubt
from store import spool
from store.errors import StoreMisconfigured

_EVERY = 60.0  # seconds
_OVERDUE = timedelta(hours=24)
_SUCCESSION = 60.0  # seconds in which the call of a job that died may be gone on with

Connect = Callable[[CalendarConnection], Calendar]
"""Makes no request. Raises CalendarMisconfigured."""

log = structlog.get_logger("agent.sweep")


async def sweep(resources: Resources) -> None:
    """Never raises for what a later sweep can do."""
    defaults = calendar_defaults(resources.settings)

    def reach(connection: CalendarConnection) -> Calendar:
        return connect(connection, resources.http, defaults, clock=resources.clock)

    try:
        await spool.sweep(resources.spool, resources.store, patience=_SUCCESSION)
        await settle_doubts(resources.store, reach, now=resources.clock())
    except (StoreUnavailable, StoreRejected) as error:
        log.warning("sweep put off", code=error.code)


async def sweep_forever(resources: Resources) -> None:
    """In the worker's main process: what crashed jobs left behind is found while no call ends."""
    while True:
        await sweep(resources)
        await resources.recordings.sweep()
        await asyncio.sleep(_EVERY)


async def settle_doubts(store: CallStore, reach: Connect, *, now: datetime) -> int:
    """-> how many doubts were settled. One that can't be is passed over; the others have their turn. A second sweep, or
    the call itself, leaves the same message under the same id. Raises what stops all of them: StoreUnavailable,
    StoreMisconfigured, and StoreRejected if not even the list is given."""
    settled = 0
    for doubt in await store.open_doubts(older_than=now - SETTLED_AFTER):
        if await _settled(doubt, store, reach):
            settled += 1
        elif now - doubt.booking.at > _OVERDUE:
            log.error("a booking is in doubt for more than a day", call_id=str(doubt.call_id))
    return settled


async def _settled(doubt: OpenDoubt, store: CallStore, reach: Connect) -> bool:
    """Raises StoreUnavailable, StoreMisconfigured."""
    if doubt.calendar is None:
        return False
    try:
        found = await settle(doubt, reach(doubt.calendar))
        if found is not None:
            await store.append_events(doubt.call_id, [found.step, found.message])
    except StoreMisconfigured:
        raise
    except (CalendarError, StoreRejected) as error:
        log.warning("doubt not settled yet", call_id=str(doubt.call_id), code=error.code)
        return False
    return True
