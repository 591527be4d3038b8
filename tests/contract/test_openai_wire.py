"""The real OpenAI plugin of the framework, and the real client, against the stand-in on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import openai as openai_client
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError, APITimeoutError, llm
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.plugins import openai

from sandbox.openai import OpenAIApp, create_app
from sandbox.providers import serve

PROMPT = (
    "You are Ava, the receptionist of Park Dental Practice. You speak English.\n# Services\n- checkup: Check-up (20 min)\n"
    "- cleaning: Cleaning (30 min)\n"
)
FAST = {"ttft_ms": "1", "token_ms": "0", "api_key": "sk-test"}
ONE_TRY = APIConnectOptions(max_retry=0, timeout=5.0)


@llm.function_tool
async def find_slots(service: str, day: str, part_of_day: str) -> str:
    """Free times."""
    return ""


@llm.function_tool
async def check_opening_hours(day: str) -> str:
    """Open or closed."""
    return ""


class Line:
    """A stand-in that is up, its state, its control surface, and the framework's client of it."""

    def __init__(self, url: str, app: OpenAIApp) -> None:
        self.url = url
        self.app = app
        self.model = self.open_model()

    def open_model(
        self, *, model: str = "gpt-5.4-mini", api_key: str = "sk-test", prompt_cache_key: NotGivenOr[str] = NOT_GIVEN
    ) -> openai.LLM:
        return openai.LLM(
            model=model, base_url=f"{self.url}/v1", api_key=api_key, prompt_cache_key=prompt_cache_key, temperature=0.3
        )

    async def control(self, path: str, body: Any) -> None:
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text

    async def fault(self, **rule: Any) -> None:
        await self.control("/_ctl/faults", [{"operation": "chat.completions", **rule}])

    async def ask(self, text: str, *, model: openai.LLM | None = None, **options: Any) -> list[llm.ChatChunk]:
        context = llm.ChatContext.empty()
        context.add_message(role="system", content=PROMPT)
        context.add_message(role="user", content=text)
        options.setdefault("conn_options", ONE_TRY)
        stream = (model or self.model).chat(chat_ctx=context, tools=[find_slots, check_opening_hours], **options)
        async with stream:
            return [chunk async for chunk in stream]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    app = create_app(FAST)
    async with serve(app) as url:
        line = Line(url, app.state.openai)
        yield line
        await line.model.aclose()


def text_of(chunks: list[llm.ChatChunk]) -> str:
    return "".join(chunk.delta.content or "" for chunk in chunks if chunk.delta)


def calls_of(chunks: list[llm.ChatChunk]) -> list[llm.FunctionToolCall]:
    return [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]


async def test_text_is_streamed_in_pieces_with_usage_last(line: Line) -> None:
    chunks = await line.ask("Hello")
    assert text_of(chunks) == "Yes, I can hear you. How can I help you?"
    assert len([c for c in chunks if c.delta and c.delta.content]) > 5
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_cached_tokens == 0
    assert usage.completion_tokens > 5


async def test_a_tool_call_arrives_whole_with_its_id(line: Line) -> None:
    [call] = calls_of(await line.ask("I'd like an appointment on Thursday morning for a cleaning"))
    assert call.name == "find_slots"
    assert json.loads(call.arguments) == {"service": "cleaning", "day": "Thursday", "part_of_day": "morning"}
    assert call.call_id.startswith("call_")


async def test_parallel_calls_keep_their_arguments_apart(line: Line) -> None:
    calls = [{"name": "check_opening_hours", "arguments": {"day": d}} for d in ("Monday", "Tuesday")]
    await line.control("/_ctl/script", [{"when_user_matches": "open", "content": "One moment. ", "tool_calls": calls}])
    chunks = await line.ask("Are you open?")
    assert text_of(chunks) == "One moment. "
    got = calls_of(chunks)
    assert [json.loads(c.arguments) for c in got] == [{"day": "Monday"}, {"day": "Tuesday"}]
    assert len({c.call_id for c in got}) == 2


async def test_a_forced_lie_is_told_once_and_malformed_arguments_arrive_as_they_are(line: Line) -> None:
    lie = {"when_user_matches": "thursday", "content": "You're booked for Thursday at ten!"}
    broken = {"when_user_matches": "open", "tool_calls": [{"name": "find_slots", "arguments": '{"day": '}]}
    await line.control("/_ctl/script", [lie, broken])
    assert text_of(await line.ask("Thursday please")) == "You're booked for Thursday at ten!"
    assert "booked" not in text_of(await line.ask("Thursday please"))
    [call] = calls_of(await line.ask("Are you open?"))
    assert call.arguments == '{"day": '


