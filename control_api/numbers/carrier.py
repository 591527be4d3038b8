"""The carrier: whoever owns telephone numbers and decides where their calls go before they reach the line.

Owns: the port, for one account of a carrier, and the types that cross it. Refuses: the line's side (`numbers.line`), our
database, and knowing any carrier's wire. What can go wrong is in `numbers.carrier_errors`.

A number bought here carries a label by which it is found again after a crash or a lost answer: one label, one purchase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NotRequired, Protocol, TypedDict, Unpack
from urllib.parse import urlsplit

from pydantic import SecretStr

NumberKind = Literal["local", "mobile", "toll_free", "national"]
Capability = Literal["voice", "sms", "mms", "fax"]
AddressRequirement = Literal["none", "any", "local", "foreign"]
"""Which address a buyer has to give: any, one in the number's country (local), one outside it (foreign)."""
EndUser = Literal["business", "individual"]
RoutingKind = Literal["trunk", "application", "webhook", "none"]

LABEL_LENGTH = 64
"""The most characters a carrier keeps of a label."""


@dataclass(frozen=True)
class CarrierCredentials:
    account_sid: str
    auth_token: SecretStr


@dataclass(frozen=True)
class AccountStanding:
    """An account whose credentials work. `subaccount`: another account owns it and pays for it."""

    account_sid: str
    subaccount: bool
    trial: bool


@dataclass(frozen=True)
class SubAccount:
    account_sid: str
    auth_token: SecretStr

    @property
    def credentials(self) -> CarrierCredentials:
        return CarrierCredentials(self.account_sid, self.auth_token)


@dataclass(frozen=True)
class NumberQuery:
    """`country`: ISO 3166 alpha-2. `area_code`: as dialled inside the country ("415", "01"). `contains`: digits, letters as on
    a keypad, `*` for one digit. `capabilities`: all of them are wanted."""

    country: str
    kind: NumberKind = "local"
    area_code: str | None = None
    contains: str | None = None
    locality: str | None = None
    capabilities: frozenset[Capability] = frozenset({"voice"})
    limit: int = 20


