"""Writes down what the session says happened: words, latencies, tool calls. Never decides anything."""

import json
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from livekit.agents import AgentSession, ConversationItemAddedEvent, FunctionToolsExecutedEvent
from livekit.agents.llm import ChatMessage, MetricsReport
from livekit.agents.metrics import LLMModelUsage, STTModelUsage, TTSModelUsage
from livekit.agents.voice.events import ToolCallEnded, ToolCallStarted, ToolExecutionUpdatedEvent

from agent.conversation import Conversation
from contracts.call import AssistantSaid, CallerSaid, ToolCalled, TurnLatency, Usage


class Scribe:
    """One per call. `latencies` are the milliseconds from the end of the caller's speech to AVA's first audio, per turn;
    `before`: those that an earlier job of the call has measured."""

    def __init__(self, session: AgentSession[Any], c: Conversation, before: Iterable[float] = ()) -> None:
        self._session = session
        self._c = c
        self._caller: MetricsReport = {}
        self._tool_started: dict[str, float] = {}
        self._tool_ms: dict[str, float] = {}
        self._turn_tool_ms = 0.0
        self._answered = True
        self.latencies = list(before)

    def subscribe(self) -> None:
        self._session.on("conversation_item_added", self._item)
        self._session.on("function_tools_executed", self._tools)
        self._session.on("tool_execution_updated", self._tool_step)

    def _item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage) or not item.text_content:
            return
        if item.role == "user":
            self._caller_said(item)
        elif item.role == "assistant":
            self._assistant_said(item)

    def _caller_said(self, item: ChatMessage) -> None:
        self._caller = item.metrics
        self._turn_tool_ms = 0.0
        self._answered = False
        progress = self._c.progress
        progress.caller_turns += 1
        progress.turns_since_progress += 1
        progress.tool_calls = 0
        self._c.recorder.note(CallerSaid(at=self._at(item), text=item.text_content or "", language=self._c.language))

    def _assistant_said(self, item: ChatMessage) -> None:
        latency = TurnLatency()
        if not self._answered:
            latency = self._latency(item.metrics)
            self._answered = True
            if latency.total is not None:
                self.latencies.append(latency.total)
        self._c.recorder.note(
            AssistantSaid(
                at=self._at(item), text=item.text_content or "", interrupted=item.interrupted, latency=latency
            )
        )

    def _at(self, item: ChatMessage) -> datetime:
        """On the call's clock, as everything else on record."""
        return self._c.now() - timedelta(seconds=time.time() - item.created_at)

    def _latency(self, spoken: MetricsReport) -> TurnLatency:
        heard = self._caller
        stopped, started = heard.get("stopped_speaking_at"), spoken.get("started_speaking_at")
        return TurnLatency(
            # AVA may have begun before the caller had really finished: then nobody waited, and there is nothing to measure
            total=_ms(started - stopped)
            if started is not None and stopped is not None and started >= stopped
            else None,
            endpointing=_ms(heard.get("end_of_turn_delay")),
            stt=_ms(heard.get("transcription_delay")),
            llm_ttft=_ms(spoken.get("llm_node_ttft")),
            tool=round(self._turn_tool_ms, 1) or None,
            tts_ttfb=_ms(spoken.get("tts_node_ttfb")),
        )

    def _tool_step(self, event: ToolExecutionUpdatedEvent) -> None:
        step = event.update
        if isinstance(step, ToolCallStarted):
            self._tool_started[step.function_call.call_id] = time.perf_counter()
            self._c.progress.tool_calls += 1
        elif isinstance(step, ToolCallEnded) and (started := self._tool_started.pop(step.call_id, None)) is not None:
            self._tool_ms[step.call_id] = (time.perf_counter() - started) * 1000
            self._turn_tool_ms += self._tool_ms[step.call_id]

    def _tools(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
            self._c.recorder.note(
                ToolCalled(
                    at=self._c.now(),
                    tool=call.name,
                    arguments=_arguments(call.arguments),
                    result=output.output,
                    failed=output.is_error,
                    milliseconds=round(self._tool_ms.pop(call.call_id, 0.0), 1),
                )
            )

    def usage(self, *, call_seconds: float) -> Usage:
        stt, llm_in, llm_cached, llm_out, tts = 0.0, 0, 0, 0, 0
        for used in self._session.usage.model_usage:
            if isinstance(used, LLMModelUsage):
                llm_in += used.input_tokens
                llm_cached += used.input_cached_tokens
                llm_out += used.output_tokens
            elif isinstance(used, STTModelUsage):
                stt += used.audio_duration
            elif isinstance(used, TTSModelUsage):
                tts += used.characters_count
        return Usage(
            # billed for as long as its socket is open; the plugin reports what it sent, in steps of 5 s
            stt_seconds=round(max(stt, call_seconds), 2) if self._session.stt is not None else 0.0,
            llm_input_tokens=llm_in,
            llm_cached_tokens=llm_cached,
            llm_output_tokens=llm_out,
            tts_characters=tts,
            call_seconds=round(call_seconds, 2),
        )


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value * 1000, 1)


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {"unreadable": text}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {"unreadable": text}
