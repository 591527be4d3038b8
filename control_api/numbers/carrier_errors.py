"""What can go wrong at the carrier, by who must act. Messages are for the owner of a number; nothing a carrier says is passed
on but its code, for it may quote a number or an address."""

from contracts.errors import DomainError


class CarrierError(DomainError):
    code = "carrier_error"


class CarrierUnavailable(CarrierError):
    """Not reachable or too slow. Nothing was changed by this call."""

    code = "carrier_unavailable"
    retryable = True


class CarrierThrottled(CarrierError):
    """Too many requests at once, for as long as this call could wait; it was not processed. `retry_after` in seconds."""

    code = "carrier_throttled"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CredentialsRefused(CarrierError):
    """Wrong, or right for an account that may not do this: suspended, closed, for tests only."""

    code = "carrier_credentials_refused"


class CarrierRefused(CarrierError):
    """Answered and refused, for a reason that has no type of its own. `carrier_code` is what the carrier's support asks for."""

    code = "carrier_refused"

    def __init__(self, message: str, *, carrier_code: int | None = None) -> None:
        super().__init__(message)
        self.carrier_code = carrier_code


class NotFoundAtCarrier(CarrierError):
    """This account has no such number or trunk."""

    code = "not_found_at_carrier"


class NumbersNotOffered(CarrierError):
    """The carrier has no numbers of this kind in this country, or none with this area code, whoever asks."""

    code = "numbers_not_offered"


class NumberNotAvailable(CarrierError):
    """The number can't be had: somebody else has it. Choose another."""

    code = "number_not_available"


class NumberOwnedAlready(NumberNotAvailable):
    """This very account has it, under a label that is not the one of this purchase. Nothing was bought."""

    code = "number_owned_already"


class AddressRequired(CarrierError):
    """The country wants an address of whoever uses the number."""

    code = "address_required"


class BundleRequired(CarrierError):
    """The country wants papers that a person at the carrier approves first."""

    code = "bundle_required"


class NumberLimitReached(CarrierError):
    code = "number_limit_reached"


class CarrierUnconfirmed(CarrierError):
    """A change was sent, its answer is unknown, and looking for its effect did not settle it. Neither done nor refused. The
    same call again looks first, and does it only if it was not done."""

    code = "carrier_unconfirmed"
    retryable = True


class PurchaseUnconfirmed(CarrierUnconfirmed):
    """The number may have been bought. Never to be told as "it failed"."""

    code = "purchase_unconfirmed"
