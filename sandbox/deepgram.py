"""Stands for Deepgram: the live socket ``/v1/listen`` (nova family) and the key check ``GET /v1/projects``.

It reacts to the audio that really arrives: speech starts and stops by level, interim results grow word by word while
the caller speaks, finals come a realistic time after he stops. The words come from the scenario::

    POST /_ctl/transcripts {"session": "<tag or *>", "utterances": [Recording.for_deepgram(), ...]}
    GET  /_ctl/transcripts?session=<tag>     what is still outstanding
    POST /_ctl/drop {"session": "<tag or *>"}    cut its live sockets now, without a close frame

A session is the socket's ``tag`` query parameter (``deepgram.STT(tags=[call_id])``). One without a script of its own gets
a copy of that of ``each``, for calls whose id nobody knows before they come in; else all such share that of ``*``. See
`sandbox.recognition` for how an utterance is recognised. Speech that is none of them gives an empty final result, as a
cough does.

Knobs: ``final_ms`` (150) from the end of endpointing to the final; ``interim_lag_ms`` (150) a word is behind its sound;
``segment_ms`` (5000) of speech without a pause after which its words are final (``is_final``, not ``speech_final``);
``idle_ms`` (10000) without audio or KeepAlive before NET-0001; ``same_tenth_db`` (26) how alike a recording must sound.
Operations for faults: ``listen`` (handshake; ``cut_after`` n messages once open), ``final`` (each final with text: delay
it, lose it, cut there), ``projects``.
Options (strings): the knobs; ``bad_keys`` (comma-separated; "bad-key").

What it cannot show: recognition errors, accuracy by language, accent or noise, corrections of earlier interims, Flux
(``/v2/listen``), the prerecorded API.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sandbox.deepgram_session import BadQuery, Listening, LiveSession
from sandbox.faults import Switchboard, early_answer, knobs_from
from sandbox.recognition import Script, Utterance

OPERATIONS: Final = ("listen", "final", "projects")
KNOBS: Final = {
    "final_ms": 150,
    "interim_lag_ms": 150,
    "segment_ms": 5_000,
    "idle_ms": 10_000,
    "same_tenth_db": 26,
}

_ANY = "*"
_EACH = "each"
_MAX_SESSIONS = 500


def error_body(status: int) -> dict[str, Any]:
    """The service's error body."""
    codes = {401: "INVALID_AUTH", 402: "ASR_PAYMENT_REQUIRED", 429: "TOO_MANY_REQUESTS"}
    code = codes.get(status, "Bad Request" if status < 500 else "INTERNAL_SERVER_ERROR")
    return {"err_code": code, "err_msg": "stand-in fault", "request_id": str(uuid.uuid4())}


class _Announcement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    session: str = Field(default=_ANY, min_length=1, max_length=128)
    utterances: list[Utterance]


class _Drop(BaseModel):
    model_config = ConfigDict(extra="forbid")

    session: str = _ANY


class _Endpoints:
    """Scripts by session, live sockets, and the endpoints over them."""

    def __init__(self, switchboard: Switchboard, bad_keys: frozenset[str]) -> None:
        self._switchboard = switchboard
        self._bad_keys = bad_keys
        self._scripts: dict[str, Script] = {}
        self._live: dict[LiveSession, tuple[str, ...]] = {}

    def reset(self) -> None:
        self._scripts.clear()

    def script_for(self, tags: tuple[str, ...]) -> Script:
        for tag in tags:
            if tag in self._scripts:
                return self._scripts[tag]
        if tags and _EACH in self._scripts and len(self._scripts) < _MAX_SESSIONS:
            return self._scripts.setdefault(tags[0], self._scripts[_EACH].copy())
        return self._scripts.setdefault(_ANY, Script())

    def refused(self, connection: HTTPConnection) -> Response | None:
        kind, _, key = connection.headers.get("authorization", "").partition(" ")
        if kind in ("Token", "Bearer") and key and key not in self._bad_keys:
            return None
        return _handshake_error(401, "INVALID_AUTH", "Invalid credentials.")

    async def listen(self, websocket: WebSocket) -> None:
        rule = await self._switchboard.take("listen", {"query": str(websocket.query_params)})
        if rule is not None and (early := early_answer(rule, error_body)) is not None:
            if rule.kind == "status":
                await websocket.send_denial_response(early)
            else:
                await early(websocket.scope, websocket.receive, websocket.send)
            return
        if (refused := self.refused(websocket)) is not None:
            await websocket.send_denial_response(refused)
            return
        try:
            asked = Listening.parse(websocket.query_params)
        except BadQuery as error:
            await websocket.send_denial_response(_handshake_error(400, "Bad Request", str(error)))
            return
        await websocket.accept(headers=[(b"dg-request-id", str(uuid.uuid4()).encode())])
        session = LiveSession(websocket, asked, self.script_for(asked.tags), self._switchboard, rule)
        self._live[session] = asked.tags
        try:
            await session.run()
        finally:
            del self._live[session]

    async def projects(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        return JSONResponse({"projects": [{"project_id": "stand-in", "name": "stand-in"}]})

    async def announce(self, request: Request) -> Response:
        try:
            given = _Announcement.model_validate_json(await request.body())
            script = self._scripts.get(given.session)
            if script is None and len(self._scripts) >= _MAX_SESSIONS:
                raise ValueError(f"more than {_MAX_SESSIONS} sessions")
            script = self._scripts.setdefault(given.session, Script())
            await asyncio.to_thread(script.add, given.utterances)
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"outstanding": len(script.outstanding())})

    async def outstanding(self, request: Request) -> Response:
        script = self._scripts.get(request.query_params.get("session", _ANY), Script())
        return JSONResponse({"outstanding": [e.utterance.text for e in script.outstanding()]})

    async def drop(self, request: Request) -> Response:
        wanted = _Drop.model_validate_json(await request.body() or b"{}").session
        chosen = [session for session, tags in self._live.items() if wanted == _ANY or wanted in tags]
        for session in chosen:
            with contextlib.suppress(RuntimeError):
                await session.drop()
        return JSONResponse({"dropped": len(chosen)})


def _handshake_error(status: int, code: str, message: str) -> Response:
    request_id = str(uuid.uuid4())
    body = {"err_code": code, "err_msg": message, "request_id": request_id}
    return JSONResponse(body, status_code=status, headers={"dg-error": message, "dg-request-id": request_id})


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """The stand-in as an ASGI app; ``options`` as in the module's docstring."""
    given = options or {}
    switchboard = Switchboard(OPERATIONS, knobs=knobs_from(given, KNOBS))
    bad_keys = frozenset(key for key in given.get("bad_keys", "bad-key").split(",") if key)
    endpoints = _Endpoints(switchboard, bad_keys)
    switchboard.on_reset(endpoints.reset)
    return Starlette(
        routes=[
            WebSocketRoute("/v1/listen", endpoints.listen),
            Route("/v1/projects", switchboard.guard("projects", endpoints.projects, error_body=error_body)),
            Route("/_ctl/transcripts", endpoints.announce, methods=["POST"]),
            Route("/_ctl/transcripts", endpoints.outstanding, methods=["GET"]),
            Route("/_ctl/drop", endpoints.drop, methods=["POST"]),
            *switchboard.routes(),
        ]
    )
