"""What test calls ask of others; `control_api.app` names who answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from contracts.assistant import Language
from contracts.call import InboundCall
from control_api.principal import Principal

Which = Literal["draft", "published"]


@dataclass(frozen=True)
class Tried:
    """A version that can be tried."""

    version: int
    language: Language


class Assistants(Protocol):
    async def find_tried(self, principal: Principal, assistant_id: UUID, which: Which) -> Tried:
        """Raises NothingToTry, NotPublished, AssistantArchived, VersionUnreadable."""
        ...


@dataclass(frozen=True)
class Admission:
    """Lets one person into one room, until `expires_at`; whom they meet there is written in the token."""

    url: str
    room: str
    token: str = field(repr=False)
    expires_at: datetime


class Rooms(Protocol):
    def admit(self, call: InboundCall) -> Admission:
        """Asks nobody: the room is opened by whoever enters it."""
        ...
