"""Traces to Langfuse over OTLP. One provider per call: the metadata it stamps on every span is the call's."""

import asyncio
import base64
from importlib.metadata import version

import structlog
from livekit.agents import telemetry
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agent.settings import Settings
from contracts.call import CallContext

log = structlog.get_logger("agent.telemetry")

_EXPORT_TIMEOUT = 5.0
_FLUSH_TIMEOUT = 8.0
_QUEUE = 2048  # spans; more are dropped by the processor, never kept


class CallTrace:
    """The call's spans until `flush`. None of its methods raises: a call does not depend on its trace."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._provider = provider

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
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_QUEUE))
    telemetry.set_tracer_provider(
        provider,
        metadata={
            "langfuse.session.id": str(context.call_id),
            "langfuse.user.id": str(context.tenant_id),
            "langfuse.trace.name": "call",
            "langfuse.trace.tags": ["call", context.config.language, f"assistant:{context.assistant_id}"],
            "langfuse.version": str(context.version),
            "langfuse.release": version("livekit-agents"),
            "langfuse.trace.metadata.assistant": f'"{context.assistant_id}"',
        },
        allow_pii=settings.langfuse_content,
    )
    return CallTrace(provider)
