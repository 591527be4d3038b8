"""The outermost layer: what is true of every request and every answer, whatever it is about.

Owns: request ids, the access log, metrics, the body limit, the limit per address, security headers, HEAD, and the answer to
an exception nobody named. Refuses: reading bodies, and writing anything personal: paths are logged as routes, addresses not
at all, and of an exception where it was raised, not what it says.
"""

import re
import time
import traceback
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_api.errors import BodyTooLarge, Problem, Unexpected, answer
from control_api.metrics import Metrics
from control_api.rate_limits import RateLimits, headers_of

_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.-]{8,64}$")
_UNLIMITED = frozenset({"/livez", "/readyz", "/metrics"})
_SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-resource-policy": "same-site",
}
_NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'"
_log = structlog.get_logger("control_api.access")


@dataclass
class _Exchange:
    """One request and its answer."""

    scope: Scope
    method: str
    request_id: str
    began: float = field(default_factory=time.perf_counter)
    status: int = 0

    @property
    def route(self) -> str:
        """The route's template, which holds no id and no number; "-" where no route was found."""
        return str(getattr(self.scope.get("route"), "path", "-"))

    @property
    def operation(self) -> str:
        return str(getattr(self.scope.get("route"), "name", "-"))


class Edge:
    """ASGI middleware. `most_bytes` bounds a request's body."""

    def __init__(self, app: ASGIApp, *, rate_limits: RateLimits, metrics: Metrics, most_bytes: int) -> None:
        self._app = app
        self._rate_limits = rate_limits
        self._metrics = metrics
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        exchange = _Exchange(scope, method, _request_id(scope))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        with self._metrics.in_flight.track_inprogress():
            await self._serve(exchange, receive, self._dressed(exchange, send))
        self._account(exchange)

    async def _serve(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        scope = exchange.scope
        try:
            if scope["path"] not in _UNLIMITED:
                client = scope.get("client")
                await self._rate_limits.count_address(scope["state"], client[0] if client else "unknown")
            self._refuse_large(scope)
            await self._app(scope, self._bounded(receive), send)
        except Problem as problem:
            await self._instead(exchange, receive, send, problem)
        except Exception as error:  # noqa: BLE001 - the last one: recorded with where it was raised, told without
            _log.error("request.broke", route=exchange.route, **_where(error))
            await self._instead(exchange, receive, send, Unexpected(Unexpected.example))

    async def _instead(self, exchange: _Exchange, receive: Receive, send: Send, problem: Problem) -> None:
        if exchange.status:
            return  # the answer has begun: nothing else can be said
        response = answer(problem, Request(exchange.scope))
        await response(exchange.scope, receive, send)

    def _refuse_large(self, scope: Scope) -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self._most_bytes:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most_bytes:
                raise self._too_large()
            return message

        return bounded

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"a request may have {self._most_bytes // 1024} KiB: send less")

    def _dressed(self, exchange: _Exchange, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = exchange.request_id
                for name, value in {**_SECURITY, **headers_of(exchange.scope["state"])}.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", _NOTHING_RUNS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        return dressed

    def _account(self, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.began
        self._metrics.record(exchange.operation, exchange.method, exchange.status, seconds)
        principal: Any = exchange.scope["state"].get("principal")
        _log.info(
            "request",
            method=exchange.method,
            route=exchange.route,
            status=exchange.status,
            milliseconds=round(seconds * 1000, 1),
            tenant=str(principal.tenant_id) if principal else None,
        )


def _without_body(send: Send) -> Send:
    async def bodiless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bodiless


def _where(error: BaseException) -> dict[str, Any]:
    """Types and frames, its causes included. Messages may quote what somebody sent or stored."""
    kinds: list[str] = []
    frames: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        kinds.append(type(seen).__qualname__)
        frames += traceback.format_tb(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__
    return {"error": " < ".join(kinds), "frames": "".join(frames)}


def _request_id(scope: Scope) -> str:
    """The proxy's, if it is a plain one, so that both logs can be put side by side."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.match(given) else uuid4().hex
