"""How a tool speaks. What code has decided is said word for word at once, without a second trip through the model:
no fact can be changed on the way, and the caller hears it one LLM latency earlier."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

from livekit.agents import ToolError
from livekit.agents.llm import RawFunctionTool, ToolResult, function_tool
from livekit.agents.voice import RunContext, SpeechHandle
from pydantic import BaseModel, ValidationError

Context = RunContext[Any]
_TWO_DOTS = re.compile(r"(?<!\.)\.\.(?!\.)")


def told(ctx: Context, status: str, say: str, **facts: Any) -> ToolResult:
    """Speaks `say` and answers the model with what was said. A turn that the caller has interrupted meanwhile is left to
    the model: it sees the result with the caller's next words."""
    say = tidy(say)
    return answered(status, say, spoken=speak(ctx, say) is not None, **facts)


def tidy(say: str) -> str:
    """One dot where an abbreviation ends the sentence ("at nine a.m.")."""
    return _TWO_DOTS.sub(".", say)


def speak(ctx: Context, say: str) -> SpeechHandle | None:
    """None: the caller has interrupted this turn, or the call is over."""
    if ctx.speech_handle.interrupted:
        return None
    try:
        return ctx.session.say(say)
    except RuntimeError:  # the session closed while the tool was at work
        return None


def take_the_floor(ctx: Context) -> None:
    """Before a write: what the caller says from here on is heard after it. ToolError: they spoke first, nothing is written."""
    try:
        ctx.disallow_interruptions()
    except RuntimeError as error:
        raise ToolError("the caller spoke before this began: nothing was done; answer what they said") from error


def answered(status: str, say: str, *, spoken: bool, **facts: Any) -> ToolResult:
    result = json.dumps({"status": status, "say": say, **facts}, ensure_ascii=False)
    return ToolResult(result, reply_required=not spoken)


class Arguments(BaseModel):
    """Arguments of a tool whose schema changes during the call. Malformed ones are answered so that the model can mend."""

    @classmethod
    def read(cls, raw: dict[str, object]) -> Self:
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            fields = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
            raise ToolError(f"arguments not understood: {fields}") from error


def raw_tool(
    call: Callable[..., Awaitable[Any]], *, name: str, description: str, properties: dict[str, Any], once: bool = False
) -> RawFunctionTool[..., Any]:
    """A tool with a schema made by hand; every property is required. `once`: a second call of it while one is running is
    turned away by the framework."""
    return function_tool(
        call,
        raw_schema={"name": name, "description": description, "parameters": object_schema(properties)},
        on_duplicate="reject" if once else "allow",
    )


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def one_of(values: Sequence[str], description: str) -> dict[str, Any]:
    """An enum; with no values yet the model has nothing it may name."""
    return {"type": "string", "enum": list(values) or ["none"], "description": description}


def text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}
