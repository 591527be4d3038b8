"""From a dialled number to the snapshot the call runs on: fresh if the database answers in time, else the last known good."""

import asyncio

import structlog

from agent.lastknown import LastKnownGood
from contracts.call import CallContext, InboundCall
from contracts.errors import StoreRejected, StoreUnavailable
from contracts.ports import CallStore

log = structlog.get_logger("agent.resolve")

FRESH_WITHIN = 0.3  # seconds a caller does not notice before the greeting
PATIENCE = 3.0  # with nothing on disk: a late answer is better than an apology, up to here


async def resolve(inbound: InboundCall, store: CallStore, known: LastKnownGood) -> CallContext:
    """Raises CallNotAnswerable (unknown number, paused, unreadable), StoreUnavailable or StoreRejected when nothing is
    known of the number here either. The call row that a late database opens is this call's: opening is idempotent, and the
    recorder opens it again before it delivers, saying which version the call runs on. A test call runs on the version it
    names or not at all, and leaves what is known of numbers alone."""
    if inbound.test_of is not None:
        return await _named(inbound, store)
    opening = asyncio.ensure_future(_open(inbound, store, known))
    try:
        async with asyncio.timeout(FRESH_WITHIN):
            return await asyncio.shield(opening)
    except (TimeoutError, StoreUnavailable, StoreRejected) as error:
        return await _without_fresh(inbound, opening, known, error)


async def _open(inbound: InboundCall, store: CallStore, known: LastKnownGood) -> CallContext:
    """A late answer is kept too: behind a database that is always slow, an owner's change still reaches the next call. That
    there was no credit is not: the next call may be paid for, and unreachable is not out of credit."""
    context = await store.open_call(inbound)
    if not context.without_credit:
        await known.keep(context)
    return context


async def _named(inbound: InboundCall, store: CallStore) -> CallContext:
    try:
        async with asyncio.timeout(PATIENCE):
            return await store.open_call(inbound)
    except TimeoutError as error:
        raise StoreUnavailable("the database did not answer") from error


async def _without_fresh(
    inbound: InboundCall, opening: "asyncio.Future[CallContext]", known: LastKnownGood, why: Exception
) -> CallContext:
    log.warning("configuration not fresh in time", call_id=str(inbound.call_id), error=type(why).__name__)
    stale = await known.find(inbound)
    if stale is not None:
        opening.add_done_callback(_forget)  # its row is wanted, its answer only by the next call
        return stale
    try:
        async with asyncio.timeout(PATIENCE - FRESH_WITHIN):
            return await opening
    except TimeoutError as error:
        raise StoreUnavailable("the database did not answer and this number was never answered here") from error


def _forget(opening: "asyncio.Future[CallContext]") -> None:
    if not opening.cancelled() and (error := opening.exception()) is not None:
        log.info("late opening failed; the recorder opens the call again", error=type(error).__name__)
