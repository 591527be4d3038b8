"""The chat-completions wire format: what a request must look like, and the exact pieces of an answer.

Owns: validation with the provider's own refusals, error bodies, chunks, token counts, the prompt cache. Refuses:
content (`sandbox.receptionist`), HTTP and timing (`sandbox.openai`).

Token counts are an estimate of about four characters a token, not the provider's tokeniser: right in proportion, so
good for cost and cache logic, not for bills.
"""

import hashlib
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.receptionist import Reply
from sandbox.receptionist.request import as_list, as_object

DEFAULT_MODELS = (
    "gpt-5.4-mini",
    "gpt-5.4",
    "gpt-5.4-nano",
    "gpt-5.5",
    "gpt-5.6-luna",
    "gpt-5.6-terra",
    "gpt-5.6-sol",
    "gpt-6-luna",
    "gpt-6-sol",
    "gpt-5.1",
    "gpt-5-mini",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4o-mini",
)
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_FUNCTION_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_TOKEN = re.compile(r"\s*(?:\w{1,5}|[^\w\s])|\s+$")
_PIECE = re.compile(r"\s*(?:\w{1,7}|[^\w\s])|\s+$")
_MAX_TOOLS = 128
_CONTEXT_TOKENS = 400_000
_CACHE_MIN = 1_024
_CACHE_STEP = 128
_CACHE_ENTRIES = 4_096
_ARGUMENT_PIECE = 8

# code -> (status, type, message)
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "invalid_api_key": (401, "invalid_request_error", "Incorrect API key provided."),
    "model_not_found": (404, "invalid_request_error", "The model does not exist or you do not have access to it."),
    "rate_limit_exceeded": (429, "requests", "Rate limit reached for requests. Please try again in 1s."),
    "insufficient_quota": (429, "insufficient_quota", "You exceeded your current quota, please check your plan."),
    "context_length_exceeded": (400, "invalid_request_error", "Your input exceeds the context window of this model."),
    "server_error": (500, "server_error", "The server had an error while processing your request."),
    "overloaded": (503, "server_error", "The engine is currently overloaded, please try again later."),
}
_CODE_OF_STATUS = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 503: "overloaded"}


