"""What the Twilio stand-in's accounts hold, and the rules by which a number is bought, changed, moved and given back.

Owns: accounts and subaccounts, owned numbers, trunks with their origination URLs, addresses, bundles, and who has what
been sold to. Refuses: HTTP (`sandbox.twilio`), shapes (`sandbox.twilio_shapes`), what is for sale (`sandbox.twilio_inventory`),
who may call out (`sandbox.twilio_termination`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import phonenumbers

from sandbox.twilio_inventory import Kind, Offer, offers

NUMBER_FIELDS: Final[Mapping[str, str]] = {
    "FriendlyName": "friendly_name",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallback": "status_callback",
    "SmsUrl": "sms_url",
}
_TRUNK_SUFFIX = "pstn.twilio.com"
_MAGIC_INVALID = "+15005550001"
_MAX_SUBACCOUNTS = 1_000


class Refusal(Exception):
    """An error answer of Twilio's: its HTTP status, its own code, its text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message = status, code, message


def not_found(what: str) -> Refusal:
    return Refusal(404, 20404, f"The requested resource {what} was not found")


def missing(name: str) -> Refusal:
    return Refusal(400, 20001, f"Missing required parameter {name} in the post body")


@dataclass
class AccountRow:
    sid: str
    token: str
    owner: str
    name: str
    status: str = "active"
    trial: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class NumberRow:
    sid: str
    account: str
    offer: Offer
    fields: dict[str, str]
    application_sid: str = ""
    trunk_sid: str | None = None
    address_sid: str | None = None
    bundle_sid: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def e164(self) -> str:
        return self.offer.e164


@dataclass
class OriginationRow:
    sid: str
    sip_url: str
    friendly_name: str
    weight: int
    priority: int
    enabled: bool


@dataclass
class TrunkRow:
    sid: str
    account: str
    friendly_name: str
    domain_name: str | None
    secure: bool = False
    transfer_mode: str = "disable-all"
    disaster_recovery_url: str | None = None
    disaster_recovery_method: str = "POST"
    origination: dict[str, OriginationRow] = field(default_factory=dict[str, OriginationRow])
    credential_lists: list[str] = field(default_factory=list[str])
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class CredentialRow:
    """`digest`: as Twilio keeps a password, hashed for SIP digest."""

    sid: str
    username: str
    digest: str = field(repr=False)
    created: datetime
    updated: datetime


@dataclass
class CredentialListRow:
    sid: str
    account: str
    friendly_name: str
    credentials: dict[str, CredentialRow] = field(default_factory=dict[str, CredentialRow])
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class AddressRow:
    sid: str
    account: str
    country: str
    fields: Mapping[str, str]


@dataclass
class BundleRow:
    sid: str
    account: str
    regulation_sid: str
    country: str
    kind: Kind
    status: str
    friendly_name: str = ""


@dataclass(frozen=True)
class Sale:
    e164: str
    account: str
    label: str


