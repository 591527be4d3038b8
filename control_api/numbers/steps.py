"""Each step of a number's way in or out: look for what an earlier try did outside, act, move the row.

Owns: the order of things inside a step, so that a crash anywhere leaves something that the same step, done again, completes.
Refuses: which step comes next, and what a failure means for the purchase (`numbers.saga`).

Calls of a number that is taken over go where they went until everything behind it stands: the line first, then the carrier.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import SecretStr

from contracts.errors import DomainError
from control_api.numbers.accounts import Accounts, PlatformRefused
from control_api.numbers.carrier import Carrier, OwnedNumber, Routing, SipTrunk, TrunkWish, is_encrypted
from control_api.numbers.carrier_errors import CarrierRefused, CredentialsRefused, NotFoundAtCarrier
from control_api.numbers.fallback import recovery_url
from control_api.numbers.ledger import Ledger
from control_api.numbers.line import DigestAuth, Line, Route, SourceInvalid, WayOut
from control_api.numbers.purchase import CarrierAccount, Purchase, State
from control_api.numbers.words import takeover_words

_log = structlog.get_logger(__name__)

SETTLING = timedelta(minutes=10)
"""How long after it was sent a purchase whose answer was lost may still turn up at the carrier: ten times what was ever
seen of Twilio, and short for somebody who waits."""

_SEALED_ROUTING = 32 * 1024


class PurchaseSettling(DomainError):
    """The carrier was asked for the number a short while ago and does not show it: it may still appear."""

    code = "purchase_settling"
    retryable = True


class NumberMissing(DomainError):
    code = "number_not_in_account"


class VoiceMissing(DomainError):
    code = "number_without_voice"


class StillRouted(DomainError):
    code = "takeover_unconfirmed"


class SourcesInvalid(DomainError):
    code = "trunk_invalid"


@dataclass(frozen=True)
class LineTarget:
    """Where carriers send calls, and the agent that gets them. `standby_uri`: where they send those that `sip_uri` does not
    take; `public_url`: where they ask about those that nobody took. None: there is no such place."""

    sip_uri: str
    agent_name: str
    standby_uri: str | None = None
    public_url: str | None = None


@dataclass(frozen=True)
class Steps:
    """Errors are the carrier's, the line's, the database's, and those above."""

    ledger: Ledger
    accounts: Accounts
    line: Line
    target: LineTarget
    clock: Callable[[], datetime]

    async def buy(self, purchase: Purchase) -> Purchase:
        """requested -> bought."""
        account, carrier = await self.accounts.open_for(purchase)
        with _platform(account):
            await self.ledger.mark_buying(purchase, account.carrier_id)
            number = await carrier.buy(
                purchase.e164, label=purchase.label, address_sid=purchase.address_sid, bundle_sid=purchase.bundle_sid
            )
        return await self.ledger.mark_bought(purchase, account.carrier_id, number)

    async def adopt(self, purchase: Purchase) -> Purchase:
        """requested -> bought, for a number that its owner has. Where it leads is kept before it is touched."""
        account, carrier = await self.accounts.open_for(purchase)
        number = await carrier.find_number(purchase.e164)
        if number is None:
            raise NumberMissing("the Twilio account does not have this number: see which it has")
        if "voice" not in number.capabilities:
            raise VoiceMissing("this number can't take calls: choose one that has voice")
        before = number.routing
        if before.kind != "none" and not purchase.takeover_confirmed:
            raise StillRouted(takeover_words(before))
        if before.kind == "trunk" and before.trunk_sid == (await self._trunk(carrier, account)).trunk_sid:
            before = Routing(voice_url=before.voice_url, voice_method=before.voice_method)
        sealed = self.accounts.seal(purchase.tenant_id, SecretStr(json.dumps(asdict(before))), at_most=_SEALED_ROUTING)
        return await self.ledger.mark_bought(
            purchase,
            account.carrier_id,
            number,
            previous_routing={"kind": before.kind, "target": before.target},
            sealed_routing=sealed,
        )

    async def route(self, purchase: Purchase) -> Purchase:
        """bought -> routed; requested -> routed on the owner's own trunk; an active one stays so and is put right."""
        if purchase.source == "sip_trunk":
            return await self.ledger.mark_routed(purchase, await self._own_route(purchase), trunk_sid=None)
        account, carrier = await self.accounts.open_for(purchase)
        with _platform(account):
            trunk, outgoing, refused = await self._led(carrier, account)
            route = await self._route(purchase, outgoing=outgoing)
            number = await carrier.get_number(purchase.number_sid or "")
            if number.trunk_sid != trunk.trunk_sid:
                await carrier.attach(number.number_sid, trunk.trunk_sid)
        routed = await self.ledger.mark_routed(purchase, route, trunk_sid=trunk.trunk_sid)
        if refused is None:
            return routed
        if purchase.state is State.ACTIVE:
            raise refused  # whoever repairs is told
        _log.error("number.no_way_out", purchase_id=str(purchase.purchase_id), carrier_code=refused.carrier_code)
        return routed

    async def activate(self, purchase: Purchase) -> Purchase:
        """routed -> active."""
        return await self.ledger.activate(purchase)

    async def release(self, purchase: Purchase) -> Purchase:
        """releasing -> released: bought ones go back to the carrier, imported ones to where they led before."""
        if purchase.source != "sip_trunk" and purchase.carrier_id is not None:
            account, carrier = await self.accounts.open_for(purchase)
            with _platform(account):
                await self._give_up(purchase, account, carrier)
        await self.undo_route(purchase)
        return await self.ledger.mark_released(purchase)

    async def undo_route(self, purchase: Purchase) -> None:
        await self.line.drop_route(purchase.e164, label=purchase.label)

    def trunk_wish(self, account: CarrierAccount) -> TrunkWish:
        """The trunk of an account, through which all of its numbers come, and their calls go out."""
        return {**self._way_in(account), "sign_in": self.accounts.sign_in_of(account)}

    def way_out(self, account: CarrierAccount) -> WayOut | None:
        """Of an account's numbers; None: an own trunk that takes no calls out. Raises AccountGone."""
        if account.kind == "sip_trunk":
            address = account.outgoing_address
            return None if address is None else WayOut(address, self.accounts.digest_of(account))
        sign_in = self.accounts.sign_in_of(account)
        return WayOut(
            address=self.accounts.at_carrier.domain_of(self._way_in(account)["domain_hint"]),
            auth=DigestAuth(sign_in.username, sign_in.password) if sign_in else None,
            encrypted=is_encrypted(self.target.sip_uri),
        )

    async def mend_trunk(self, account: CarrierAccount) -> None:
        """Fine as often as one likes, whoever else is at it."""
        with _platform(account):
            await self._way_in_and_out(self.accounts.open_account(account), account)

    def _way_in(self, account: CarrierAccount) -> TrunkWish:
        return TrunkWish(
            label=f"ava:{account.carrier_id}",
            sip_uri=self.target.sip_uri,
            domain_hint=f"ava-{account.carrier_id}",
            standby_uri=self.target.standby_uri,
            recovery_url=recovery_url(self.target.public_url, account.carrier_id),
        )

    async def _trunk(self, carrier: Carrier, account: CarrierAccount) -> SipTrunk:
        return await carrier.ensure_trunk(**self._way_in(account))

    async def _led(
        self, carrier: Carrier, account: CarrierAccount
    ) -> tuple[SipTrunk, WayOut | None, CarrierRefused | None]:
        """A carrier that lets nobody call out keeps no caller from being answered: what is missing is drift until it is put
        right."""
        try:
            account, trunk = await self._way_in_and_out(carrier, account)
        except CarrierRefused as refused:
            return await self._trunk(carrier, account), None, refused
        return trunk, self.way_out(account), None

    async def _way_in_and_out(self, carrier: Carrier, account: CarrierAccount) -> tuple[CarrierAccount, SipTrunk]:
        """The sign-in is ours before it is the carrier's, and known to be there before anything relies on it."""
        account = await self.accounts.with_sign_in(account)
        trunk = await carrier.ensure_trunk(**self.trunk_wish(account))
        if trunk.sign_in_set_at is not None and trunk.sign_in_set_at != account.termination_set_at:
            await self.ledger.mark_sign_in_set(account, trunk.sign_in_set_at)
        return account, trunk

    async def _own_route(self, purchase: Purchase) -> Route:
        if purchase.carrier_id is None:
            raise SourcesInvalid("the number has no trunk of its owner's")
        account = await self.ledger.get_account(purchase.tenant_id, purchase.carrier_id)
        try:
            return await self._route(
                purchase,
                allowed_addresses=account.allowed_addresses,
                auth=self.accounts.digest_of(account),
                outgoing=self.way_out(account),
            )
        except SourceInvalid as error:
            raise SourcesInvalid(f"{error}") from error

    async def _route(
        self,
        purchase: Purchase,
        *,
        allowed_addresses: tuple[str, ...] = (),
        auth: DigestAuth | None = None,
        outgoing: WayOut | None = None,
    ) -> Route:
        return await self.line.ensure_route(
            purchase.e164,
            label=purchase.label,
            agent_name=self.target.agent_name,
            metadata={"purchase_id": str(purchase.purchase_id)},
            allowed_addresses=allowed_addresses,
            auth=auth,
            outgoing=outgoing,
        )

    async def _give_up(self, purchase: Purchase, account: CarrierAccount, carrier: Carrier) -> None:
        number = await _held(purchase, carrier)
        if purchase.source == "import":
            if number is not None:
                await self._give_back(purchase, account, carrier, number)
        elif number is not None:
            await carrier.release(number.number_sid)
        elif purchase.number_sid is None and may_still_appear(purchase, self.clock()):
            raise PurchaseSettling("the carrier was asked for this number a short while ago: it is looked for again")

    async def _give_back(
        self, purchase: Purchase, account: CarrierAccount, carrier: Carrier, number: OwnedNumber
    ) -> None:
        """Only what still leads to us, or nowhere since we took it off, is led back."""
        sealed = purchase.sealed_routing
        before = Routing(**json.loads(self._unsealed(purchase, sealed))) if sealed else Routing()
        trunk_sid = purchase.trunk_sid
        if trunk_sid is None and number.trunk_sid is not None:
            # it may have been led to our trunk without our having been told so
            trunk_sid = (await self._trunk(carrier, account)).trunk_sid
        if not _left_to_us(number.routing, trunk_sid, before):
            return
        try:
            await carrier.restore_routing(number.number_sid, before)
        except (NotFoundAtCarrier, CarrierRefused):
            # where it led is gone; ours it must not lead to either way
            await carrier.detach(number.number_sid)

    def _unsealed(self, purchase: Purchase, sealed: str) -> str:
        return self.accounts.unseal(purchase.tenant_id, sealed, at_most=_SEALED_ROUTING).get_secret_value()


