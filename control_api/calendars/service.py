"""Calendars: a key is tested before it is kept, kept sealed, and never shown again.

What Cal.com answered decides every step: whose the key is, which event types there are, and in whose words a failure is told.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from calendar_tools.calcom_account import AccountEventType
from calendar_tools.errors import CalendarKeyRefused, CalendarNotThere, CalendarUnavailable, CalendarUnrecognised
from contracts.errors import DomainError
from control_api.calendars import mapping
from control_api.calendars.errors import (
    AddressUnacceptable,
    CalendarUnreachable,
    ConnectionBroken,
    KeyRefused,
    MappingInvalid,
)
from control_api.calendars.ports import Assistants, AssistantView, CalendarAccount, CalendarAccounts, Region
from control_api.calendars.repository import CalendarRepository, NewConnection, Row, not_connected
from control_api.calendars.schemas import CalendarConnect, CalendarDetail, CalendarTest, EventTypeSummary, State
from control_api.errors import FieldProblem, StaleVersion
from control_api.outgoing import AddressRefused, base_url_from
from control_api.principal import Principal
from store.vault import SecretUnreadable, Vault, calendar_context, preview

_RETRY_SECONDS = 5
_WORKS = "Cal.com answers and takes the key"
_KEY_CLOSED = "the stored key can't be opened any more: connect the calendar again with its key"
_NOT_YOURS = (
    "this calendar is the account of this deployment, which only its operator can look into: connect one of your own"
)


@dataclass(frozen=True)
class CalendarService:
    """`private_addresses`: tenants' own servers may be in this deployment's network."""

    repository: CalendarRepository
    assistants: Assistants
    accounts: CalendarAccounts
    vault: Vault
    clock: Callable[[], datetime]
    private_addresses: bool

    async def get(self, principal: Principal, assistant_id: UUID) -> CalendarDetail:
        view = await self.assistants.view(principal, assistant_id)
        row = await self.repository.find(principal, assistant_id)
        if row is None:
            raise not_connected()
        return self._detail(row, view)

    async def connect(
        self, principal: Principal, assistant_id: UUID, wanted: CalendarConnect, *, revision: int | None
    ) -> CalendarDetail:
        view = await self.assistants.view(principal, assistant_id)
        current = await self.repository.find(principal, assistant_id)
        _insist_on(revision, current)
        base_url = self._base_url(wanted)
        account = self.accounts.at(wanted.region, base_url, wanted.api_key)
        with _told_of_the_request(wanted.region):
            me = await account.read_me()
            kinds = await account.list_event_types()
        event_types = _kept(current, base_url, kinds) if wanted.event_types is None else wanted.event_types
        if wanted.event_types is not None:
            _insist_on_mapping(wanted.event_types, view, kinds)
        new = NewConnection(
            region=wanted.region,
            base_url=base_url,
            sealed_key=self.vault.seal(wanted.api_key, context=calendar_context(principal.tenant_id)),
            key_preview=preview(wanted.api_key),
            account=me.username,
            time_zone=me.time_zone,
            event_types=event_types,
        )
        row = await self.repository.connect(principal, assistant_id, new, revision=revision)
        return self._detail(row, view, kinds)

    async def disconnect(self, principal: Principal, assistant_id: UUID, *, revision: int | None) -> None:
        await self.repository.disconnect(principal, assistant_id, revision=revision)

    async def test(self, principal: Principal, assistant_id: UUID) -> CalendarTest:
        """Asks Cal.com who the key belongs to; the result is kept with the connection."""
        view = await self.assistants.view(principal, assistant_id)
        row = await self.repository.get_with_key(principal, assistant_id)
        began, me = time.perf_counter(), None
        state: State = "ok"
        message, latency = _WORKS, None
        try:
            account = self._stored(principal, row)
            me = await account.read_me()
        except (
            CalendarKeyRefused,
            CalendarUnrecognised,
            CalendarUnavailable,
            AddressRefused,
            SecretUnreadable,
        ) as error:
            state, message = _state_of(error)
        if state in ("ok", "key_refused"):
            latency = round((time.perf_counter() - began) * 1000)
        found = {"account": me.username if me else None, "time_zone": me.time_zone if me else None}
        await self.repository.record_test(principal, assistant_id, revision=row["revision"], state=state, **found)
        warnings = list(mapping.surroundings(view, me.time_zone if me else row["time_zone"], self.clock()))
        return CalendarTest(
            state=state, message=message, latency_ms=latency, warnings=warnings, tested_at=self.clock(), **found
        )

    async def event_types(self, principal: Principal, assistant_id: UUID) -> tuple[int, list[EventTypeSummary]]:
        """-> the connection's revision, and the account's event types in Cal.com's order."""
        view = await self.assistants.view(principal, assistant_id)
        row = await self.repository.get_with_key(principal, assistant_id)
        kinds = await self._list(principal, row)
        return row["revision"], [mapping.summary(kind, row["event_types"], view) for kind in kinds]

    async def map_event_types(
        self, principal: Principal, assistant_id: UUID, wanted: dict[str, int], *, revision: int | None
    ) -> CalendarDetail:
        view = await self.assistants.view(principal, assistant_id)
        row = await self.repository.get_with_key(principal, assistant_id)
        _insist_on(revision, row)
        kinds = await self._list(principal, row)
        _insist_on_mapping(wanted, view, kinds)
        # at the revision whose account was asked, also where the caller named none
        row = await self.repository.map_event_types(principal, assistant_id, wanted, revision=row["revision"])
        return self._detail(row, view, kinds)

    def _base_url(self, wanted: CalendarConnect) -> str:
        if wanted.region != "self_hosted":
            if wanted.base_url is not None:
                raise _unacceptable("only a server of your own has an address", "leave base_url out")
            return self.accounts.base_url_of(wanted.region)
        if wanted.base_url is None:
            raise _unacceptable("a server of your own needs its address", "add base_url, as in https://cal.example.org")
        try:
            return base_url_from(wanted.base_url, private=self.private_addresses)
        except AddressRefused as error:
            raise _unacceptable(f"{error}") from None

    def _stored(self, principal: Principal, row: Row) -> CalendarAccount:
        """Raises SecretUnreadable; ConnectionBroken where there is no key to look with."""
        if row["sealed_key"] is None:
            raise ConnectionBroken(_NOT_YOURS, reason="account_of_the_deployment", state="ok")
        key = self.vault.unseal(row["sealed_key"], context=calendar_context(principal.tenant_id))
        base_url: str = row["base_url"] or self.accounts.base_url_of("us")
        region: Region = row["region"] or ("self_hosted" if row["base_url"] else "us")
        return self.accounts.at(region, base_url, key)

    async def _list(self, principal: Principal, row: Row) -> Sequence[AccountEventType]:
        try:
            return await self._stored(principal, row).list_event_types()
        except CalendarUnavailable as error:
            raise _unreachable(error) from None
        except (CalendarKeyRefused, CalendarUnrecognised, AddressRefused, SecretUnreadable) as error:
            state, message = _state_of(error)
            raise ConnectionBroken(message, reason=error.code, state=state) from None

    def _detail(
        self, row: Mapping[str, Any], view: AssistantView, kinds: Sequence[AccountEventType] = ()
    ) -> CalendarDetail:
        mapped: dict[str, int] = row["event_types"]
        warnings = [
            *mapping.misfits(mapped, view, kinds),
            *mapping.leftovers(mapped, view),
            *mapping.surroundings(view, row["time_zone"], self.clock()),
        ]
        missing = mapping.unmapped(mapped, view)
        return CalendarDetail.model_validate({**row, "unmapped_services": missing, "warnings": warnings})


