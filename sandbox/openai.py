"""A stand-in for OpenAI's chat completions: streamed and whole answers, tool calls, errors, latency, prompt caching.

Stands for: the wire, as the real ``livekit`` plugin and the ``openai`` client use it, with the provider's refusals of
malformed requests; the words come from the scripted receptionist (`sandbox.receptionist`). Cannot show: whether a
real model understands callers or keeps to its prompt, real tokenisation, real latency spread, TLS.

Owns: the endpoints, timing, the log of requests. Refuses: dialogue (`sandbox.receptionist`), wire shapes
(`sandbox.openai_wire`), faults (`sandbox.faults`).

Options of `create_app` (all text): ``api_key`` (else any key is taken), ``models`` (comma-separated; else
`openai_wire.DEFAULT_MODELS`), ``ttft_ms`` (200), ``token_ms`` (5).

- ``POST /v1/chat/completions``, ``GET /v1/models``, ``GET /v1/models/{model}``
- ``GET  /_ctl/requests``  ``{"requests": [{"at", "body", "headers", "reply", "outcome"}]}``, the last 200; ``headers``
  are the ``x-livekit-*`` ones; ``outcome`` is running | finished | abandoned (the client left) | failed (a fault)
- ``POST /_ctl/script``    a list of forced replies (see `sandbox.receptionist.ForcedReply`), appended; ``GET`` lists,
  ``DELETE`` clears
- ``POST /_ctl/latency``   ``{"ttft_ms"?: n, "token_ms"?: n}``
- the switchboard's own, for the operations ``chat.completions`` and ``models``

Beyond the switchboard's rules: a text ``body`` that is one of `openai_wire.ERRORS` (``"insufficient_quota"``) stands
for that whole error and its status; a ``cut`` with ``cut_after`` > 0 and a ``body`` sends that as an ``{"error": …}``
event in the middle of the stream and ends it in order.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from sandbox.faults import FaultRule, Switchboard, break_stream, early_answer, late_answer
from sandbox.openai_wire import (
    DEFAULT_MODELS,
    ERRORS,
    Completion,
    PromptCache,
    WireError,
    check_request,
    error_body,
    named_error,
    prompt_tokens,
)
from sandbox.receptionist import ChatRequest, ForcedReplies, ForcedReply, Reply, reply_to

_LOGGED_REQUESTS = 200
_MODEL_CREATED = 1_760_000_000

Outcome = Literal["running", "finished", "abandoned", "failed"]


class Latency(BaseModel):
    """Milliseconds: before the first chunk, and between two chunks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttft_ms: float = Field(default=200.0, ge=0, le=120_000)
    token_ms: float = Field(default=5.0, ge=0, le=10_000)