async def test_a_tool_loop_runs_until_the_script_is_cleared(line: Line) -> None:
    call = {"name": "check_opening_hours", "arguments": {"day": "today"}}
    await line.control("/_ctl/script", [{"when_user_matches": "", "tool_calls": [call], "after": "any", "times": None}])
    for _ in range(3):
        assert calls_of(await line.ask("Hello"))
    async with httpx.AsyncClient(base_url=line.url) as client:
        assert (await client.get("/_ctl/script")).json()["replies"][0]["used"] == 3
        await client.delete("/_ctl/script")
    assert not calls_of(await line.ask("Hello"))


@pytest.mark.parametrize(
    ("rule", "status", "code", "retryable"),
    [
        ({"kind": "status", "status": 500}, 500, None, True),
        ({"kind": "status", "status": 503}, 503, "overloaded", True),
        ({"kind": "status", "status": 429}, 429, "rate_limit_exceeded", True),
        ({"kind": "status", "body": "insufficient_quota"}, 429, "insufficient_quota", True),
        ({"kind": "status", "body": "invalid_api_key"}, 401, "invalid_api_key", False),
    ],
)
async def test_error_statuses_surface_as_the_frameworks_status_error(
    line: Line, rule: Mapping[str, Any], status: int, code: str | None, retryable: bool
) -> None:
    await line.fault(**rule)
    with pytest.raises(APIStatusError) as raised:
        await line.ask("Hello")
    assert raised.value.status_code == status
    assert raised.value.retryable is retryable
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["code"] == code
    assert (raised.value.request_id or "").startswith("req_")
    assert text_of(await line.ask("Hello"))


async def test_a_wrong_key_and_an_unknown_model(line: Line) -> None:
    for options, status in (({"api_key": "sk-other"}, 401), ({"model": "gpt-9"}, 404)):
        model = line.open_model(**options)
        with pytest.raises(APIStatusError) as raised:
            await line.ask("Hello", model=model)
        await model.aclose()
        assert raised.value.status_code == status
        assert not raised.value.retryable


async def test_a_slow_first_token_is_a_timeout(line: Line) -> None:
    await line.control("/_ctl/latency", {"ttft_ms": 3000})
    with pytest.raises(APITimeoutError) as raised:
        await line.ask("Hello", conn_options=APIConnectOptions(max_retry=0, timeout=0.2))
    assert raised.value.retryable


async def test_a_stall_in_the_stream_is_a_timeout_that_is_not_retried(line: Line) -> None:
    await line.fault(kind="stall", cut_after=4, delay_ms=5_000)
    with pytest.raises(APITimeoutError) as raised:
        await line.ask("Hello", conn_options=APIConnectOptions(max_retry=0, timeout=0.2))
    assert not raised.value.retryable


async def test_a_cut_stream_is_a_connection_error(line: Line) -> None:
    await line.fault(kind="cut", cut_after=4)
    with pytest.raises(APIConnectionError):
        await line.ask("Hello")


async def test_an_error_in_the_middle_of_the_stream(line: Line) -> None:
    body = {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}}
    await line.fault(kind="cut", cut_after=4, body=body)
    with pytest.raises((APIConnectionError, APIStatusError)) as raised:
        await line.ask("Hello")
    assert not raised.value.retryable


async def test_the_framework_retries_a_single_failure(line: Line) -> None:
    await line.fault(kind="status", status=500)
    chunks = await line.ask("Hello", conn_options=APIConnectOptions(max_retry=1, timeout=2.0, retry_interval=0.01))
    assert text_of(chunks)
    assert [seen.outcome for seen in line.app.requests] == ["failed", "finished"]


async def test_a_caller_who_goes_on_speaking_drops_the_generation(line: Line) -> None:
    """A pre-empted answer is closed by the client; the stand-in notes it and serves the next."""
    await line.control("/_ctl/latency", {"token_ms": 50})
    context = llm.ChatContext.empty()
    context.add_message(role="user", content="Hello")
    stream = line.model.chat(chat_ctx=context, conn_options=ONE_TRY)
    async for _ in stream:
        break
    await stream.aclose()
    for _ in range(200):
        if line.app.requests[-1].outcome != "running":
            break
        await asyncio.sleep(0.01)
    assert line.app.requests[-1].outcome == "abandoned"
    await line.control("/_ctl/latency", {"token_ms": 0})
    assert text_of(await line.ask("Hello"))


