"""The floor: what a turn would take if everything but the providers took no time.

Owns: the stand-ins' latencies for the bench, their sum for a plain and a tool turn as configured, and the same sum as
probed over the wire with the plainest clients there are. Refuses: judging (`bench.report`).
"""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import aiohttp
import httpx

from demo.stack import Stack
from sandbox.openai_wire import Completion
from sandbox.receptionist import Reply, ToolCall

MODEL = "gpt-5.4-mini"
PLAIN_WORDS = "Oui, je vous entends très bien. Dites-moi simplement ce que je peux faire pour vous aujourd'hui."
TOOL_WORDS = "Jeudi vingt-six novembre : neuf heures, dix heures ou onze heures. Qu'est-ce qui vous convient ?"
TOOL_ARGUMENTS = {"service": "detartrage", "day": "jeudi", "part_of_day": "matin"}
ASKS_FOR_A_DAY = "rendez-vous jeudi"
_PROBES = 7
_ENDPOINTING_MS = 25  # the Deepgram plugin's default, which both sides leave as it is


@dataclass(frozen=True)
class Latencies:
    """The stand-ins' knobs, ms. Near what the real services take at the median, on the fast side."""

    stt_final: int = 150
    llm_ttft: int = 200
    llm_token: int = 5
    tts_ttfb: int = 100
    calendar_read: int = 200

    async def set(self, post: Callable[[str, str, Any], Awaitable[Any]]) -> None:
        """`post`: sends a stand-in, by its name, a control's path and body."""
        await post("deepgram", "knobs", {"final_ms": self.stt_final})
        await post("openai", "latency", {"ttft_ms": self.llm_ttft, "token_ms": self.llm_token})
        await post("elevenlabs", "knobs", {"ttfb_ms": self.tts_ttfb})
        await post("calcom", "latency", {"read_ms": self.calendar_read})
        await post("openai", "script", forced_replies())


def forced_replies() -> list[dict[str, Any]]:
    """Both sides hear the same model: what it says does not depend on their prompts."""
    call = {"name": "find_slots", "arguments": TOOL_ARGUMENTS}
    return [
        {"when_user_matches": ASKS_FOR_A_DAY, "tool_calls": [call], "after": "user", "times": None},
        {"when_user_matches": ASKS_FOR_A_DAY, "content": TOOL_WORDS, "after": "tool", "times": None},
        {"when_user_matches": ".", "content": PLAIN_WORDS, "after": "user", "times": None},
    ]


def first_sentence(text: str) -> str:
    return text[: text.index(". ") + 1]


@dataclass(frozen=True)
class Floor:
    """ms. `sentence` is the model's time to the end of its first sentence, `call` to the end of its tool call."""

    stt: float
    sentence: float
    call: float
    tool_sentence: float
    calendar: float
    tts: float

    @property
    def plain(self) -> float:
        return round(self.stt + self.sentence + self.tts, 1)

    @property
    def tool(self) -> float:
        """The ordinary chain: call, calendar, a second trip through the model."""
        return round(self.stt + self.call + self.calendar + self.tool_sentence + self.tts, 1)

    def as_json(self) -> dict[str, float]:
        return {**{k: round(v, 1) for k, v in asdict(self).items()}, "plain": self.plain, "tool": self.tool}


def configured(latencies: Latencies) -> Floor:
    """By the knobs alone."""

    def to_sentence(text: str) -> float:
        return latencies.llm_ttft + latencies.llm_token * (_chunks_until(Reply(text), first_sentence(text)) - 1)

    asked = Reply(calls=(ToolCall.of("find_slots", **TOOL_ARGUMENTS),))
    return Floor(
        stt=_ENDPOINTING_MS + latencies.stt_final,
        sentence=to_sentence(PLAIN_WORDS),
        call=latencies.llm_ttft + latencies.llm_token * (_chunks_until(asked, None) - 1),
        tool_sentence=to_sentence(TOOL_WORDS),
        calendar=latencies.calendar_read,
        tts=latencies.tts_ttfb,
    )