@dataclass(frozen=True)
class WireError(Exception):
    """A refusal as the provider words it."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def named_error(code: str, message: str | None = None) -> WireError:
    """One of `ERRORS`. Raises KeyError for another code."""
    status, kind, text = ERRORS[code]
    return WireError(status, message or text, kind, code)


def error_body(status: int) -> dict[str, Any]:
    """The usual body for an HTTP status; 429 is the rate limit, not the quota (fault rules name that one)."""
    code = _CODE_OF_STATUS.get(status)
    if code is None:
        kind, text = (
            ("server_error", ERRORS["server_error"][2]) if status >= 500 else ("invalid_request_error", "Bad request.")
        )
        return WireError(status, text, kind).body
    return named_error(code).body


def check_request(body: Any, models: Sequence[str]) -> dict[str, Any]:
    """The body, if the real endpoint would take it. Raises WireError."""
    if not isinstance(body, dict):
        raise WireError(400, "We could not parse the JSON body of your request.")
    request = as_object(body)
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise WireError(400, "you must provide a model parameter")
    if model not in models:
        raise named_error("model_not_found", f"The model `{model}` does not exist or you do not have access to it.")
    _check_messages(request.get("messages"))
    _check_tools(request)
    _check_options(request, model)
    return request


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise WireError(400, "Invalid 'messages': empty array. Expected at least 1.", param="messages")
    waiting: list[str] = []
    for index, message in enumerate(map(as_object, as_list(messages))):
        place = f"messages.[{index}]"
        role = message.get("role")
        if role not in _ROLES:
            raise WireError(400, f"Invalid value: '{role}' for role.", param=f"{place}.role", code="invalid_value")
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise WireError(400, f"Invalid parameter: {text}", param=f"{place}.role")
            waiting.remove(message["tool_call_id"])
        else:
            _refuse_unanswered(waiting, place)
            waiting = _call_ids(message, place)
        _check_content(message, role, place)
    _refuse_unanswered(waiting, "messages")


def _refuse_unanswered(waiting: Sequence[str], place: str) -> None:
    if waiting:
        raise WireError(
            400,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}",
            param=place,
        )


def _call_ids(message: Mapping[str, Any], place: str) -> list[str]:
    calls = message.get("tool_calls")
    if calls is None:
        return []
    if message.get("role") != "assistant" or not isinstance(calls, list) or not calls:
        raise WireError(400, f"Invalid '{place}.tool_calls'.", param=f"{place}.tool_calls")
    ids: list[str] = []
    for call in map(as_object, as_list(calls)):
        function = as_object(call.get("function"))
        texts = (call.get("id"), function.get("name"), function.get("arguments"))
        if not all(isinstance(text, str) for text in texts):
            raise WireError(400, f"Invalid '{place}.tool_calls'.", param=f"{place}.tool_calls")
        ids.append(call["id"])
    return ids


def _check_content(message: Mapping[str, Any], role: str, place: str) -> None:
    content = message.get("content")
    if content is None and role == "assistant" and message.get("tool_calls"):
        return
    if isinstance(content, str):
        return
    parts = as_list(content)
    if parts and all(isinstance(as_object(part).get("type"), str) for part in parts):
        return
    kind = "null" if content is None else type(content).__name__
    raise WireError(
        400,
        f"Invalid value for 'content': expected a string or an array of parts, got {kind}.",
        param=f"{place}.content",
    )


def _check_tools(request: Mapping[str, Any]) -> None:
    tools = request.get("tools")
    names: set[str] = set()
    if tools is not None:
        if not 1 <= len(as_list(tools)) <= _MAX_TOOLS:
            raise WireError(400, "Invalid 'tools': expected between 1 and 128 tools.", param="tools")
        for index, tool in enumerate(map(as_object, as_list(tools))):
            names.add(_check_function(tool.get("function"), f"tools[{index}].function"))
    choice = request.get("tool_choice")
    if not names:
        for param in ("tool_choice", "parallel_tool_calls"):
            if request.get(param) not in (None, "none"):
                raise WireError(
                    400, f"Invalid value for '{param}': only allowed when 'tools' are specified.", param=param
                )
        return
    if isinstance(choice, dict):
        wanted = as_object(as_object(choice).get("function")).get("name")
        if wanted not in names:
            raise WireError(400, f"Tool choice '{wanted}' not found in 'tools' parameter.", param="tool_choice")
    elif choice not in (None, "auto", "none", "required"):
        raise WireError(400, f"Invalid value: '{choice}' for tool_choice.", param="tool_choice")


def _check_function(function: Any, place: str) -> str:
    spec = as_object(function)
    name = spec.get("name")
    if not isinstance(name, str) or not _FUNCTION_NAME.match(name):
        raise WireError(400, f"Invalid '{place}.name'.", param=f"{place}.name", code="invalid_value")
    if spec.get("strict"):
        _check_strict(spec.get("parameters") or {}, name, place)
    return name


def _check_strict(schema: Any, name: str, place: str) -> None:
    """Strict schemas: every object closed, and every property required."""
    for part in as_list(schema):
        _check_strict(part, name, place)
    node = as_object(schema)
    if node.get("type") == "object":
        missing = set(node.get("properties") or {}) ^ set(node.get("required") or [])
        if node.get("additionalProperties") is not False or missing:
            text = f"Invalid schema for function '{name}': strict objects need additionalProperties false and all required."
            raise WireError(400, text, param=f"{place}.parameters", code="invalid_function_parameters")
    for key, part in node.items():
        if key in ("properties", "$defs"):
            for sub in as_object(part).values():
                _check_strict(sub, name, place)
        elif key in ("items", "anyOf"):
            _check_strict(part, name, place)


def _check_options(request: Mapping[str, Any], model: str) -> None:
    if request.get("stream_options") is not None and not request.get("stream"):
        raise WireError(
            400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if not model.startswith(("gpt-5", "gpt-6")):
        return
    if request.get("max_tokens") is not None:
        text = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        raise WireError(400, text, code="unsupported_parameter", param="max_tokens")
    temperature, effort = request.get("temperature"), request.get("reasoning_effort")
    if temperature not in (None, 1, 1.0) and effort != "none":
        text = "Unsupported value: 'temperature' does not support this value with this model. Only the default (1) is."
        raise WireError(400, text, code="unsupported_value", param="temperature")
    if effort is not None and request.get("tools") and model.startswith(("gpt-5.2", "gpt-5.4")):
        text = "Function tools with reasoning_effort are not supported for this model in /v1/chat/completions."
        raise WireError(400, text, param="reasoning_effort")


def prompt_tokens(request: Mapping[str, Any]) -> list[str]:
    """The prompt as estimated tokens, in the order the provider lays it out: tools, then messages."""
    parts = [json.dumps(request.get("tools") or [], ensure_ascii=False)]
    parts.extend(json.dumps(message, ensure_ascii=False) for message in request["messages"])
    tokens = _TOKEN.findall("\n".join(parts))
    if len(tokens) > _CONTEXT_TOKENS:
        raise named_error("context_length_exceeded")
    return tokens


class PromptCache:
    """Counts what an exact shared prefix would have saved: from 1,024 tokens on, in steps of 128, per key and model."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def clear(self) -> None:
        self._seen.clear()

    def cached(self, tokens: Sequence[str], *, key: str) -> int:
        """How many of ``tokens`` an earlier prompt under ``key`` began with; remembers this prompt."""
        running = hashlib.blake2b(key.encode(), digest_size=16)
        hit, prefixes = 0, list[bytes]()
        for end in range(_CACHE_STEP, len(tokens) + 1, _CACHE_STEP):
            running.update("\x00".join(tokens[end - _CACHE_STEP : end]).encode())
            if end >= _CACHE_MIN:
                prefixes.append(running.digest())
                if prefixes[-1] in self._seen:
                    hit = end
        for prefix in prefixes:
            self._seen[prefix] = None
            self._seen.move_to_end(prefix)
        while len(self._seen) > _CACHE_ENTRIES:
            self._seen.popitem(last=False)
        return hit


