"""After the caller has gone: writes in flight settle, the record is closed once, traces leave. Runs where the framework
gives it time (on_session_end), never between the goodbye and the hang-up."""

import asyncio
from dataclasses import dataclass
from math import ceil
from statistics import median

import structlog

from agent.conversation import Conversation
from agent.costs import PriceUnknown, cost_of
from agent.resources import Resources
from agent.scribe import Scribe
from agent.telemetry import CallTrace
from calendar_tools.follow_ups import follow_up_for
from contracts.call import CallClosing, Cost, Usage
from contracts.errors import DomainError

log = structlog.get_logger("agent.closing")

_SENT = 15.0  # seconds for the recording; past them it waits on disk for the next sweep
_SETTLE = 20.0  # seconds a booking write in flight is given to settle; past it the doubt is followed up


@dataclass(frozen=True)
class OpenedCall:
    """A call that has a record to close."""

    conversation: Conversation
    scribe: Scribe
    trace: CallTrace
    resources: Resources

    async def finish(self) -> CallClosing:
        """Writes the end. Safe to be cut: what is not delivered lies in the spool and is delivered by the next sweep."""
        c = self.conversation
        if c.desk is not None:
            await c.desk.close(seconds=_SETTLE)
            await self._follow_up_unheard()
        closing = self._closing()
        await c.recorder.close(closing)
        self.trace.conclude(closing)
        await self.trace.flush()
        await self._send_recording()
        log.info(
            "call closed",
            call_id=str(closing.call_id),
            outcome=closing.outcome,
            ended_by=closing.ended_by,
            seconds=closing.usage.call_seconds,
            p50_ms=closing.latency_p50_ms,
        )
        return closing

    async def _send_recording(self) -> None:
        """After the record: an object belongs to a row."""
        c = self.conversation
        if c.recording is None:
            return
        await c.recording.close()
        try:
            async with asyncio.timeout(_SENT):
                await self.resources.recordings.sweep(of_call=c.context.call_id)
        except TimeoutError:
            log.warning("recording left to the sweep", call_id=str(c.context.call_id))

    async def hand_over(self) -> None:
        """Another job goes on with this call, and writes its end."""
        c = self.conversation
        if c.desk is not None:
            await c.desk.close(seconds=_SETTLE)
        await c.recorder.hand_over()
        await self._send_recording()
        await self.trace.flush()
        log.warning("call handed over", call_id=str(c.context.call_id))

    async def _follow_up_unheard(self) -> None:
        """A write that took effect and whose confirmation never reached the caller's ear is left with the team."""
        c = self.conversation
        for confirmation in c.confirmations:
            step = c.recorder.steps.get(confirmation.receipt.booking.uid)
            if confirmation.heard or step is None:
                continue
            message = follow_up_for(
                step, "stands", language=c.language, zone=c.zone, at=c.now(), callback=c.context.caller
            )
            try:
                await c.recorder.keep(message)
            except DomainError as error:
                log.error("follow-up not kept", call_id=str(c.context.call_id), code=error.code)

    def _closing(self) -> CallClosing:
        c = self.conversation
        ended = c.now()
        usage = self.scribe.usage(call_seconds=(ended - c.context.started_at).total_seconds())
        latencies = sorted(self.scribe.latencies)
        return CallClosing(
            call_id=c.context.call_id,
            ended_at=ended,
            outcome=c.outcome(),
            ended_by=c.ended_by,
            summary=summary(c),
            usage=usage,
            cost=self._cost(usage),
            latency_p50_ms=round(median(latencies), 1) if latencies else None,
            latency_p95_ms=percentile(latencies, 0.95),
        )

    def _cost(self, usage: Usage) -> Cost | None:
        config, settings = self.conversation.config, self.resources.settings
        try:
            return cost_of(
                usage,
                stt_model=config.speech_to_text.model,
                llm_model=config.language_model.model or settings.llm_model,
                tts_model=config.voice.model,
                day=self.conversation.context.started_at.date(),
                table=self.resources.prices,
            )
        except PriceUnknown as error:
            log.warning("call not priced", error=str(error))
            return None


def percentile(ordered: list[float], share: float) -> float | None:
    """Nearest rank of an ordered list."""
    if not ordered:
        return None
    rank = max(0, min(len(ordered), ceil(share * len(ordered))) - 1)
    return round(ordered[rank], 1)


def summary(c: Conversation) -> str:
    """One line of facts for the owner's list of calls; no model, no invention."""
    parts: list[str] = []
    for receipt in c.desk.receipts if c.desk else ():
        service = c.config.service(receipt.service_id)
        start = receipt.booking.start.astimezone(c.zone)
        parts.append(f"{receipt.action}: {service.name if service else receipt.service_id} {start:%Y-%m-%d %H:%M}")
    if c.progress.messages:
        parts.append(f"messages: {c.progress.messages}")
    if c.progress.transferred:
        parts.append("transferred")
    if c.progress.answered:
        parts.append(f"questions answered: {c.progress.answered}")
    return "; ".join(parts) or c.outcome().value
