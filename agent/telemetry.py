"""Traces to Langfuse over OTLP. One provider per call: the metadata it stamps on every span is the call's.

Owns: the span around the whole call, whose call each span says it is, and that all of it has left before the process ends.
Refuses: words, names and numbers, unless LANGFUSE_CONTENT says so. Langfuse filters by what a span itself carries. Outcome and
usage are known when the other spans have left already, so the span around the call has them: it is the root, and ends last.
"""

import asyncio
import base64
from importlib.metadata import version

import structlog
from livekit.agents import telemetry
from opentelemetry import context as ambient
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from agent.settings import Settings
from contracts.call import CallClosing, CallContext, CallOutcome

log = structlog.get_logger("agent.telemetry")

_EXPORT_TIMEOUT = 5.0
_FLUSH_TIMEOUT = 8.0
_QUEUE = 2048  # spans; more are dropped by the processor, never kept
_TAGS = "langfuse.trace.tags"
_DIALLED = "lk.sip.trunkPhoneNumber"
_OF_TRACE = "langfuse.trace.metadata."
_OF_SPAN = "langfuse.observation.metadata."


class WithoutDialled(SpanProcessor):
    """Takes the number that was dialled off a span; the framework takes the caller's off, and leaves this one. To be added
    before what exports: each gets what the one before it has left."""

    def on_end(self, span: ReadableSpan) -> None:
        if span.attributes and _DIALLED in span.attributes:
            kept = {name: value for name, value in span.attributes.items() if name != _DIALLED}
            span._attributes = kept  # pyright: ignore[reportPrivateUsage] - an ended span has no setter; the framework's does so


class CallTrace:
    """The call's spans until `flush`. None of its methods raises: a call does not depend on its trace."""

    def __init__(self, provider: TracerProvider | None, whole: Span | None = None) -> None:
        self._provider = provider
        self._whole = whole
        self._tags: list[str] = []

    @classmethod
    def begin(cls, provider: TracerProvider, tags: list[str]) -> "CallTrace":
        """What is started from here on in this task is inside the call."""
        whole = provider.get_tracer("ava").start_span("call", context=ambient.Context())
        ambient.attach(set_span_in_context(whole))
        trace = cls(provider, whole)
        trace._tags = tags
        return trace

    def conclude(self, closing: CallClosing) -> None:
        """What came of the call, on the span around it, which ends."""
        if self._whole is None:
            return
        self._whole.set_attributes({_TAGS: [*self._tags, f"outcome:{closing.outcome}"], **_concluded(closing)})
        self._whole.end()

    async def flush(self) -> None:
        """Sends what is left. force_flush blocks, so it runs in a thread and is given up after 8 s."""
        if self._provider is None:
            return
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT + 1):
                await asyncio.to_thread(self._provider.force_flush, int(_FLUSH_TIMEOUT * 1000))
                await asyncio.to_thread(self._provider.shutdown)
        except TimeoutError:
            log.warning("traces not flushed in time")


def open_trace(context: CallContext, settings: Settings) -> CallTrace:
    """Must run before the session starts, in the process that runs it."""
    if not settings.traces or settings.langfuse_secret_key is None:
        return CallTrace(None)
    credentials = f"{settings.langfuse_public_key}:{settings.langfuse_secret_key.get_secret_value()}"
    exporter = OTLPSpanExporter(
        endpoint=f"{str(settings.langfuse_base_url).rstrip('/')}/api/public/otel/v1/traces",
        headers={
            "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
            "x-langfuse-ingestion-version": "4",
        },
        timeout=_EXPORT_TIMEOUT,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "ava-agent"}))
    provider.add_span_processor(WithoutDialled())
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_QUEUE))
    tags = [
        "test_call" if context.test else "call",
        context.config.language,
        f"tenant:{context.tenant_id}",
        f"assistant:{context.assistant_id}",
        f"version:{context.version}",
    ]
    telemetry.set_tracer_provider(
        provider,
        metadata={
            "langfuse.session.id": str(context.call_id),
            "langfuse.user.id": str(context.tenant_id),
            "langfuse.trace.name": "call",
            _TAGS: tags,
            "langfuse.version": str(context.version),
            "langfuse.release": version("livekit-agents"),
            f"{_OF_TRACE}assistant": f'"{context.assistant_id}"',
        },
        allow_pii=settings.langfuse_content,
    )
    return CallTrace.begin(provider, tags)


def _concluded(closing: CallClosing) -> dict[str, AttributeValue]:
    """Langfuse reads values of metadata as JSON."""
    latencies = {"latency_p50_ms": closing.latency_p50_ms, "latency_p95_ms": closing.latency_p95_ms}
    figures = {**closing.usage.model_dump(), **{name: ms for name, ms in latencies.items() if ms is not None}}
    if closing.cost is not None:
        figures[f"cost_{closing.cost.currency.lower()}"] = closing.cost.total
    return {
        f"{_OF_TRACE}outcome": f'"{closing.outcome}"',
        f"{_OF_SPAN}ended_by": f'"{closing.ended_by}"',
        **{f"{_OF_SPAN}{name}": str(figure) for name, figure in figures.items()},
        "langfuse.observation.level": "ERROR" if closing.outcome is CallOutcome.FAILED else "DEFAULT",
    }