@dataclass(frozen=True)
class Completion:
    """One answer, ready to be sent whole or in chunks."""

    model: str
    reply: Reply
    prompt_tokens: int
    cached_tokens: int
    completion_id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.reply.calls else "stop"

    @property
    def usage(self) -> dict[str, Any]:
        spoken = [self.reply.text, *(call.name + call.arguments for call in self.reply.calls)]
        completion = sum(len(_TOKEN.findall(text)) for text in spoken) + 3
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "cache_write_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.reply.text or None, "refusal": None}
        if self.reply.calls:
            message["tool_calls"] = [
                {"id": _call_id(), "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in self.reply.calls
            ]
        elif message["content"] is None:
            message["content"] = ""
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage}

    def chunks(self, *, include_usage: bool, obfuscate: bool) -> Iterator[dict[str, Any]]:
        """The chunks in order. With ``include_usage`` every chunk has ``usage`` (null but in the last, choiceless one)."""
        for delta, finish in self._deltas():
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
            if include_usage:
                chunk["usage"] = None
            if obfuscate:
                chunk["obfuscation"] = secrets.token_urlsafe(6)[: 2 + secrets.randbelow(6)]
            yield chunk
        if include_usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage}

    def _deltas(self) -> Iterator[tuple[dict[str, Any], str | None]]:
        calls = self.reply.calls
        if self.reply.text or not calls:
            yield {"role": "assistant", "content": "", "refusal": None}, None
            for piece in _PIECE.findall(self.reply.text):
                yield {"content": piece}, None
        for index, call in enumerate(calls):
            function = {"name": call.name, "arguments": ""}
            first: dict[str, Any] = {"index": index, "id": _call_id(), "type": "function", "function": function}
            opening = {"role": "assistant", "content": None} if index == 0 and not self.reply.text else {}
            yield {**opening, "tool_calls": [first]}, None
            for start in range(0, len(call.arguments), _ARGUMENT_PIECE):
                piece = call.arguments[start : start + _ARGUMENT_PIECE]
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
        yield {}, self.finish_reason

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": None,
        }


def _call_id() -> str:
    return f"call_{secrets.token_hex(12)}"
