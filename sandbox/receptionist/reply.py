"""What the receptionist answers to one request: words, or calls of the tools on offer."""

import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ToolCall:
    """``arguments`` is the JSON text as it goes over the wire; a forced one may be malformed on purpose."""

    name: str
    arguments: str

    @classmethod
    def of(cls, name: str, **arguments: Any) -> "ToolCall":
        return cls(name, json.dumps(arguments, ensure_ascii=False))

    def only(self, names: Container[str]) -> "ToolCall":
        """Without the arguments that are not among ``names``."""
        return ToolCall.of(self.name, **{k: v for k, v in json.loads(self.arguments).items() if k in names})


@dataclass(frozen=True)
class Reply:
    """One of both is empty, except in forced replies. An empty text is a legal answer: nothing more to say."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
