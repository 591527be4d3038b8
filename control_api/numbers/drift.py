"""How numbers here, at carriers and on the line differ: the comparison itself. Pure.

Owns: what counts as a difference and which may be put right without asking. Refuses: reading the three sides and mending
(`numbers.reconcile`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from control_api.numbers.carrier import OwnedNumber, TrunkDrift
from control_api.numbers.line import LABEL_PREFIX, DigestAuth, FoundRoute, RouteDrift, WayOut
from control_api.numbers.purchase import LIVE, CarrierAccount, Purchase, State
from control_api.numbers.words import routing_words

SETTLED = frozenset({State.ROUTED, State.ACTIVE})
"""States in which carrier and line should be in order."""


class Kind(StrEnum):
    """`orphan_*`: there, and nobody's here. The rest is ours and not as it should be."""

    ORPHAN_NUMBER = "orphan_number"
    ORPHAN_ROUTE = "orphan_route"
    NUMBER_GONE = "number_gone"
    NOT_ATTACHED = "not_attached"
    LED_ELSEWHERE = "led_elsewhere"
    ROUTE_WRONG = "route_wrong"
    TRUNK_WRONG = "trunk_wrong"
    NOT_ANSWERING = "not_answering"
    PRICE_CHANGED = "price_changed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Drift:
    """`repairable`: putting it right takes nothing from anybody. `number_sid`: of an orphan at the carrier."""

    kind: Kind
    tenant_id: UUID | None
    purchase_id: UUID | None
    words: str
    repairable: bool
    e164: str | None = field(default=None, repr=False)
    carrier_id: UUID | None = None
    number_sid: str | None = None
    repaired: bool = False


def at_carrier(
    account: CarrierAccount,
    owned: Sequence[OwnedNumber],
    live: Collection[Purchase],
    ever: Mapping[str, Purchase],
) -> Iterator[Drift]:
    """One account's numbers against ours that come through it. `ever`: purchases of whatever state, by their label."""
    by_sid = {number.number_sid: number for number in owned}
    ours = {purchase.number_sid for purchase in live if purchase.number_sid}
    for purchase in live:
        if purchase.state in SETTLED or purchase.state is State.BOUGHT:
            yield from _held(purchase, by_sid.get(purchase.number_sid or ""))
    if account.kind != "managed":
        return  # what else an owner has in their account is their business
    waiting = {purchase.label for purchase in live if purchase.number_sid is None}
    for number in owned:
        if number.number_sid not in ours and number.label not in waiting:
            yield _orphan(account, number, ever.get(number.label))


def _held(purchase: Purchase, number: OwnedNumber | None) -> Iterator[Drift]:
    if number is None:
        yield _of(
            purchase, Kind.NUMBER_GONE, "the carrier's account does not have this number any more: release it here"
        )
    elif purchase.state in SETTLED and number.trunk_sid != purchase.trunk_sid:
        where = routing_words(number.routing.kind, number.routing.target)
        taken = purchase.source == "import" and number.routing.kind != "none"
        kind = Kind.LED_ELSEWHERE if taken else Kind.NOT_ATTACHED
        yield _of(purchase, kind, f"at the carrier its calls go to {where}", repairable=not taken)


def _orphan(account: CarrierAccount, number: OwnedNumber, made_for: Purchase | None) -> Drift:
    """A number in a managed account that nobody here has. Only what a finished purchase of ours left may be given back."""
    ended = made_for is not None and made_for.state not in LIVE and made_for.tenant_id == account.tenant_id
    why = "its purchase is over" if ended else "nothing here knows why"
    return Drift(
        kind=Kind.ORPHAN_NUMBER,
        tenant_id=account.tenant_id,
        purchase_id=made_for.purchase_id if made_for else None,
        words=f"the carrier charges for a number that is nobody's here: {why}",
        repairable=ended,
        e164=number.e164,
        carrier_id=account.carrier_id,
        number_sid=number.number_sid,
    )


def on_trunk(account: CarrierAccount, wrong: Collection[TrunkDrift]) -> Iterator[Drift]:
    """The carrier's side of the way that all numbers of an account take."""
    if wrong:
        yield Drift(
            kind=Kind.TRUNK_WRONG,
            tenant_id=account.tenant_id,
            purchase_id=None,
            words=f"the carrier's trunk: {', '.join(_TRUNK_WORDS[one] for one in wrong)}",
            repairable=True,
            carrier_id=account.carrier_id,
        )


