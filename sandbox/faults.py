"""The fault switchboard every stand-in carries: what goes wrong, when, how often, set over HTTP.

Owns: the rules, their counting, the bounded log of requests seen, the ``/_ctl/*`` endpoints, and the ways an answer can
be broken (an error status, a wait, a cut connection, a stalled one, work done but the answer lost). Refuses: any
provider's protocol; the stand-in names its operations and gives its own error bodies.

HTTP surface (JSON):

- ``POST /_ctl/faults``    a list of rules (see `FaultRule`), appended -> 200 ``{"rules": n}``; 400 if malformed
- ``GET /_ctl/faults``     the rules in force with their counters
- ``DELETE /_ctl/faults``  none left
- ``GET /_ctl/log``        ``{"entries": [{"operation", "at", "summary", "fault"}]}``, oldest first, bounded
- ``GET|POST /_ctl/knobs``  the stand-in's numbers (latencies in ms and the like), read and set by name
- ``POST /_ctl/reset``     first knobs, no rules, empty log, and what was registered with `Switchboard.on_reset`

How a stand-in uses it, for a plain endpoint::

    switchboard = Switchboard(operations=("create_booking", "list_slots"))
    Route("/v2/bookings", switchboard.guard("create_booking", create_booking, error_body=cal_error), methods=["POST"])

or by hand, where the answer is a stream::

    rule = await switchboard.take("chat.completions", summary={"messages": 12})
    if rule is not None and (early := early_answer(rule, openai_error)) is not None:
        return early
    return StreamingResponse(break_stream(rule, events, request.scope))

What it cannot show: faults below HTTP (packet loss, a half-open TCP connection, TLS errors).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

DROP_EXTENSION = "sandbox.drop"
"""Key in ``scope["extensions"]`` of the async callable that closes the TCP connection; `sandbox.providers` sets it."""

_STALL_MS = 60_000
_LOG_ENTRIES = 1_000
_MAX_RULES = 200

T = TypeVar("T")

ErrorBody = Callable[[int], Any]
"""Gives the provider's JSON error body for an HTTP status."""

Endpoint = Callable[[Request], Awaitable[Response]]


