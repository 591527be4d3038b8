"""What placing calls asks of the line."""

from collections.abc import Mapping
from typing import Protocol

from contracts.errors import DomainError


class DialerAway(DomainError):
    """The line did not answer. Whether an agent is on its way is not known; it may be sent again under another attempt, as an
    agent asks before it rings."""

    code = "line_away"
    retryable = True


class DialerRefused(DomainError):
    """The line answered, and certainly sent nobody. For its operator."""

    code = "line_refused"


class Dialer(Protocol):
    """DialerAway, DialerRefused."""

    async def find_trunk(self, number: str) -> str | None:
        """The trunk by which calls from `number` go out; None: it has none."""
        ...

    async def send_agent(self, room: str, metadata: Mapping[str, str]) -> None:
        """An agent is sent to a new room, with `metadata` as its job's. That one comes is not said."""
        ...
