"""Numbers in the database as the service sees them: work to do, and each step of it. One method, one query or one SQL function.

Owns: the lease on a piece of work, and saying a step again when the database's answer was lost: a step moves a row once.
Refuses: users' requests (`numbers.repository`) and deciding anything. Nothing here is filtered by row-level security, so
whatever is read is read by its own id or by tenant.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import stamina

from contracts.errors import DomainError, StoreUnavailable
from control_api.numbers.carrier import OwnedNumber, Price
from control_api.numbers.fallback import Known, known_from
from control_api.numbers.line import Route
from control_api.numbers.purchase import LIVE, CarrierAccount, Purchase, account_from, purchase_from
from store.errors import Conflicting
from store.session import AsService, Session, Sessions

LEASE_SECONDS = 120
"""How long a worker may be at one step before another takes it for dead; every step begins it anew."""

_ACCOUNT_SECONDS = 90
_TRIES = 3
_PAGE = 200


class LeaseLost(DomainError):
    """Another worker has this number in hand, or it is elsewhere on its way. Nothing was written."""

    code = "lease_lost"
    retryable = True


@dataclass(frozen=True)
class ManagedAccount:
    """`open`: whoever holds this opens the account at the carrier; `wait`: another purchase does."""

    outcome: Literal["ready", "open", "wait"]
    account: CarrierAccount


@dataclass(frozen=True)
class Unanswered:
    """A number that was rung in vain, and the account it comes through."""

    account: CarrierAccount
    number: Known


@dataclass(frozen=True)
class Ledger:
    sessions: Sessions

    async def take(self, lease: UUID, *, purchase_id: UUID | None = None, for_repair: bool = False) -> Purchase | None:
        """What is due, or that purchase whenever it is due; in the hands of `lease` then. None: nothing to be had."""
        row = await self._again(
            "take_number_work_v1",
            p_lease=str(lease),
            p_seconds=LEASE_SECONDS,
            p_purchase_id=None if purchase_id is None else str(purchase_id),
            p_repair=for_repair,
        )
        return None if row is None else purchase_from(row)

    async def mark_buying(self, purchase: Purchase, carrier_id: UUID) -> Purchase:
        return await self._step("number_buying_v1", purchase, p_carrier_id=str(carrier_id))

    async def mark_bought(
        self,
        purchase: Purchase,
        carrier_id: UUID,
        number: OwnedNumber,
        *,
        previous_routing: Mapping[str, Any] | None = None,
        sealed_routing: str | None = None,
    ) -> Purchase:
        return await self._step(
            "number_bought_v1",
            purchase,
            p_carrier_id=str(carrier_id),
            p_number_sid=number.number_sid,
            p_capabilities=sorted(number.capabilities),
            p_previous_routing=previous_routing,
            p_sealed_routing=sealed_routing,
        )

    async def mark_routed(self, purchase: Purchase, route: Route, *, trunk_sid: str | None) -> Purchase:
        return await self._step(
            "number_routed_v1",
            purchase,
            p_trunk_sid=trunk_sid,
            p_line_trunk_id=route.trunk_id,
            p_line_rule_id=route.rule_id,
        )

    async def activate(self, purchase: Purchase) -> Purchase:
        return await self._step("number_activated_v1", purchase)

    async def fail(self, purchase: Purchase, *, code: str, words: str) -> Purchase:
        return await self._step("number_failed_v1", purchase, p_code=code, p_words=words)

    async def defer(
        self, purchase: Purchase, *, code: str, words: str, seconds: float, unsent: bool = False
    ) -> Purchase:
        """Given back, due again in `seconds`. `unsent`: the carrier certainly did not sell it since `purchase` was read. No
        LeaseLost: who lost it changes nothing."""
        before = purchase.buy_sent_at
        return await self._step(
            "number_deferred_v1",
            purchase,
            p_code=code,
            p_words=words,
            p_seconds=seconds,
            p_unsent=unsent,
            p_sent_before=None if before is None else before.isoformat(),
        )

    async def mark_released(self, purchase: Purchase) -> Purchase:
        return await self._step("number_released_v1", purchase)

    async def set_price(self, purchase: Purchase, price: Price) -> None:
        await self._again(
            "number_priced_v1",
            p_purchase_id=str(purchase.purchase_id),
            p_monthly_price=str(price.amount),
            p_currency=price.currency,
        )

    async def hold_managed_account(self, purchase: Purchase, *, new_id: UUID) -> ManagedAccount:
        row = await self._again(
            "hold_managed_account_v1",
            p_tenant_id=str(purchase.tenant_id),
            p_carrier_id=str(new_id),
            p_purchase_id=str(purchase.purchase_id),
            p_seconds=_ACCOUNT_SECONDS,
        )
        return ManagedAccount(row["outcome"], account_from(row["carrier"]))

    async def mark_account_opened(
        self, account: CarrierAccount, *, account_sid: str, sealed_secret: str, preview: str
    ) -> CarrierAccount:
        """-> the account that counts: an earlier one where there was one."""
        row = await self._again(
            "managed_account_opened_v1",
            p_carrier_id=str(account.carrier_id),
            p_account_sid=account_sid,
            p_sealed_secret=sealed_secret,
            p_preview=preview,
        )
        return account_from(row)

    async def hold_sign_in(
        self, account: CarrierAccount, *, instead_of: str | None, username: str, sealed_password: str
    ) -> CarrierAccount:
        """-> the account with the sign-in that counts: another's where somebody was first."""
        row = await self._again(
            "hold_termination_v1",
            p_carrier_id=str(account.carrier_id),
            p_instead_of=instead_of,
            p_username=username,
            p_sealed_password=sealed_password,
        )
        return account_from(row)

    async def mark_sign_in_set(self, account: CarrierAccount, set_at: datetime) -> None:
        """The carrier has the password of the account's sign-in."""
        await self._again(
            "termination_set_v1",
            p_carrier_id=str(account.carrier_id),
            p_username=account.termination_username,
            p_set_at=set_at.isoformat(),
        )

    async def get_purchase(self, purchase_id: UUID) -> Purchase:
        session = self._session()
        query = session.table("number_purchases").select("*").eq("purchase_id", str(purchase_id))
        return purchase_from((await session.read(query))[0])

    async def get_account(self, tenant_id: UUID, carrier_id: UUID) -> CarrierAccount:
        found = [account async for account in self.accounts(tenant_id=tenant_id, carrier_id=carrier_id)]
        return found[0]

    async def accounts(
        self, *, tenant_id: UUID | None = None, carrier_id: UUID | None = None
    ) -> AsyncIterator[CarrierAccount]:
        filters = {"tenant_id": tenant_id, "carrier_id": carrier_id}
        async for row in self._pages("carrier_accounts", "carrier_id", filters):
            yield account_from(row)

    async def live_purchases(self, *, tenant_id: UUID | None = None) -> AsyncIterator[Purchase]:
        states = sorted(LIVE)
        async for row in self._pages("number_purchases", "purchase_id", {"tenant_id": tenant_id}, states=states):
            yield purchase_from(row)

    async def find_purchases(self, purchase_ids: list[UUID]) -> list[Purchase]:
        """Those of them that were ever made here, in whatever state."""
        session, found = self._session(), list[Purchase]()
        for place in range(0, len(purchase_ids), _PAGE):
            ids = [str(purchase_id) for purchase_id in purchase_ids[place : place + _PAGE]]
            query = session.table("number_purchases").select("*").in_("purchase_id", ids)
            found += [purchase_from(row) for row in await session.read(query)]
        return found

    async def answering(self, *, tenant_id: UUID | None = None) -> set[str]:
        """The numbers that lead to an assistant, or would."""
        filters = {"tenant_id": tenant_id}
        return {row["e164"] async for row in self._pages("phone_numbers", "e164", filters)}

    async def find_unanswered(self, carrier_id: UUID, e164: str) -> Unanswered | None:
        """None: there is no such account."""
        row = await self._again("find_unanswered_v1", p_carrier_id=str(carrier_id), p_e164=e164)
        return None if row is None else Unanswered(account_from(row["account"]), known_from(row["number"]))

    async def _pages(
        self, table: str, key: str, filters: Mapping[str, UUID | None], *, states: Sequence[str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        session, after = self._session(), None
        while True:
            query = session.table(table).select("*")
            for name, value in filters.items():
                query = query if value is None else query.eq(name, str(value))
            query = query if states is None else query.in_("state", states)
            query = query if after is None else query.gt(key, after)
            rows = await session.read(query.order(key).limit(_PAGE))
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            after = rows[-1][key]

    async def _step(self, function: str, purchase: Purchase, **parameters: Any) -> Purchase:
        """Raises LeaseLost."""
        try:
            row = await self._again(
                function, p_purchase_id=str(purchase.purchase_id), p_lease=str(purchase.lease), **parameters
            )
        except Conflicting as error:
            if error.reason in ("lease_lost", "state_changed"):
                raise LeaseLost(f"{error}") from error
            raise
        return purchase_from(row)

    async def _again(self, function: str, **parameters: Any) -> Any:
        """Every function sent through here may be sent twice."""
        async for attempt in stamina.retry_context(
            on=StoreUnavailable, attempts=_TRIES, timeout=None, wait_initial=0.2, wait_jitter=0.2
        ):
            with attempt:
                return await self._call(function, **parameters)
        raise AssertionError("the last attempt returns or raises")

    async def _call(self, function: str, **parameters: Any) -> Any:
        return cast("dict[str, Any] | None", await self._session().call(function, **parameters))

    def _session(self) -> Session:
        return self.sessions.open(AsService())