class FaultRule(BaseModel):
    """One thing that goes wrong.

    - ``delay``: wait ``delay_ms``, then work as usual
    - ``status``: answer ``status`` without doing the work (``body`` replaces the stand-in's own; ``headers`` are added)
    - ``cut``: abort the connection after ``cut_after`` bytes of a plain answer, or events of a stream; 0 = before any
    - ``lost_answer``: do the work, then abort the connection with no answer
    - ``stall``: like ``cut``, but go silent for ``delay_ms`` (60 s if not given) before the connection is aborted

    ``delay_ms`` delays the other kinds too, except ``stall``. The first ``skip`` matching requests since the rule was set
    pass it by; it then applies ``times`` times (None = until removed). Of several that could apply the first set does.
    ``operation`` is one the stand-in names, or ``*``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str = "*"
    kind: Literal["delay", "status", "cut", "lost_answer", "stall"]
    delay_ms: int = Field(default=0, ge=0, le=600_000)
    status: int = Field(default=500, ge=400, le=599)
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    cut_after: int = Field(default=0, ge=0)
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)

    @property
    def stall_seconds(self) -> float:
        return (self.delay_ms or _STALL_MS) / 1000


class ConnectionDropped(httpx.RemoteProtocolError):
    """The connection was aborted on purpose. An in-process (ASGI transport) client sees it as it would on a socket."""

    def __init__(self) -> None:
        super().__init__("Server disconnected without sending a response.")


async def drop_connection(scope: Scope) -> None:
    """Close the TCP connection of ``scope``, saying nothing more. Raises `ConnectionDropped` if it has no socket."""
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    drop: Callable[[], Awaitable[None]] | None = extensions.get(DROP_EXTENSION)
    if drop is None:
        raise ConnectionDropped
    await drop()


class DroppedConnection(Response):
    """A response that is none: ``cut_after`` bytes of ``answer``, a silence in seconds, then the connection aborted."""

    def __init__(self, answer: Response | None = None, *, cut_after: int = 0, silence: float = 0.0) -> None:
        super().__init__()
        self._answer = answer
        self._cut_after = cut_after
        self._silence = silence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answer is not None and self._cut_after > 0:
            start = {"type": "http.response.start", "status": self._answer.status_code}
            await send({**start, "headers": self._answer.raw_headers})
            beginning = bytes(self._answer.body)[: self._cut_after]
            await send({"type": "http.response.body", "body": beginning, "more_body": True})
        if self._silence:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._silence):
                    await _until_disconnected(receive)
        await drop_connection(scope)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def early_answer(rule: FaultRule, error_body: ErrorBody) -> Response | None:
    """The answer given instead of the work, or None if the work is to be done (``lost_answer``, a later ``cut``)."""
    if rule.kind == "status":
        content = error_body(rule.status) if rule.body is None else rule.body
        if isinstance(content, str):
            return Response(content, status_code=rule.status, headers=rule.headers)
        return JSONResponse(content, status_code=rule.status, headers=rule.headers)
    if rule.kind == "cut" and rule.cut_after == 0:
        return DroppedConnection()
    if rule.kind == "stall" and rule.cut_after == 0:
        return DroppedConnection(silence=rule.stall_seconds)
    return None


def late_answer(rule: FaultRule, answer: Response) -> Response:
    """What becomes of the answer after the work was done (not for streams: see `break_stream`)."""
    if rule.kind == "lost_answer":
        return DroppedConnection()
    if rule.kind in ("cut", "stall"):
        silence = rule.stall_seconds if rule.kind == "stall" else 0.0
        return DroppedConnection(answer, cut_after=rule.cut_after, silence=silence)
    return answer


async def break_stream(rule: FaultRule | None, events: AsyncIterable[T], scope: Scope) -> AsyncIterator[T]:
    """``events`` until ``rule`` cuts or stalls them after ``cut_after`` of them; ``lost_answer`` sends none of them."""
    sent = 0
    if rule is None:
        async for event in events:
            yield event
        return
    async for event in events:
        if rule.kind == "lost_answer":
            continue
        if rule.kind in ("cut", "stall") and sent >= rule.cut_after:
            break
        yield event
        sent += 1
    else:
        if rule.kind != "lost_answer":
            return
    if rule.kind == "stall":
        await asyncio.sleep(rule.stall_seconds)
    await drop_connection(scope)


@dataclass
class _Armed:
    rule: FaultRule
    seen: int = 0
    applied: int = 0

    def sees(self, operation: str) -> bool:
        """Count the request if it is of this rule's operation; True if the rule could apply to it."""
        if self.rule.operation not in ("*", operation):
            return False
        self.seen += 1
        used_up = self.rule.times is not None and self.applied >= self.rule.times
        return self.seen > self.rule.skip and not used_up


@dataclass(frozen=True)
class LogEntry:
    """One request seen: no transcript, name or number may go into ``summary`` beyond what the test itself sent."""

    operation: str
    at: datetime
    summary: Any
    fault: str | None


