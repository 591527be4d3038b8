"""One chat-completions request as the receptionist reads it: parsed once, what it does not need left out."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CalledFunction(_Part):
    name: str
    arguments: str = ""


class Call(_Part):
    id: str
    function: CalledFunction


class Message(_Part):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[Call] = Field(default_factory=list[Call])
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The text parts, one a line."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part.get("text", "")) for part in self.content or [])

    @property
    def is_instruction(self) -> bool:
        return self.role in ("system", "developer")


class Schema(_Part):
    type: str | list[str] | None = None
    enum: list[Any] = Field(default_factory=list[Any])
    properties: "dict[str, Schema]" = Field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether it says which properties there are, none included."""
        return "properties" in self.model_fields_set

    @property
    def neutral(self) -> Any:
        """A value of this type that says nothing, for a call that is demanded and has nothing to say."""
        if self.enum:
            return self.enum[0]
        kind = self.type[0] if isinstance(self.type, list) else self.type
        neutral: dict[str | None, Any] = {"boolean": False, "integer": 0, "number": 0, "array": [], "object": {}}
        return neutral.get(kind, "")


class Function(_Part):
    name: str
    parameters: Schema = Schema()


class Tool(_Part):
    function: Function


class ChosenTool(_Part):
    function: CalledFunction


class ChatRequest(_Part):
    """``tool_choice``: as on the wire. Raises pydantic's ValidationError where the wire validation was left out."""

    messages: list[Message]
    tools: list[Tool] = Field(default_factory=list[Tool])
    tool_choice: Literal["auto", "none", "required"] | ChosenTool = "auto"

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "ChatRequest":
        return cls.model_validate({k: v for k, v in body.items() if k in cls.model_fields and v is not None})

    @property
    def schemas(self) -> dict[str, Schema]:
        """The parameters of each tool on offer, by its name."""
        return {tool.function.name: tool.function.parameters for tool in self.tools}

    @property
    def system_prompt(self) -> str:
        """The instructions at the head: the first, and those right after it if a conversation follows."""
        head: list[str] = []
        for message in self.messages:
            if not message.is_instruction:
                return "\n".join(head)
            head.append(message.text)
        return head[0] if head else ""

    @property
    def last_user_text(self) -> str:
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")


def as_object(value: Any) -> dict[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
