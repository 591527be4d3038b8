"""Sending a caller on by SIP REFER, and what the telephone network's answers mean for who waits for them.

Owns: the cold transfer, the trunk that calls out from a number go through. Refuses: who is fetched and asked before
(`agent.handover`).
"""

import asyncio
from typing import Final

import aiohttp
import structlog
from livekit import api, rtc
from livekit.agents import JobContext
from livekit.protocol.sip import ListSIPOutboundTrunkRequest, SIPOutboundTrunkInfo, SIPTransferStatus

from agent.sip_answers import not_answered, status_of
from contracts.call import TransferResult
from store.dialling import transfer_target

log = structlog.get_logger("agent.referral")

FAILURES: Final = (api.ServerError, aiohttp.ClientError, OSError, TimeoutError)
"""What asking LiveKit can end with."""

_FIND_DEADLINE = 4.0
_REFER_DEADLINE = 40.0  # longer than LiveKit's own, 30 s and 2 on top: its answer is the better one


async def find_outgoing(livekit: api.LiveKitAPI, number: str) -> SIPOutboundTrunkInfo | None:
    """The trunk that calls from `number` go out through (the API makes it with the number). None too when LiveKit does not
    say in time."""
    asked = ListSIPOutboundTrunkRequest(numbers=[number])
    try:
        async with asyncio.timeout(_FIND_DEADLINE):
            trunks = (await livekit.sip.list_outbound_trunk(asked)).items
    except FAILURES as error:
        log.error("the outgoing trunk could not be looked up", error=type(error).__name__)
        return None
    return next(
        (trunk for trunk in trunks if number in trunk.numbers), None
    )  # a filter also gives those without numbers


def told_by(error: api.ServerError) -> TransferResult:
    """What a call that did not come about means."""
    rang_on = status_of(error) is None and error.code == api.TwirpErrorCode.DEADLINE_EXCEEDED
    return not_answered(error) or ("no_answer" if rang_on else "failed")


async def refer(ctx: JobContext, caller: rtc.RemoteParticipant, number: str, *, dialed: str) -> TransferResult:
    """Awaits what came of it. `transferred`: the far side has said so, or the caller's leg has gone where it was sent."""
    outgoing = await find_outgoing(ctx.api, dialed)
    to = transfer_target(number, outgoing.address if outgoing is not None else None)
    try:
        async with asyncio.timeout(_REFER_DEADLINE):
            answer = await ctx.transfer_sip_participant(caller, to)
    except api.ServerError as error:
        log.warning("a transfer was refused", code=error.code)
        return told_by(error)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.error("a transfer's end is not known", error=type(error).__name__)
        return "failed"
    status, known = getattr(answer, "status", 0), bool(getattr(answer, "transfer_id", ""))
    # servers before August 2026 answer with nothing when it is done
    if known and status != SIPTransferStatus.STS_TRANSFER_SUCCESSFUL:
        return "failed"
    return "transferred"
