"""One live socket of the Deepgram stand-in: what was asked for, what is heard, and the results sent for it.

Owns: the socket's life from accepted to closed. Refuses: keys, sessions and their scripts (`sandbox.deepgram`, which
also says what all this stands for and what it cannot show); choosing the words (`sandbox.recognition`).
"""

import asyncio
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.faults import FaultRule, Switchboard, drop_connection
from sandbox.hearing import COMPARED_STEPS, STEP_MS, Ear, SpeechGate
from sandbox.recognition import Choice, Script, Word, words_at_end, words_by

_HEAR_EVERY_STEPS: Final = 5
_MAX_BURST_STEPS: Final = 6_000
_LANGUAGE = re.compile(r"^(multi|[a-z]{2,3}(-[A-Za-z0-9]{2,4})?)$")
_IDLE_REASON: Final = "Deepgram did not receive audio data or a text message within the timeout window. (NET-0001)"


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


class LiveSession:
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
