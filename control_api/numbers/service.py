"""Numbers: what an owner may do with them, and the order in which it is done.

Buying and giving back begin with one row in the database; from there `numbers.saga` carries on, here as long as the owner
waits, and by itself after that.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from contracts.errors import DomainError
from control_api.errors import FieldProblem, InvalidRequest
from control_api.numbers import carrier as ports
from control_api.numbers.accounts import Accounts
from control_api.numbers.carrier import EndUser, NumberKind, NumberQuery, Price
from control_api.numbers.completer import Completer
from control_api.numbers.errors import (
    CarrierCredentialsRefused,
    CarrierNotConfigured,
    CostOverAlert,
    in_words,
    problem_of,
)
from control_api.numbers.fallback_schemas import NumberPatch
from control_api.numbers.repository import MOST_NUMBERS, NumberRepository
from control_api.numbers.schemas import (
    NumberCost,
    NumberCosts,
    NumberRequirements,
    OfferedNumber,
    OwnNumber,
    Purchase,
    PurchaseCreate,
    Regulation,
    Total,
    number_seen,
    purchase_seen,
)
from control_api.numbers.words import needs_of
from control_api.paging import Page, decode, paged
from control_api.principal import Principal

NO_LINE = (
    "this deployment has no telephone line: its operator sets LIVEKIT_URL, its key and secret, and LIVEKIT_SIP_URI"
)


@dataclass(frozen=True)
class NumberService:
    """`has_line`: there is somewhere to send calls. `is_reached`: carriers can ask here about those that nobody took."""

    repository: NumberRepository
    accounts: Accounts
    completer: Completer
    has_line: bool
    is_reached: bool = False

    async def search(self, query: NumberQuery) -> list[OfferedNumber]:
        with _platform():
            found = await self.accounts.open_platform().search(query)
        return [_offered(offer) for offer in found]

    async def requirements(self, country: str, kind: NumberKind, end_user: EndUser) -> NumberRequirements:
        with _platform():
            carrier = self.accounts.open_platform()
            regulations = await carrier.requirements(country, kind, end_user=end_user)
            sample = await carrier.search(NumberQuery(country, kind, limit=1))
        address = sample[0].address_requirement if sample else None
        return NumberRequirements(
            country=country,
            kind=kind,
            address_requirement=address,
            needs=list(needs_of(address or "none", bool(regulations))),
            regulations=[Regulation.model_validate(one, from_attributes=True) for one in regulations],
        )

    async def buy(self, principal: Principal, purchase_id: UUID, wanted: PurchaseCreate) -> Purchase:
        """As far as it came: active, or on its way. Raises the problem it failed for, the same one when asked again."""
        known = await self.repository.find_purchase(principal, purchase_id)
        if known is None:
            self.require_line()
            price = await self._price(wanted)
            if price is not None and not wanted.confirm_cost:
                await self._refuse_over_alert(principal, price)
            row = wanted.model_dump(mode="json", exclude={"confirm_cost"})
            row |= {"monthly_price": str(price.amount), "currency": price.currency} if price else {}
            with in_words():
                await self.repository.request(principal, purchase_id, "purchase", row)
        return await self.finished(principal, purchase_id)

    async def release(self, principal: Principal, e164: str, *, confirm: str) -> Purchase:
        if confirm != e164:
            said = FieldProblem(
                pointer="/confirm", reason="not the number of the address", advice="write the number once more"
            )
            raise InvalidRequest("a release is confirmed with the number itself: see errors", errors=[said])
        self.require_line()
        row = await self.repository.release(principal, e164)
        return await self.finished(principal, UUID(row["purchase_id"]))

    async def finished(self, principal: Principal, purchase_id: UUID) -> Purchase:
        """Carried on while the owner waits. Raises the problem that a purchase failed for."""
        await self.completer.finish(purchase_id)
        row = await self.repository.get_purchase(principal, purchase_id)
        if row["state"] == "failed":
            raise problem_of(row["last_error_code"], row["last_error"], purchase_id=str(purchase_id))
        return purchase_seen(row)

    async def purchase(self, principal: Principal, purchase_id: UUID) -> Purchase:
        return purchase_seen(await self.repository.get_purchase(principal, purchase_id))

    async def purchases(
        self, principal: Principal, *, state: str | None, cursor: str | None, limit: int
    ) -> Page[Purchase]:
        rows = await self.repository.find_purchases(principal, state=state, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["purchase_id"]))
        return Page(items=[purchase_seen(row) for row in page], next_cursor=following)

    async def numbers(self, principal: Principal, *, cursor: str | None, limit: int) -> Page[OwnNumber]:
        rows = await self.repository.find_numbers(principal, after=decode(cursor), limit=limit + 1)
        page, following = paged(rows, limit, lambda row: (row["created_at"], row["number_id"]))
        return Page(items=[self._seen(row) for row in page], next_cursor=following)

    async def number(self, principal: Principal, e164: str) -> OwnNumber:
        return self._seen(await self.repository.get_number(principal, e164))

    async def change(self, principal: Principal, e164: str, patch: NumberPatch, *, revision: int | None) -> OwnNumber:
        chosen = None if patch.fallback is None else patch.fallback.model_dump(mode="json")
        with in_words():
            return self._seen(await self.repository.set_fallback(principal, e164, chosen, revision=revision))

    async def assign(self, principal: Principal, e164: str, assistant_id: UUID) -> OwnNumber:
        return self._seen(await self.repository.assign(principal, e164, assistant_id))

    async def unassign(self, principal: Principal, e164: str) -> OwnNumber:
        return self._seen(await self.repository.unassign(principal, e164))

    def _seen(self, row: Mapping[str, Any]) -> OwnNumber:
        return number_seen(row, is_reached=self.is_reached)

    async def costs(self, principal: Principal) -> NumberCosts:
        rows = await self.repository.find_numbers(principal, after=None, limit=MOST_NUMBERS)
        alert = await self.repository.cost_alert(principal)
        costs = [_cost(row) for row in rows]
        totals = _totals(costs)
        threshold = None if alert is None else Decimal(alert)
        return NumberCosts(
            numbers=costs,
            totals=totals,
            unknown=sum(1 for cost in costs if cost.paid_to == "ava" and cost.monthly_price is None),
            alert_threshold=threshold,
            over_threshold=threshold is not None and any(total.amount > threshold for total in totals),
        )

    def require_line(self) -> None:
        if not self.has_line:
            raise CarrierNotConfigured(NO_LINE)

    async def _price(self, wanted: PurchaseCreate) -> Price | None:
        """None: not to be found out just now, which keeps nobody from buying."""
        try:
            with _platform():
                return await self.accounts.open_platform().monthly_price(wanted.country, wanted.kind)
        except DomainError as error:
            if not error.retryable:
                raise
            return None

    async def _refuse_over_alert(self, principal: Principal, price: Price) -> None:
        costs = await self.costs(principal)
        if costs.alert_threshold is None:
            return
        before = next((total.amount for total in costs.totals if total.currency == price.currency), Decimal(0))
        after = before + price.amount
        if after > costs.alert_threshold:
            raise CostOverAlert(
                f"with this number yours cost {after.normalize():f} {price.currency} a month, over your alert of"
                f" {costs.alert_threshold.normalize():f}: send confirm_cost, or raise the alert",
                monthly_cost=str(after),
                currency=price.currency,
            )


@contextmanager
def _platform() -> Generator[None]:
    """That the platform's own account is refused is an operator's business, not an owner's."""
    try:
        with in_words():
            yield
    except CarrierCredentialsRefused as error:
        raise CarrierNotConfigured(
            "our account at the carrier is refused there: our operator must look", reason="platform_refused"
        ) from error


def _offered(offer: ports.OfferedNumber) -> OfferedNumber:
    return OfferedNumber(
        e164=offer.e164,
        country=offer.country,
        kind=offer.kind,
        locality=offer.locality,
        region=offer.region,
        capabilities=sorted(offer.capabilities),
        monthly_price=offer.monthly_price,
        currency=offer.currency,
        address_requirement=offer.address_requirement,
        needs_bundle=offer.needs_bundle,
        needs=list(needs_of(offer.address_requirement, offer.needs_bundle)),
    )


def _cost(row: Mapping[str, Any]) -> NumberCost:
    ours = row["source"] == "purchase"
    return NumberCost(
        e164=row["e164"],
        source=row["source"],
        monthly_price=row["monthly_price"] if ours else None,
        currency=row["currency"] if ours else None,
        paid_to="ava" if ours else "own_carrier",
    )


def _totals(costs: Iterable[NumberCost]) -> list[Total]:
    amounts: dict[str, Decimal] = {}
    for cost in costs:
        if cost.monthly_price is not None and cost.currency is not None:
            amounts[cost.currency] = amounts.get(cost.currency, Decimal(0)) + cost.monthly_price
    return [Total(amount=amount, currency=currency) for currency, amount in sorted(amounts.items())]
