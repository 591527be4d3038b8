"""Stands for Langfuse: its OTLP endpoint ``POST /api/public/otel/v1/traces``, ``/api/public/health`` and the key check.

Takes what the real exporter sends (protobuf, gzip or plain), checks the Basic key, keeps the decoded spans::

    GET /_ctl/spans[?name=...][&trace_id=...]   {"spans": [{"name", "trace_id", "span_id", "parent_span_id", "kind",
                                        "start_ns", "end_ns", "attributes", "resource", "scope", "status", "events"}],
                                        "ingestion_versions": ["4"], "dropped": 0}

Options (strings): ``public_key`` and ``secret_key`` (any non-empty pair is accepted when not given; ``pk-bad`` never);
``max_spans`` (20000; the oldest go first and are counted in ``dropped``).
Operations for faults: ``traces``, ``health``, ``projects``.

What it cannot show: what Langfuse makes of the spans (its observation types, costs, screens), ingestion delay, masking on
the server, JSON over OTLP (415).
"""

import base64
import binascii
import gzip
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Switchboard

OPERATIONS: Final = ("traces", "health", "projects")

_MAX_BODY_BYTES = 64 * 1024 * 1024
_MAX_SPANS = 20_000


def error_body(status: int) -> dict[str, Any]:
    """The service's error body."""
    return {"error": "UnauthorizedError" if status == 401 else "InternalServerError", "message": "stand-in"}


def _plain(value: AnyValue) -> Any:
    """An OTLP attribute value as JSON."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def decode(body: bytes) -> list[dict[str, Any]]:
    """The spans of one export request, as ``GET /_ctl/spans`` gives them. Raises DecodeError for anything else."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    spans: list[dict[str, Any]] = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                spans.append({**_span(span), "resource": resource, "scope": scope_spans.scope.name})
    return spans


def _span(span: Span) -> dict[str, Any]:
    return {
        "name": span.name,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "kind": int(span.kind),
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "attributes": _attributes(span.attributes),
        "status": {"code": int(span.status.code), "message": span.status.message},
        "events": [
            {"name": event.name, "at_ns": event.time_unix_nano, "attributes": _attributes(event.attributes)}
            for event in span.events
        ],
    }


def _unpacked(request: Request, body: bytes) -> bytes:
    """Raises ValueError for an encoding Langfuse does not take, or bytes that are not what the header says."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise ValueError(f"content-encoding {encoding} is not supported")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("not gzip") from error


@dataclass
class _Sink:
    """What has been received; one per app."""

    public_key: str | None
    secret_key: str | None
    spans: deque[dict[str, Any]]
    ingestion_versions: set[str] = field(default_factory=set[str])
    dropped: int = 0

    def reset(self) -> None:
        self.spans.clear()
        self.ingestion_versions.clear()
        self.dropped = 0

    def key_accepted(self, request: Request) -> bool:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            public, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if kind != "Basic" or not public or not secret or public == "pk-bad":
            return False
        return self.public_key in (None, public) and self.secret_key in (None, secret)

    async def traces(self, request: Request) -> Response:
        if not self.key_accepted(request):
            return JSONResponse(error_body(401), status_code=401)
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-protobuf":
            return JSONResponse({"error": "UnsupportedMediaType"}, status_code=415)
        body = await request.body()
        if len(body) > _MAX_BODY_BYTES:
            return JSONResponse({"error": "PayloadTooLarge"}, status_code=413)
        try:
            received = decode(_unpacked(request, body))
        except (ValueError, DecodeError) as error:
            return JSONResponse({"error": "InvalidRequestError", "message": str(error)}, status_code=400)
        self.ingestion_versions.add(request.headers.get("x-langfuse-ingestion-version", ""))
        room = (self.spans.maxlen or _MAX_SPANS) - len(self.spans)
        self.dropped += max(0, len(received) - room)
        self.spans.extend(received)
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "OK", "version": "4.0.0-stand-in"})

    async def projects(self, request: Request) -> Response:
        if not self.key_accepted(request):
            return JSONResponse(error_body(401), status_code=401)
        return JSONResponse({"data": [{"id": "stand-in", "name": "stand-in"}]})

    async def received(self, request: Request) -> Response:
        name, trace_id = request.query_params.get("name"), request.query_params.get("trace_id")
        found = [s for s in self.spans if name in (None, s["name"]) and trace_id in (None, s["trace_id"])]
        versions = sorted(self.ingestion_versions)
        return JSONResponse({"spans": found, "ingestion_versions": versions, "dropped": self.dropped})


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """The stand-in as an ASGI app; ``options`` as in the module's docstring."""
    given = options or {}
    switchboard = Switchboard(OPERATIONS)
    spans = deque[dict[str, Any]](maxlen=int(given.get("max_spans", _MAX_SPANS)))
    sink = _Sink(given.get("public_key"), given.get("secret_key"), spans)
    switchboard.on_reset(sink.reset)
    guard = switchboard.guard
    return Starlette(
        routes=[
            Route(
                "/api/public/otel/v1/traces",
                guard("traces", sink.traces, error_body=error_body),
                methods=["POST"],
            ),
            Route("/api/public/health", guard("health", sink.health, error_body=error_body)),
            Route("/api/public/projects", guard("projects", sink.projects, error_body=error_body)),
            Route("/_ctl/spans", sink.received),
            *switchboard.routes(),
        ]
    )