class Ledger:
    """Everything the stand-in holds. Ids are counted, so that a run can be repeated."""

    def __init__(self, account_sid: str, token: str, *, trial: bool) -> None:
        self._main = AccountRow(account_sid, token, account_sid, "Main account", trial=trial)
        self.reset()

    def reset(self) -> None:
        self._count = 0
        self._main.status = "active"
        self.accounts = {self._main.sid: self._main}
        self.stock = offers()
        self.taken: set[str] = set()
        self.released: set[str] = set()
        self.sales: list[Sale] = []
        self.numbers: dict[str, NumberRow] = {}
        self.trunks: dict[str, TrunkRow] = {}
        self.credential_lists: dict[str, CredentialListRow] = {}
        self.barred: tuple[str, ...] = ()  # beginnings of numbers that no trunk may call
        self.addresses: dict[str, AddressRow] = {}
        self.bundles: dict[str, BundleRow] = {}

    @property
    def main(self) -> AccountRow:
        return self._main

    def new_sid(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:032x}"

    # accounts

    def authenticate(self, sid: str, token: str) -> AccountRow:
        """Refusal 401 for a wrong pair, 403 for an account that is suspended or closed, or whose owner is."""
        row = self.accounts.get(sid)
        if row is None or row.token != token:
            raise Refusal(401, 20003, "Authenticate")
        if row.status != "active" or self.accounts[row.owner].status != "active":
            raise Refusal(403, 20005, "Account not active")
        return row

    def reach(self, caller: AccountRow, sid: str) -> AccountRow:
        """The account of the path: the caller's own or a subaccount of it."""
        row = self.accounts.get(sid)
        if row is None or (row.sid != caller.sid and row.owner != caller.sid):
            raise Refusal(401, 20003, "Authenticate")
        return row

    def open_subaccount(self, owner: AccountRow, name: str) -> AccountRow:
        if owner.owner != owner.sid:
            raise Refusal(400, 20001, "Subaccounts can not have subaccounts")
        open_ones = [a for a in self.accounts.values() if a.owner == owner.sid != a.sid and a.status != "closed"]
        if len(open_ones) >= (1 if owner.trial else _MAX_SUBACCOUNTS):
            raise Refusal(400, 10002 if owner.trial else 20001, "The account can not have more subaccounts")
        sid = self.new_sid("AC")
        row = AccountRow(sid, f"{self._count:032x}"[::-1], owner.sid, name, trial=owner.trial)
        self.accounts[sid] = row
        return row

    def set_status(self, row: AccountRow, status: str) -> None:
        if row is self._main:
            raise Refusal(400, 20001, "The main account's status is not changed here")
        if status not in ("active", "suspended", "closed"):
            raise Refusal(400, 20001, "Status is not one of active, suspended, closed")
        if row.status == "closed":
            raise Refusal(400, 20001, "A closed account can not be opened again")
        row.status = status
        if status == "closed":
            for number in [n for n in self.numbers.values() if n.account == row.sid]:
                self.release(number)

    # numbers

    def for_sale(self) -> Iterable[Offer]:
        owned = {row.e164 for row in self.numbers.values()}
        return [o for e164, o in self.stock.items() if e164 not in owned | self.taken | self.released]

    def buy(self, account: AccountRow, form: Mapping[str, str], *, limit: int) -> NumberRow:
        """Refusal where it is not to be had; otherwise it is the account's and paid for."""
        offer = self._choose(form)
        owned = sum(1 for row in self.numbers.values() if row.account == account.sid)
        if account.trial and owned:
            raise Refusal(400, 10002, "Trial accounts do not support the feature you tried to use")
        if limit and owned >= limit:
            raise Refusal(400, 21404, "This account is not allowed to purchase more phone numbers")
        self.check_papers(offer, account.sid, bundle=form.get("BundleSid"), address=form.get("AddressSid"))
        row = self.give(account.sid, offer, form)
        row.bundle_sid, row.address_sid = form.get("BundleSid") or None, form.get("AddressSid") or None
        self.route(row, form)
        self.sales.append(Sale(row.e164, account.sid, row.fields["friendly_name"]))
        return row

    def _choose(self, form: Mapping[str, str]) -> Offer:
        if area := form.get("AreaCode"):
            near = [o for o in self.for_sale() if o.country == "US" and o.e164.startswith(f"+1{area}")]
            if not near:
                raise Refusal(400, 21452, f"No phone numbers found in area code {area}")
            return near[0]
        if not (wanted := form.get("PhoneNumber")):
            raise missing("PhoneNumber or AreaCode")
        offer = next((o for o in self.for_sale() if o.e164 == wanted), None)
        if offer is None and not _could_exist(wanted):
            raise Refusal(400, 21421, f"{wanted} is not a valid phone number")
        if offer is None:
            raise Refusal(400, 21422, f"{wanted} is not available")
        return offer

    def check_papers(self, offer: Offer, account: str, *, bundle: str | None, address: str | None) -> None:
        """Bundle and address count only where they are the account's own."""
        held = self.bundles.get(bundle or "")
        approved = held is not None and held.account == account and held.status == "twilio-approved"
        if offer.bundle and not (approved and held and (held.country, held.kind) == (offer.country, offer.kind)):
            raise Refusal(400, 21649, "Bundle required, supply a valid approved BundleSid for this phone number")
        home = self.addresses.get(address or "")
        country = home.country if home is not None and home.account == account else None
        fits = {
            "none": True,
            "any": country is not None,
            "local": country == offer.country,
            "foreign": country not in (None, offer.country),
        }
        if not fits[offer.address]:
            raise Refusal(400, 21631, "Phone Number Requires an Address: supply an AddressSid that satisfies it")

    def give(self, account: str, offer: Offer, form: Mapping[str, str]) -> NumberRow:
        """The number becomes the account's, unpaid and unchecked."""
        fields = {name: form.get(parameter, "") for parameter, name in NUMBER_FIELDS.items()}
        fields["friendly_name"] = fields["friendly_name"] or offer.e164
        row = NumberRow(self.new_sid("PN"), account, offer, fields)
        self.numbers[row.sid] = row
        return row

    def number(self, account: str, sid: str) -> NumberRow:
        row = self.numbers.get(sid)
        if row is None or row.account != account:
            raise not_found(f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json")
        return row

    def change(self, row: NumberRow, form: Mapping[str, str]) -> None:
        for parameter, name in NUMBER_FIELDS.items():
            if parameter in form:
                row.fields[name] = form[parameter]
        if "BundleSid" in form:
            row.bundle_sid = form["BundleSid"] or None
        if "AddressSid" in form:
            row.address_sid = form["AddressSid"] or None
        self.route(row, form)
        row.updated = datetime.now(UTC)

    def route(self, row: NumberRow, form: Mapping[str, str]) -> None:
        """A trunk puts an application out and an application a trunk; a URL puts out neither, and waits."""
        if trunk := form.get("TrunkSid"):
            self.trunk(row.account, trunk)
            row.trunk_sid, row.application_sid = trunk, ""
        elif "VoiceApplicationSid" in form:
            row.application_sid = form["VoiceApplicationSid"]
            row.trunk_sid = None if row.application_sid else row.trunk_sid

    def transfer(self, caller: AccountRow, row: NumberRow, target: str, form: Mapping[str, str]) -> None:
        """To another account of the caller's; the papers have to be the target's."""
        self.reach(caller, target)
        self.check_papers(row.offer, target, bundle=form.get("BundleSid"), address=form.get("AddressSid"))
        row.account, row.trunk_sid, row.application_sid = target, None, ""
        row.bundle_sid, row.address_sid = None, None

    def release(self, row: NumberRow) -> None:
        """For good: a released number is not for sale again."""
        del self.numbers[row.sid]
        self.released.add(row.e164)

    # trunks

    def trunk(self, account: str, sid: str) -> TrunkRow:
        row = self.trunks.get(sid)
        if row is None or row.account != account:
            raise not_found(f"/Trunks/{sid}")
        return row

    def open_trunk(self, account: str, form: Mapping[str, str]) -> TrunkRow:
        row = TrunkRow(self.new_sid("TK"), account, form.get("FriendlyName", ""), None)
        self.change_trunk(row, form)
        self.trunks[row.sid] = row
        return row

    def change_trunk(self, row: TrunkRow, form: Mapping[str, str]) -> None:
        if domain := form.get("DomainName"):
            if not domain.endswith(f".{_TRUNK_SUFFIX}"):
                raise Refusal(400, 20001, f"DomainName must end with {_TRUNK_SUFFIX}")
            if any(t.domain_name == domain and t is not row for t in self.trunks.values()):
                raise Refusal(400, 21248, "Trunk Domain already taken")
            row.domain_name = domain
        mode = form.get("TransferMode", row.transfer_mode)
        if mode not in ("disable-all", "enable-all", "sip-only"):
            raise Refusal(400, 20001, "TransferMode is not one of disable-all, enable-all, sip-only")
        row.transfer_mode = mode
        if "DisasterRecoveryUrl" in form:
            url = form["DisasterRecoveryUrl"]
            if url and not url.startswith(("http://", "https://")):
                raise Refusal(400, 20001, "DisasterRecoveryUrl is not a URL")
            row.disaster_recovery_url = url or None
        method = form.get("DisasterRecoveryMethod", row.disaster_recovery_method)
        if method not in ("GET", "POST"):
            raise Refusal(400, 20001, "DisasterRecoveryMethod is not one of GET, POST")
        row.disaster_recovery_method = method
        row.friendly_name = form.get("FriendlyName", row.friendly_name)
        row.secure = form.get("Secure", str(row.secure)).casefold() == "true"

    def close_trunk(self, row: TrunkRow) -> None:
        for number in self.numbers_of(row):
            number.trunk_sid = None
        del self.trunks[row.sid]

    def numbers_of(self, row: TrunkRow) -> list[NumberRow]:
        return [number for number in self.numbers.values() if number.trunk_sid == row.sid]

    def set_origination(self, trunk: TrunkRow, form: Mapping[str, str], sid: str | None = None) -> OriginationRow:
        known = trunk.origination.get(sid or "")
        given: dict[str, Any] = {**(vars(known) if known else {})}
        for parameter in ("SipUrl", "FriendlyName", "Weight", "Priority", "Enabled"):
            name = {"SipUrl": "sip_url", "FriendlyName": "friendly_name"}.get(parameter, parameter.casefold())
            if parameter in form:
                given[name] = form[parameter]
            elif name not in given:
                raise missing(parameter)
        if not str(given["sip_url"]).startswith(("sip:", "sips:")):
            raise Refusal(400, 20001, "SipUrl must be a sip: URI")
        weight, priority = int(given["weight"]), int(given["priority"])
        if not (1 <= weight <= 65_535 and 0 <= priority <= 65_535):
            raise Refusal(400, 20001, "Weight or Priority is out of range")
        enabled = str(given["enabled"]).casefold() == "true"
        row = OriginationRow(
            sid or self.new_sid("OU"), given["sip_url"], given["friendly_name"], weight, priority, enabled
        )
        trunk.origination[row.sid] = row
        return row


def _could_exist(text: str) -> bool:
    try:
        return text != _MAGIC_INVALID and phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False
