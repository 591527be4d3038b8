"""Delivers what earlier calls of this machine could not: records that waited for the database, and booking writes whose end
nobody knows. Runs after a call and at worker start; several may run at once."""

import asyncio

import structlog

from agent.desk import calendar_defaults
from agent.resources import Resources, open_resources
from agent.settings import Settings
from calendar_tools.connect import connect
from calendar_tools.errors import CalendarError
from calendar_tools.reconcile import SETTLED_AFTER, settle
from contracts.errors import StoreRejected, StoreUnavailable
from store import spool

_EVERY = 60.0  # seconds

log = structlog.get_logger("agent.sweep")


async def sweep(resources: Resources) -> None:
    """Never raises for what a later sweep can do."""
    try:
        await spool.sweep(resources.spool, resources.store)
        await settle_doubts(resources)
    except (StoreUnavailable, StoreRejected) as error:
        log.warning("sweep put off", code=error.code)


async def sweep_forever(settings: Settings) -> None:
    """In the worker's main process: what crashed jobs left behind is found while no call ends."""
    async with open_resources(settings) as resources:
        while True:
            await sweep(resources)
            await asyncio.sleep(_EVERY)


async def settle_doubts(resources: Resources) -> int:
    """-> how many doubts were settled. A second sweep, or the call itself, leaves the same message under the same id."""
    settled = 0
    defaults = calendar_defaults(resources.settings)
    for doubt in await resources.store.open_doubts(older_than=resources.clock() - SETTLED_AFTER):
        if doubt.calendar is None:
            continue
        calendar = connect(doubt.calendar, resources.http, defaults, clock=resources.clock)
        try:
            found = await settle(doubt, calendar)
        except CalendarError as error:
            log.warning("doubt not settled yet", call_id=str(doubt.call_id), code=error.code)
            continue
        if found is not None:
            await resources.store.append_events(doubt.call_id, [found.step, found.message])
            settled += 1
    return settled
