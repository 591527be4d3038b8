"""Numbers here against carriers and the line, both ways: what differs, and putting right what is safe to.

Owns: reading the three sides, and mending. Refuses: what counts as a difference (`numbers.drift`).

Mending never takes a number from somebody: it leads ours to us again, forgets routes and gives back numbers whose purchase is
over, and corrects prices. All else is reported: a number without a row may be another deployment's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import structlog

from contracts.errors import DomainError
from control_api.numbers import drift
from control_api.numbers.accounts import Accounts
from control_api.numbers.carrier import OwnedNumber, Price, TrunkDrift
from control_api.numbers.drift import Drift, Kind
from control_api.numbers.errors import words_of
from control_api.numbers.ledger import Ledger
from control_api.numbers.line import DigestAuth, FoundRoute, Line
from control_api.numbers.purchase import LIVE, CarrierAccount, Purchase
from control_api.numbers.saga import Saga
from control_api.numbers.steps import LineTarget

_log = structlog.get_logger(__name__)
_LED_AGAIN = frozenset({Kind.NOT_ATTACHED, Kind.ROUTE_WRONG, Kind.NOT_ANSWERING})
_NO_ADDRESS = (
    "no carrier is told what to do with a call that nobody here takes: set AVA_PUBLIC_URL to where this API is reached from"
    " outside, then reconcile with --repair"
)
_ON_LINE_OR_ELSEWHERE = frozenset({Kind.LED_ELSEWHERE, Kind.NUMBER_GONE})
Prices = dict[tuple[str, str], Price | None]


@dataclass(frozen=True)
class Report:
    """`compared`: how many numbers and accounts. `unreachable`: what could not be looked at; nothing is said about it.
    `advice`: what an operator may want to set up, and what is missing without it."""

    compared: int
    drifts: tuple[Drift, ...]
    unreachable: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.unreachable and all(one.repaired for one in self.drifts)


@dataclass(frozen=True)
class _Known:
    """What the database has. `ever` holds purchases of whatever state that something outside still names, by label."""

    live: tuple[Purchase, ...]
    accounts: Mapping[UUID, CarrierAccount]
    answering: frozenset[str]


@dataclass(frozen=True)
class Reconciler:
    ledger: Ledger
    accounts: Accounts
    line: Line
    saga: Saga
    target: LineTarget

    async def reconcile(self, *, repair: bool, tenant_id: UUID | None = None) -> Report:
        """All tenants, or one. Raises what the database raises; carriers and the line that don't answer are reported."""
        known = await self._known(tenant_id)
        unreachable: list[str] = []
        owned = await self._owned(known, unreachable)
        routes = await self._routes(unreachable)
        ever = await self._ever(known, owned, routes or ())
        drifts = [*drift.answering(known.live, known.answering)]
        for carrier_id, numbers in owned.items():
            through = [purchase for purchase in known.live if purchase.carrier_id == carrier_id]
            drifts += drift.at_carrier(known.accounts[carrier_id], numbers, through, ever)
            if any(purchase.state in drift.SETTLED for purchase in through):
                drifts += await self._on_trunk(known.accounts[carrier_id], unreachable)
        drifts += await self._priced(known, unreachable)
        if routes is not None:
            drifts += self._on_line(known, routes, unreachable)
            drifts += [
                one for one in drift.orphan_routes(routes, known.live, ever) if tenant_id in (None, one.tenant_id)
            ]
        if repair:
            drifts = await self._repaired(drifts, known.accounts)
        advice = (_NO_ADDRESS,) if owned and self.target.public_url is None else ()
        return Report(len(known.live) + len(owned), tuple(drifts), tuple(unreachable), advice)

    async def _known(self, tenant_id: UUID | None) -> _Known:
        live = [purchase async for purchase in self.ledger.live_purchases(tenant_id=tenant_id)]
        accounts = [account async for account in self.ledger.accounts(tenant_id=tenant_id)]
        return _Known(
            live=tuple(live),
            accounts={account.carrier_id: account for account in accounts if not account.removed},
            answering=frozenset(await self.ledger.answering(tenant_id=tenant_id)),
        )

    async def _owned(self, known: _Known, unreachable: list[str]) -> dict[UUID, Sequence[OwnedNumber]]:
        found: dict[UUID, Sequence[OwnedNumber]] = {}
        for account in known.accounts.values():
            if account.account_sid is None:
                continue
            try:
                found[account.carrier_id] = await self.accounts.open_account(account).list_numbers()
            except DomainError as error:
                unreachable.append(f"carrier account {account.carrier_id}: {words_of(error)}")
        return found

    async def _on_trunk(self, account: CarrierAccount, unreachable: list[str]) -> list[Drift]:
        try:
            carrier = self.accounts.open_account(account)
            wrong = await carrier.check_trunk(**self.saga.steps.trunk_wish(account))
            if self.accounts.sign_in_of(account) is None:
                wrong = (*wrong, TrunkDrift.NO_SIGN_IN)
        except DomainError as error:
            unreachable.append(f"trunk of carrier account {account.carrier_id}: {words_of(error)}")
            return []
        return [*drift.on_trunk(account, wrong)]

    async def _routes(self, unreachable: list[str]) -> Sequence[FoundRoute] | None:
        try:
            return (await self.line.find_routes()).ours
        except DomainError as error:
            unreachable.append(f"the telephone line: {words_of(error)}")
            return None

    async def _ever(
        self, known: _Known, owned: Mapping[UUID, Sequence[OwnedNumber]], routes: Sequence[FoundRoute]
    ) -> dict[str, Purchase]:
        """What labels outside name and is not alive here, for they may be left over from a purchase that is over."""
        labels = {number.label for numbers in owned.values() for number in numbers} | {one.label for one in routes}
        labels -= {purchase.label for purchase in known.live}
        ids = sorted(found for label in labels if (found := drift.labelled(label)) is not None)
        return {purchase.label: purchase for purchase in await self.ledger.find_purchases(ids)}

    def _on_line(self, known: _Known, routes: Sequence[FoundRoute], unreachable: list[str]) -> list[Drift]:
        by_label = {route.label: route for route in routes}
        drifts: list[Drift] = []
        for purchase in known.live:
            account = known.accounts.get(purchase.carrier_id) if purchase.carrier_id else None
            own = account if account is not None and account.kind == "sip_trunk" else None
            try:
                auth: DigestAuth | None = self.accounts.digest_of(own) if own else None
                outgoing = self.saga.steps.way_out(account) if account else None
            except DomainError as error:
                unreachable.append(f"carrier account {purchase.carrier_id}: {words_of(error)}")
                continue
            drifts += drift.on_line(
                purchase,
                by_label.get(purchase.label),
                agent_name=self.target.agent_name,
                allowed_addresses=own.allowed_addresses if own else (),
                auth=auth,
                outgoing=outgoing,
            )
        return drifts

    async def _priced(self, known: _Known, unreachable: list[str]) -> list[Drift]:
        """What is bought through us, at today's price; one question per country and kind."""
        bought = [one for one in known.live if one.source == "purchase" and one.number_sid and one.country and one.kind]
        prices: Prices = {}
        drifts: list[Drift] = []
        for purchase in bought:
            try:
                found = await self._price(prices, purchase)
            except DomainError as error:
                unreachable.append(f"prices: {words_of(error)}")
                return drifts
            if found is not None:
                drifts += drift.price(purchase, found.amount, found.currency)
        return drifts

    async def _price(self, prices: Prices, purchase: Purchase) -> Price | None:
        if purchase.country is None or purchase.kind is None:
            return None
        key = (purchase.country, purchase.kind)
        if key not in prices:
            prices[key] = await self.accounts.open_platform().monthly_price(purchase.country, purchase.kind)
        return prices[key]

    async def _repaired(self, drifts: Sequence[Drift], accounts: Mapping[UUID, CarrierAccount]) -> list[Drift]:
        """Each purchase is led to us once, however much of it is wrong."""
        barred = {one.purchase_id for one in drifts if one.kind in _ON_LINE_OR_ELSEWHERE}
        led: dict[UUID, bool] = {}
        done: list[Drift] = []
        for one in drifts:
            repaired = False
            try:
                if one.kind is Kind.TRUNK_WRONG and one.carrier_id is not None:
                    await self.saga.steps.mend_trunk(accounts[one.carrier_id])
                    repaired = True
                elif one.repairable:
                    repaired = await self._repair(one, led, barred)
            except DomainError as error:
                _log.warning("reconcile.not_repaired", kind=one.kind.value, code=error.code)
                one = replace(one, words=f"{one.words}; not put right: {words_of(error)}")
            done.append(replace(one, repaired=repaired))
        return done

    async def _repair(self, one: Drift, led: dict[UUID, bool], barred: Collection[UUID | None]) -> bool:
        if one.kind in _LED_AGAIN and one.purchase_id is not None and one.purchase_id not in barred:
            if one.purchase_id not in led:
                led[one.purchase_id] = False
                led[one.purchase_id] = await self.saga.repair(one.purchase_id, uuid4()) is not None
            return led[one.purchase_id]
        if one.kind is Kind.PRICE_CHANGED and one.purchase_id is not None:
            return await self._reprice(one.purchase_id)
        if one.kind is Kind.ORPHAN_ROUTE and one.purchase_id is not None and one.e164 is not None:
            return await self._forget_route(one.purchase_id)
        if one.kind is Kind.ORPHAN_NUMBER and one.carrier_id is not None and one.purchase_id is not None:
            return await self._give_back(one)
        return False

    async def _reprice(self, purchase_id: UUID) -> bool:
        purchase = await self.ledger.get_purchase(purchase_id)
        price = await self._price({}, purchase)
        if price is not None:
            await self.ledger.set_price(purchase, price)
        return price is not None

    async def _forget_route(self, purchase_id: UUID) -> bool:
        purchase = await self.ledger.get_purchase(purchase_id)
        if purchase.state in LIVE:
            return False
        await self.line.drop_route(purchase.e164, label=purchase.label)
        return True

    async def _give_back(self, one: Drift) -> bool:
        """Looked at once more right before: it must still carry the label of a purchase that is over."""
        if one.tenant_id is None or one.carrier_id is None or one.number_sid is None or one.purchase_id is None:
            return False
        purchase = await self.ledger.get_purchase(one.purchase_id)
        _, carrier = await self.accounts.open_known(one.tenant_id, one.carrier_id)
        number = await carrier.get_number(one.number_sid)
        if purchase.state in LIVE or number.label != purchase.label:
            return False
        await carrier.release(number.number_sid)
        return True
