"""Stands for ElevenLabs: both multi-context sockets, both HTTP streams, voices, models and the subscription.

Owns: the wire as the LiveKit plugin (and an API client for voices) uses it. The voice itself is `sandbox.voice`.
Refuses: Opus and A-law (501 with a sentence: ask for PCM, MP3 or u-law), cloning, dictionaries.

Knobs: ``ttfb_ms`` (100) from the text's arrival to its first audio; ``speed`` (10) times real time after that;
``max_contexts`` (5) open on one socket; ``max_concurrent`` (0 = no limit) syntheses at once on the account.
Operations for faults: ``connect`` (socket handshake), ``speak`` (each text: a socket error, an HTTP status,
``cut_after`` chunks of audio), ``voices``, ``models``, ``subscription``, ``preview`` (a voice's recorded sample, which needs
no key: at the real service it lies at another host).
Options (strings): the knobs, ``bad_keys`` (comma-separated; "bad-key"), ``spent_keys`` ("spent-key": quota_exceeded),
``missing_voices`` ("missing-voice"). ``POST /_ctl/voices`` adds voices: ``[{"voice_id", "name", "labels": {...},
"verified": ["fr"], "recorded": ["fr"], "preview_url": ...}]``.

A voice id never heard of is accepted with no label (ids are the customer's own); the language is ``language_code``,
else the voice's label, else guessed from the text. As at the real service the flash and turbo v2.5 and multilingual v2
models refuse ``language_code=he``.

What it cannot show: sound quality, prosody, the real latency's spread, billing by credits, whether a real voice exists.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.elevenlabs_account import (
    KNOBS,
    OPERATIONS,
    Chunk,
    OutputFormat,
    Refusal,
    Service,
    error_body,
)
from sandbox.elevenlabs_library import LibraryEndpoints
from sandbox.faults import Switchboard, break_stream, early_answer, knobs_from

_QUEUED_TEXTS = 256
_INACTIVITY_SECONDS = 20.0


@dataclass
class _Context:
    """One context of a socket: its texts in order, and the worker that speaks them."""

    context_id: str
    voice_id: str
    texts: "asyncio.Queue[tuple[str, bool] | None]"
    offset_ms: int = 0
    worker: asyncio.Task[None] | None = None


class _Socket:
    """One multi-context connection, of either family."""

    def __init__(self, websocket: WebSocket, service: Service, output: OutputFormat, *, dialogue: bool) -> None:
        self._output = output
        self._websocket = websocket
        self._service = service
        self._dialogue = dialogue
        self._contexts: dict[str, _Context] = {}
        self._closed = False
        query = websocket.query_params
        self._model_id = query.get("model_id", "eleven_multilingual_v2")
        self._language_code = query.get("language_code")
        self._sync_alignment = query.get("sync_alignment") == "true"
        self._auto_mode = dialogue or query.get("auto_mode") == "true"
        self._voice_id = cast(str, websocket.path_params.get("voice_id", ""))

    async def run(self) -> None:
        """Until the client goes, closes, or stays quiet longer than the inactivity time-out."""
        idle = float(self._websocket.query_params.get("inactivity_timeout", _INACTIVITY_SECONDS))
        try:
            while not self._closed:
                async with asyncio.timeout(idle):
                    message = json.loads(await self._websocket.receive_text())
                await self._receive(message)
        except TimeoutError:
            with contextlib.suppress(RuntimeError):
                await self._websocket.close(1008, "input_timeout_exceeded")
        except WebSocketDisconnect:
            pass
        finally:
            self._closed = True
            for context in self._contexts.values():
                if context.worker is not None:
                    context.worker.cancel()

    async def _receive(self, message: dict[str, Any]) -> None:
        if message.get("close_socket"):
            self._closed = True
            await self._websocket.close(1000)
            return
        context_id = str(message.get("context_id") or "default")
        context = self._contexts.get(context_id)
        if message.get("close_context"):
            if context is not None:
                context.texts.put_nowait(None)
            return
        if context is None:
            if message.get("keep_alive"):
                return
            context = await self._open(context_id, message)
            if context is None:
                return
        text = "".join(str(part.get("text", "")) for part in message.get("inputs") or [message])
        if text.strip() or message.get("flush"):
            try:
                context.texts.put_nowait((text, bool(message.get("flush")) or self._auto_mode))
            except asyncio.QueueFull:
                await self._error(context_id, "too_many_pending_texts")

    async def _open(self, context_id: str, message: dict[str, Any]) -> _Context | None:
        if len(self._contexts) >= self._service.switchboard.knobs["max_contexts"]:
            await self._send({"error": "max_active_conversations", "code": 1008})
            self._closed = True
            await self._websocket.close(1008, "max_active_conversations")
            return None
        voices: list[str] = message.get("voices") or [self._voice_id]
        context = _Context(context_id, voices[0], asyncio.Queue(_QUEUED_TEXTS))
        self._contexts[context_id] = context
        context.worker = asyncio.create_task(self._work(context))
        return context

    async def _work(self, context: _Context) -> None:
        waiting = ""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                item = await context.texts.get()
                text, flush = item if item is not None else ("", True)
                waiting += text
                if flush and waiting.strip():
                    spoken, waiting = waiting, ""
                    if not await self._speak(context, spoken):
                        return
                if item is None:
                    break
            self._contexts.pop(context.context_id, None)
            await self._send(self._final(context))

    async def _speak(self, context: _Context, text: str) -> bool:
        """False when a fault or refusal ended the context."""
        service = self._service
        summary = {"characters": len(text), "context": context.context_id, "model": self._model_id}
        rule = await service.switchboard.take("speak", summary)
        try:
            if rule is not None and rule.kind == "status":
                raise Refusal(rule.status, error_body(rule.status)["detail"]["status"], "fault")
            service.check_voice(context.voice_id)
            async with service.speaking_slot():
                chunks = service.chunks(text, context.voice_id, self._language_code, self._output)
                spoken_ms = 0
                async for chunk in break_stream(rule, chunks, self._websocket.scope):
                    await self._send(self._audio(context, chunk))
                    spoken_ms += chunk.duration_ms
                context.offset_ms += spoken_ms
        except Refusal as refusal:
            self._contexts.pop(context.context_id, None)
            await self._error(context.context_id, refusal.code)
            return False
        return True

    def _audio(self, context: _Context, chunk: Chunk) -> dict[str, Any]:
        audio = base64.b64encode(chunk.audio).decode()
        # the dialogue family counts each message's times from its own audio, the other from the context's
        zero_ms = -chunk.start_ms if self._dialogue else context.offset_ms
        starts = [max(0, start + zero_ms) for _, start, _ in chunk.chars]
        chars, lengths = [char for char, _, _ in chunk.chars], [duration for _, _, duration in chunk.chars]
        aligned = self._sync_alignment and bool(chars)
        if self._dialogue:
            alignment = {"chars": chars, "char_start_times_ms": starts, "char_durations_ms": lengths}
            return {
                "audio": audio,
                "context_id": context.context_id,
                "is_final": False,
                "alignment": alignment if aligned else None,
            }
        alignment = {"chars": chars, "charStartTimesMs": starts, "charDurationsMs": lengths}
        return {
            "audio": audio,
            "contextId": context.context_id,
            "isFinal": None,
            "alignment": alignment if aligned else None,
            "normalizedAlignment": alignment if aligned else None,
        }

    def _final(self, context: _Context) -> dict[str, Any]:
        if self._dialogue:
            return {"context_id": context.context_id, "is_final": True}
        return {"contextId": context.context_id, "isFinal": True}

    async def _error(self, context_id: str, code: str) -> None:
        name = "context_id" if self._dialogue else "contextId"
        await self._send({name: context_id, "error": code, "code": 1008})

    async def _send(self, message: dict[str, Any]) -> None:
        if not self._closed:
            await self._websocket.send_text(json.dumps(message))


class _Endpoints:
    """Everything of the app over one `Service`: speech here, the rest in `sandbox.elevenlabs_library`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._switchboard = service.switchboard

    def routes(self) -> list[BaseRoute]:
        return [
            WebSocketRoute("/v1/text-to-speech/{voice_id}/multi-stream-input", self._speech_socket),
            WebSocketRoute("/v1/text-to-dialogue/multi-stream-input", self._dialogue_socket),
            Route("/v1/text-to-speech/{voice_id}/stream", self._stream_speech, methods=["POST"]),
            Route("/v1/text-to-dialogue/stream", self._stream_dialogue, methods=["POST"]),
            *LibraryEndpoints(self._service).routes(),
            *self._switchboard.routes(),
        ]

    async def _speech_socket(self, websocket: WebSocket) -> None:
        await self._socket(websocket, dialogue=False)

    async def _dialogue_socket(self, websocket: WebSocket) -> None:
        await self._socket(websocket, dialogue=True)

    async def _socket(self, websocket: WebSocket, *, dialogue: bool) -> None:
        query = websocket.query_params
        rule = await self._switchboard.take("connect", {"dialogue": dialogue, "model": query.get("model_id")})
        if rule is not None and (early := early_answer(rule, error_body)) is not None:
            if rule.kind == "status":
                await websocket.send_denial_response(early)
            else:
                await early(websocket.scope, websocket.receive, websocket.send)
            return
        try:
            output = OutputFormat.parse(query.get("output_format", "mp3_44100_128"))
            self._check(websocket, query.get("model_id", "eleven_multilingual_v2"), dialogue=dialogue)
            self._service.check_voice(str(websocket.path_params.get("voice_id", "")))
        except Refusal as refusal:
            await websocket.send_denial_response(refusal.response())
            return
        await websocket.accept()
        await _Socket(websocket, self._service, output, dialogue=dialogue).run()

    def _check(
        self, connection: WebSocket | Request, model_id: str, *, dialogue: bool, code: str | None = None
    ) -> None:
        self._service.check_key(connection)
        self._service.check_model(model_id, code or connection.query_params.get("language_code"))
        if dialogue != model_id.startswith(("eleven_v3", "eleven_v4")):
            raise Refusal(400, "model_not_supported", f"Model {model_id} cannot be used with this endpoint.")

    async def _stream_speech(self, request: Request) -> Response:
        return await self._stream(request, dialogue=False)

    async def _stream_dialogue(self, request: Request) -> Response:
        return await self._stream(request, dialogue=True)

    async def _stream(self, request: Request, *, dialogue: bool) -> Response:
        try:
            body: dict[str, Any] = json.loads(await request.body())
            inputs: list[dict[str, str]] = body["inputs"] if dialogue else [body]
            texts = [str(part["text"]) for part in inputs]
            voice_id = inputs[0]["voice_id"] if dialogue else str(request.path_params["voice_id"])
        except (ValueError, KeyError, IndexError, TypeError):
            detail = [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}]
            return JSONResponse({"detail": detail}, status_code=422)
        model_id = str(body.get("model_id", "eleven_multilingual_v2"))
        code = cast("str | None", body.get("language_code"))
        summary = {"characters": sum(map(len, texts)), "model": model_id}
        rule = await self._switchboard.take("speak", summary)
        if rule is not None and (early := early_answer(rule, error_body)) is not None:
            return early
        try:
            output = OutputFormat.parse(request.query_params.get("output_format", "mp3_44100_128"))
            self._check(request, model_id, dialogue=dialogue, code=code)
            self._service.check_voice(voice_id)
            self._service.check_slot()
        except Refusal as refusal:
            return refusal.response()

        async def audio() -> AsyncIterator[bytes]:
            async with self._service.speaking_slot():
                async for chunk in self._service.chunks(" ".join(texts), voice_id, code, output):
                    yield chunk.audio

        headers = {"request-id": "stand-in", "character-cost": str(summary["characters"])}
        return StreamingResponse(
            break_stream(rule, audio(), request.scope), media_type=output.media_type, headers=headers
        )


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """The stand-in as an ASGI app; ``options`` as in the module's docstring."""
    given = options or {}
    switchboard = Switchboard(OPERATIONS, knobs=knobs_from(given, KNOBS))

    def names(option: str, default: str) -> frozenset[str]:
        return frozenset(name for name in given.get(option, default).split(",") if name)

    service = Service(
        switchboard,
        bad_keys=names("bad_keys", "bad-key"),
        spent_keys=names("spent_keys", "spent-key"),
        missing_voices=names("missing_voices", "missing-voice"),
    )
    service.reset()
    switchboard.on_reset(service.reset)
    return Starlette(routes=_Endpoints(service).routes())