def may_still_appear(purchase: Purchase, now: datetime) -> bool:
    """It was asked for and may be ours although the carrier does not show it."""
    return purchase.buy_sent_at is not None and now - purchase.buy_sent_at < SETTLING


def _left_to_us(now: Routing, trunk_sid: str | None, before: Routing) -> bool:
    if now.trunk_sid is not None:
        return now.trunk_sid == trunk_sid
    # taken off the trunk by an earlier try, what waited behind it is in force again; anything else is its owner's doing
    return now.application_sid in (None, before.application_sid) and now.voice_url == before.voice_url


async def _held(purchase: Purchase, carrier: Carrier) -> OwnedNumber | None:
    """The number as the carrier has it for this purchase."""
    if purchase.number_sid is not None:
        try:
            return await carrier.get_number(purchase.number_sid)
        except NotFoundAtCarrier:
            return None
    found = await carrier.find_number(purchase.e164)
    return found if found is not None and found.label == purchase.label else None


@contextmanager
def _platform(account: CarrierAccount) -> Generator[None]:
    """A tenant's account under ours is not the owner's to mend."""
    try:
        yield
    except CredentialsRefused as error:
        if account.kind != "managed":
            raise
        raise PlatformRefused(f"the business's account at the carrier is refused: {error}") from error