@dataclass
class Switchboard:
    """The rules in force for one stand-in. One per app; not shared between event loops.

    ``operations`` are the names rules may use; a rule naming another is refused with 400: a typo cannot pass silently.
    ``knobs`` are the stand-in's own non-negative numbers, by name; what a name means is in the stand-in's docstring.
    """

    operations: Collection[str]
    knobs: dict[str, int] = field(default_factory=dict[str, int])
    _armed: list[_Armed] = field(default_factory=list[_Armed], init=False)
    _log: deque[LogEntry] = field(default_factory=lambda: deque[LogEntry](maxlen=_LOG_ENTRIES), init=False)
    _resets: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]], init=False)

    def __post_init__(self) -> None:
        self._first_knobs = dict(self.knobs)

    async def take(self, operation: str, summary: Any = None) -> FaultRule | None:
        """Note the request, wait the rule's delay, and give the rule to apply; None when nothing is left to do."""
        rule = self._first_firing(operation)
        self._log.append(LogEntry(operation, datetime.now(UTC), summary, rule.kind if rule else None))
        if rule is None:
            return None
        if rule.delay_ms and rule.kind != "stall":
            await asyncio.sleep(rule.delay_ms / 1000)
        return None if rule.kind == "delay" else rule

    def note(self, operation: str, summary: Any = None) -> None:
        """Log something without consuming a rule."""
        self._log.append(LogEntry(operation, datetime.now(UTC), summary, None))

    def guard(self, operation: str, endpoint: Endpoint, *, error_body: ErrorBody) -> Endpoint:
        """``endpoint`` under the rules for ``operation``; its answer must be a plain (not streaming) response."""

        async def guarded(request: Request) -> Response:
            rule = await self.take(operation, {"method": request.method, "path": request.url.path})
            if rule is None:
                return await endpoint(request)
            early = early_answer(rule, error_body)
            return early if early is not None else late_answer(rule, await endpoint(request))

        return guarded

    def add(self, rules: Iterable[FaultRule]) -> None:
        """Raises ValueError for an operation this stand-in does not have, or too many rules."""
        new = list(rules)
        unknown = {rule.operation for rule in new} - {*self.operations, "*"}
        if unknown:
            raise ValueError(f"unknown operations {sorted(unknown)}; known: {sorted(self.operations)}")
        if len(self._armed) + len(new) > _MAX_RULES:
            raise ValueError(f"more than {_MAX_RULES} rules")
        self._armed.extend(_Armed(rule) for rule in new)

    def clear(self) -> None:
        self._armed.clear()

    def on_reset(self, callback: Callable[[], None]) -> None:
        """``callback`` runs on ``POST /_ctl/reset``: the stand-in's own state back to its beginning."""
        self._resets.append(callback)

    def reset(self) -> None:
        self.clear()
        self._log.clear()
        self.knobs.update(self._first_knobs)
        for callback in self._resets:
            callback()

    def entries(self, operation: str | None = None) -> list[LogEntry]:
        return [entry for entry in self._log if operation in (None, entry.operation)]

    def routes(self) -> list[BaseRoute]:
        """The ``/_ctl/*`` routes named in the module docstring."""
        return [
            Route("/_ctl/faults", self._post_faults, methods=["POST"]),
            Route("/_ctl/faults", self._get_faults, methods=["GET"]),
            Route("/_ctl/faults", self._delete_faults, methods=["DELETE"]),
            Route("/_ctl/log", self._get_log, methods=["GET"]),
            Route("/_ctl/knobs", self._get_knobs, methods=["GET"]),
            Route("/_ctl/knobs", self._post_knobs, methods=["POST"]),
            Route("/_ctl/reset", self._post_reset, methods=["POST"]),
        ]

    def _first_firing(self, operation: str) -> FaultRule | None:
        # every rule counts every request of its operation, so that `skip` does not depend on the other rules
        eligible = [armed for armed in self._armed if armed.sees(operation)]
        if not eligible:
            return None
        eligible[0].applied += 1
        return eligible[0].rule

    async def _post_faults(self, request: Request) -> Response:
        try:
            rules = TypeAdapter(list[FaultRule]).validate_json(await request.body())
            self.add(rules)
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"rules": len(self._armed)})

    async def _get_faults(self, request: Request) -> Response:
        rules = [{**a.rule.model_dump(mode="json"), "seen": a.seen, "applied": a.applied} for a in self._armed]
        return JSONResponse({"rules": rules, "operations": sorted(self.operations)})

    async def _delete_faults(self, request: Request) -> Response:
        self.clear()
        return JSONResponse({"rules": 0})

    async def _get_log(self, request: Request) -> Response:
        wanted = request.query_params.get("operation")
        entries = [
            {"operation": e.operation, "at": e.at.isoformat(), "summary": e.summary, "fault": e.fault}
            for e in self.entries(wanted)
        ]
        return JSONResponse({"entries": entries})

    async def _get_knobs(self, request: Request) -> Response:
        return JSONResponse(self.knobs)

    async def _post_knobs(self, request: Request) -> Response:
        try:
            wanted = TypeAdapter(dict[str, NonNegativeInt]).validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        if unknown := set(wanted) - set(self.knobs):
            known = sorted(self.knobs)
            return JSONResponse({"error": f"unknown knobs {sorted(unknown)}; known: {known}"}, status_code=400)
        self.knobs.update(wanted)
        return JSONResponse(self.knobs)

    async def _post_reset(self, request: Request) -> Response:
        self.reset()
        return JSONResponse({"reset": True})


def knobs_from(options: Mapping[str, str] | None, defaults: Mapping[str, int]) -> dict[str, int]:
    """``defaults`` with those that ``options`` names replaced. Raises ValueError for a value that is no number."""
    given = options or {}
    return {name: int(given.get(name, default)) for name, default in defaults.items()}
