"""Facts of a call in one line each, for the terminal. Pure."""

import json
from typing import cast

from contracts.call import ToolCalled, TurnLatency
from demo.report import Records


def latency_words(latency: TurnLatency, on_the_line_ms: float | None) -> str:
    """ "560 ms on the line | 495 ms: endpointing 301 (STT 92) · LLM 232 · tool 8 · TTS 102"; empty where nothing was measured.
    The parts overlap where the framework works ahead, so that they need not add up."""
    heard = None
    if latency.endpointing is not None:
        heard = f"endpointing {latency.endpointing:.0f}" + (
            f" (STT {latency.stt:.0f})" if latency.stt is not None else ""
        )
    rest = ((latency.llm_ttft, "LLM"), (latency.tool, "tool"), (latency.tts_ttfb, "TTS"))
    parts = [heard, *(f"{name} {value:.0f}" for value, name in rest if value is not None)]
    named = " · ".join(filter(None, parts))
    own = f"{latency.total:.0f} ms: {named}" if latency.total is not None else ""
    line = f"{on_the_line_ms:.0f} ms on the line" if on_the_line_ms is not None else ""
    return " | ".join(filter(None, (line, own)))


def status_of(call: ToolCalled) -> str:
    """What the tool answered, in a word, with the slots it has on offer."""
    try:
        result = json.loads(call.result)
    except ValueError:
        return "error" if call.failed else "done"
    if not isinstance(result, dict):
        return "done"
    return str(cast("dict[str, object]", result).get("status", "done"))


def facts_of(records: Records) -> str:
    """ "23 events, 1 booking, no messages"."""
    counts = ((len(records.events), "event"), (len(records.bookings), "booking"), (len(records.messages), "message"))
    return ", ".join(f"{count or 'no'} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
