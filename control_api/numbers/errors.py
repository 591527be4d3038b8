"""What can go wrong with numbers, beyond what every noun answers, and which of it a carrier, the line or the database said.

A failure has one code wherever it shows: as a problem's `type`, and in `last_error.code` of a purchase that failed later.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from contracts.errors import DomainError
from control_api.errors import Conflict, InvalidRequest, NotFound, PreconditionMissing, Problem
from store.errors import Told


class NumberNotFound(NotFound):
    code, title = "not_found", "No such number"
    example = "you have no such number"


class PurchaseNotFound(NotFound):
    code, title = "not_found", "No such purchase"
    example = "there is no such purchase"


class CarrierNotFound(NotFound):
    code, title = "not_found", "No such carrier account"
    example = "there is no such carrier account"


class IdempotencyKeyRequired(PreconditionMissing):
    code, title = "idempotency_key_required", "A purchase needs an Idempotency-Key"
    example = "send an Idempotency-Key, made once for this purchase: without it, sending again could buy again"


class CarrierNotConfigured(Conflict):
    code, title = "carrier_not_configured", "This deployment can't do that"
    example = "this deployment has no account at a carrier: its operator sets TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"


class NumberNotAvailable(Conflict):
    code, title = "number_not_available", "Somebody else has this number"
    example = "somebody else has this number by now: choose another"


class NumberOwnedAlready(Conflict):
    code, title = "number_owned_already", "The account has this number already"
    example = "this Twilio account has this number already: import it instead of buying it"


class NumberYoursAlready(Conflict):
    code, title = "number_yours_already", "You have this number"
    example = "you have this number or are getting it: see GET /v1/numbers"


class TooManyNumbers(Conflict):
    code, title = "too_many_numbers", "Your limit of numbers is reached"
    example = "you have 20 numbers or are getting them, which is your limit: release one first, or have it raised"


class NumberLimitReached(Conflict):
    code, title = "number_limit_reached", "The carrier's limit of numbers is reached"
    example = "this Twilio account may not have more numbers: upgrade it from trial, or ask Twilio to raise its limit"


class CostOverAlert(Conflict):
    code, title = "monthly_cost_over_alert", "Your numbers would cost more than your alert"
    example = (
        "with this number yours cost 21.15 USD a month, over your alert of 20: send confirm_cost, or raise the alert"
    )


class TakeoverUnconfirmed(Conflict):
    code, title = "takeover_unconfirmed", "The number is in use"
    example = "calls to this number go to a webhook at example.com: send confirm_takeover to lead them to AVA instead"


class NumberRoutedElsewhere(Conflict):
    code, title = "number_routed_elsewhere", "Something else takes this number's calls"
    example = (
        "the trunk “desk” (ST_1) in LiveKit already takes this number's calls: take the number off it, then try again"
    )


class AddressRequired(InvalidRequest):
    code, title = "address_required", "The number's country wants an address"
    example = "the country of this number wants an address of the business: name one with address_sid"


class BundleRequired(InvalidRequest):
    code, title = "bundle_required", "The number's country wants papers"
    example = "the country of this number wants papers: name an approved regulatory bundle with bundle_sid"


class NumbersNotOffered(InvalidRequest):
    code, title = "numbers_not_offered", "The carrier has no such numbers"
    example = "Twilio has no mobile numbers in US: try another kind of number"


class CarrierRefused(InvalidRequest):
    code, title = "carrier_refused", "The carrier refused"
    example = "Twilio takes this for no telephone number: choose one from a search (HTTP 400, code 21421)"


class CarrierCredentialsRefused(InvalidRequest):
    code, title = "carrier_credentials_refused", "The carrier refuses the credentials"
    example = "Twilio refuses these credentials: copy Account SID and Auth Token from the Twilio console again"


class CarrierAccountGone(Conflict):
    code, title = "carrier_account_gone", "The carrier account is not connected any more"
    example = "this account was removed: connect it again"


class NumberNotInAccount(InvalidRequest):
    code, title = "number_not_in_account", "The account does not have this number"
    example = "this Twilio account does not have this number: see GET /v1/carriers/twilio/numbers"


class NumberWithoutVoice(InvalidRequest):
    code, title = "number_without_voice", "The number takes no calls"
    example = "this number can't take calls: choose one that has voice"


class TrunkInvalid(InvalidRequest):
    code, title = "trunk_invalid", "The SIP trunk can't be used as it is"
    example = "this network is the whole Internet: name the addresses your carrier calls from"


class FallbackAtCarrier(Conflict):
    code, title = "fallback_at_carrier", "Your own carrier decides that"
    example = (
        "calls to this number come through a carrier of your own: set there what it does with calls that are not taken"
    )


class FallbackLeadsHere(InvalidRequest):
    code, title = "fallback_leads_here", "The call would come back"
    example = (
        "this number leads to AVA itself, and a call forwarded to it would come back: give one that rings elsewhere"
    )


class LineRefusedUs(Conflict):
    code, title = "line_refused", "The telephone line refuses our set-up"
    example = "the telephone line refuses our set-up: our operator must look, nothing is lost"


_KINDS: tuple[type[Problem], ...] = (
    CarrierNotConfigured, NumberNotAvailable, NumberOwnedAlready, NumberYoursAlready, TooManyNumbers, NumberLimitReached,
    TakeoverUnconfirmed, NumberRoutedElsewhere, AddressRequired, BundleRequired, NumbersNotOffered, CarrierRefused,
    CarrierCredentialsRefused, CarrierAccountGone, NumberNotInAccount, NumberWithoutVoice, TrunkInvalid, LineRefusedUs,
    FallbackAtCarrier, FallbackLeadsHere,
)  # fmt: skip
BUYING = (
    CarrierNotConfigured, NumberNotAvailable, NumberOwnedAlready, NumberYoursAlready, TooManyNumbers, NumberLimitReached,
    AddressRequired, BundleRequired, CarrierRefused,
)  # fmt: skip
"""What a purchase can be refused for."""

_BY_CODE: Mapping[str, type[Problem]] = {
    **{kind.code: kind for kind in _KINDS},
    "platform_refused": CarrierNotConfigured,
    "line_credentials_refused": LineRefusedUs,
    "not_found_at_carrier": NumberNotInAccount,
}
_OUR_SIDE = "the telephone line refuses our set-up: our operator must look, nothing is lost"
_PLATFORM = "our account at the carrier is refused there: our operator must look, nothing is lost"
_LONGEST = 400


def words_of(error: DomainError) -> str:
    """For the owner of the number; nothing personal is in an error's text."""
    match error.code:
        case "line_refused" | "line_credentials_refused":
            return _OUR_SIDE
        case "platform_refused":
            return _PLATFORM
        case "store_rejected" | "store_misconfigured" | "error":
            return "something broke on our side: it is recorded, and tried again"
        case _:
            return str(error)[:_LONGEST]


def problem_of(code: str, words: str, **extensions: Any) -> Problem:
    """What a purchase failed for, when the request that began it is answered (again)."""
    return _BY_CODE.get(code, CarrierRefused)(words, reason=code, **extensions)


def as_problem(error: DomainError) -> DomainError:
    """What passes, and what is not ours to say, stays what it is."""
    reason = error.reason if isinstance(error, Told) else error.code
    kind = _BY_CODE.get(reason)
    if kind is None or error.retryable or isinstance(error, Problem):
        return error
    return kind(words_of(error), reason=reason)


@contextmanager
def in_words() -> Generator[None]:
    """What a carrier, the line or the database refused inside, as the problem it is."""
    try:
        yield
    except DomainError as error:
        told = as_problem(error)
        if told is error:
            raise
        raise told from error