@dataclass
class SeenRequest:
    """One request as it came, and what became of its answer."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    reply: Reply | None = None
    outcome: Outcome = "running"

    def as_json(self) -> dict[str, Any]:
        reply = self.reply
        said = None if reply is None else {"content": reply.text, "tool_calls": [vars(call) for call in reply.calls]}
        return {
            "at": self.at.isoformat(),
            "body": self.body,
            "headers": self.headers,
            "reply": said,
            "outcome": self.outcome,
        }


class OpenAIApp:
    """State of one stand-in: models, key, latency, cache, forced replies, log. One per app."""

    def __init__(self, options: Mapping[str, str]) -> None:
        listed = tuple(name.strip() for name in options.get("models", "").split(",") if name.strip())
        self._models = listed or DEFAULT_MODELS
        self._api_key = options.get("api_key")
        self._first_latency = Latency.model_validate({k: options[k] for k in ("ttft_ms", "token_ms") if k in options})
        self.latency = self._first_latency
        self.requests: deque[SeenRequest] = deque(maxlen=_LOGGED_REQUESTS)
        self.forced = ForcedReplies()
        self.switchboard = Switchboard(operations=("chat.completions", "models"))
        self.switchboard.on_reset(self._reset)
        self._cache = PromptCache()

    def routes(self) -> list[BaseRoute]:
        models = self.switchboard.guard("models", self._list_models, error_body=error_body)
        return [
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/models/{model}", self._get_model, methods=["GET"]),
            Route("/_ctl/requests", self._get_requests, methods=["GET"]),
            Route("/_ctl/script", self._post_script, methods=["POST"]),
            Route("/_ctl/script", self._get_script, methods=["GET"]),
            Route("/_ctl/script", self._delete_script, methods=["DELETE"]),
            Route("/_ctl/latency", self._post_latency, methods=["POST"]),
            *self.switchboard.routes(),
        ]

    def _reset(self) -> None:
        self.requests.clear()
        self.forced.clear()
        self._cache.clear()
        self.latency = self._first_latency

    async def _complete(self, request: Request) -> Response:
        try:
            key = self._authorised(request)
            body = check_request(await _json_body(request), self._models)
            tokens = prompt_tokens(body)
        except WireError as error:
            self.switchboard.note("chat.completions", {"refused": error.code or error.status})
            return _refusal(error)
        seen = SeenRequest(body, {k: v for k, v in request.headers.items() if k.startswith("x-livekit-")})
        self.requests.append(seen)
        parsed = ChatRequest.read(body)
        summary = {"model": body["model"], "messages": len(parsed.messages), "tools": list(parsed.schemas)}
        rule = _with_named_error(await self.switchboard.take("chat.completions", summary))
        if rule is not None and (early := early_answer(rule, error_body)) is not None:
            seen.outcome = "failed"
            early.headers.update(
                _headers() if rule.status != 429 else {**_headers(), "retry-after": "1", **rule.headers}
            )
            return early
        seen.reply = self._reply(parsed)
        cached = self._cache.cached(tokens, key=f"{body.get('prompt_cache_key') or key}/{body['model']}")
        completion = Completion(body["model"], seen.reply, len(tokens), cached)
        if body.get("stream"):
            events = self._events(completion, body, rule, seen, request.scope)
            return StreamingResponse(events, media_type="text/event-stream", headers=_headers())
        await asyncio.sleep((self.latency.ttft_ms + self.latency.token_ms * len(seen.reply.text) / 4) / 1000)
        seen.outcome = "finished"
        answer = JSONResponse(completion.whole(), headers=_headers())
        return answer if rule is None else late_answer(rule, answer)

    def _reply(self, request: ChatRequest) -> Reply:
        forced = self.forced.take(request.last_user_text, after_tool=request.messages[-1].role == "tool")
        return forced or reply_to(request)

    async def _events(
        self, completion: Completion, body: Mapping[str, Any], rule: FaultRule | None, seen: SeenRequest, scope: Scope
    ) -> AsyncGenerator[str]:
        """The stream under its fault. A client that leaves closes this generator: the answer is then abandoned."""
        try:
            async with aclosing(self._stream(completion, body, rule, scope)) as stream:
                async for event in stream:
                    yield event
            seen.outcome = "finished" if rule is None else "failed"
        finally:
            if seen.outcome == "running":
                seen.outcome = "abandoned" if rule is None else "failed"

    async def _stream(
        self, completion: Completion, body: Mapping[str, Any], rule: FaultRule | None, scope: Scope
    ) -> AsyncGenerator[str]:
        events = self._timed_chunks(completion, body)
        if rule is not None and rule.kind == "cut" and rule.body is not None:
            sent = 0
            async with aclosing(events):
                async for event in events:
                    if sent == rule.cut_after:
                        break
                    yield event
                    sent += 1
            yield _event(rule.body)
            return
        async for event in break_stream(rule, events, scope):
            yield event

    async def _timed_chunks(self, completion: Completion, body: Mapping[str, Any]) -> AsyncGenerator[str]:
        options: Mapping[str, Any] = body.get("stream_options") or {}
        latency = self.latency
        pause = latency.ttft_ms / 1000
        chunks = completion.chunks(
            include_usage=bool(options.get("include_usage")), obfuscate=options.get("include_obfuscation") is not False
        )
        for chunk in chunks:
            await asyncio.sleep(pause)
            yield _event(chunk)
            pause = latency.token_ms / 1000
        yield "data: [DONE]\n\n"

    def _authorised(self, request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise WireError(401, "You didn't provide an API key in an Authorization header (Bearer).")
        if self._api_key is not None and not secrets.compare_digest(key.strip().encode(), self._api_key.encode()):
            raise named_error("invalid_api_key")
        return key.strip()

    async def _list_models(self, request: Request) -> Response:
        try:
            self._authorised(request)
        except WireError as error:
            return _refusal(error)
        return JSONResponse({"object": "list", "data": [_model(name) for name in self._models]}, headers=_headers())

    async def _get_model(self, request: Request) -> Response:
        name = request.path_params["model"]
        try:
            self._authorised(request)
            if name not in self._models:
                raise named_error("model_not_found", f"The model `{name}` does not exist.")
        except WireError as error:
            return _refusal(error)
        return JSONResponse(_model(name), headers=_headers())

    async def _get_requests(self, request: Request) -> Response:
        return JSONResponse({"requests": [seen.as_json() for seen in self.requests]})

    async def _post_script(self, request: Request) -> Response:
        try:
            replies = TypeAdapter(list[ForcedReply]).validate_json(await request.body())
            self.forced.add(replies)
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"replies": len(self.forced)})

    async def _get_script(self, request: Request) -> Response:
        return JSONResponse({"replies": self.forced.listing()})

    async def _delete_script(self, request: Request) -> Response:
        self.forced.clear()
        return JSONResponse({"replies": 0})

    async def _post_latency(self, request: Request) -> Response:
        try:
            changes = Latency.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        self.latency = self.latency.model_copy(update=changes.model_dump(include=changes.model_fields_set))
        return JSONResponse(self.latency.model_dump())


def _with_named_error(rule: FaultRule | None) -> FaultRule | None:
    """``body: "insufficient_quota"`` written out as that error, with its status."""
    if rule is None or not isinstance(rule.body, str) or rule.body not in ERRORS:
        return rule
    error = named_error(rule.body)
    return rule.model_copy(update={"body": error.body, "status": error.status})


async def _json_body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


def _event(payload: Any) -> str:
    return f"data: {json.dumps(payload, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _headers() -> dict[str, str]:
    return {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "42",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "6ms",
    }


def _refusal(error: WireError) -> Response:
    return JSONResponse(error.body, status_code=error.status, headers=_headers())


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _MODEL_CREATED, "owned_by": "openai"}


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """See the module docstring for the options. Raises pydantic's ValidationError for a latency that is no number."""
    stand_in = OpenAIApp(options or {})
    app = Starlette(routes=stand_in.routes())
    app.state.openai = stand_in
    return app