async def test_a_long_shared_prefix_is_counted_as_cached_per_key(line: Line) -> None:
    async def usage(words: str, key: str, prefix: str = "rule " * 2000) -> llm.CompletionUsage:
        context = llm.ChatContext.empty()
        context.add_message(role="system", content=prefix)
        context.add_message(role="user", content=words)
        model = line.open_model(prompt_cache_key=key)
        async with model.chat(chat_ctx=context, conn_options=ONE_TRY) as stream:
            chunks = [chunk async for chunk in stream]
        await model.aclose()
        assert chunks[-1].usage is not None
        return chunks[-1].usage

    assert (await usage("Hello", "tenant-a")).prompt_cached_tokens == 0
    again = await usage("Goodbye", "tenant-a")
    assert 1024 <= again.prompt_cached_tokens < again.prompt_tokens
    assert again.prompt_cached_tokens % 128 == 0
    assert (await usage("Hello", "tenant-b")).prompt_cached_tokens == 0
    assert (await usage("Hello", "tenant-a", "other " + "rule " * 2000)).prompt_cached_tokens == 0
    await usage("Hello", "tenant-a", "short")
    assert (await usage("Hello", "tenant-a", "short")).prompt_cached_tokens == 0


async def test_prewarm_models_and_a_whole_answer_with_the_plain_client(line: Line) -> None:
    async with openai_client.AsyncOpenAI(base_url=f"{line.url}/v1", api_key="sk-test", max_retries=0) as client:
        assert "gpt-5.4-mini" in [model.id async for model in client.models.list()]
        answer = await client.chat.completions.create(
            model="gpt-5.4-mini",
            messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": "Hello"}],
        )
    assert answer.choices[0].message.content == "Yes, I can hear you. How can I help you?"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None


USER = {"role": "user", "content": "Hi"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
LOOSE = {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"messages": [USER, CALL]}, "c1"),
        ({"messages": [USER, CALL, USER]}, "did not have response messages: c1"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}]}, "role 'tool'"),
        ({"messages": [USER, CALL, {"role": "tool", "tool_call_id": "c2", "content": "x"}]}, "role 'tool'"),
        ({"messages": []}, "empty array"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "robot"),
        ({"messages": [{"role": "user", "content": None}]}, "content"),
        ({"tools": [{"type": "function", "function": {"name": "not a name"}}]}, "name"),
        ({"tools": [{"type": "function", "function": LOOSE}]}, "Invalid schema for function 'f'"),
        ({"tool_choice": "required"}, "tools"),
        ({"parallel_tool_calls": False}, "tools"),
        ({"stream_options": {"include_usage": True}}, "stream"),
        ({"max_tokens": 5}, "max_completion_tokens"),
        ({"temperature": 0.2}, "temperature"),
        ({"model": None}, "model"),
    ],
)
async def test_malformed_requests_are_refused_like_the_real_ones(line: Line, change: dict[str, Any], says: str) -> None:
    body = {"model": "gpt-5.4-mini", "messages": [USER], **change}
    async with httpx.AsyncClient(base_url=line.url, headers={"Authorization": "Bearer sk-test"}) as client:
        answer = await client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


async def test_the_chunk_sequence_on_the_wire(line: Line) -> None:
    """Role first, one id for all chunks, usage only when asked for, then the end mark."""
    body = {"model": "gpt-5.4-mini", "messages": [USER], "stream": True}
    async with httpx.AsyncClient(base_url=line.url, headers={"Authorization": "Bearer sk-test"}) as client:
        lines = (await client.post("/v1/chat/completions", json=body)).text.split("\n\n")
        with_usage = await client.post("/v1/chat/completions", json={**body, "stream_options": {"include_usage": True}})
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in lines[:-2]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)
    last = json.loads(with_usage.text.split("\n\n")[-3].removeprefix("data: "))
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


async def test_requests_are_kept_to_look_at_and_reset(line: Line) -> None:
    await line.ask("Hello")
    async with httpx.AsyncClient(base_url=line.url) as client:
        [seen] = (await client.get("/_ctl/requests")).json()["requests"]
        assert seen["body"]["messages"][-1] == {"role": "user", "content": "Hello"}
        assert seen["reply"]["content"].startswith("Yes")
        assert seen["outcome"] == "finished"
        await client.post("/_ctl/reset")
        assert (await client.get("/_ctl/requests")).json()["requests"] == []