def _chunks_until(reply: Reply, sentence: str | None) -> int:
    """Chunks sent up to the one that completes the sentence; None: up to the one that says the call is complete."""
    said = ""
    for count, chunk in enumerate(Completion(MODEL, reply, 1, 0).chunks(include_usage=True, obfuscate=False), start=1):
        for choice in chunk["choices"]:
            said += choice["delta"].get("content") or ""
            if choice["finish_reason"] or (sentence is not None and sentence in said):
                return count
    raise ValueError("the reply never completes")


async def probed(stack: Stack, latencies: Latencies, *, voice_id: str, tts_model: str, event_type: int) -> Floor:
    """Medians over the wire. Recognition can't be probed without a caller: its configured time stands."""
    async with httpx.AsyncClient(timeout=10) as http, aiohttp.ClientSession() as sockets:
        plain, tool_call, after_tool, calendar = (list[float]() for _ in range(4))
        question = {"role": "user", "content": "Bonjour."}
        wish = {"role": "user", "content": f"Un {ASKS_FOR_A_DAY}, s'il vous plaît."}
        said = {"id": "call_1", "type": "function", "function": {"name": "find_slots", "arguments": "{}"}}
        result: list[dict[str, Any]] = [
            {"role": "assistant", "content": None, "tool_calls": [said]},
            {"role": "tool", "tool_call_id": "call_1", "content": "[]"},
        ]
        for _ in range(_PROBES):
            plain.append(await _model(http, stack, [question], first_sentence(PLAIN_WORDS)))
            tool_call.append(await _model(http, stack, [wish], None))
            after_tool.append(await _model(http, stack, [wish, *result], first_sentence(TOOL_WORDS)))
            calendar.append(await _calendar(http, stack, event_type))
        voice = [await _voice(sockets, stack, voice_id, tts_model) for _ in range(_PROBES)]
    return Floor(
        stt=_ENDPOINTING_MS + latencies.stt_final,
        sentence=median(plain),
        call=median(tool_call),
        tool_sentence=median(after_tool),
        calendar=median(calendar),
        tts=median(voice),
    )


async def _model(http: httpx.AsyncClient, stack: Stack, messages: list[dict[str, Any]], sentence: str | None) -> float:
    tool: dict[str, Any] = {
        "type": "function",
        "function": {"name": "find_slots", "parameters": {"type": "object", "properties": {}}},
    }
    body: dict[str, Any] = {"model": MODEL, "messages": messages, "tools": [tool], "stream": True}
    url, headers = f"{stack.urls['openai']}/v1/chat/completions", {"authorization": "Bearer sk-demo"}
    began, said = time.perf_counter(), ""
    async with http.stream("POST", url, json=body, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            for choice in json.loads(line[6:])["choices"]:
                said += choice["delta"].get("content") or ""
                if choice["finish_reason"] or (sentence is not None and sentence in said):
                    return (time.perf_counter() - began) * 1000
    raise ValueError("the stand-in's answer never completed")


async def _calendar(http: httpx.AsyncClient, stack: Stack, event_type: int) -> float:
    began = time.perf_counter()
    answer = await http.get(
        f"{stack.urls['calcom']}/v2/slots",
        params={"eventTypeId": event_type, "start": "2026-11-26", "end": "2026-11-27"},
        headers={"authorization": "Bearer cal_demo_0123456789", "cal-api-version": "2024-09-04"},
    )
    answer.raise_for_status()
    return (time.perf_counter() - began) * 1000


async def _voice(sockets: aiohttp.ClientSession, stack: Stack, voice_id: str, model: str) -> float:
    url = f"{stack.urls['elevenlabs']}/v1/text-to-speech/{voice_id}/multi-stream-input"
    query = f"model_id={model}&output_format=pcm_16000&language_code=fr&auto_mode=true"
    async with sockets.ws_connect(f"{url}?{query}", headers={"xi-api-key": "el-demo"}) as socket:
        await socket.send_json({"text": " ", "context_id": "probe"})
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        await socket.send_json({"text": first_sentence(PLAIN_WORDS) + " ", "context_id": "probe", "flush": True})
        while True:
            message = await socket.receive_json()
            if message.get("audio") and base64.b64decode(message["audio"]):
                return (time.perf_counter() - began) * 1000