_TRUNK_WORDS: Mapping[TrunkDrift, str] = {
    TrunkDrift.GONE: "there is none",
    TrunkDrift.NO_TRANSFERS: "it lets nobody be transferred",
    TrunkDrift.OTHER_SECURITY: "its encryption was changed",
    TrunkDrift.OTHER_DESTINATIONS: "it leads elsewhere, or in another order",
    TrunkDrift.OTHER_RECOVERY: "it asks elsewhere, or nowhere, when no call can be taken",
    TrunkDrift.OTHER_DOMAIN: "it takes calls out under another name",
    TrunkDrift.NO_SIGN_IN: "calls out can't sign in",
    TrunkDrift.OTHER_PASSWORD: "calls out may have another password there",
}


def on_line(
    purchase: Purchase,
    route: FoundRoute | None,
    *,
    agent_name: str,
    allowed_addresses: Collection[str] = (),
    auth: DigestAuth | None = None,
    outgoing: WayOut | None = None,
) -> Iterator[Drift]:
    """A number that should be reached, against what the line has under its label."""
    if purchase.state not in SETTLED:
        return
    found = route or FoundRoute(purchase.label)
    wrong = found.drift_from(
        purchase.e164, agent_name=agent_name, allowed_addresses=allowed_addresses, auth=auth, outgoing=outgoing
    )
    if wrong:
        what = ", ".join(_LINE_WORDS[one] for one in wrong)
        yield _of(purchase, Kind.ROUTE_WRONG, f"on the line: {what}", repairable=True)


_LINE_WORDS: Mapping[RouteDrift, str] = {
    RouteDrift.NO_TRUNK: "no trunk takes its calls",
    RouteDrift.NO_RULE: "no rule leads its calls on",
    RouteDrift.RULE_DETACHED: "the rule is for another trunk",
    RouteDrift.OTHER_NUMBERS: "the trunk takes other numbers",
    RouteDrift.OTHER_SOURCES: "the trunk takes calls from elsewhere",
    RouteDrift.OTHER_AGENT: "the rule leads to another agent",
    RouteDrift.NO_WAY_OUT: "no trunk takes its calls out to their carrier",
    RouteDrift.ALTERED: "the trunk or the rule was changed",
    RouteDrift.SPARES: "there are several trunks or rules",
}


def orphan_routes(
    routes: Sequence[FoundRoute], live: Collection[Purchase], ever: Mapping[str, Purchase]
) -> Iterator[Drift]:
    """Routes under a label of ours without a number. An unknown label may be another deployment's on the same line."""
    labels = {purchase.label for purchase in live}
    for route in routes:
        if route.label in labels:
            continue
        made_for = ever.get(route.label)
        yield Drift(
            kind=Kind.ORPHAN_ROUTE,
            tenant_id=made_for.tenant_id if made_for else None,
            purchase_id=made_for.purchase_id if made_for else None,
            words=f"the line has a route {route.label} and no number for it",
            repairable=made_for is not None,
            e164=made_for.e164 if made_for else None,
        )


def answering(live: Collection[Purchase], known: Collection[str]) -> Iterator[Drift]:
    for purchase in live:
        if purchase.state is State.ACTIVE and purchase.e164 not in known:
            yield _of(purchase, Kind.NOT_ANSWERING, "it is active and no call finds its assistant", repairable=True)
        if not purchase.finished and purchase.last_error is not None:
            yield _of(purchase, Kind.UNFINISHED, f"it is {purchase.state.value}: {purchase.last_error}")


def price(purchase: Purchase, amount: Decimal, currency: str) -> Iterator[Drift]:
    if (purchase.monthly_price, purchase.currency) != (amount, currency):
        before = "unknown" if purchase.monthly_price is None else f"{purchase.monthly_price:f} {purchase.currency}"
        yield _of(
            purchase, Kind.PRICE_CHANGED, f"a month costs {amount:f} {currency} now, not {before}", repairable=True
        )


def labelled(label: str) -> UUID | None:
    """The purchase that a label names; None: it is none of ours."""
    try:
        return UUID(label.removeprefix(LABEL_PREFIX)) if label.startswith(LABEL_PREFIX) else None
    except ValueError:
        return None


def _of(purchase: Purchase, kind: Kind, words: str, *, repairable: bool = False) -> Drift:
    return Drift(
        kind=kind,
        tenant_id=purchase.tenant_id,
        purchase_id=purchase.purchase_id,
        words=words,
        repairable=repairable,
        e164=purchase.e164,
        carrier_id=purchase.carrier_id,
    )
