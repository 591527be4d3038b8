"""Stands for Deepgram: the live socket ``/v1/listen`` (nova family) and the key check ``GET /v1/projects``.

It reacts to the audio that really arrives: speech starts and stops by level, interim results grow word by word while
the caller speaks, finals come a realistic time after he stops. The words come from the scenario::

    POST /_ctl/transcripts {"session": "<tag or *>", "utterances": [Recording.for_deepgram(), ...]}
    GET  /_ctl/transcripts?session=<tag>     what is still outstanding
    POST /_ctl/drop {"session": "<tag or *>"}    cut its live sockets now, without a close frame

A session is the socket's ``tag`` query parameter (``deepgram.STT(tags=[call_id])``); one without a script of its own
uses that of ``*``. See `sandbox.recognition` for how an utterance is recognised. Speech that is none of them gives an empty
final result, as a cough does.

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
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.faults import FaultRule, Switchboard, drop_connection, early_answer, knobs_from
from sandbox.hearing import COMPARED_STEPS, STEP_MS, Ear, SpeechGate
from sandbox.recognition import Choice, Script, Utterance, Word, words_at_end, words_by

OPERATIONS: Final = ("listen", "final", "projects")
KNOBS: Final = {
    "final_ms": 150,
    "interim_lag_ms": 150,
    "segment_ms": 5_000,
    "idle_ms": 10_000,
    "same_tenth_db": 26,
}

_ANY = "*"
_HEAR_EVERY_STEPS = 5
_MAX_SESSIONS = 500
_MAX_BURST_STEPS = 6_000
_LANGUAGE = re.compile(r"^(multi|[a-z]{2,3}(-[A-Za-z0-9]{2,4})?)$")
_IDLE_REASON = "Deepgram did not receive audio data or a text message within the timeout window. (NET-0001)"


def error_body(status: int) -> dict[str, Any]:
    """The service's error body."""
    codes = {401: "INVALID_AUTH", 402: "ASR_PAYMENT_REQUIRED", 429: "TOO_MANY_REQUESTS"}
    code = codes.get(status, "Bad Request" if status < 500 else "INTERNAL_SERVER_ERROR")
    return {"err_code": code, "err_msg": "stand-in fault", "request_id": str(uuid.uuid4())}


class BadQuery(Exception):
    """A query the service refuses at the handshake (400)."""


@dataclass(frozen=True)
class Listening:
    """What a client asked for in the query string."""

    sample_rate: int
    interim_results: bool
    vad_events: bool
    endpointing_ms: int
    utterance_end_ms: int | None
    language: str
    model: str
    tags: tuple[str, ...]

    @classmethod
    def parse(cls, query: QueryParams) -> "Listening":
        """Raises BadQuery, saying which parameter, for what the service would refuse."""
        if query.get("encoding") != "linear16":
            raise BadQuery("encoding: this stand-in hears linear16")
        interim = _flag(query, "interim_results", default=False)
        utterance_end = _number(query, "utterance_end_ms", 1_000, 5_000) if "utterance_end_ms" in query else None
        if utterance_end is not None and not interim:
            raise BadQuery("utterance_end_ms requires interim_results=true")
        if _number(query, "channels", 1, 1, default=1) != 1:
            raise BadQuery("channels")
        language, model = query.get("language", "en"), query.get("model", "nova-3")
        if not _LANGUAGE.match(language):
            raise BadQuery(f"language {language!r}")
        if not model.startswith("nova-"):
            raise BadQuery(f"No such model/language/tier combination found: {model}")
        if model.startswith("nova-3") and "keywords" in query:
            raise BadQuery("keywords is not supported by nova-3, use keyterm")
        if not model.startswith("nova-3") and "keyterm" in query:
            raise BadQuery("keyterm needs nova-3")
        off = query.get("endpointing") == "false"
        endpointing = 10_000 if off else _number(query, "endpointing", 0, 10_000, default=10)
        return cls(
            sample_rate=_number(query, "sample_rate", 8_000, 48_000),
            interim_results=interim,
            vad_events=_flag(query, "vad_events", default=False),
            endpointing_ms=endpointing,
            utterance_end_ms=utterance_end,
            language=language,
            model=model,
            tags=tuple(query.getlist("tag")),
        )


def _flag(query: QueryParams, name: str, *, default: bool) -> bool:
    value = query.get(name, str(default).lower())
    if value not in ("true", "false"):
        raise BadQuery(f"{name} must be true or false")
    return value == "true"


def _number(query: QueryParams, name: str, low: int, high: int, default: int | None = None) -> int:
    value = query.get(name, "" if default is None else str(default))
    if not value.isdigit() or not low <= int(value) <= high:
        raise BadQuery(f"{name} must be a number from {low} to {high}")
    return int(value)


@dataclass
class _Burst:
    """Speech being heard: from its onset until the pause that ends it."""

    onset_step: int
    begin_step: int
    levels: list[float] = field(default_factory=list[float])
    choice: Choice | None = None
    segment_step: int = 0
    shown_words: int = 0


