"""What the service of calendars asks of others; `control_api.app` names who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from pydantic import SecretStr

from calendar_tools.calcom_account import Account, AccountEventType
from control_api.principal import Principal

Region = Literal["us", "eu", "self_hosted"]


@dataclass(frozen=True)
class BookableService:
    """`drafted` False: callers have it still, the next published version won't."""

    service_id: str
    name: str
    minutes: int
    drafted: bool


@dataclass(frozen=True)
class AssistantView:
    """Of an assistant what matters to its calendar. `services`: of the draft, and those that only callers have still."""

    services: tuple[BookableService, ...]
    time_zone: str
    books: bool


class Assistants(Protocol):
    async def view(self, principal: Principal, assistant_id: UUID) -> AssistantView:
        """Raises a problem where there is none of that tenant, or its draft can't be read."""
        ...


class CalendarAccount(Protocol):
    """Raises what `calendar_tools.errors` names, and AddressRefused of `control_api.outgoing`."""

    async def read_me(self) -> Account: ...

    async def list_event_types(self) -> Sequence[AccountEventType]: ...


class CalendarAccounts(Protocol):
    def base_url_of(self, region: Literal["us", "eu"]) -> str: ...

    def at(self, region: Region, base_url: str, api_key: SecretStr) -> CalendarAccount:
        """Makes no request. A self-hosted one is asked only at addresses that may be connected to."""
        ...