@dataclass(frozen=True)
class Price:
    """Per month, before tax. `currency`: ISO 4217."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class OfferedNumber:
    """A number that could be bought when it was looked for; nothing holds it. None of `needs_bundle`, `monthly_price`: could
    not be found out, which is not "none"."""

    e164: str
    country: str
    kind: NumberKind
    locality: str | None
    region: str | None
    capabilities: frozenset[Capability]
    address_requirement: AddressRequirement
    needs_bundle: bool | None
    monthly_price: Decimal | None
    currency: str | None


@dataclass(frozen=True)
class Routing:
    """Where a carrier sends a number's calls. A URL may hold a password: it shows in no repr, and is kept sealed or not at all.

    A trunk comes before an application and an application before a URL; what comes later waits, and is in force again when
    what was before it goes.
    """

    trunk_sid: str | None = None
    application_sid: str | None = None
    voice_url: str | None = field(default=None, repr=False)
    voice_method: str = "POST"
    fallback_url: str | None = field(default=None, repr=False)
    fallback_method: str = "POST"

    @property
    def kind(self) -> RoutingKind:
        if self.trunk_sid:
            return "trunk"
        if self.application_sid:
            return "application"
        return "webhook" if self.voice_url else "none"

    @property
    def target(self) -> str | None:
        """What may be shown of where calls go: the trunk's or application's id, or the host of the URL."""
        match self.kind:
            case "trunk":
                return self.trunk_sid
            case "application":
                return self.application_sid
            case "webhook":
                return _host(self.voice_url or "")
            case "none":
                return None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@dataclass(frozen=True)
class OwnedNumber:
    """A number of this account. `label`: what its owner, or we, called it."""

    number_sid: str
    e164: str = field(repr=False)
    label: str = field(repr=False)
    capabilities: frozenset[Capability]
    address_requirement: AddressRequirement
    routing: Routing
    address_sid: str | None = None
    bundle_sid: str | None = None

    @property
    def trunk_sid(self) -> str | None:
        return self.routing.trunk_sid

    @property
    def voice_url(self) -> str | None:
        return self.routing.voice_url


@dataclass(frozen=True)
class SignIn:
    """With what calls out sign in at a trunk (SIP digest). `set_at`: since when the carrier has this password, by its own
    clock; None: that is not known."""

    username: str = field(repr=False)
    password: SecretStr
    set_at: datetime | None = None


@dataclass(frozen=True)
class SipTrunk:
    """A way from the carrier to a SIP server, and back. `sip_uri`: where its calls go. `domain_name`: where it takes calls out,
    from whoever signs in; `sign_in_set_at` is `SignIn.set_at` as it is now, None where no sign-in was wished for."""

    trunk_sid: str
    label: str
    sip_uri: str
    domain_name: str | None
    sign_in_set_at: datetime | None = None


class TrunkWish(TypedDict):
    """A trunk as it should be.

    `domain_hint`: lower-case letters, digits and hyphens, unlike any other's at this carrier. `standby_uri` is rung where
    `sip_uri` does not take a call, `recovery_url` asked (POST) where neither does; None: there is none of ours. `sign_in`: with
    what calls out get in, at `CarrierAccounts.domain_of(domain_hint)`; None: how they do is nobody's business here.
    """

    label: str
    sip_uri: str
    domain_hint: str
    standby_uri: NotRequired[str | None]
    recovery_url: NotRequired[str | None]
    sign_in: NotRequired[SignIn | None]


class TrunkDrift(StrEnum):
    """How a trunk differs from what was wished for. `Carrier.ensure_trunk` puts each of them right."""

    GONE = "gone"
    NO_TRANSFERS = "no_transfers"
    OTHER_SECURITY = "other_security"
    OTHER_DESTINATIONS = "other_destinations"
    OTHER_RECOVERY = "other_recovery"
    OTHER_DOMAIN = "other_domain"
    NO_SIGN_IN = "no_sign_in"
    OTHER_PASSWORD = "other_password"


def is_encrypted(sip_uri: str) -> bool:
    """Calls to it are signalled over TLS, and their media is encrypted."""
    return sip_uri.startswith("sips:") or "transport=tls" in sip_uri.casefold()


@dataclass(frozen=True)
class Requirement:
    """One thing to be shown: facts about the end user, or a document, of which each of `accepted` would do."""

    kind: Literal["end_user", "document"]
    name: str
    description: str
    fields: tuple[str, ...]
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Regulation:
    """What a country asks of whoever has a kind of number, as the carrier tells it today; it changes, so it is not kept."""

    regulation_sid: str
    title: str
    country: str
    kind: NumberKind
    end_user: EndUser
    requirements: tuple[Requirement, ...]


class Carrier(Protocol):
    """One account. Every operation may raise

    - `CarrierUnavailable`, `CarrierThrottled`: nothing was changed by it; call again later,
    - `CredentialsRefused`: only the account's owner can mend it,
    - `CarrierRefused`: answered and refused, with the carrier's own code,
    - `NotFoundAtCarrier`: an id that this account does not have (any more).

    An operation that changes something may raise `CarrierUnconfirmed`: its answer was lost and looking for its effect did not
    settle it. Calling it again is safe: each looks for what an earlier call did before it does anything. Cancelling one in
    the middle leaves it unconfirmed: whoever may be cancelled shields the call.
    """

    async def verify(self) -> AccountStanding:
        """That the credentials are right and the account is active. Raises CredentialsRefused."""
        ...

    async def search(self, query: NumberQuery) -> Sequence[OfferedNumber]:
        """Empty: there is none like that now. Raises NumbersNotOffered where the carrier has no such kind there at all."""
        ...

    async def requirements(
        self, country: str, kind: NumberKind, *, end_user: EndUser = "business"
    ) -> Sequence[Regulation]:
        """Empty: no bundle is asked for. An address may be asked for all the same: see `OfferedNumber`."""
        ...

    async def monthly_price(self, country: str, kind: NumberKind) -> Price | None:
        """This account's price; None where the carrier names none."""
        ...

    async def find_number(self, e164: str) -> OwnedNumber | None: ...

    async def get_number(self, number_sid: str) -> OwnedNumber: ...

    async def list_numbers(self) -> Sequence[OwnedNumber]:
        """All of them, however many."""
        ...

    async def buy(
        self, e164: str, *, label: str, address_sid: str | None = None, bundle_sid: str | None = None
    ) -> OwnedNumber:
        """The number is this account's, under `label`, and paid for once, however often this is called with the same two.

        Raises `NumberNotAvailable` (choose another), its kind `NumberOwnedAlready` where this account has it under another
        label (import it), `AddressRequired`, `BundleRequired`, `NumberLimitReached`, `PurchaseUnconfirmed`. ValueError for
        a label longer than `LABEL_LENGTH`.
        """
        ...

    async def relabel(self, number_sid: str, label: str) -> OwnedNumber: ...

    async def ensure_trunk(self, **wish: Unpack[TrunkWish]) -> SipTrunk:
        """The trunk of that label (see `TrunkWish`), made if there is none, with transfers allowed.

        It leads to `sip_uri`, then to `standby_uri`, and nowhere else. Without a `recovery_url` one of ours is taken away
        and one that somebody else put there stays. With `transport=tls` in the URI media is encrypted too, and the other
        end must expect it. With a `sign_in` calls out get in by it; the password is set where the carrier may have another,
        and whoever else gets in still does. ValueError for what can't be any trunk's.
        """
        ...

    async def check_trunk(self, **wish: Unpack[TrunkWish]) -> tuple[TrunkDrift, ...]:
        """What `ensure_trunk` would put right; empty: nothing. Changes nothing."""
        ...

    async def attach(self, number_sid: str, trunk_sid: str) -> OwnedNumber:
        """Calls go to the trunk. Of the routing before, an application is lost (see `Routing`): keep it to restore it."""
        ...

    async def detach(self, number_sid: str) -> None:
        """Calls go to no trunk. Fine if they went to none, and if the number is gone."""
        ...

    async def trunk_of(self, number_sid: str) -> str | None: ...

    async def restore_routing(self, number_sid: str, routing: Routing) -> OwnedNumber:
        """Calls go where they went before, taken from an `OwnedNumber` of then."""
        ...

    async def release(self, number_sid: str) -> None:
        """The number is given back, for good. Fine if it was already."""
        ...

    async def open_subaccount(self, label: str) -> SubAccount:
        """The account of that label under this one, made if there is none."""
        ...


class CarrierAccounts(Protocol):
    """Leads from credentials to the account they are for; nothing is sent by it."""

    def carrier_for(self, credentials: CarrierCredentials) -> Carrier:
        """Raises CredentialsRefused where they can't be any account's, by their form."""
        ...

    def domain_of(self, domain_hint: str) -> str:
        """Where the trunk of that name takes calls out."""
        ...
