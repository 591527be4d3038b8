"""Replies that tests put in the model's mouth: lies, malformed arguments, doubled or endless tool calls.

Owns: the list, its counting and its bound. Refuses: deciding anything itself.
"""

import json
import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.receptionist.reply import Reply, ToolCall

_MAX_FORCED = 100


class ForcedCall(BaseModel):
    """``arguments``: an object, or a string sent as it is (malformed JSON included)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict[str, Any])


class ForcedReply(BaseModel):
    """Used instead of the policy when ``when_user_matches`` (search, any case) is found in the caller's last words.

    ``after``: ``user`` = only as the answer to the caller; ``tool`` = only after a tool's result; ``any`` = both (with
    ``times`` None this loops on tools). It applies ``times`` times, None = until removed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when_user_matches: str
    content: str = ""
    tool_calls: tuple[ForcedCall, ...] = ()
    after: Literal["user", "tool", "any"] = "user"
    times: int | None = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            re.compile(self.when_user_matches)
        except re.error as error:
            raise ValueError(f"when_user_matches is no regular expression: {error}") from error
        if not self.content and not self.tool_calls:
            raise ValueError("a forced reply needs content or tool_calls")
        return self

    def reply(self) -> Reply:
        calls = tuple(
            ToolCall(
                c.name, c.arguments if isinstance(c.arguments, str) else json.dumps(c.arguments, ensure_ascii=False)
            )
            for c in self.tool_calls
        )
        return Reply(self.content, calls)


class ForcedReplies:
    """The forced replies in force, first match first."""

    def __init__(self) -> None:
        self._replies: list[ForcedReply] = []
        self._used: list[int] = []

    def __len__(self) -> int:
        return len(self._replies)

    def add(self, replies: list[ForcedReply]) -> None:
        """Raises ValueError when the list would grow over its bound."""
        if len(self._replies) + len(replies) > _MAX_FORCED:
            raise ValueError(f"more than {_MAX_FORCED} forced replies")
        self._replies.extend(replies)
        self._used.extend(0 for _ in replies)

    def clear(self) -> None:
        self._replies.clear()
        self._used.clear()

    def listing(self) -> list[dict[str, Any]]:
        return [{**r.model_dump(mode="json"), "used": n} for r, n in zip(self._replies, self._used, strict=True)]

    def take(self, user_text: str, *, after_tool: bool) -> Reply | None:
        """The forced reply for a request whose last caller's words are ``user_text``, counted as used; or None."""
        moment = "tool" if after_tool else "user"
        for index, forced in enumerate(self._replies):
            if forced.times is not None and self._used[index] >= forced.times:
                continue
            if forced.after not in (moment, "any"):
                continue
            if re.search(forced.when_user_matches, user_text, re.IGNORECASE):
                self._used[index] += 1
                return forced.reply()
        return None