class _Session:
    """One live socket. Times on the wire are seconds of audio since it opened."""

    def __init__(
        self, websocket: WebSocket, asked: Listening, script: Script, switchboard: Switchboard, rule: FaultRule | None
    ) -> None:
        self._websocket = websocket
        self._asked = asked
        self._script = script
        self._switchboard = switchboard
        self._rule = rule
        self._sent = 0
        self._request_id = str(uuid.uuid4())
        self._ear = Ear(asked.sample_rate)
        self._gate = SpeechGate()
        self._burst: _Burst | None = None
        # wall time of audio second 0, were the audio never late: finals are due by it
        self._zero = float("inf")
        self._last_heard = time.monotonic()
        self._last_word_end: float | None = None
        self._over = False

    async def run(self) -> None:
        """Until the client closes, goes silent, or a fault ends it."""
        self._script.new_connection()
        try:
            while not self._over:
                try:
                    async with asyncio.timeout(self._patience()):
                        message = await self._websocket.receive()
                except TimeoutError:
                    await self._time_passed()
                    continue
                if message["type"] == "websocket.disconnect":
                    return
                self._last_heard = time.monotonic()
                if message.get("bytes"):
                    await self._audio(message["bytes"])
                elif message.get("text"):
                    await self._control(message["text"])
        except (WebSocketDisconnect, RuntimeError):
            # the client went while something was being sent
            return

    async def drop(self) -> None:
        self._over = True
        await drop_connection(self._websocket.scope)

    def _patience(self) -> float:
        now = time.monotonic()
        idle = self._last_heard + self._switchboard.knobs["idle_ms"] / 1000 - now
        return max(0.0, min(idle, self._final_due() - now))

    def _final_due(self) -> float:
        if self._burst is None:
            return float("inf")
        wait_ms = self._gate.last_active_step * STEP_MS + self._quiet_ms()
        return self._zero + wait_ms / 1000

    def _quiet_ms(self) -> int:
        return self._asked.endpointing_ms + self._switchboard.knobs["final_ms"]

    async def _time_passed(self) -> None:
        now = time.monotonic()
        if self._burst is not None and now >= self._final_due():
            await self._end_burst(from_finalize=False)
        elif now >= self._last_heard + self._switchboard.knobs["idle_ms"] / 1000:
            self._over = True
            await self._websocket.close(1011, _IDLE_REASON)

    async def _control(self, text: str) -> None:
        try:
            kind = json.loads(text).get("type")
        except (ValueError, AttributeError):
            kind = None
        if kind == "Finalize":
            await self._end_burst(from_finalize=True)
        elif kind == "CloseStream":
            if self._burst is not None:
                await self._end_burst(from_finalize=False)
            await self._send(self._metadata())
            self._over = True
            await self._websocket.close(1000)
        elif kind not in ("KeepAlive", "Configure"):
            await self._send({"type": "Error", "description": "unknown message", "variant": "SchemaError"})

    async def _audio(self, pcm: bytes) -> None:
        for level in self._ear.hear(pcm):
            started = self._gate.hear(level)
            if started:
                onset_step = self._gate.onset_step
                self._burst = _Burst(onset_step, self._gate.step - 1, segment_step=onset_step)
                if self._asked.vad_events:
                    timestamp = onset_step * STEP_MS / 1000
                    await self._send({"type": "SpeechStarted", "channel": [0], "timestamp": timestamp})
            burst = self._burst
            if burst is not None:
                if len(burst.levels) < _MAX_BURST_STEPS:
                    burst.levels.append(level)
                if self._gate.step % _HEAR_EVERY_STEPS == 0:
                    await self._follow(burst)
                if self._gate.silent_ms >= self._quiet_ms():
                    await self._end_burst(from_finalize=False)
            await self._maybe_utterance_end()
        self._zero = min(self._zero, time.monotonic() - self._gate.step * STEP_MS / 1000)

    async def _follow(self, burst: _Burst) -> None:
        """Choose the utterance as soon as it can be told; show the words that are over; freeze a long segment."""
        knobs = self._switchboard.knobs
        if burst.choice is None:
            if len(burst.levels) > COMPARED_STEPS + _HEAR_EVERY_STEPS:
                return  # more of it would be compared no differently
            burst.choice = self._choose(burst, complete=False)
            if burst.choice is None:
                return
        choice = burst.choice
        expected = choice.expected
        spoken_ms = (self._gate.step - burst.onset_step) * STEP_MS - knobs["interim_lag_ms"]
        count = words_by(choice, spoken_ms)
        if count <= max(burst.shown_words, expected.next_word):
            return
        burst.shown_words = count
        words = expected.words[expected.next_word : count]
        long = (self._gate.step - burst.segment_step) * STEP_MS >= knobs["segment_ms"]
        if long and count < len(expected.words):
            expected.next_word = count
            await self._result(burst, words, is_final=True, speech_final=False)
            burst.segment_step = self._gate.step
        elif self._asked.interim_results:
            await self._result(burst, words, is_final=False, speech_final=False)

    def _choose(self, burst: _Burst, *, complete: bool) -> Choice | None:
        active = self._gate.last_active_step - burst.begin_step
        heard = burst.levels[: max(1, active)] if complete else burst.levels
        same_db = self._switchboard.knobs["same_tenth_db"] / 10
        # levels begin where speech became sure, some steps after its onset
        choice = self._script.choose(heard, burst.begin_step * STEP_MS, complete=complete, same_db=same_db)
        if choice is None:
            return None
        lead_ms = (burst.begin_step - burst.onset_step) * STEP_MS
        self._script.begin(choice, burst.begin_step * STEP_MS)
        return Choice(choice.expected, choice.offset_ms - lead_ms)

    async def _end_burst(self, *, from_finalize: bool) -> None:
        burst, self._burst = self._burst, None
        if burst is None:
            await self._result(None, (), is_final=True, speech_final=False, from_finalize=from_finalize)
            return
        self._gate.end()
        choice = burst.choice or self._choose(burst, complete=True)
        if choice is None:
            await self._result(burst, (), is_final=True, speech_final=True, from_finalize=from_finalize)
            return
        expected = choice.expected
        spoken_ms = (self._gate.last_active_step - burst.onset_step) * STEP_MS
        count = max(expected.next_word, burst.shown_words, words_at_end(choice, spoken_ms))
        words = expected.words[expected.next_word : count]
        expected.next_word = count
        expected.bursts_heard += 1
        self._script.consumed(expected)
        await self._result(burst, words, is_final=True, speech_final=True, from_finalize=from_finalize)

    async def _maybe_utterance_end(self) -> None:
        wanted = self._asked.utterance_end_ms
        if wanted is None or self._last_word_end is None or self._burst is not None:
            return
        if self._gate.step * STEP_MS / 1000 - self._last_word_end >= wanted / 1000:
            end, self._last_word_end = self._last_word_end, None
            await self._send({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": end})

    async def _result(
        self,
        burst: _Burst | None,
        words: tuple[Word, ...],
        *,
        is_final: bool,
        speech_final: bool,
        from_finalize: bool = False,
    ) -> None:
        if is_final and words:
            rule = await self._switchboard.take("final", {"tags": list(self._asked.tags), "words": len(words)})
            if rule is not None and rule.kind == "lost_answer":
                return
            if rule is not None and rule.kind in ("cut", "status"):
                await self.drop()
                return
            if rule is not None and rule.kind == "stall":
                await asyncio.sleep(rule.stall_seconds)
        heard_to = self._gate.step * STEP_MS / 1000
        start = heard_to if burst is None else burst.segment_step * STEP_MS / 1000
        timed = self._timed(words, start, heard_to)
        if timed:
            self._last_word_end = timed[-1]["end"]
        alternative: dict[str, Any] = {
            "transcript": " ".join(word.word for word in words),
            "confidence": 0.98 if words else 0.0,
            "words": timed,
        }
        if self._asked.language == "multi":
            alternative["languages"] = ["en"]
        await self._send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": round(start, 3),
                "duration": round(heard_to - start, 3),
                "is_final": is_final,
                "speech_final": speech_final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [alternative]},
                "metadata": {
                    "request_id": self._request_id,
                    "model_info": {"name": self._asked.model, "version": "stand-in", "arch": "nova-3"},
                    "model_uuid": "00000000-0000-0000-0000-000000000000",
                },
            }
        )

    def _timed(self, words: tuple[Word, ...], start: float, end: float) -> list[dict[str, Any]]:
        """The words with times of this connection's audio: in proportion to where they are in the recording."""
        if not words:
            return []
        first, last = words[0].start_ms, max(words[-1].end_ms, words[0].start_ms + 1)
        scale = (end - start) / (last - first)
        return [
            {
                "word": re.sub(r"[^\w'’-]", "", word.word).lower(),
                "start": round(start + (word.start_ms - first) * scale, 3),
                "end": round(start + (word.end_ms - first) * scale, 3),
                "confidence": 0.98,
                "punctuated_word": word.word,
            }
            for word in words
        ]

    def _metadata(self) -> dict[str, Any]:
        return {
            "type": "Metadata",
            "request_id": self._request_id,
            "created": datetime.now(UTC).isoformat(),
            "duration": self._gate.step * STEP_MS / 1000,
            "channels": 1,
        }

    async def _send(self, message: dict[str, Any]) -> None:
        rule = self._rule
        if rule is not None and rule.kind in ("cut", "stall") and self._sent >= rule.cut_after:
            if rule.kind == "stall":
                await asyncio.sleep(rule.stall_seconds)
            await self.drop()
            return
        self._sent += 1
        await self._websocket.send_text(json.dumps(message, ensure_ascii=False))


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
        self._live: dict[_Session, tuple[str, ...]] = {}

    def reset(self) -> None:
        self._scripts.clear()

    def script_for(self, tags: tuple[str, ...]) -> Script:
        for tag in (*tags, _ANY):
            if tag in self._scripts:
                return self._scripts[tag]
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
        session = _Session(websocket, asked, self.script_for(asked.tags), self._switchboard, rule)
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
