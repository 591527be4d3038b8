"""A call that came in while nothing was known of its number and the database was away: nobody could answer it, but it is kept
on disk and reaches its business with the next sweep."""

from pathlib import Path
from uuid import uuid4

import structlog

from agent.phrases import PHRASES
from briefing.languages import language_of
from contracts.call import CallClosing, CallOutcome, InboundCall, MessageTaken
from contracts.errors import DomainError
from store.spool import Journal

log = structlog.get_logger("agent.missed")


async def keep_missed(inbound: InboundCall, spool: Path) -> None:
    """Never raises: the caller is about to be told. A test call is nothing that anybody missed."""
    if inbound.test_of is not None:
        return
    journal = await Journal.create(spool, inbound)
    try:
        journal.append(
            MessageTaken(
                at=inbound.received_at,
                message_id=uuid4(),
                callback_number=inbound.caller,
                reason=PHRASES[language_of(inbound.dialed)].missed,
                urgent=True,
            )
        )
        await journal.close(
            CallClosing(
                call_id=inbound.call_id,
                ended_at=inbound.received_at,
                outcome=CallOutcome.FAILED,
                ended_by="failure",
                summary="not answered: the database was away",
            )
        )
    except DomainError as error:
        log.error("missed call not kept", call_id=str(inbound.call_id), code=error.code)
    finally:
        await journal.release()