def _insist_on(revision: int | None, current: Row | None) -> None:
    """Before anything is asked of Cal.com; the database insists again when it writes."""
    if revision is not None and (current is None or current["revision"] != revision):
        raise StaleVersion(
            "somebody changed this calendar meanwhile: read it again and repeat your change",
            current=str(current["revision"]) if current else "",
        )


def _insist_on_mapping(wanted: Mapping[str, int], view: AssistantView, kinds: Sequence[AccountEventType]) -> None:
    found = list(mapping.mistakes(wanted, view, kinds))
    if found:
        what = "1 entry needs a change" if len(found) == 1 else f"{len(found)} entries need a change"
        raise MappingInvalid(f"{what}: see errors", errors=found)


def _kept(current: Row | None, base_url: str, kinds: Sequence[AccountEventType]) -> dict[str, int]:
    """Of an earlier mapping what the new key's account has too: the same event types, at the same Cal.com."""
    if current is None or current["base_url"] != base_url:
        return {}
    numbers = {kind.event_type_id for kind in kinds}
    earlier: dict[str, int] = current["event_types"]
    return {service_id: number for service_id, number in earlier.items() if number in numbers}


@contextmanager
def _told_of_the_request(region: Region) -> Generator[None]:
    """Failures of a key and an address that were just sent."""
    try:
        yield
    except AddressRefused as error:
        raise _unacceptable(f"{error}") from None
    except CalendarKeyRefused as error:
        raise KeyRefused(f"{error}", errors=[FieldProblem(pointer="/api_key", reason=f"{error}")]) from None
    except CalendarUnrecognised as error:
        if region == "self_hosted":
            raise _unacceptable(f"{error}") from None
        raise CalendarUnreachable("Cal.com gave an answer that can't be read", headers={"retry-after": "60"}) from None
    except CalendarUnavailable as error:
        if region == "self_hosted" and isinstance(error, CalendarNotThere):
            raise _unacceptable(f"{error}", "check it, or try again when the server is up") from None
        raise _unreachable(error) from None


def _unacceptable(reason: str, advice: str = "") -> AddressUnacceptable:
    return AddressUnacceptable(reason, errors=[FieldProblem(pointer="/base_url", reason=reason, advice=advice)])


def _unreachable(error: CalendarUnavailable) -> CalendarUnreachable:
    wait = max(1, round(error.retry_after or _RETRY_SECONDS))
    return CalendarUnreachable(f"{error}: send it again", headers={"retry-after": str(wait)})


def _state_of(error: DomainError) -> tuple[State, str]:
    match error:
        case CalendarKeyRefused():
            return "key_refused", f"{error}"
        case CalendarUnavailable():
            return "unreachable", f"{error}"
        case SecretUnreadable():
            return "misconfigured", _KEY_CLOSED
        case _:
            return "misconfigured", f"{error}"
