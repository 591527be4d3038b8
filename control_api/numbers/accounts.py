"""Whose account a number comes through, opened for work: the platform's, a tenant's under it, an owner's own.

Owns: opening a tenant's account once, unsealing what opens an account, making its sign-in for calls out once, and the label by
which a tenant's account is found again. Refuses: what is done with a number there (`numbers.saga`).
"""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from pydantic import SecretStr

from contracts.errors import DomainError
from control_api.numbers.carrier import Carrier, CarrierAccounts, CarrierCredentials, SignIn
from control_api.numbers.carrier_errors import CredentialsRefused
from control_api.numbers.errors import CarrierNotConfigured
from control_api.numbers.ledger import Ledger
from control_api.numbers.line import DigestAuth
from control_api.numbers.purchase import CarrierAccount, Purchase
from control_api.numbers.sign_in import new_password, new_username
from store.vault import SecretUnreadable, Vault

MISSING_PLATFORM = (
    "this deployment has no account at a carrier: its operator sets TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
)


class AccountOpening(DomainError):
    """Another purchase is opening the tenant's account at the carrier."""

    code = "account_opening"
    retryable = True


class AccountGone(DomainError):
    """The account was removed, or its secret can't be read."""

    code = "carrier_account_gone"


class PlatformRefused(DomainError):
    """Our own account's credentials, or those of an account under it: nothing an owner can mend."""

    code = "platform_refused"


def carrier_context(tenant_id: UUID) -> str:
    """Of the secrets that open a tenant's accounts at carriers, and of where its numbers led before."""
    return f"carrier:{tenant_id}"


@dataclass(frozen=True)
class Accounts:
    """`platform`: the account under which tenants get theirs; None where this deployment has none."""

    ledger: Ledger
    vault: Vault
    at_carrier: CarrierAccounts
    platform: CarrierCredentials | None = field(default=None, repr=False)

    def open_platform(self) -> Carrier:
        if self.platform is None:
            raise CarrierNotConfigured(MISSING_PLATFORM)
        return self.at_carrier.carrier_for(self.platform)

    async def open_for(self, purchase: Purchase) -> tuple[CarrierAccount, Carrier]:
        """The account that a purchase or an import goes through; a tenant's first purchase opens the tenant's."""
        if purchase.carrier_id is not None:
            return await self.open_known(purchase.tenant_id, purchase.carrier_id)
        held = await self.ledger.hold_managed_account(purchase, new_id=uuid4())
        account = held.account
        if held.outcome == "wait":
            raise AccountOpening("the business's account at the carrier is just being opened")
        if held.outcome == "open":
            account = await self._open_managed(account)
        return account, self.open_account(account)

    async def open_known(self, tenant_id: UUID, carrier_id: UUID) -> tuple[CarrierAccount, Carrier]:
        account = await self.ledger.get_account(tenant_id, carrier_id)
        return account, self.open_account(account)

    def open_account(self, account: CarrierAccount) -> Carrier:
        """Raises AccountGone, CredentialsRefused."""
        token = self.token_of(account)
        return self.at_carrier.carrier_for(CarrierCredentials(account.account_sid or "", token))

    def token_of(self, account: CarrierAccount) -> SecretStr:
        """With what Twilio signs what it sends about this account. Raises AccountGone."""
        if account.account_sid is None:
            raise AccountGone("this is no account at Twilio")
        return self._secret(account)

    def digest_of(self, account: CarrierAccount) -> DigestAuth | None:
        """With what an owner's own carrier signs in. Raises AccountGone."""
        if account.sip_username is None:
            return None
        return DigestAuth(account.sip_username, self._secret(account))

    async def with_sign_in(self, account: CarrierAccount) -> CarrierAccount:
        """The account with what its calls out sign in with, made where there is none or it can't be read any more. It is kept
        before a carrier is told of it. Raises AccountGone."""
        if self.sign_in_of(account) is not None:
            return account
        held = await self.ledger.hold_sign_in(
            account,
            instead_of=account.termination_username,
            username=new_username(),
            sealed_password=self.seal(account.tenant_id, new_password()),
        )
        if self.sign_in_of(held) is None:
            raise AccountGone("this account was removed: connect it again")
        return held

    def sign_in_of(self, account: CarrierAccount) -> SignIn | None:
        """None: none was made yet, or it can't be read any more: another may be made."""
        if account.termination_username is None or account.sealed_termination is None:
            return None
        try:
            password = self.unseal(account.tenant_id, account.sealed_termination)
        except AccountGone:
            return None
        return SignIn(account.termination_username, password, account.termination_set_at)

    def seal(self, tenant_id: UUID, secret: SecretStr, *, at_most: int | None = None) -> str:
        bound = {} if at_most is None else {"at_most": at_most}
        return self.vault.seal(secret, context=carrier_context(tenant_id), **bound)

    def unseal(self, tenant_id: UUID, sealed: str, *, at_most: int | None = None) -> SecretStr:
        """Raises AccountGone."""
        bound = {} if at_most is None else {"at_most": at_most}
        try:
            return self.vault.unseal(sealed, context=carrier_context(tenant_id), **bound)
        except SecretUnreadable as error:
            raise AccountGone(f"what was kept of this account can't be read: {error}") from error

    async def _open_managed(self, account: CarrierAccount) -> CarrierAccount:
        try:
            opened = await self.open_platform().open_subaccount(f"ava:tenant:{account.tenant_id}")
        except CredentialsRefused as error:
            raise PlatformRefused(f"our account at the carrier can't open one for the business: {error}") from error
        return await self.ledger.mark_account_opened(
            account,
            account_sid=opened.account_sid,
            sealed_secret=self.seal(account.tenant_id, opened.auth_token),
            preview="",  # nobody outside signs in with it
        )

    def _secret(self, account: CarrierAccount) -> SecretStr:
        if account.removed or account.sealed_secret is None:
            raise AccountGone("this account was removed: connect it again")
        return self.unseal(account.tenant_id, account.sealed_secret)
